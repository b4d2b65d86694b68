"""Push the complete cases that are due to outlets; the clock starts this, and a person may."""

from typing import Any

from django.core.management.base import BaseCommand

from enrichment.services import pushing


class Command(BaseCommand):
    help = "Send the complete cases that are due to the outlets that an admin set up."

    def handle(self, *args: Any, **options: Any) -> None:
        count = pushing.work()
        self.stdout.write(f"{count} push{'' if count == 1 else 'es'} tried.")
