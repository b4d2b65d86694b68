"""Which detector wrote a payload, for those who send to `auto` (STANDARDS.md part 5)."""

from functools import cache
from typing import Any

from cases.intake.base import Detector, detectors
from cases.intake.generic import Generic


def recognise(payload: dict[str, Any]) -> type[Detector]:
    """The first detector, in the order of the standard, that reads the payload; the generic one reads everything."""
    return next((detector for detector in _in_order() if detector.reads(payload)), Generic)


def find_detector(slug: str) -> type[Detector] | None:
    """The detector of a slug, or None; `auto` is a choice and no detector."""
    _in_order()
    return detectors.get(slug)


@cache
def _in_order() -> tuple[type[Detector], ...]:
    detectors.discover("cases.intake")
    return tuple(sorted(detectors, key=lambda detector: detector.order))
