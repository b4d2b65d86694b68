"""Long work: the product is at it for minutes or hours, and is asked from time to time how far it is.

A poll takes some seconds, so that no worker waits for it; each is taken for one lease by a guarded UPDATE. The state
stays `polling` from one to the next. At the step's deadline the product is told to end it, and the step has failed, so
that what waits for it goes on. A product that is silent then makes the step unknown: it has not said that nothing
happened.

What the product has handed over by then, and this house could not put away in time, is not thrown away: the step has
failed all the same, and is looked at on until its bytes are kept. Memory cannot be read a second time.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from response.actions.base import Action, Call, Done, Poll, Work, actions
from response.choices import Outcome, RunState, StepState
from response.errors import ActionError
from response.models import StepRun
from response.services import clock, mandates, outcomes, progress, transitions
from secops.connectors.capabilities.errors import SourceLimited
from secops.errors import SecopsError
from secops.faultpoints import hit
from secops.integrations import connector_of
from secops.models import Integration
from secops.quotas import hold

LONGEST_WAIT_SECONDS = 60.0  # between two polls of a product that does not answer
LATE = "is_late"  # in the data of a step that has failed, while what it brought is still to be kept


def poll_one() -> bool:
    """Ask once about one step that is due; False when none is."""
    at = clock.now()
    step = (
        StepRun.objects.select_related("run__case", "run__version", "requested_by")
        .filter(state=StepState.POLLING, not_before__lte=at)
        .order_by("not_before", "pk")
        .first()
        or late(at).order_by("not_before", "pk").first()
    )
    if step is None:
        return False
    taken = StepRun.objects.filter(pk=step.pk, state=step.state, token=step.token, not_before=step.not_before).update(
        checks=F("checks") + 1, not_before=at + timedelta(seconds=settings.LEASE_SECONDS)
    )
    if taken and step.state == StepState.POLLING:
        _ask(step)
    elif taken:
        _keep_late(step)
    return True


def late(at: datetime) -> QuerySet[StepRun]:
    """Steps that have failed, whose bytes are here and not kept yet."""
    found = StepRun.objects.select_related("run__case", "run__version", "requested_by")
    return found.filter(state=StepState.FAILED, not_before__lte=at, **{f"data__{LATE}": True})


def _ask(step: StepRun) -> None:
    """One poll, or the word to the product that nobody wants it any more; outside of any transaction."""
    action = actions[step.action]()
    try:
        call = progress.call_of(step, _connector(step))
        if _is_given_up(step):
            action.abandon(call)
            _cancelled(step, action.given_up)
            return
        poll = _polled(step, action, call)
    except SourceLimited as error:
        if integration := Integration.objects.filter(name=step.connector).first():
            hold(integration, error.retry_after)
        _wait(step, max(1.0, error.retry_after), str(error))
    except ActionError as error:
        _judge(step, call, Poll(work=Work.FAILED, text=str(error)))
    except SecopsError as error:
        _wait(step, min(LONGEST_WAIT_SECONDS, 2.0 ** min(step.checks + 1, 6)), str(error))
    else:
        hit("poll")
        _judge(step, call, poll)


def _polled(step: StepRun, action: Action, call: Call) -> Poll:
    """What the product says; it is told to end what its case forbids by now, or what has no more time."""
    if text := mandates.missing(action, step.run.case):
        action.abandon(call)
        return Poll(work=Work.FAILED, text=text)
    poll = action.poll(call)
    if poll.work == Work.GOING_ON and step.deadline is not None and step.deadline <= clock.now():
        if poll.is_here:
            text = f"Not kept in time; it stays here and is tried again. {poll.text}"
            return replace(poll, work=Work.FAILED, text=text, data=poll.data | {LATE: True})
        action.abandon(call)
        return replace(poll, work=Work.FAILED, text=f"Not finished in time, and {action.given_up}. {poll.text}")
    return poll


def _keep_late(step: StepRun) -> None:
    """Once more, for the bytes alone: the step has failed and its run went on without it."""
    action, seconds = actions[step.action](), LONGEST_WAIT_SECONDS
    try:
        call = progress.call_of(step, _connector(step))
        if mandates.missing(action, step.run.case) or step.run.cancel_requested_at is not None:
            action.abandon(call)
            poll = Poll(work=Work.FAILED, text="Nobody may have it any more.")
        else:
            poll = action.poll(call)
    except ActionError as error:
        poll = Poll(work=Work.FAILED, text=str(error))
    except SecopsError as error:
        poll = Poll(work=Work.GOING_ON, text=str(error), again_seconds=getattr(error, "retry_after", None) or 0)
    again = clock.after(max(seconds, poll.again_seconds)) if poll.work == Work.GOING_ON else None
    with transaction.atomic():
        step = transitions.locked(step.pk)
        data = step.data | poll.data | {LATE: again is not None}
        StepRun.objects.filter(pk=step.pk).update(data=data, not_before=again)
        if again is None:
            transitions.tell(step.run, f"{step.title}, after its time: {poll.text}", step=step)


def _connector(step: StepRun) -> object:
    """What the step went through; None for an action that needs none. SecopsError when it is not there any more."""
    if not step.connector:
        return None
    integration = Integration.objects.filter(name=step.connector, is_enabled=True).first()
    if integration is None:
        raise SecopsError(f"{step.connector} is not set up any more")
    return connector_of(integration)


def _is_given_up(step: StepRun) -> bool:
    """Was its run stopped or cancelled? Long work that nobody wants any more is not waited for, an undo is."""
    run = step.run
    if step.undoes_id is not None:
        return False
    return run.cancel_requested_at is not None or run.state == RunState.STOPPING


def _judge(step: StepRun, call: Call, poll: Poll) -> None:
    with transaction.atomic():
        step = transitions.locked(step.pk)
        if step.state != StepState.POLLING or step.key_text != call.key:
            return
        step.done_bytes, step.total_bytes, step.data = poll.done_bytes, poll.total_bytes, step.data | poll.data
        step.save(update_fields=["done_bytes", "total_bytes", "data"])
        if poll.work == Work.DONE:
            outcomes.confirm(step, Done(text=poll.text, data=poll.data))
        elif poll.work == Work.FAILED:
            again = clock.after(LONGEST_WAIT_SECONDS) if poll.data.get(LATE) else None
            _end(step, StepState.FAILED, poll.text, f"Failed: {step.title}. {poll.text}", again)
        else:
            _wait(step, poll.again_seconds, poll.text, checks=0)


def _cancelled(step: StepRun, given_up: str) -> None:
    with transaction.atomic():
        step = transitions.locked(step.pk)
        if step.state == StepState.POLLING:
            text = f"Its run was stopped, and {given_up}"
            _end(step, StepState.CANCELLED, text, f"{step.title}: {text[0].lower()}{text[1:]}")


def _end(step: StepRun, to: StepState, text: str, story: str, again: datetime | None = None) -> None:
    """The product has said that nothing of it goes on, so nothing is in doubt."""
    transitions.settle_doubts(step, Outcome.NOT_DONE, text)
    transitions.change(step, to, frm=[StepState.POLLING], text=text, story=story, not_before=again)
    progress.advance(step.run)


def _wait(step: StepRun, seconds: float, text: str, **fields: int) -> None:
    """The state stays, so no line is written. The last poll is at the step's deadline."""
    at = clock.after(seconds)
    if step.deadline is not None and clock.now() < step.deadline < at:
        at = step.deadline
    StepRun.objects.filter(pk=step.pk, state=StepState.POLLING).update(not_before=at, reason=text[:500], **fields)
