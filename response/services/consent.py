"""Who agreed to a step: people who approved these parameters, or what stands in their place."""

from datetime import datetime, timedelta

from django.conf import settings

from cases.models import Case
from response.choices import Consent, Decision
from response.models import AllowanceUse, Approval, Override, StepRun
from response.services import allowances, clock, policy, standing
from secops.access import May

KEPT_UNTIL = "consent_kept_until"  # in the data of a step, ISO 8601: somebody's word counts that long at least


def counted(step: StepRun) -> int:
    """Approvals that count now: these parameters, not expired, by another person who still may."""
    given = Approval.objects.filter(
        step=step, decision=Decision.APPROVED, params_sha256=step.params_sha256, expires_at__gt=clock.now()
    ).select_related("decided_by")
    return sum(1 for one in given if not policy.why_not(one.decided_by, step))


def decided(step: StepRun) -> set[int]:
    """Ids of who decided on these parameters; who decided before they grew may do so again."""
    return {one.decided_by_id for one in step.approvals.all() if one.params_sha256 == step.params_sha256}


def problem(step: StepRun) -> str:
    """Why nobody's word for it counts now; nothing when somebody's does. Asked just before it is sent."""
    if counted(step) >= step.approvals_needed:
        return ""
    override = Override.objects.select_related("standing", "by").filter(step=step).first()
    if override is not None:
        return _override_problem(override, step)
    used = AllowanceUse.objects.select_related("allowance__hunt_step", "allowance__approval__decided_by").filter(
        step=step
    )
    return _use_problem(used[0], step) if used else _approval_problem(step)


def keep(step: StepRun, until: datetime) -> None:
    """Who agreed counts until then too: the step was told to wait, and nobody is asked twice because of that. Called
    only while somebody's word counts, so that none comes back to life; the step's row is locked."""
    given = Approval.objects.filter(step=step, decision=Decision.APPROVED, params_sha256=step.params_sha256)
    given.filter(expires_at__gt=clock.now(), expires_at__lt=until).update(expires_at=until)
    step.data |= {KEPT_UNTIL: until.isoformat()}


def _approval_problem(step: StepRun) -> str:
    given = Approval.objects.filter(step=step, decision=Decision.APPROVED).select_related("decided_by")
    of_these = [one for one in given if one.params_sha256 == step.params_sha256]
    if given and not of_these:
        return policy.CHANGED
    names = ", ".join(one.decided_by.display_name for one in of_these) or "nobody"
    return f"The approval of {names} does not count any more: it expired, or they may not approve now"


def _use_problem(used: AllowanceUse, step: StepRun) -> str:
    if used.params_sha256 != step.params_sha256:
        return policy.CHANGED
    if _end_of(used.at, step) < clock.now():
        return f"{used.title}: too long ago"
    text = allowances.why_not(used.allowance, step, used.at)
    return f"{used.title} does not count any more: {text}" if text else ""


def _end_of(at: datetime, step: StepRun) -> datetime:
    """Until when a word of then counts that is no approval of the step's own."""
    end = at + timedelta(seconds=settings.APPROVAL_SECONDS)
    return max(end, datetime.fromisoformat(step.data[KEPT_UNTIL])) if KEPT_UNTIL in step.data else end


def _override_problem(override: Override, step: StepRun) -> str:
    if override.params_sha256 != step.params_sha256:
        return policy.CHANGED
    if _end_of(override.at, step) < clock.now():
        return f"{override.title} was used too long ago"
    if override.kind == Consent.STANDING and override.standing is not None:
        text = standing.why_not(override.standing, step, override.at)
        return f"{override.title} does not cover it any more: {text}" if text else ""
    by = override.by
    if by is None or not by.may(May.STEER) or not Case.objects.visible_to(by).filter(pk=step.run.case_id).exists():
        return "Who broke the glass may not do so any more"
    return ""
