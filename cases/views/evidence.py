"""Evidence: its page, what a person does to it, and how its bytes leave."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from cases.forms.decisions import ConfirmForm, DecisionForm
from cases.forms.evidence import ExhibitForm, ExhibitSealForm, ExportForm, HandOverForm, ReasonForm, SealForm
from cases.models import Case, Evidence
from cases.services import evidence as services
from cases.services import exports, retention, tickets
from cases.views.access import reader, visible_case
from cases.views.exhibits import facts_of, item_of, lines_of, row_of
from cases.views.rows import tlp_of
from secops.access import May, require
from secops.models import User
from secops.s3 import StoreAwayError


@dataclass(frozen=True, slots=True)
class Question:
    """What the dialog says and asks."""

    title: str
    lead: str
    submit: str
    form: type[DecisionForm]
    is_escalation = False  # the dialog's template asks


@dataclass(frozen=True, slots=True)
class Act(Question):
    """A question, and the service that does what was answered."""

    do: Callable[[Evidence, dict[str, Any], User], object]


@require_GET
def item(request: HttpRequest, pk: int, label: str) -> HttpResponse:
    """One item with its chain. No byte of it shows here, so nothing is written into the chain."""
    case, found = _found(request, pk, label)
    user = reader(request)
    context = {
        "section": "queue",
        "case": case,
        "tlp": tlp_of(case),
        "item": found,
        "row": row_of(found),
        "remains": _remains(found),
        "facts": facts_of(found),
        "lines": lines_of(found),
        "copies": [row_of(copy) for copy in found.copies.select_related("received_by")],
        "may_work": user.may(May.WORK),
        "may_approve": user.may(May.APPROVE),
        "asked_by_me": found.destroy_asked_by_id == user.pk,
    }
    return render(request, "cases/evidence.html", context)


@require_POST
def verify(request: HttpRequest, pk: int, label: str) -> HttpResponse:
    """Hashes the file again, now."""
    case, found = _found(request, pk, label)
    if services.verify(found.pk, actor=reader(request)):
        messages.success(request, f"{found.number} is what was received")
    else:
        messages.error(request, f"{found.number} does not match what was received")
    return redirect("cases:evidence_item", case.pk, found.label)


@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, pk: int, label: str, what: str) -> HttpResponse:
    """GET shows the form, POST acts; both as a dialog over the page or as a page."""
    case, found = _found(request, pk, label)
    chosen = ACTS[what]
    form = (ExhibitSealForm if what == "seal" and found.is_exhibit else chosen.form)(request.POST or None)
    here = reverse("cases:evidence_item", args=[case.pk, found.label])
    if request.method == "POST" and form.is_valid():
        chosen.do(found, form.cleaned_data, reader(request))
        messages.success(request, f"{found.number}: done and written into its chain")
        return HttpResponseClientRedirect(here) if _is_part(request) else redirect(here)
    action = reverse(f"cases:evidence_{what}", args=[case.pk, found.label])
    return _asked(request, case, chosen, form, action, here)


@require_http_methods(["GET", "POST"])
def register(request: HttpRequest, pk: int) -> HttpResponse:
    """A physical exhibit: a page of its own."""
    case = visible_case(request, pk)
    form = ExhibitForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        names = ("title", "serial", "seal_number", "shelf")
        said = {name: form.cleaned_data[name] for name in names}
        added = services.register(case.pk, **said, acquired=form.acquired(), actor=reader(request))
        return redirect("cases:evidence_item", case.pk, added.label)
    context = {"section": "queue", "case": case, "form": form, "is_exhibit": True}
    return render(request, "cases/evidence_add.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
def download(request: HttpRequest, pk: int, label: str) -> HttpResponse:
    """Asks why, then gives a one-time download of the bytes as they are."""
    case, found = _found(request, pk, label)
    lead = "The bytes as they were received. The chain says who took them and why."
    asked = Question(f"Download {found.number}?", lead, "Prepare download", ReasonForm)
    here = reverse("cases:evidence_item", args=[case.pk, found.label])
    return _prepared(request, case, asked, request.path, here, {"what": "view", "item": found.pk})


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def export(request: HttpRequest, pk: int, label: str = "") -> HttpResponse:
    """Asks why, and for a password; then gives a one-time download of the encrypted ZIP."""
    case = visible_case(request, pk)
    found = item_of(case, label) if label else None
    what = found.number if found else f"the evidence of {case.number}"
    lead = (
        "An AES-encrypted ZIP: files, chain of custody, and custody.py, which checks both anywhere with plain Python."
    )
    asked = Question(f"Export {what}?", lead, "Prepare export", ExportForm)
    here = reverse("cases:evidence_item", args=[case.pk, label]) if label else reverse("cases:evidence", args=[case.pk])
    return _prepared(request, case, asked, request.path, here, {"what": "export", "item": found.pk if found else None})


@sensitive_post_parameters("password", "key")
@sensitive_variables("password")
@require_POST
def leave(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Uses a ticket up: the entries are written, then the bytes go."""
    case, user = visible_case(request, pk), reader(request)
    require(user, May.WORK)
    ticket = tickets.redeem(request.POST.get("key", ""), user, case.pk)
    found = get_object_or_404(case.evidence, pk=ticket["item"]) if ticket["item"] else None
    if ticket["what"] == "view" and found:
        exports.view(found.pk, ticket["reason"], actor=user)
        response = _bytes(exports.chunks(found.sha256), f"{case.number}_{found.number}_{found.sha256[:12]}.bin")
        response["Content-Length"] = str(found.size)
        return response
    password = request.POST.get("password", "")
    made = exports.export(case.pk, reason=ticket["reason"], password=password, only=found, actor=user)
    return _bytes(made, made.name)


def _remains(found: Evidence) -> bool | None:
    """None while the store cannot say: the item has a page all the same."""
    try:
        return retention.remains(found)
    except StoreAwayError:
        return None


def _prepared(
    request: HttpRequest, case: Case, asked: Question, action: str, here: str, what: dict[str, Any]
) -> HttpResponse:
    """The form; once it is filled in, the button that downloads, with the password shown this once."""
    if request.method == "POST":
        require(reader(request), May.WORK)
        exports.require_proof(case, reader(request))
    form = asked.form(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _asked(request, case, asked, form, action, here)
    is_export = what["what"] == "export"
    password = (form.cleaned_data["password"] or exports.make_password()) if is_export else ""
    key = tickets.issue(reader(request), what | {"case": case.pk, "reason": form.cleaned_data["reason"]})
    context = {"section": "queue", "case": case, "key": key, "password": password, "next": here}
    context |= {"asked": asked, "seconds": tickets.SECONDS, "is_made": is_export and not form.cleaned_data["password"]}
    template = "cases/evidence_ready.html#form" if _is_part(request) else "cases/evidence_ready.html"
    return render(request, template, context)


def _asked(
    request: HttpRequest, case: Case, chosen: Question, form: DecisionForm, action: str, here: str
) -> HttpResponse:
    context = {"section": "queue", "case": case, "decision": chosen, "form": form, "action": action, "next": here}
    part = "form" if request.method == "POST" else "dialog"
    template = f"cases/decide.html#{part}" if _is_part(request) else "cases/decide.html"
    return render(request, template, context, status=422 if request.method == "POST" else 200)


def _bytes(chunks: Iterable[bytes], name: str) -> StreamingHttpResponse:
    """Never shown by a browser on our origin, whatever it is."""
    response = StreamingHttpResponse(chunks, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _found(request: HttpRequest, pk: int, label: str) -> tuple[Case, Evidence]:
    case = visible_case(request, pk)
    return case, item_of(case, label)


def _is_part(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


ACTS = {
    "seal": Act(
        "Seal this item?",
        "A file is hashed again first; from here on it is as it was received.",
        "Seal",
        SealForm,
        lambda item, said, user: services.seal(item.pk, seal_number=said.get("seal_number", ""), actor=user),
    ),
    "handover": Act(
        "Hand this item over?",
        "The chain says who had it and who has it now.",
        "Hand over",
        HandOverForm,
        lambda item, said, user: services.hand_over(item.pk, **said, actor=user),
    ),
    "copy": Act(
        "Make a working copy?",
        "An item of its own with the same bytes, for tools to work on. The original stays untouched.",
        "Make working copy",
        ReasonForm,
        lambda item, said, user: services.working_copy(item.pk, said["reason"], actor=user),
    ),
    "hold": Act(
        "Set a legal hold?",
        "Nobody can destroy it until an approver lifts the hold.",
        "Set legal hold",
        ReasonForm,
        lambda item, said, user: retention.set_hold(item.pk, said["reason"], actor=user),
    ),
    "lift": Act(
        "Lift the legal hold?",
        "Afterwards two persons can destroy it.",
        "Lift legal hold",
        ReasonForm,
        lambda item, said, user: retention.lift_hold(item.pk, said["reason"], actor=user),
    ),
    "discard": Act(
        "Ask that this item be destroyed?",
        "Nothing is gone yet: a second person decides. The row and its chain stay for good.",
        "Ask for destruction",
        ReasonForm,
        lambda item, said, user: retention.ask_destruction(item.pk, said["reason"], actor=user),
    ),
    "destroy": Act(
        "Destroy this item?",
        "Its bytes are removed and cannot be brought back. The row and its chain stay.",
        "Destroy for good",
        ConfirmForm,
        lambda item, said, user: retention.destroy(item.pk, actor=user),
    ),
    "keep": Act(
        "Keep this item?",
        "The request to destroy it is taken back.",
        "Keep it",
        ConfirmForm,
        lambda item, said, user: retention.keep_after_all(item.pk, actor=user),
    ),
}
