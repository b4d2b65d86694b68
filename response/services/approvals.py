"""Decisions of people: bound to the parameters that they saw, by another person than who asked or wrote it."""

from django.conf import settings
from django.db import IntegrityError, transaction

from cases.models import Case
from response.actions.base import actions
from response.choices import Decision, StepState
from response.errors import ApprovalError, OwnApprovalError
from response.models import Approval, StepRun
from response.services import allowances, clock, consent, policy, progress, protection, transitions
from secops import stepup
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import User
from secops.proofs import Proved

MIN_REASON = 3  # characters of a person's own words


def approve(step_id: int, *, params_sha256: str, actor: User) -> StepRun:
    """Count one approval, and let the step go when they are enough.

    NotAllowedError for the wrong person, ProofError for one who has to prove that it is them, ApprovalError for other
    parameters or a step that waits no more.
    """
    require(actor, May.APPROVE)
    with transaction.atomic():
        step = _open_step(step_id, actor)
        if params_sha256 != step.params_sha256:
            raise ApprovalError(f"{policy.CHANGED}. Read it again, then decide.")
        proved = stepup.require(actor)
        approval = _decide(step, Decision.APPROVED, "", actor, proved)
        given = consent.counted(step)
        allowances.lock(step)
        transitions.tell(step.run, f"Approved: {step.title}{proved.words}", actor=actor, step=step)
        if given >= step.approvals_needed:
            transitions.change(
                step,
                StepState.READY,
                frm=[StepState.WAITING],
                actor=actor,
                text=f"Approved by {actor.display_name}",
                deadline=clock.after(step.timeout_seconds),
                not_before=None,
            )
            allowances.give(step, approval)
        progress.advance(step.run)
    return step


def reject(step_id: int, *, reason: str, actor: User) -> StepRun:
    """One refusal ends the step; the reason is in the person's own words. Holding something back needs no new proof."""
    require(actor, May.APPROVE)
    reason = checked_reason(reason)
    with transaction.atomic():
        step = _open_step(step_id, actor)
        _decide(step, Decision.REJECTED, reason, actor, stepup.proved(actor))
        text = f"{actor.display_name}: “{reason}”"
        transitions.change(
            step,
            StepState.REJECTED,
            frm=[StepState.WAITING],
            actor=actor,
            text=text,
            story=f"Rejected: {step.title}. “{reason}”",
        )
        progress.advance(step.run)
    return step


def checked_reason(reason: str) -> str:
    """The reason without blanks around it; ApprovalError when there is none."""
    reason = " ".join(reason.split())
    if len(reason) < MIN_REASON:
        raise ApprovalError("Write a reason in your own words.")
    return reason[:400]


def _open_step(step_id: int, actor: User) -> StepRun:
    step = transitions.locked(step_id)
    if not Case.objects.visible_to(actor).filter(pk=step.run.case_id).exists():
        raise NotAllowedError("You cannot see this case.")
    if step.state != StepState.WAITING or actions[step.action].waits_for_person:
        raise ApprovalError(decided_text(step))
    if step.deadline is not None and step.deadline <= clock.now():
        raise ApprovalError("The time for this decision is over. Nothing was sent.")
    if problem := policy.why_not(actor, step):
        raise OwnApprovalError(problem)
    return step


def decided_text(step: StepRun) -> str:
    """Who decided and when, for whoever comes second."""
    last = Approval.objects.filter(step=step).select_related("decided_by").order_by("-decided_at").first()
    if last is None:
        return f"{step.title} does not wait for a decision any more: {step.get_state_display().lower()}."
    return (
        f"{step.title} was {last.get_decision_display().lower()} by {last.decided_by.display_name} "
        f"at {last.decided_at:%H:%M} UTC."
    )


def _decide(step: StepRun, decision: Decision, reason: str, actor: User, proved: Proved) -> Approval:
    at = clock.now()
    try:
        with transaction.atomic():
            return Approval.objects.create(
                step=step,
                params_sha256=step.params_sha256,
                decided_by=actor,
                requested_by_id=step.requested_by_id,
                decision=decision,
                reason=reason,
                proved_by=proved.by,
                auth_at=proved.at or actor.last_login,
                decided_at=at,
                expires_at=protection.counts_until(
                    actions[step.action](), step.run.case, step.params, settings.APPROVAL_SECONDS
                ),
            )
    except IntegrityError as error:
        raise ApprovalError("You have decided on this step already.") from error
