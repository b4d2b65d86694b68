"""Print a case."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cases.models import Case
from cases.services import whole


def case_of(number: str) -> Case:
    """The case of a number as people write it: CASE-12."""
    digits = number.upper().removeprefix("CASE-")
    if not (digits.isascii() and digits.isdigit()):
        raise CommandError(f"{number!r} is no case number; they look like CASE-12.", returncode=2)
    case = Case.objects.select_related("kind", "assignee").filter(pk=int(digits[:18])).first()
    if case is None:
        raise CommandError(f"There is no {number}.")
    return case


class Command(BaseCommand):
    help = "Print a case: its story, or all of it as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", metavar="CASE-n")
        parser.add_argument("--json", action="store_true", help="the whole case, as the API gives it")

    def handle(self, *args: Any, number: str, **options: Any) -> None:
        case = case_of(number)
        if options["json"]:
            self.stdout.write(json.dumps(whole.as_json(case), indent=2, ensure_ascii=False))
            return
        self.stdout.write(f"{case.number}  {case.title}")
        severity, stage = case.get_severity_display(), case.get_stage_display()
        self.stdout.write(f"{stage}, {severity.lower()}, {case.alert_count} alerts, risk {case.risk_score}")
        for entry in case.timeline.order_by("seq"):
            self.stdout.write(f"{entry.at:%Y-%m-%d %H:%M:%S}  {entry.who}: {entry.text}")
