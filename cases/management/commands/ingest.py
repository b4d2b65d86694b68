"""Take alerts from files and pipes."""

import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import batched
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cases.api.receipts import STATUSES, as_json
from cases.intake.base import FieldProblem
from cases.intake.messages import Message
from cases.intake.recognise import find_detector
from cases.intake.split import stream
from cases.services import alerts


class Command(BaseCommand):
    help = "Take alerts from files, or from standard input with -; JSON, NDJSON, CSV, XML, CEF, syslog, gzip or not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="- for standard input")
        parser.add_argument("--detector", default="auto", help="the format (default: auto)")
        parser.add_argument("--json", action="store_true", help="print what became of each message")

    def handle(self, *args: Any, files: list[str], detector: str, **options: Any) -> None:
        if detector != "auto" and not find_detector(detector):
            raise CommandError(f"There is no detector {detector!r}.", returncode=2)
        counts, shown = dict.fromkeys(STATUSES, 0), _Shown(self, is_json=options["json"])
        with ExitStack() as stack:
            sources = [(name, _open(name, stack)) for name in files]
            number = 0
            for messages in batched(_messages(sources), alerts.MAX_BATCH, strict=False):
                receipt = alerts.receive(messages, detector=detector, source="")
                for result in receipt.results:
                    counts[result.status] += 1
                    shown.add(as_json(result, sees_restricted=True) | {"index": number})
                    number += 1
        shown.end(counts)
        if counts["rejected"]:
            sys.exit(1)


class _Shown:
    """Prints results as they come, so that memory stays flat: the list form, or a line for each that was rejected."""

    def __init__(self, command: BaseCommand, *, is_json: bool) -> None:
        self.out, self.is_json, self.first = command.stdout, is_json, True
        if is_json:
            self.out.write('{"results": [', ending="")

    def add(self, result: dict[str, Any]) -> None:
        if self.is_json:
            self.out.write(("" if self.first else ",") + "\n" + json.dumps(result), ending="")
            self.first = False
        elif result["status"] == "rejected":
            for error in result["errors"]:
                self.out.write(f"message {result['index']} rejected: {error['field']}: {error['message']}")

    def end(self, counts: dict[str, int]) -> None:
        if self.is_json:
            self.out.write(f"], {json.dumps(counts)[1:]}")
        else:
            self.out.write(", ".join(f"{number} {status}" for status, number in counts.items()))


def _open(name: str, stack: ExitStack) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    try:
        return stack.enter_context(open(name, "rb"))
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}", returncode=2) from error


def _messages(sources: list[tuple[str, BinaryIO]]) -> Iterator[Message]:
    """All messages of all files; a file that breaks off in the middle is one rejected message more."""
    for name, source in sources:
        try:
            yield from stream(source)
        except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
            problem = FieldProblem(field="body", message=f"{name} cannot be read on: {error}")
            yield Message(body=name.encode(errors="replace"), problems=(problem,))
