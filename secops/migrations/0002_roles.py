"""The roles of CONTRACTS.md part 3 are there from the start."""

from django.db import migrations


def make_roles(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    for name in ("analyst", "responder", "approver", "admin", "guest"):
        Group.objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("secops", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
