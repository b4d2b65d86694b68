"""What was allowed ahead: the list of standing approvals with their signatures, and the review of what went alone."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from cases.views.access import reader
from response.actions.base import actions
from response.models import OnCall, Override, StandingApproval, StepRun
from response.services import overrides, standing
from secops import stepup
from secops.access import May, require
from secops.models import User

USES_SHOWN = 5


@require_GET
def standing_approvals(request: HttpRequest) -> HttpResponse:
    """Each with its bounds in words, who signed, why it lets nothing go, and its last uses."""
    user, at = reader(request), timezone.now()
    require(user, May.SEE)
    places = OnCall.objects.filter(person__is_active=True).select_related("person")
    context = {
        "section": "approvals",
        "rows": [_row(one, user) for one in StandingApproval.objects.filter(revoked_at__isnull=True)],
        "rota": [{"place": one, "is_now": one.covers(at)} for one in places],
        "may_sign": user.may(May.APPROVE),
    }
    return render(request, "response/standing.html", context)


@require_POST
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(StandingApproval, pk=pk)
    stepup.answer(request, reader(request))
    standing.sign(found.pk, bounds_sha256=request.POST.get("bounds_sha256", ""), actor=reader(request))
    return redirect("response:standing")


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(StandingApproval, pk=pk)
    standing.revoke(found.pk, actor=reader(request))
    return redirect("response:standing")


@require_POST
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """A missing and a hidden one are the same 404."""
    found = get_object_or_404(Override, pk=pk, step__in=StepRun.objects.visible_to(reader(request)))
    overrides.review(found.pk, text=request.POST.get("text", ""), actor=reader(request))
    return redirect("response:approvals")


def to_review(user: User) -> list[dict[str, object]]:
    """What went without an answer in cases that the user may see, and whether they may review it."""
    found = (
        Override.objects.filter(reviewed_at__isnull=True, step__in=StepRun.objects.visible_to(user))
        .select_related("step__run__case", "standing", "by", "step__requested_by")
        .prefetch_related("standing__signatures")
        .order_by("at")
    )
    return [
        {
            "override": one,
            "may_review": user.may(May.APPROVE) and user.pk not in overrides.concerned(one),
        }
        for one in found
    ]


def _row(one: StandingApproval, user: User) -> dict[str, object]:
    action = actions.get(one.action)
    signers = standing.signers(one)
    uses = Override.objects.filter(standing=one, step__in=StepRun.objects.visible_to(user))
    return {
        "standing": one,
        "action": action.label if action else one.action,
        "signers": signers,
        "trouble": standing.state_of(one, timezone.now()),
        "has_signed": user.pk in {signer.pk for signer in signers},
        "uses": uses.select_related("step__run__case", "reviewed_by")[:USES_SHOWN],
    }
