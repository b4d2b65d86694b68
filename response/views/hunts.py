"""Hunts: the list, one hunt as it goes, and starting one from a case."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases.choices import DeviceState
from cases.models import CaseDevice
from cases.services import readings
from cases.views.access import reader, visible_case
from response.actions.hunting import standing_of
from response.choices import OPEN_ASK, AskState, StepState
from response.errors import RunbookError
from response.forms.hunts import HuntForm, huntable
from response.models import Hunt, HuntHit, StepRun
from response.services import hunts as services
from response.services import runbooks
from secops.access import May, require

PAGE = 50
SHOWN_HITS = 500
ACTS = ("stop", "retry")
OPEN_DOOR = (DeviceState.SUSPECTED, DeviceState.PARTLY_ISOLATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRow:
    """A hit as the table shows it, once however many sources say it. `chip` and `said`: where its device stands."""

    hit: HuntHit
    sources: list[str]
    clause: str
    chip: str
    said: str
    may_answer: bool


@require_GET
def hunts(request: HttpRequest) -> HttpResponse:
    """Every hunt that the reader may see, the latest first."""
    found = _counted().filter(pk__in=Hunt.objects.visible_to(reader(request)))
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(request, "response/hunts.html", {"section": "hunts", "page": page, "hunts": page.object_list})


@require_GET
def case_hunts(request: HttpRequest, pk: int) -> HttpResponse:
    """The hunts of one case, and those that wait for a decision."""
    case = visible_case(request, pk)
    waiting = StepRun.objects.filter(run__case=case, action="hunt", state=StepState.WAITING)
    context = {"section": "queue", "case": case, "hunts": _counted().filter(case=case), "waiting": waiting}
    return render(request, "response/case_hunts.html", context)


@require_GET
def hunt(request: HttpRequest, pk: int) -> HttpResponse:
    """Hits first, then what each source said of each question."""
    found, user = _visible(request, pk), reader(request)
    asks = list(found.asks.all())
    titles = [clause.title for clause in found.what]
    rows = _rows(found, titles, is_open=found.case.is_open and not found.is_running and user.may(May.WORK))
    context: dict[str, Any] = {
        "section": "hunts",
        "hunt": found,
        "case": found.case,
        "titles": titles,
        "rows": rows,
        "standing": standing_of(found),
        "answered": sum(ask.state not in OPEN_ASK for ask in asks),
        "asks": [(ask, titles[ask.clause]) for ask in asks],
        "silent": sum(ask.state in (AskState.REFUSED, AskState.FAILED) for ask in asks),
        "may_answer": any(row.may_answer for row in rows),
        "offers": runbooks.offered(found.case) if found.case.is_open else [],
        "request_id": uuid4(),
    }
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "response/hunt.html#hunt" if is_part else "response/hunt.html", context)


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; sent, it starts a run of one step."""
    case = visible_case(request, pk)
    if request.method == "GET":
        chosen = {"values": request.GET.get("value", ""), "kind": request.GET.get("kind", "")}
        form, status = HuntForm(case, initial={name: value for name, value in chosen.items() if value}), 200
    else:
        require(reader(request), May.WORK)
        form = HuntForm(case, request.POST)
        if form.is_valid():
            services.start(case.pk, form.params, request_id=_request_id(request), actor=reader(request))
            return redirect("response:case_hunts", case.pk)
        status = 422
    context = {"section": "queue", "case": case, "form": form, "links": huntable(case), "request_id": uuid4()}
    return render(request, "response/hunt_start.html", context, status=status)


@require_POST
def act(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """Stop it, or ask again what went unanswered."""
    found = _visible(request, pk)
    {"stop": services.stop, "retry": services.retry}[what](found.pk, actor=reader(request))
    return redirect("response:hunt", found.pk)


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a runbook for the chosen devices."""
    found = _visible(request, pk)
    chosen = [int(one) for one in request.POST.getlist("device") if one.isascii() and one.isdigit() and len(one) < 19]
    services.answer(
        found.pk, request.POST.get("runbook", ""), chosen, request_id=_request_id(request), actor=reader(request)
    )
    return redirect("cases:case", found.case_id)


def _visible(request: HttpRequest, pk: int) -> Hunt:
    """The hunt, or 404 for a missing and a hidden one alike; who looks at a restricted case's is written down."""
    found = Hunt.objects.visible_to(reader(request)).select_related("case__kind", "step__run", "asked_by")
    hunt = get_object_or_404(found, pk=pk)
    readings.saw(hunt.case, reader(request))
    return hunt


def _counted() -> Any:
    """Hunts with how many devices they found and what they still ask."""
    is_other = Q(found__is_own=False) & ~Q(found__device=None)
    return (
        Hunt.objects.select_related("case", "asked_by")
        .annotate(
            hits=Count("found__device", filter=is_other, distinct=True),
            open=Count("asks", filter=Q(asks__state__in=OPEN_ASK), distinct=True),
            silent=Count("asks", filter=Q(asks__state__in=(AskState.REFUSED, AskState.FAILED)), distinct=True),
        )
        .order_by("-pk")
    )


def _rows(hunt: Hunt, titles: list[str], *, is_open: bool) -> list[HitRow]:
    """Hits on other devices first; a device is offered once, however often something was found on it."""
    states = dict(CaseDevice.objects.filter(case=hunt.case_id).values_list("device_id", "state"))
    offered: set[int] = set()
    rows: dict[tuple[object, ...], HitRow] = {}
    for hit in hunt.found.select_related("device").order_by("is_own", "name", "address", "what")[:SHOWN_HITS]:
        place = (hit.device_id or hit.agent_id or hit.name or hit.address, hit.clause, hit.what.lower())
        if known := rows.get(place):
            known.sources.append(hit.source)
            continue
        state = states.get(hit.device_id) if hit.device_id else None
        may_answer = is_open and not hit.is_own and state == DeviceState.SUSPECTED and hit.device_id not in offered
        if may_answer and hit.device_id:
            offered.add(hit.device_id)
        chip, said = _stands(hit, state)
        rows[place] = HitRow(
            hit=hit, sources=[hit.source], clause=titles[hit.clause], chip=chip, said=said, may_answer=may_answer
        )
    return list(rows.values())


def _stands(hit: HuntHit, state: str | None) -> tuple[str, str]:
    if state is None:
        return "", "Not in the case: too many" if hit.name or hit.agent_id else "No device is known for the address"
    if hit.is_own:
        return "", "Of the case before"
    if state in OPEN_DOOR:
        return "crit", "Not contained"
    return ("ok" if state == DeviceState.ISOLATED else ""), str(DeviceState(state).label)


def _request_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("request_id", ""))
    except ValueError:
        raise RunbookError("The form was not complete. Load the page again.") from None
