"""The page of a restricted case's circle: its mandate, Legal's word, who may see it, who looked, the ways out."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from cases.choices import Circle
from cases.errors import IncompleteError
from cases.models import Case
from cases.services import covert, members
from cases.views.access import reader, visible_case
from response.forms.circle import CircleForm, MandateForm, MemberForm, UncoverForm, UnfoundedForm
from response.models import Mandate
from response.services import mandates, releases
from secops import stepup
from secops.access import May
from secops.models import User

READINGS_SHOWN = 50
NAMERS_SHOWN = 5


@require_GET
def circle(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about who may know, for those who do."""
    case = visible_case(request, pk)
    now = mandate_of(case, reader(request))
    shown = [one.pk for one in (now["asked"], now["in_force"]) if one]
    earlier = Mandate.objects.filter(case=case).exclude(pk__in=shown)
    context = {
        "section": "queue",
        **now,
        "earlier": earlier.select_related("requested_by", "authorised_by", "revoked_by"),
        "release": releases.latest(case),
        "members": case.members.select_related("user").order_by("added_at"),
        "member_form": MemberForm(case),
        "namers": members.namers(case)[:NAMERS_SHOWN] if case.is_restricted else [],
        "readings": case.readings.select_related("user")[:READINGS_SHOWN],
        "uncover_form": UncoverForm(),
        "unfounded_form": UnfoundedForm(),
        "may_steer": reader(request).may(May.STEER),
        "may_uncover": case.is_covert and reader(request).may(May.APPROVE),
        "may_close": case.is_covert and case.is_open and reader(request).may(May.WORK),
    }
    return render(request, "response/circle.html", context)


@require_POST
def decide(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """One decision of one person; guests come back to their own page."""
    case, user = visible_case(request, pk), reader(request)
    stepup.answer(request, user)
    DECISIONS[what](case, request, user)
    if not Case.objects.visible_to(user).filter(pk=case.pk).exists():
        return redirect("cases:queue")
    return redirect("response:circle" if user.may(May.SEE) else "response:guest_case", case.pk)


def mandate_of(case: Case, user: User) -> dict[str, Any]:
    """The mandate as this reader sees it, and what they may do about it."""
    asked = mandates.asked_for(case)
    may_decide = not mandates.why_not(case, user)
    return {
        "case": case,
        "asked": asked,
        "in_force": mandates.in_force(case),
        "no_conflict": mandates.NO_CONFLICT,
        "may_ask": case.is_covert and case.is_open and user.may(May.WORK),
        "may_authorise": may_decide and asked is not None and asked.requested_by_id != user.pk,
        "may_revoke": may_decide,
        "mandate_form": MandateForm(),
        "is_legal": mandates.is_of(case, user, Circle.LEGAL),
    }


def _said(form: CircleForm) -> dict[str, Any]:
    """What the form says, or a sentence with all that is wrong in it."""
    if not form.is_valid():
        wrong = [f"{form[name].label}: {text}" for name, texts in form.errors.items() for text in texts]
        raise IncompleteError(" ".join(wrong))
    return form.cleaned_data


def _add_member(case: Case, request: HttpRequest, user: User) -> None:
    members.add(case.pk, _person(request), actor=user)


def _remove_member(case: Case, request: HttpRequest, user: User) -> None:
    members.remove(case.pk, _person(request), actor=user)


def _person(request: HttpRequest) -> User:
    number = request.POST.get("user", "")
    return get_object_or_404(User, pk=int(number) if number.isascii() and number.isdigit() else 0)


def _ask_mandate(case: Case, request: HttpRequest, user: User) -> None:
    mandates.ask(case.pk, **_said(MandateForm(request.POST)), actor=user)


def _authorise_mandate(case: Case, request: HttpRequest, user: User) -> None:
    states = request.POST.get("states_no_conflict") == "on"
    sha256 = request.POST.get("words_sha256", "")
    mandates.authorise(case.pk, words_sha256=sha256, states_no_conflict=states, actor=user)


def _revoke_mandate(case: Case, request: HttpRequest, user: User) -> None:
    mandates.revoke(case.pk, request.POST.get("reason", ""), actor=user)


def _release(case: Case, request: HttpRequest, user: User) -> None:
    is_released = request.POST.get("decision") == "release"
    releases.decide(case.pk, request.POST.get("reason", ""), is_released=is_released, actor=user)


def _uncover(case: Case, request: HttpRequest, user: User) -> None:
    covert.uncover(case.pk, request.POST.get("reason", ""), actor=user)


def _unfounded(case: Case, request: HttpRequest, user: User) -> None:
    covert.close_unfounded(case.pk, **_said(UnfoundedForm(request.POST)), actor=user)


DECISIONS: dict[str, Callable[[Case, HttpRequest, User], None]] = {
    "add_member": _add_member,
    "remove_member": _remove_member,
    "ask_mandate": _ask_mandate,
    "authorise_mandate": _authorise_mandate,
    "revoke_mandate": _revoke_mandate,
    "release": _release,
    "uncover": _uncover,
    "unfounded": _unfounded,
}
