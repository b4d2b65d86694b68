"""What changed since the page was drawn: single cells, counts, never a row and never a field."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET

from cases.choices import Severity
from cases.models import Case
from cases.views.access import reader, visible_case
from cases.views.filters import PAGE, Asked
from cases.views.rows import Row, held_of, released_of, row_of, sla_of, steps_of

COUNT_NEW_TO = 100  # the pill says "99+" beyond


@require_GET
def queue_live(request: HttpRequest) -> HttpResponse:
    """204 when nothing changed; else cells of the rows on the page, and how many new cases wait."""
    since = _moment(request.GET.get("since", ""))
    loaded = _moment(request.GET.get("loaded", "")) or since
    if since is None or loaded is None:
        return HttpResponse(status=204)
    now, user = timezone.now(), reader(request)
    shown = _ids(request.GET.get("rows", ""))
    cases = Case.objects.visible_to(user).filter(pk__in=shown).select_related("assignee")
    changed = [row_of(case, "", "", now, user) for case in cases if _has_changed(case, since, now)]
    fresh = Asked.of(request.GET).filtered(user).filter(opened_at__gt=loaded).exclude(pk__in=shown)
    severities = list(fresh.order_by("-severity").values_list("severity", flat=True)[:COUNT_NEW_TO])
    before = request.GET.get("pill", "")
    if not changed and str(len(severities)) == (before or "0"):
        return HttpResponse(status=204)
    context = {
        "rows": changed,
        "since": now.isoformat(),
        "pill": len(severities),
        "pill_text": _pill_text(severities),
        "has_pill": before not in {"", "0"},
        "is_new": str(len(severities)) != (before or "0"),
    }
    return render(request, "cases/live.html", context)


@require_GET
def case_live(request: HttpRequest, pk: int) -> HttpResponse:
    """The moving parts of a case's header."""
    case = visible_case(request, pk)
    since, now = _moment(request.GET.get("since", "")), timezone.now()
    if since is None or not _has_changed(case, since, now):
        return HttpResponse(status=204)
    row: Row = row_of(case, "", "", now, reader(request))
    context = {"case": case, "row": row, "steps": steps_of(case), "since": now.isoformat()}
    context |= {"released": released_of(case), "held": held_of(case)}
    return render(request, "cases/case_live.html", context)


def _has_changed(case: Case, since: datetime, now: datetime) -> bool:
    return case.updated_at > since or sla_of(case, since) != sla_of(case, now)


def _pill_text(severities: list[int]) -> str:
    count = len(severities)
    number = "99+" if count >= COUNT_NEW_TO else str(count)
    critical = sum(severity == Severity.CRITICAL for severity in severities)
    words = f"{number} new case" if count == 1 else f"{number} new cases"
    return f"{words}, {critical} critical" if critical else words


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _ids(text: str) -> list[int]:
    numbers = (number for number in text.split(",") if number.isascii() and number.isdigit())
    return [int(number) for number in numbers if len(number) < 18][:PAGE]
