"""What must hold before the first request, said at start instead of found at night."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register


@register()
def times_nest(app_configs: Any, **kwargs: Any) -> list[Error]:
    """A call ends before its lease, a lease before its message comes again (RELIABILITY.md part 3)."""
    cluster: dict[str, Any] = settings.Q_CLUSTER
    ladder: list[float] = [settings.PAUSE_HOLE_SECONDS, settings.LEASE_SECONDS, cluster["timeout"], cluster["retry"]]
    if all(low < high for low, high in pairwise(ladder)):
        return []
    return [Error(f"Times do not nest: pause, lease, timeout, retry are {ladder} seconds.", id="nightdesk.E001")]


@register()
def cache_is_shared(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Rate limits and one-time codes live in the cache: every process must see the same one."""
    backend = settings.CACHES["default"]["BACKEND"]
    if "locmem" in backend or "dummy" in backend:
        return [Error("The cache must be shared between processes.", id="nightdesk.E002")]
    return []


@register()
def anchor_is_elsewhere(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Heads that stand beside the database prove nothing against somebody who can rewrite it. A folder that is away,
    as a share is while its machine starts, must stop neither the clock nor the queues: the duty says it, too."""
    where: str = settings.NIGHTDESK_ANCHOR
    if not where or where.startswith("mailto:"):
        return []
    path = Path(where)
    if not path.is_absolute() or path.resolve().is_relative_to(settings.DATA_DIR):
        what = "NIGHTDESK_ANCHOR must be a folder outside of the data folder, or mailto:address."
        return [Error(what, id="nightdesk.E003")]
    if not path.is_dir():
        return [checks.Warning(f"NIGHTDESK_ANCHOR: {where} is not there, no anchor is written.", id="nightdesk.W001")]
    return []
