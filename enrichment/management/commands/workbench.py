"""Lay the evidence of a case out for forensic tools, read-only."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cases.management.commands.case import case_of
from cases.models import Case
from enrichment.services import workbench
from secops.errors import SecopsError
from secops.models import User


class Command(BaseCommand):
    help = "Lay out a folder with the evidence of a case under readable names, and say which tool opens what."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", metavar="CASE-n")
        parser.add_argument(
            "--user", required=True, metavar="LOGIN", help="who opens it; stands in the chain of custody"
        )
        parser.add_argument("--reason", required=True, metavar="TEXT", help="why; stands in the chain of custody")
        parser.add_argument("--to", type=Path, metavar="DIR", help="default: workbench/CASE-n in the data folder")

    def handle(self, *args: Any, number: str, user: str, reason: str, to: Path | None, **options: Any) -> None:
        actor = User.objects.filter(username=user, is_active=True).first()
        if actor is None:
            raise CommandError(f"There is no {user}.")
        case = case_of(number)
        if not Case.objects.visible_to(actor).filter(pk=case.pk).exists():
            raise CommandError(f"There is no {number}.")  # to this person
        folder = (to or settings.DATA_DIR / "workbench" / case.number).absolute()
        try:
            laid = workbench.lay_out(case, folder, reason, actor=actor)
        except SecopsError as error:
            raise CommandError(str(error)) from error
        for one in laid:
            self.stdout.write(one.path.name)
        self.stdout.write(f"{len(laid)} items in {folder}; README.txt says which tool opens what.")
