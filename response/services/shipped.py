"""The runbooks that come with the product: files of the format that people import and export, in response/shipped."""

from pathlib import Path

from django.contrib.auth.models import Group
from django.db import transaction

from cases.choices import Circle
from cases.models import AlertKind
from response.models import KindRunbook, Runbook
from response.services import drafts, runbooks

FOLDER = Path(__file__).parent.parent / "shipped"
SLUGS = (  # whoever starts one stands behind it
    *("contain-device", "watch-device", "memory-first", "suspected-insider", "changed-system-file"),
)
OFFERED = {  # by kind; the first is the one that is suggested
    "known-bad-address": ("contain-device", "watch-device"),
    "registry-activity": ("memory-first", "contain-device"),
    "changed-system-file": ("changed-system-file", "contain-device"),
    "default": ("contain-device", "watch-device"),
    "removable-media": ("suspected-insider", "contain-device"),  # the second once it is not covert any more
}


def install() -> str:
    """For `setup`; safe to repeat."""
    for circle in Circle.values:
        Group.objects.get_or_create(name=circle)
    return "\n".join(_ensure(slug) for slug in SLUGS)


def _ensure(slug: str) -> str:
    """Install it once; a runbook that is there already stays as people made it."""
    if found := Runbook.objects.filter(slug=slug).first():
        return f"Runbook {found.title} is there"
    path = FOLDER / f"{slug}.yaml"
    with transaction.atomic():
        runbook = drafts.take(path.read_text(encoding="utf-8"), path.name, actor=None)
        runbooks.publish(runbook, actor=None, note="Shipped")
        for kind in AlertKind.objects.filter(slug__in=[kind for kind, slugs in OFFERED.items() if slug in slugs]):
            place = OFFERED[kind.slug].index(slug)
            KindRunbook.objects.get_or_create(kind=kind, runbook=runbook, defaults={"order": place})
    return f"Runbook {runbook.title} installed"
