"""What must hold before the first request, said at start instead of found at night."""

from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from secops import s3


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


@register()
def evidence_store_can_be_asked(app_configs: Any, **kwargs: Any) -> list[Error]:
    """What is said of the bucket is whole, and its endpoint is one that the egress door lets through."""
    if not settings.EVIDENCE_STORE:
        return []
    try:
        endpoint = urlsplit(s3.configured()[0].endpoint)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="nightdesk.E004")]
    port = endpoint.port or {"http": 80, "https": 443}[endpoint.scheme]
    is_public = endpoint.scheme == "https" and port == 443
    inside = {pair.replace("[", "").replace("]", "").lower() for pair in settings.NIGHTDESK_INTERNAL_HOSTS}
    if is_public or f"{endpoint.hostname}:{port}" in inside:
        return []
    what = f"NIGHTDESK_S3_ENDPOINT: {endpoint.hostname}:{port} is not in NIGHTDESK_INTERNAL_HOSTS."
    return [Error(what, id="nightdesk.E005")]


@register(deploy=True)
def evidence_travels_encrypted(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.EVIDENCE_STORE or not settings.S3_ENDPOINT.startswith("http://"):
        return []
    what = "NIGHTDESK_S3_ENDPOINT is http: evidence travels in the clear. Use https."
    return [checks.Warning(what, id="nightdesk.W002")]
