"""One case: six answers, and the tabs beside them."""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from cases.choices import Card, Role, Stage
from cases.forms.decisions import NoteForm
from cases.models import Alert, Case, TimelineEntry
from cases.services import cases as services
from cases.services import observables
from cases.views.access import reader, visible_case
from cases.views.exhibits import items_of
from cases.views.queue import CARD_ICONS
from cases.views.rows import held_of, released_of, risk_class, row_of, severity_of, steps_of, tlp_of
from secops.access import May

TABS = ("six", "overview", "timeline", "alerts", "observables", "notes", "evidence")
TAB_LABELS = {
    "six": "Six answers",
    "overview": "Overview",
    "timeline": "Timeline",
    "alerts": "Alerts",
    "observables": "Observables",
    "notes": "Notes",
    "evidence": "Evidence",
}
LATEST = 5  # timeline entries beside the cards
ENTRIES = 200  # timeline entries of one page
ASIDE = 8  # observables beside the cards
ENTRY_ICONS = {
    TimelineEntry.Kind.ALERT: "alert",
    TimelineEntry.Kind.ENRICHMENT: "bolt",
    TimelineEntry.Kind.PERSON: "user",
    TimelineEntry.Kind.RUN: "play",
    TimelineEntry.Kind.ATTACKER: "hunt",
}


@require_GET
def case(request: HttpRequest, pk: int, tab: str = "six") -> HttpResponse:
    """The page of a case, opened at one of its tabs; opening it is reading it."""
    found = visible_case(request, pk)
    user = reader(request)
    if found.is_unread and user.may(May.WORK):
        services.mark_read(found.pk, actor=user)
    now = timezone.now()
    context = {
        "section": "queue",
        "case": found,
        "row": row_of(found, "", "", now, user),
        "since": now.isoformat(),
        "steps": steps_of(found),
        "released": released_of(found),
        "held": held_of(found),
        "is_triage": found.stage in {Stage.NEW, Stage.TRIAGE},
        "severity_label": severity_of(found),
        "tlp": tlp_of(found),
        "tab": tab,
        "tabs": _tabs(found, tab),
        "next": request.path,
        "may_note": user.may(May.NOTE) or found.members.filter(user=user).exists(),
        **PARTS[tab](request, found),
    }
    return render(request, "cases/case.html", context)


@require_GET
def seen(request: HttpRequest, pk: int) -> HttpResponse:
    """Where else its observables were seen, and what happened last: fetched by the preview.

    The last part asks again by itself, and is told nothing (204) while the timeline is as long as it was.
    """
    found = visible_case(request, pk)
    if request.headers.get("HX-Target") != "latest":
        return render(request, "cases/seen.html", {"case": found, **_beside(request, found)})
    if request.GET.get("after") == str(found.chain_seq):
        return HttpResponse(status=204)
    return render(request, "cases/seen.html#latest", {"case": found, "latest": _latest(found)})


def _tabs(found: Case, current: str) -> list[dict[str, Any]]:
    counts = Case.objects.filter(pk=found.pk).aggregate(
        observables=Count("links__observable", distinct=True), notes=Count("notes", distinct=True)
    )
    numbers = counts | {"alerts": found.alert_count, "evidence": found.evidence.count()}
    plain = reverse("cases:case", args=[found.pk])
    return [
        {
            "label": TAB_LABELS[tab],
            "url": plain if tab == "six" else f"{plain}{tab}/",
            "count": numbers.get(tab, 0),
            "is_current": tab == current,
        }
        for tab in TABS
    ]


def _beside(request: HttpRequest, found: Case) -> dict[str, Any]:
    return {"seen_before": observables.seen_before(found, reader(request)), "latest": _latest(found)}


def _latest(found: Case) -> list[tuple[str, TimelineEntry]]:
    entries = found.timeline.order_by("-seq")[:LATEST]
    return [(ENTRY_ICONS.get(TimelineEntry.Kind(entry.kind), "list"), entry) for entry in entries]


def _six(request: HttpRequest, found: Case) -> dict[str, Any]:
    answers = [{"card": card, "question": card.label, "icon": CARD_ICONS[card], **found.card(card)} for card in Card]
    links = _links(found)
    return {
        "answers": answers,
        "risk_class": risk_class(found.risk_score),
        "observables": links[:ASIDE],
        "observable_count": len(links),
        **_beside(request, found),
    }


def _timeline(request: HttpRequest, found: Case) -> dict[str, Any]:
    before = request.GET.get("before", "")
    attacker = found.timeline.filter(kind=TimelineEntry.Kind.ATTACKER)
    is_lane = request.GET.get("lane") == "attacker"
    if is_lane:  # in the order that it happened there
        lines = [("hunt", entry) for entry in attacker.order_by("occurred_at", "seq")[: 5 * ENTRIES]]
        return {"entries": lines, "older": None, "attacker_count": len(lines), "is_lane": True}
    entries = found.timeline.order_by("-seq")
    if before.isascii() and before.isdigit() and len(before) < 10:
        entries = entries.filter(seq__lt=int(before))
    page = list(entries[: ENTRIES + 1])
    older = page[ENTRIES - 1].seq if len(page) > ENTRIES else None
    lines = [(ENTRY_ICONS.get(TimelineEntry.Kind(entry.kind), "list"), entry) for entry in page[:ENTRIES]]
    return {"entries": lines, "older": older, "attacker_count": attacker.count()}


def _alerts(request: HttpRequest, found: Case) -> dict[str, Any]:
    alerts = found.alerts.select_related("device").order_by("-received_at", "-pk")[:ENTRIES]
    names = _names_by_address(found)
    rows = [(alert, alert.device.name if alert.device else _name_of(alert, names)) for alert in alerts]
    return {"alerts": rows, "alert_limit": ENTRIES}


def _names_by_address(found: Case) -> dict[str, set[str]]:
    """What sources found out about the case's own addresses; an alert itself names the address alone."""
    names: dict[str, set[str]] = {}
    for address, name in found.case_devices.exclude(address="").values_list("address", "device__name"):
        names.setdefault(address, set()).add(name)
    return names


def _name_of(alert: Alert, names: dict[str, set[str]]) -> str:
    """The device at one of its ends; empty when none is known, or more than one could be meant."""
    meant = names.get(alert.src_ip or "", set()) | names.get(alert.dst_ip or "", set())
    return next(iter(meant)) if len(meant) == 1 else ""


def _observables(request: HttpRequest, found: Case) -> dict[str, Any]:
    return {"links": _links(found)}


def _notes(request: HttpRequest, found: Case) -> dict[str, Any]:
    return {"notes": found.notes.select_related("author"), "note_form": NoteForm()}


def _evidence(request: HttpRequest, found: Case) -> dict[str, Any]:
    return {"items": items_of(found), "may_work": reader(request).may(May.WORK)}


def _links(found: Case) -> list[Any]:
    """Indicators and destinations first: what a reader looks for."""
    links = list(found.links.select_related("observable", "found_in").order_by("observable__kind", "pk"))
    first = {Role.DESTINATION: 0, Role.FILE: 1, Role.PROCESS: 2, Role.REGISTRY: 2, Role.ACCOUNT: 3}
    links.sort(key=lambda link: (not link.observable.is_indicator, first.get(Role(link.role), 4), link.pk))
    return links


def _overview(request: HttpRequest, found: Case) -> dict[str, Any]:
    """Fetched by the tab: made of what was done too, which cases do not know."""
    return {}


PARTS = {
    "six": _six,
    "overview": _overview,
    "timeline": _timeline,
    "alerts": _alerts,
    "observables": _observables,
    "notes": _notes,
    "evidence": _evidence,
}
