"""Faults on request: the next answers of a product are refused, late, dropped or lie about what happened."""

import threading
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any

import msgspec

KINDS = ("status", "status_after", "drop_before", "drop_after", "delay", "late", "lie")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the next `count` requests below `prefix` (and with `method`, if given).

    status: refused with `status` and no effect. status_after: the effect, then `status`.
    drop_before, drop_after: the connection closes without an answer, before or after the effect.
    delay: the answer comes `seconds` later. late: no answer at once, the effect `seconds` later.
    lie: a yes without the effect. The mail server's requests have the method DATA and the path /smtp.
    With `percent` below 100 only that share of the requests is hit, as bad weather would.
    """

    prefix: str
    kind: str
    count: int = 1
    status: int = 503
    seconds: float = 0
    retry_after: int = 0
    method: str = ""
    percent: float = 100

    @classmethod
    def from_json(cls, sent: dict[str, Any]) -> "Fault":
        """A fault as the control endpoint gets it; ValueError says what is wrong."""
        if unknown := sent.keys() - {field.name for field in fields(cls)}:
            raise ValueError(f"Unknown: {', '.join(sorted(unknown))}")
        fault = msgspec.convert(sent, cls)
        if fault.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if not 0 < fault.percent <= 100:
            raise ValueError("percent is above 0 and at most 100")
        if not (1 <= fault.count <= 10_000 and 0 <= fault.seconds <= 120 and 400 <= fault.status <= 599):
            raise ValueError("count is 1 to 10000, seconds 0 to 120, status 400 to 599")
        return fault

    def fits(self, method: str, path: str) -> bool:
        return path.startswith(self.prefix) and self.method in ("", method)


class Faults:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._random = Random(7)  # noqa: S311 - which request is hit, nothing secret

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[Fault]:
        """A copy of what is still to come."""
        with self._lock:
            return list(self._waiting)

    def take(self, method: str, path: str) -> Fault | None:
        """Use one of the first fault that fits this request."""
        with self._lock:
            for number, fault in enumerate(self._waiting):
                if fault.fits(method, path) and self._random.uniform(0, 100) <= fault.percent:
                    if fault.count > 1:
                        self._waiting[number] = replace(fault, count=fault.count - 1)
                    else:
                        del self._waiting[number]
                    return fault
        return None
