"""What an answer, a refusal or a silence means for the step that was sent."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import transaction

from response.actions.base import Done, actions
from response.choices import Effect, Outcome, Risk, StepState
from response.models import Attempt, StepRun
from response.models.runbooks import body_hash
from response.services import allowances, breakers, children, clock, drills, progress, spread, transitions, undoing
from secops.connectors.base import Connector, connectors
from secops.models import Integration

SENT = (StepState.SENDING, StepState.POLLING, StepState.VERIFYING, StepState.UNKNOWN)  # a late answer still counts
FIRST_CHECK_SECONDS = 1
MAX_BACKOFF_SECONDS = 120
DEFAULT_SETTLING_SECONDS = 60.0


def answered(step_id: int, token: int, done: Done) -> None:
    """A definite yes: confirmed at once, or accepted and to be read back before it counts."""
    with _mine(step_id, token, f"A late answer: {done.text}") as step:
        if step is None:
            _tell_late_yes(step_id, done)
            return
        breakers.answered(step.connector)
        if done.is_final and not done.is_polled:
            confirm(step, done)
            return
        transitions.change(
            step,
            StepState.POLLING if done.is_polled else StepState.VERIFYING,
            frm=SENT,
            text=done.text,
            data=step.data | done.data,
            handle=done.handle[:200],
            lease_until=None,
            not_before=clock.after(FIRST_CHECK_SECONDS),
            story=f"Started: {step.title}. {done.text}" if done.is_polled else "",
        )


def confirm(step: StepRun, done: Done, *, actor: Any = None, text: str = "") -> None:
    """It happened: close the attempts, write what follows, go on. The run's row is locked."""
    action = actions[step.action]()
    transitions.lock_case(step.run)
    action.apply(progress.call_of(step), done)
    transitions.settle_doubts(step, Outcome.OK, done.text)
    transitions.change(
        step,
        StepState.SUCCEEDED,
        frm=SENT,
        text=text,
        actor=actor,
        result=done.text[:1000],
        data=step.data | done.data,
        handle=done.handle[:200] or step.handle,
        lease_until=None,
        not_before=None,
        story=f"Confirmed: {done.text}" if step.effect != Effect.READ else f"{step.title}: {done.text}",
    )
    if step.risk == Risk.DISRUPTIVE and actor is None:  # a drill shows what the product does, not what people say
        drills.note(step)
    if spread.is_list(step):
        spread.insert(step.run, step, progress.written_step(step.run, step))
    undoing.schedule(step)
    children.start_for(step)
    progress.advance(step.run)


def refused(step_id: int, token: int, text: str, *, is_ours: bool = False) -> None:
    """A definite no, and known to have done nothing. `is_ours`: the product was not asked."""
    with _mine(step_id, token, f"A late refusal: {text}") as step:
        if step is not None:
            if not is_ours:
                breakers.answered(step.connector)
            transitions.close_attempt(step, Outcome.REFUSED, text)
            transitions.change(
                step, StepState.FAILED, frm=SENT, text=text, lease_until=None, story=f"Failed: {step.title}. {text}"
            )
            progress.advance(step.run)


def later(step_id: int, token: int, text: str, seconds: float) -> None:
    """The product says later: waiting is not failing, and the attempt does not count."""
    with _mine(step_id, token, text) as step:
        if step is not None:
            transitions.close_attempt(step, Outcome.LATER, text)
            _again(step, text, seconds, attempts=max(0, step.attempts - 1))


def ask_first(step_id: int, token: int, text: str, params: dict[str, Any]) -> None:
    """Nothing was done, and people decide: the step waits with what it found out as parameters, an approval or a
    standing one is then bound to them. An approval from before was of less, and counts no more."""
    with _mine(step_id, token, text) as step:
        if step is None:
            return
        transitions.close_attempt(step, Outcome.LATER, text)
        Attempt.objects.filter(step=step, token=token).update(sent_at=None)  # only asked how far it would reach
        step.params = step.params | params
        allowances.lock(step)
        transitions.change(
            step,
            StepState.WAITING,
            frm=[StepState.SENDING],
            text=text,
            story=f"Asked: {step.title}. {text}",
            params=step.params,
            params_sha256=body_hash(step.params),
            approvals_needed=max(1, step.approvals_needed),
            attempts=max(0, step.attempts - 1),
            lease_until=None,
            not_before=None,
            deadline=clock.after(settings.APPROVAL_SECONDS),
        )
        allowances.void(step)


def not_sent(step_id: int, token: int, text: str, *, is_ours: bool = False) -> None:
    """Known that nothing reached the other side: again, a little later. `is_ours`: the product had no part in it."""
    with _mine(step_id, token, text) as step:
        if step is not None:
            if not is_ours:
                breakers.failed(step.connector)
            transitions.close_attempt(step, Outcome.NOT_DONE, text)
            _again(step, text, backoff_of(step))


def doubtful(step_id: int, token: int, text: str) -> None:
    """It may have happened; what a machine may do now is the effect class's to say."""
    with _mine(step_id, token, text) as step:
        if step is not None:
            breakers.failed(step.connector)
            transitions.close_attempt(step, Outcome.DOUBT, text)
            resolve_doubt(step, text)
            progress.advance(step.run)


def resolve_doubt(step: StepRun, text: str) -> None:
    """read and keyed: again. verify: read back after the settling time. once: a person decides."""
    if step.effect == Effect.READ:
        _again(step, text, backoff_of(step))
    elif step.effect == Effect.KEYED:
        kind = _kind(step)
        wait = 0.0 if kind is None or kind.dedupes_keys else settling_seconds(step)
        _again(step, text, max(wait, backoff_of(step)))
    elif step.effect == Effect.VERIFY:
        transitions.change(
            step,
            StepState.VERIFYING,
            frm=SENT,
            text=f"May have arrived: {text}",
            lease_until=None,
            not_before=clock.after(settling_seconds(step)),
        )
    else:
        transitions.change(
            step,
            StepState.UNKNOWN,
            frm=SENT,
            text=f"May have happened: {text}",
            lease_until=None,
            story=f"{step.title}: may have happened, a person must decide. {text}",
        )


def settling_seconds(step: StepRun) -> float:
    """The longest that the product may still act on a request that we gave up on."""
    kind = _kind(step)
    return kind.settling_seconds if kind else DEFAULT_SETTLING_SECONDS


def _kind(step: StepRun) -> type[Connector] | None:
    slug = Integration.objects.filter(name=step.connector).values_list("connector", flat=True).first()
    return connectors.get(slug) if slug else None


def backoff(attempts: int, declared: int | None = None) -> float:
    """Seconds before the next try, with jitter so that many do not come back at once."""
    most = max(MAX_BACKOFF_SECONDS, declared or 0)
    seconds = min(most, declared * 2.0 ** (attempts - 1) if declared else 2.0**attempts)
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


def backoff_of(step: StepRun) -> float:
    """The same, as the step's runbook has it."""
    return backoff(step.attempts, progress.written_step(step.run, step).get("backoff_seconds"))


def _again(step: StepRun, text: str, seconds: float, **fields: Any) -> None:
    transitions.change(
        step,
        StepState.READY,
        frm=SENT,
        text=text,
        lease_until=None,
        not_before=clock.after(seconds),
        **fields,
    )
    progress.advance(step.run)


def _tell_late_yes(step_id: int, done: Done) -> None:
    """Somebody said that it did not happen, or it was sent again since: people must read that it did happen."""
    step = transitions.locked(step_id)
    if step.effect != Effect.READ:
        transitions.tell(step.run, f"{step.title}: it happened after all, says a late answer. {done.text}", step=step)


@contextmanager
def _mine(step_id: int, token: int, late: str) -> Iterator[StepRun | None]:
    """The step under its run's lock if this token's answer still decides; else None, and the answer is only kept."""
    with transaction.atomic():
        step = transitions.locked(step_id)
        if step.token == token and step.state in SENT:
            yield step
        else:
            Attempt.objects.filter(step=step, token=token).update(detail=late[:500])
            yield None
