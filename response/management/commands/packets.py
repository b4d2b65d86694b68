"""Carry on the files of packet captures that no worker of a queue has the time for; the clock starts this."""

from typing import Any

from django.core.management.base import BaseCommand

from response.services import captures


class Command(BaseCommand):
    help = "Fetch the files of packets that come whole, read the large ones, and end when none is due."

    def handle(self, *args: Any, **options: Any) -> None:
        count = captures.work_apart()
        self.stdout.write(f"Looked {count} time{'' if count == 1 else 's'}.")
