"""Copy the evidence from the data folder into the bucket of the settings."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cases.services import moving
from secops.errors import SecopsError


class Command(BaseCommand):
    help = "Copy the evidence of the data folder into the bucket of NIGHTDESK_EVIDENCE_STORE; the folder stays."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EVIDENCE_STORE:
            raise CommandError("NIGHTDESK_EVIDENCE_STORE names no bucket.", returncode=2)
        copied, wrong = 0, 0
        try:
            for sha256, problem in moving.copy_all():
                copied, wrong = copied + (not problem), wrong + bool(problem)
                if problem:
                    self.stdout.write(f"file {sha256[:12]}… {problem}")
        except SecopsError as error:
            raise CommandError(f"{error} {copied} files are there; start again to go on.") from error
        self.stdout.write(f"{copied} files are in the bucket, {wrong} were not copied")
        if wrong:
            sys.exit(1)
