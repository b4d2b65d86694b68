"""`manage.py drain`: all due work now, in the foreground."""

from time import monotonic, sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from secops import taskqueue, tick


class Command(BaseCommand):
    help = "Do all due work from the rows, in this process, without sleeping; say what is left and when."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--wait", type=float, default=0, metavar="S", help="also wait for what comes due within S seconds"
        )

        parser.add_argument("--queue", choices=taskqueue.QUEUES, help="only the work of one queue, once")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["queue"]:
            taskqueue.work(options["queue"])
            return
        ends, moved = monotonic() + options["wait"], 0
        while True:
            done = tick.drain_once()
            moved += done
            if done:
                continue
            next_at = tick.left()["next_at"]
            if next_at is None:
                break
            pause = (next_at - timezone.now()).total_seconds()  # type: ignore[operator]
            if monotonic() + max(pause, 0.05) > ends:
                break
            sleep(min(max(pause, 0.05), 1))
        self._say(moved)

    def _say(self, moved: int) -> None:
        rest = tick.left()
        counts: dict[str, int] = rest["left"]  # type: ignore[assignment]
        what = ", ".join(f"{n} {name}" for name, n in counts.items()) or "nothing"
        when = f", next at {rest['next_at']:%H:%M:%S} UTC" if rest["next_at"] else ""
        self.stdout.write(f"Moved {moved}. Left: {what}{when}.")
