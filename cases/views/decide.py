"""Decisions about a case: each is a small form, a dialog over the page or a page of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from cases.choices import Disposition
from cases.forms.decisions import AssignForm, CloseForm, ConfirmForm, DecisionForm, EscalateForm, NoteForm
from cases.models import Case
from cases.services import cases as services
from cases.views.access import reader, visible_case
from secops.models import User

type Act = Callable[[Case, dict[str, Any], User], str]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the dialog says, what it asks, and the service that carries it out; `act` returns what was done."""

    title: str
    lead: str
    submit: str
    form: type[DecisionForm]
    act: Act
    can_be_undone: bool = False
    is_escalation: bool = False


@require_http_methods(["GET", "POST"])
def decide(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """GET shows the form; POST acts, says so, and leads back to where the reader was."""
    case, decision = visible_case(request, pk), DECISIONS[what]
    after = _after(request, case)
    form = decision.form(request.POST or None, initial=_initial(case))
    if request.method == "POST" and form.is_valid():
        said = decision.act(case, form.cleaned_data, reader(request))
        _tell(request, case, said, can_be_undone=decision.can_be_undone)
        return _go(request, after)
    context = {"section": "queue", "case": case, "decision": decision, "what": what, "form": form, "next": after}
    context["action"] = reverse(f"cases:{what}", args=[case.pk])
    is_part = request.headers.get("HX-Request") == "true"
    part = "form" if request.method == "POST" else "dialog"
    template = f"cases/decide.html#{part}" if is_part else "cases/decide.html"
    return render(request, template, context, status=422 if request.method == "POST" else 200)


@require_POST
def undo(request: HttpRequest, pk: int, entry: int) -> HttpResponse:
    """Takes an assignment or a closing back, within ten minutes."""
    case = visible_case(request, pk)
    get_object_or_404(case.timeline, pk=entry)
    services.undo(case.pk, entry, actor=reader(request))
    messages.info(request, f"Undone: what was done to {case.number} was taken back.")
    return redirect(_after(request, case))


def _initial(case: Case) -> dict[str, Any]:
    return {"title": case.title, "assignee": case.assignee_id}


def _after(request: HttpRequest, case: Case) -> str:
    """Where to go afterwards: only into this site."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else reverse("cases:case", args=[case.pk])


def _go(request: HttpRequest, where: str) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(where)
    return redirect(where)


def _tell(request: HttpRequest, case: Case, said: str, *, can_be_undone: bool) -> None:
    """A note over the next page; the newest entry of the timeline is what Undo takes back."""
    last = case.timeline.order_by("-seq").first() if can_be_undone else None
    tags = f"undo:{reverse('cases:undo', args=[case.pk, last.pk])}" if last else ""
    messages.success(request, said, extra_tags=tags)


def _escalate(case: Case, values: dict[str, Any], user: User) -> str:
    services.escalate(case.pk, actor=user, title=values["title"])
    return f"{case.number} is in response"


def _assign(case: Case, values: dict[str, Any], user: User) -> str:
    assignee = values["assignee"]
    services.assign(case.pk, assignee, actor=user)
    return f"{case.number} goes to {assignee.display_name}" if assignee else f"{case.number} is nobody's"


def _close(case: Case, values: dict[str, Any], user: User) -> str:
    disposition = Disposition(values["disposition"])
    services.close(case.pk, disposition, values["reason"], actor=user)
    return f"Closed {case.number}: {disposition.label.lower()}"


def _reopen(case: Case, values: dict[str, Any], user: User) -> str:
    services.reopen(case.pk, actor=user)
    return f"{case.number} is open again"


def _contained(case: Case, values: dict[str, Any], user: User) -> str:
    services.mark_contained(case.pk, actor=user)
    return f"{case.number} is contained"


def _note(case: Case, values: dict[str, Any], user: User) -> str:
    services.note(case.pk, values["text"], actor=user)
    return "Note written"


DECISIONS = {
    "escalate": Decision(
        "Escalate this case?",
        "The case goes into response. No device is touched by this.",
        "Escalate",
        EscalateForm,
        _escalate,
        is_escalation=True,
    ),
    "assign": Decision("Assign this case?", "The timeline says who had it when.", "Assign", AssignForm, _assign, True),
    "close": Decision(
        "Close this case?",
        "Device actions stay as they are; this can be undone for ten minutes.",
        "Close case",
        CloseForm,
        _close,
        True,
    ),
    "reopen": Decision("Open this case again?", "It goes back to triage.", "Open again", ConfirmForm, _reopen),
    "contained": Decision(
        "Mark this case as contained?",
        "Say so when every device, network and account door is closed or accepted as open.",
        "Mark as contained",
        ConfirmForm,
        _contained,
    ),
    "note": Decision("Write a note", "Everybody who sees the case sees it.", "Write note", NoteForm, _note),
}
