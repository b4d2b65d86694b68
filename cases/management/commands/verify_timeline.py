"""Check the hash chains of timelines."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cases.management.commands.case import case_of
from cases.models import Case
from cases.services import timeline


class Command(BaseCommand):
    help = "Check that no timeline was changed after it was written; name the first bad entry of each that was."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", metavar="CASE-n", nargs="?")
        parser.add_argument("--all", action="store_true", help="every case")

    def handle(self, *args: Any, number: str | None, **options: Any) -> None:
        if bool(number) == options["all"]:
            raise CommandError("Name one case, or --all.", returncode=2)
        cases = [case_of(number)] if number else Case.objects.order_by("pk").only("pk").iterator()
        checked = broken = 0
        for case in cases:
            checked += 1
            if problem := timeline.verify(case):
                broken += 1
                seq, why = problem
                row = case.timeline.filter(seq=seq).values_list("pk", flat=True).first()
                place = f"row {row}" if row else "no row"
                self.stdout.write(f"{case.number}: entry {seq} ({place}) {why}")
        self.stdout.write(f"{checked} timelines checked, {broken} broken")
        if broken:
            sys.exit(1)
