from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="lookup",
            name="connector_name",
            field=models.CharField(help_text="Copied: findings outlive the integration.", max_length=100),
        )
    ]
