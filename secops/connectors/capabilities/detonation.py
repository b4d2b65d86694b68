"""Running a sample in a sandbox: what it did there, and what else it brought."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A file that the sample wrote, by its path in the sandbox."""

    path: str
    sha256: str = ""
    tlsh: str = ""  # as secops.hunting.tlsh writes it; empty: not said


@dataclass(frozen=True, slots=True, kw_only=True)
class Detonation:
    """How far it is, and what was seen. `state`: queued, running, done, failed. `score` is 0 to 10, None: not said."""

    state: str
    text: str = ""  # the last line that the sandbox said
    score: float | None = None
    family: str = ""
    tlsh: str = ""  # of the sample
    signatures: tuple[str, ...] = ()  # what was noticed, in the sandbox's words
    techniques: tuple[str, ...] = ()  # ATT&CK ids
    dropped: tuple[Dropped, ...] = ()
    keys: tuple[str, ...] = ()  # registry values written
    commands: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


@runtime_checkable
class Detonates(Protocol):
    def detonate(self, name: str, content: bytes, key: str) -> str:
        """Hand the sample over; returns the sandbox's handle. The same `key` finds the same analysis again.

        NoEffect when it was not taken.
        """

    def detonation(self, handle: str) -> Detonation: ...
