"""From messages to normalised alerts: what is an alert, what is none, and what could not be read and why."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cases.intake.base import FieldProblem, IgnoredError, NormalAlert, RejectedError
from cases.intake.messages import Message
from cases.intake.read import read_with

MAX_SOURCE = 60  # characters of a source's name


@dataclass(slots=True)
class Read:
    """One message and what was made of it: `alert`, or `is_ignored`, or else rejected for its problems."""

    body: bytes
    detector: str
    source: str
    index: int = 0
    alert: NormalAlert | None = None
    is_ignored: bool = False
    problems: list[FieldProblem] = field(default_factory=list)
    _sha256: str = ""

    @property
    def sha256(self) -> str:
        """Of the bytes as received."""
        self._sha256 = self._sha256 or hashlib.sha256(self.body).hexdigest()
        return self._sha256

    @property
    def key(self) -> tuple[str, str]:
        """What makes it one alert however often it is sent."""
        assert self.alert is not None
        return self.source, self.alert.source_ref


def read_all(messages: Sequence[Message], *, detector: str, source: str, at: datetime) -> list[Read]:
    """Read each message as `detector` says; `source` stands in where the alert names no sender, and where that is
    empty too, the detector's slug. An envelope that nobody opened yet gives several."""
    reads: list[Read] = []
    for message in messages:
        reads += _read(message, detector, source, at)
    for index, read in enumerate(reads):
        read.index = index
    return reads


def _read(message: Message, detector: str, source: str, at: datetime) -> list[Read]:
    one = Read(body=message.body, detector=detector, source=(source or detector)[:MAX_SOURCE])
    one.problems = list(message.problems)
    try:
        found = read_with(message, detector, at)
    except IgnoredError:
        one.is_ignored = True
        return [one]
    except RejectedError as error:
        one.problems = error.problems
        return [one]
    return [
        Read(
            body=message.body,
            detector=chosen.slug,
            source=(alert.source or source or chosen.slug)[:MAX_SOURCE],
            alert=alert,
            problems=list(alert.problems),
        )
        for chosen, alert in found
    ]
