"""`manage.py setup`: everything that an installation needs before its first start; safe to repeat."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from secops import integrations
from secops.registry import shipped

# What packages bring and no page of ours asks for; compressing it takes longer than all the rest.
NEVER_SERVED = ["rest_framework", "django_htmx/ext/*", "django_htmx/ht*-4*"]


class Command(BaseCommand):
    help = "Migrate, make the cache table, collect static files, add integrations without settings, ship content."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        self.stdout.write("Database is up to date")
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=NEVER_SERVED)
        self.stdout.write("Static files collected")
        self.stdout.write(integrations.add_defaults())
        for _, install in shipped.items():
            self.stdout.write(install())
