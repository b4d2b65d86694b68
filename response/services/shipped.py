"""The runbooks that come with the product: files of the format that people import and export, in response/shipped."""

from pathlib import Path

from django.db import transaction

from cases.models import AlertKind
from response.models import KindRunbook, Runbook
from response.services import drafts, runbooks

FOLDER = Path(__file__).parent.parent / "shipped"
OFFERED: dict[str, tuple[str, ...]] = {  # file -> slugs of the kinds that offer it, in the order of their pages
    "contain-device": ("known-bad-address", "registry-activity", "default"),
}


def install() -> str:
    """For `setup`; safe to repeat."""
    return "\n".join(_ensure(slug, kinds) for slug, kinds in OFFERED.items())


def _ensure(slug: str, kinds: tuple[str, ...]) -> str:
    """Install it once; a runbook that is there already stays as people made it."""
    if found := Runbook.objects.filter(slug=slug).first():
        return f"Runbook {found.title} is there"
    path = FOLDER / f"{slug}.yaml"
    with transaction.atomic():
        runbook = drafts.take(path.read_text(encoding="utf-8"), path.name, actor=None)
        runbooks.publish(runbook, actor=None, note="Shipped")
        for order, kind in enumerate(AlertKind.objects.filter(slug__in=kinds)):
            KindRunbook.objects.get_or_create(kind=kind, runbook=runbook, defaults={"order": order})
    return f"Runbook {runbook.title} installed"
