"""`manage.py quickstart`: everything on this machine, against a simulated company."""

import signal
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from secops.tryout.start import Tryout, TryoutError

READY_WITHIN = 180.0  # seconds
OTHERS = {
    "responder": "Rosa Ponder approves; not in the insider team",
    "lead": "Inge Leader leads the insider team: names Legal and HR, approves",
    "legal": "Lea Gale of the simulated company's Legal, a guest",
    "hr": "Hero Resource of its HR, a guest",
    "chief": "Ada Chief, admin",
}
ENDING = (signal.SIGTERM, signal.SIGINT)


class Command(BaseCommand):
    help = "Start Nightdesk with embedded defaults and the practice range; no root, no other server."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--until-ready", action="store_true", help="end when the first alerts are complete")
        parser.add_argument("--data", type=Path, default=settings.DATA_DIR, metavar="DIR")
        parser.add_argument("--port", type=int, default=8000, metavar="N", help="0 picks a free one")

    def handle(self, *args: Any, **options: Any) -> None:
        for number in ENDING:
            signal.signal(number, lambda *_: sys.exit(0))
        tryout = Tryout(options["data"].resolve(), options["port"], self._say)
        try:
            tryout.start()
            self._until_ready(tryout)
            if not options["until_ready"]:
                self._stay(tryout)
        except TryoutError as error:
            raise CommandError(str(error), returncode=1) from error
        finally:
            for number in ENDING:  # a second Ctrl-C must not leave half of the children behind
                signal.signal(number, signal.SIG_IGN)
            tryout.end()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _until_ready(self, tryout: Tryout) -> None:
        ends = monotonic() + READY_WITHIN
        while not tryout.is_ready(sight := tryout.look()):
            if monotonic() > ends:
                raise TryoutError(f"Not complete after {READY_WITHIN:.0f} s: {sight}")
            sleep(0.5)
        self._say(f"{len(sight.cases)} cases, every question asked and answered or named as missing")
        self._say(f"From alert to complete: {sight.seconds} s")

    def _stay(self, tryout: Tryout) -> None:
        tryout.send_noise()
        self._say(f"\nOpen as analyst (once, within 10 minutes): {tryout.link}")
        self._say("As somebody else, in another browser, by the link that this prints:")
        for name, what in OTHERS.items():
            self._say(f"  {tryout.typed(f'signin {name}')}  # {what}")
        self._say("Ctrl-C ends everything.")
        while True:
            sleep(2)
            for name in tryout.household.watch():
                self._say(f"{name} was restarted")
