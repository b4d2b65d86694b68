"""Carry out what is due: claim a step, write down the intent, send once, and write what came of it."""

import os
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from response.actions.base import Action, actions, connector_for
from response.choices import LIVE_EFFECT, Effect, Outcome, RunState, StepState
from response.errors import ActionError, AskFirstError, TransitionError
from response.models import Attempt, Run, StepRun
from response.services import clock, holds, outcomes, polling, progress, readback, transitions
from secops import quotas
from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceLimited, SourceRefused
from secops.faultpoints import hit
from secops.http import FROZEN, HttpError
from secops.intent import awake, good_until
from secops.models import Integration

SHIFT_SECONDS = 5  # then the caller looks again; a call of 20 s still ends well within the queue's timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A step that is written down as sent. `awake` is CLOCK_BOOTTIME then, in seconds."""

    step: StepRun
    action: Action
    integration: Integration | None
    connector: Any
    awake: float


def work() -> int:
    """Do what is due, one after another, for some seconds; the number of things moved, 0 when nothing was due."""
    ends, moved = time.monotonic() + SHIFT_SECONDS, 0
    while time.monotonic() < ends and work_once():
        moved += 1
    return moved


def work_once() -> bool:
    """One read-back, one step or one poll; False when nothing is due.

    Polls come last: one that fetches takes seconds and is soon due again, and an approved containment does not wait.
    """
    if readback.check_one():
        return True
    step = claim()
    if step is None:
        return polling.poll_one() or _end_one_spent()
    carry_out(step.pk, step.token)
    return True


def due(at: datetime) -> QuerySet[StepRun]:
    """Steps that may be claimed now: ready, their run goes on, and nothing under way at their target."""
    held = StepRun.objects.filter(
        lane=OuterRef("lane"), target=OuterRef("target"), state__in=(*LIVE_EFFECT, StepState.UNKNOWN)
    ).exclude(effect=Effect.READ)
    goes_on = Q(run__state=RunState.RUNNING) | Q(
        run__state__in=(RunState.STOPPING, RunState.PAUSED), undoes__isnull=False
    )
    return (
        StepRun.objects.filter(goes_on, state=StepState.READY, attempts__lt=F("max_attempts"))
        .filter(Q(not_before__isnull=True) | Q(not_before__lte=at))
        .filter(Q(effect=Effect.READ) | ~Exists(held))
    )


def spent() -> QuerySet[StepRun]:
    """Ready steps without tries left, which only wait to be ended."""
    return StepRun.objects.filter(state=StepState.READY, attempts__gte=F("max_attempts"))


def claim() -> StepRun | None:
    """Take one due step: ready to claimed, with a token, an attempt and a lease. Locks only that step."""
    with transaction.atomic():
        at = clock.now()
        step: StepRun | None = (
            due(at)
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("run")
            .order_by("state_at", "pk")
            .first()
        )
        if step is None:
            return None
        try:
            with transaction.atomic():
                token = step.token + 1
                transitions.change(
                    step,
                    StepState.CLAIMED,
                    frm=[StepState.READY],
                    token=token,
                    attempts=step.attempts + 1,
                    lease_until=clock.after(settings.LEASE_SECONDS),
                    not_before=None,
                )
                Attempt.objects.create(step=step, token=token, worker=_worker(), claimed_at=at)
        except IntegrityError:  # another step was faster at the same target
            StepRun.objects.filter(pk=step.pk).update(not_before=clock.after(1))
            return None
        except TransitionError:
            return None
    return step


def carry_out(step_id: int, token: int) -> None:
    """From a claim to its outcome. The process may die at any line of it."""
    hit("claim")
    intent = write_intent(step_id, token)
    if intent is None:
        return
    hit("intent")
    send(intent)
    hit("done")


def write_intent(step_id: int, token: int) -> Intent | None:
    """claimed to sending, a commit of its own before the call; None when something speaks against it."""
    slug = StepRun.objects.values_list("action", flat=True).get(pk=step_id)
    action = actions[slug]()
    found, trouble = _source(action)
    wait = _wait_for(found[0]) if found else None
    with transaction.atomic():
        step = transitions.locked(step_id)
        if step.token != token or step.state != StepState.CLAIMED:
            return None
        if not _may_send(step, action, trouble, wait, found[0] if found else None):
            progress.advance(step.run)
            return None
        transitions.change(
            step,
            StepState.SENDING,
            frm=[StepState.CLAIMED],
            lease_until=clock.after(settings.LEASE_SECONDS),
            connector=found[0].name if found else "",
            checks=0,
            story="" if step.effect == Effect.READ else f"Sending: {step.title}",
        )
        Attempt.objects.filter(step=step, token=token).update(sent_at=clock.now())
    return Intent(
        step=step,
        action=action,
        integration=found[0] if found else None,
        connector=found[1] if found else None,
        awake=awake(),
    )


def send(intent: Intent) -> None:
    """The call itself, outside of any transaction, and what its answer means."""
    step = intent.step
    ends = intent.awake + settings.PAUSE_HOLE_SECONDS
    if awake() > ends:
        outcomes.not_sent(step.pk, step.token, FROZEN, is_ours=True)
        return
    try:
        with good_until(ends):
            done = intent.action.do(progress.call_of(step, intent.connector))
    except (SourceLimited, NoEffect) as error:
        _take_no(intent, error)
    except AskFirstError as error:
        outcomes.ask_first(step.pk, step.token, str(error), error.params)
    except (ActionError, SourceRefused) as error:
        outcomes.refused(step.pk, step.token, str(error), is_ours=isinstance(error, ActionError))
    except (HttpError, Doubt) as error:
        is_known = isinstance(error, HttpError) and not error.was_sent
        answer = outcomes.not_sent if is_known else outcomes.doubtful
        answer(step.pk, step.token, str(error))
    else:
        hit("send")
        outcomes.answered(step.pk, step.token, done)


def _take_no(intent: Intent, error: SourceLimited | NoEffect) -> None:
    """The product did nothing: for good, or it says later."""
    step = intent.step
    if error.retry_after is None:
        outcomes.refused(step.pk, step.token, str(error))
        return
    if intent.integration and isinstance(error, SourceLimited):
        quotas.hold(intent.integration, error.retry_after)
    outcomes.later(step.pk, step.token, str(error), error.retry_after)


def _source(action: Action) -> tuple[tuple[Integration, Any] | None, str]:
    """The integration that the action goes through, and why there is none that can be used."""
    if not action.capability:
        return None, ""
    try:
        found = connector_for(action.capability)
    except ActionError as error:
        return None, str(error)
    return found, "" if found else f"No integration is set up that can do this ({action.capability})"


def _may_send(step: StepRun, action: Action, trouble: str, wait: float | None, source: Integration | None) -> bool:
    """Everything that is asked at intent; moves the step when the answer is no."""
    run = step.run
    if _is_stopped(step, run):
        _drop(step, StepState.CANCELLED, "The run was cancelled" if run.cancel_requested_at else "The run stopped")
        return False
    if trouble:
        _drop(step, StepState.FAILED, trouble)
        return False
    if problem := holds.refusal(step, action):
        _drop(step, StepState.FAILED, problem, story=f"Refused: {step.title}. {problem}")
        return False
    is_paused = run.state == RunState.PAUSED and step.undoes_id is None
    held = holds.Held(text="The run is paused") if is_paused else holds.of(step, action, source, wait)
    if held is not None:
        back_to_ready(step, held)
    return held is None


def back_to_ready(step: StepRun, held: holds.Held) -> None:
    """claimed to ready: nothing was sent, and the attempt does not count."""
    transitions.close_attempt(step, Outcome.LATER, held.text)
    holds.keep_consent(step, held)
    transitions.change(
        step,
        StepState.READY,
        frm=[StepState.CLAIMED],
        text=held.text,
        attempts=max(0, step.attempts - 1),
        lease_until=None,
        not_before=clock.after(held.seconds),
        deadline=holds.deadline(step, held),
        data=step.data | held.data,
    )


def _is_stopped(step: StepRun, run: Run) -> bool:
    if step.undoes_id is not None:
        return False
    return run.cancel_requested_at is not None or run.state == RunState.STOPPING or run.is_ended


def _drop(step: StepRun, to: StepState, text: str, story: str = "") -> None:
    transitions.close_attempt(step, Outcome.REFUSED, text)
    transitions.change(
        step,
        to,
        frm=[StepState.CLAIMED],
        text=text,
        story=story or f"{step.title}: {text}",
        lease_until=None,
    )


def _end_one_spent() -> bool:
    """A ready step without tries left: failed, or unknown while one of them is in doubt."""
    found = spent().first()
    if found is None:
        return False
    with transaction.atomic():
        step = transitions.locked(found.pk)
        if step.state != StepState.READY or step.attempts < step.max_attempts:
            return False
        why = Attempt.objects.filter(step=step).exclude(detail="").order_by("-token").first()
        text = f"{step.attempts} tries, none succeeded. {why.detail if why else ''}".strip()
        transitions.change(
            step, StepState.FAILED, frm=[StepState.READY], text=text, story=f"Failed: {step.title}. {text}"
        )
        progress.advance(step.run)
    return True


def _wait_for(integration: Integration) -> float | None:
    """Seconds until the product may be called again; None when it may now."""
    if quotas.take(integration, 1, is_effect=True):
        return None
    until = quotas.next_at(integration, is_effect=True)
    return max(1.0, (until - clock.now()).total_seconds()) if until else holds.LOOK_AGAIN_SECONDS


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:120]
