"""Versions that the product writes itself: one action alone, a drill. Offered to no kind, edited by nobody."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from response.actions.base import actions
from response.choices import OnFailure
from response.errors import RunbookError
from response.models import Runbook, RunbookVersion, Step
from response.models.runbooks import body_hash


def version_of(slug: str, title: str, steps: Sequence[dict[str, Any]]) -> RunbookVersion:
    """The version with exactly these steps, made once. It has no author: only who asks for the run may not approve."""
    with transaction.atomic():
        Runbook.objects.get_or_create(slug=slug, defaults={"title": title, "is_internal": True, "is_enabled": False})
        runbook = Runbook.objects.select_for_update().get(slug=slug)
        if not runbook.is_internal:
            raise RunbookError(f"A runbook is called {slug}, which is a name of the product's own. Rename it.")
        body = {
            "slug": slug,
            "title": title,
            "description": "",
            "phase": str(actions[steps[0]["action"]].phase),
            "steps": list(steps),
        }
        found = RunbookVersion.objects.filter(runbook=runbook, sha256=body_hash(body)).first()
        if found is None:
            number = runbook.live.number + 1 if runbook.live else 1
            found = RunbookVersion(runbook=runbook, number=number, body=body, note="Written by Nightdesk")
            found.save()
    return found


def step(key: str, action: str, params: dict[str, Any], *, after: str = "") -> dict[str, Any]:
    """A step as a version holds it, with what an empty draft step would say."""
    return {
        "key": key,
        "action": action,
        "title": actions[action].label,
        "help_text": "",
        "params": params,
        "when": "",
        "needs": [after] if after else [],
        "approvals": None,
        "timeout_seconds": Step().timeout_seconds,
        "on_failure": str(OnFailure.STOP),
    }
