"""`manage.py attack [FILE]`: takes an official ATT&CK bundle into the data folder, or says what is known."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from secops import attack


class Command(BaseCommand):
    help = "Take enterprise-attack.json (STIX 2.1, from MITRE) into the data folder; without a file say what is known."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = attack.take(options["file"]) if options["file"] else attack.known()
        except attack.AttackDataError as error:
            raise CommandError(str(error), returncode=1) from error
        if found is None:
            raise CommandError(f"There is no ATT&CK data. {attack.HOW_TO_GET}", returncode=1)
        groups = sum(one.kind == "group" for one in found.actors.values())
        who = f"{groups} groups, {len(found.actors) - groups} pieces of software"
        self.stdout.write(f"{found.source}: {len(found.techniques)} techniques, {who}")
