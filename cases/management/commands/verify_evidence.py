"""Check the evidence: every chain of custody, every file."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cases.management.commands.case import case_of
from cases.services import evidence, inspection
from secops.s3 import StoreAwayError


class Command(BaseCommand):
    help = "Check that no file and no custody entry was changed; name what was. With an anchor also a rewritten chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", metavar="CASE-n", nargs="?")
        parser.add_argument("--all", action="store_true", help="every case that has evidence")
        parser.add_argument("--due", action="store_true", help="hash again what is due; the clock starts this hourly")
        parser.add_argument("--anchor", type=Path, metavar="FILE", help="heads that were written outside")

    def handle(self, *args: Any, number: str | None, anchor: Path | None, **options: Any) -> None:
        if sum((bool(number), options["all"], options["due"])) != 1:
            raise CommandError("Name one case, or --all, or --due.", returncode=2)
        try:
            self._look(number, anchor, options)
        except StoreAwayError as error:
            raise CommandError(str(error)) from error

    def _look(self, number: str | None, anchor: Path | None, options: dict[str, Any]) -> None:
        if options["due"]:
            self._hash_due()
            return
        known = inspection.read_anchor(_lines(anchor)) if anchor else None
        checked, broken = 0, list(inspection.lost_chains(known)) if known and options["all"] else []
        for case in [case_of(number)] if number else inspection.cases_with_evidence():
            checked += 1
            broken += inspection.problems(case, known)
        for line in broken:
            self.stdout.write(line)
        if options["all"]:
            for line in inspection.unknown_files():
                self.stdout.write(line)
        self.stdout.write(f"{checked} chains of custody checked, {len(broken)} problems")
        if broken:
            sys.exit(1)

    def _hash_due(self) -> None:
        """A mismatch is an entry of custody and an alarm on its case."""
        count, wrong, unread = evidence.verify_due()
        for line in unread:
            self.stdout.write(f"Not read: {line}")
        self.stdout.write(f"{count} items hashed again, {wrong} did not match")
        if wrong or unread:
            sys.exit(1)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()
    except OSError as error:
        raise CommandError(f"{path} cannot be read.", returncode=2) from error
