"""`manage.py practice_attach`: quickstart's child that writes to the database; prints one JSON line."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from secops.tryout.attach import attach


class Command(BaseCommand):
    help = "Attach the running practice range: integrations, people, the token of its detectors."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(attach()))
