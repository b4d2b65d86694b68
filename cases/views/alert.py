"""One alert as it was received, read-only."""

import json
from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from cases.choices import Severity, Tlp
from cases.models import Alert, AlertPayload, SuppressedAlert
from cases.services import readings
from cases.views.access import reader
from cases.views.suppressions import is_hushed

SHOWN = 200_000  # characters of the payload; the rest stays in the record


@require_GET
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    """Typed fields, what was dropped or guessed, and the text as it came."""
    alerts = Alert.objects.visible_to(reader(request)).select_related("case", "kind", "device")
    found = get_object_or_404(alerts, pk=pk)
    if found.case:
        readings.saw(found.case, reader(request))
    payload = AlertPayload.objects.filter(alert=found).first()
    text, is_cut = _readable(payload.raw()) if payload else ("", False)
    context = {
        "section": "queue",
        "alert": found,
        "suppressed": SuppressedAlert.objects.filter(alert=found).first(),
        "is_hushed": is_hushed(found),
        "severity_label": Severity(found.severity).label,
        "tlp": Tlp(found.tlp).label,
        "facts": _facts(found),
        "sightings": found.sightings.select_related("observable").order_by("observable__kind", "pk"),
        "payload": payload,
        "text": text,
        "is_cut": is_cut,
    }
    return render(request, "cases/alert.html", context)


def _readable(raw: bytes) -> tuple[str, bool]:
    """Indented where it is JSON, else as it came; cut at what a page can carry."""
    text = raw.decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text[:SHOWN], len(text) > SHOWN


def _facts(found: Alert) -> list[dict[str, Any]]:
    """The typed fields that hold something."""
    ends = [
        ("From", f"{found.src_ip}:{found.src_port}" if found.src_port else found.src_ip),
        ("To", f"{found.dst_ip}:{found.dst_port}" if found.dst_port else found.dst_ip),
    ]
    plain = [
        ("Source", found.source),
        ("Reference", found.source_ref),
        ("Detector", found.detector),
        ("Rule", " ".join(part for part in (found.rule_id, found.rule_name) if part)),
        ("Kind", str(found.kind or "")),
        ("Device", str(found.device or "")),
        *ends,
        ("Protocol", found.proto),
        ("Detector did", found.get_action_display()),
        ("Status", found.status),
    ]
    return [{"label": label, "value": value} for label, value in plain if value]
