"""Push the complete cases that are due to outlets; the clock starts this, and a person may."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from enrichment.services import pushing


class Command(BaseCommand):
    help = "Send the complete cases that are due to the outlets that an admin set up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--idle", type=float, default=0, metavar="S", help="stay until nothing was due for so long")

    def handle(self, *args: Any, idle: float, **options: Any) -> None:
        count = pushing.serve(idle)
        self.stdout.write(f"{count} push{'' if count == 1 else 'es'} tried.")
