"""Read back what the world says of a step that was sent: only that makes it confirmed."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from response.actions.base import Check, Done, Held, actions
from response.choices import Outcome, StepState
from response.models import Attempt, StepRun
from response.services import clock, outcomes, progress, transitions
from secops.connectors.capabilities.errors import SourceLimited
from secops.errors import SecopsError
from secops.faultpoints import hit
from secops.integrations import connector_of
from secops.models import Integration
from secops.quotas import hold

MAX_CHECKS = 8
MAX_WAIT_SECONDS = 30
AGAIN_SECONDS = 2  # while the product is still at it


def check_one() -> bool:
    """Read back one step that is due; False when none is."""
    at = clock.now()
    step = (
        StepRun.objects.select_related("run__case", "run__version", "requested_by")
        .filter(state=StepState.VERIFYING)
        .filter(Q(not_before__isnull=True) | Q(not_before__lte=at))
        .order_by("not_before", "pk")
        .first()
    )
    if step is None:
        return False
    taken = StepRun.objects.filter(
        pk=step.pk, state=StepState.VERIFYING, token=step.token, checks=step.checks, not_before=step.not_before
    ).update(checks=F("checks") + 1, not_before=at + timedelta(seconds=settings.LEASE_SECONDS))
    if taken:
        try:
            check = _ask(step)
        except SourceLimited as error:
            _hold(step, error)
            return True
        hit("read_back")
        _judge(step.pk, step.token, check)
    return True


def _ask(step: StepRun) -> Check | None:
    """What the product says, or None when it cannot be read; SourceLimited when it says later."""
    integration = Integration.objects.filter(name=step.connector, is_enabled=True).first()
    if integration is None:
        return None
    try:
        return actions[step.action]().verify(progress.call_of(step, connector_of(integration)))
    except SourceLimited:
        raise
    except SecopsError:
        return None


def _hold(step: StepRun, error: SourceLimited) -> None:
    """The product says later: waiting is not a failed read-back."""
    if integration := Integration.objects.filter(name=step.connector).first():
        hold(integration, error.retry_after)
    StepRun.objects.filter(pk=step.pk, state=StepState.VERIFYING, token=step.token).update(
        checks=step.checks, not_before=clock.after(max(1.0, error.retry_after)), reason=str(error)[:500]
    )


def _judge(step_id: int, token: int, check: Check | None) -> None:
    with transaction.atomic():
        step = transitions.locked(step_id)
        if step.token != token or step.state != StepState.VERIFYING:
            return
        if check is None:
            _wait_or_ask(step, "The product could not be read")
        elif check.held == Held.DONE:
            outcomes.confirm(step, Done(text=check.text, handle=step.handle))
        elif check.held == Held.PARTLY:
            _partly(step, check.text)
        elif check.held == Held.NOT_YET:
            _wait(step, AGAIN_SECONDS, check.text, checks=0)
        else:
            _not_done(step, check.text)


def _not_done(step: StepRun, text: str) -> None:
    """Believed only after the settling time: a late request may still land. Then the doubts are settled."""
    last = Attempt.objects.filter(step=step, sent_at__isnull=False).order_by("-token").first()
    sent_at = last.sent_at if last else None
    if sent_at is not None:
        left = outcomes.settling_seconds(step) - (clock.now() - sent_at).total_seconds()
        if left > 0:
            _wait(step, min(left, AGAIN_SECONDS), f"{text}, so far", checks=0)
            return
    transitions.settle_doubts(step, Outcome.NOT_DONE, text)
    transitions.change(
        step,
        StepState.READY,
        frm=[StepState.VERIFYING],
        text=f"{text}: it did not happen, so it is sent again",
        not_before=clock.after(outcomes.backoff_of(step)),
    )
    progress.advance(step.run)


def _partly(step: StepRun, text: str) -> None:
    transitions.lock_case(step.run)
    actions[step.action]().partly(progress.call_of(step))
    if not step.data.get("is_partly"):
        transitions.tell(step.run, text, step=step)
    StepRun.objects.filter(pk=step.pk).update(data=step.data | {"is_partly": True}, result=text[:1000])
    _wait_or_ask(step, text)


def _wait_or_ask(step: StepRun, text: str) -> None:
    if step.checks < MAX_CHECKS:
        _wait(step, min(MAX_WAIT_SECONDS, 2**step.checks), text)
        return
    transitions.change(
        step,
        StepState.UNKNOWN,
        frm=[StepState.VERIFYING],
        text=f"{text}, {MAX_CHECKS} times",
        not_before=None,
        story=f"{step.title}: may have happened, a person must decide. {text}",
    )


def _wait(step: StepRun, seconds: float, text: str, **fields: int) -> None:
    """The state stays, so no line is written."""
    StepRun.objects.filter(pk=step.pk).update(not_before=clock.after(seconds), reason=text[:500], **fields)
