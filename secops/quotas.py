"""How often a product may be asked: windows of calls and holds, counted in rows that all processes share."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from secops.connectors.base import RateLimit
from secops.integrations import capabilities, kind_of
from secops.models import Integration

WINDOW_MARGIN = 0.5  # seconds after a provider's window, so that its clock agrees that it is over
EFFECTS_FIRST = 5.0  # seconds after a hold that belong to steps of runs: lookups would use the new quota up at once
EFFECT_SHARE = 0.1  # of a provider's quota that lookups leave to containment


def take(integration: Integration, n: int, *, is_effect: bool = False) -> int:
    """How many of `n` calls may go out now; 0 while the integration is held or its window is used up."""
    return take_each({integration: n}, is_effect=is_effect)[integration.pk]


def take_each(wanted: Mapping[Integration, int], *, is_effect: bool = False) -> dict[int, int]:
    """How many of the wanted calls may go out now, by the integration's id.

    A window starts with its first call and is counted in the row, so all processes share it. Lookups leave a tenth
    to effects where the product can isolate.
    """
    numbers = {integration.pk: n for integration, n in wanted.items()}
    with transaction.atomic(savepoint=False):
        rows = Integration.objects.select_for_update(no_key=True).filter(pk__in=numbers).order_by("pk")
        return {row.pk: _taken(row, numbers[row.pk], is_effect=is_effect) for row in rows.annotate(now=Now())}


def _taken(row: Integration, n: int, *, is_effect: bool) -> int:
    """Count the calls in the locked row, which knows the database's time."""
    now: datetime = row.now  # type: ignore[attr-defined]
    held = _held_until(row, is_effect=is_effect)
    if held is not None and held > now:
        return 0
    limit = kind_of(row.connector).limit_of(row.settings)
    if limit is None:
        return n
    window = timedelta(seconds=limit.seconds + WINDOW_MARGIN)
    is_over = row.refilled_at is None or row.tokens is None or now - row.refilled_at >= window
    left = float(limit.calls) if is_over else float(row.tokens or 0)
    kept_back = 0 if is_effect else _kept_back(row, limit)
    allowed = max(0, min(n, math.floor(left - kept_back)))
    changes: dict[str, Any] = {"tokens": left - allowed}
    if is_over:
        changes["refilled_at"] = now
    Integration.objects.filter(pk=row.pk).update(**changes)
    return allowed


def hold(integration: Integration, seconds: float) -> None:
    """Ask nothing for so long (a 429's Retry-After); a longer hold stays."""
    now = Integration.objects.annotate(now=Now()).values_list("now", flat=True).get(pk=integration.pk)
    until = now + timedelta(seconds=max(0.0, seconds))
    Integration.objects.filter(Q(hold_until__isnull=True) | Q(hold_until__lt=until), pk=integration.pk).update(
        hold_until=until
    )


def next_at(integration: Integration, *, is_effect: bool = False) -> datetime | None:
    """When `take` may say yes again; None when it may now."""
    limit = kind_of(integration.connector).limit_of(integration.settings)
    row = Integration.objects.annotate(now=Now()).get(pk=integration.pk)
    held, kept_back = _held_until(row, is_effect=is_effect), 0 if is_effect or not limit else _kept_back(row, limit)
    ends = [held] if held else []
    if limit and row.refilled_at and row.tokens is not None and row.tokens < 1 + kept_back:
        ends.append(row.refilled_at + timedelta(seconds=limit.seconds + WINDOW_MARGIN))
    return max((end for end in ends if end > row.now), default=None)


def _held_until(row: Integration, *, is_effect: bool) -> datetime | None:
    """The end of a hold; lookups leave the first seconds after it to steps of runs."""
    if row.hold_until is None or is_effect:
        return row.hold_until
    return row.hold_until + timedelta(seconds=EFFECTS_FIRST)


def _kept_back(row: Integration, limit: RateLimit) -> float:
    """What lookups leave to effects."""
    return limit.calls * EFFECT_SHARE if "isolate" in capabilities(row) else 0.0
