"""The one place where a step's state changes: guarded, written down, and never "it did not happen" while in doubt."""

from collections.abc import Collection
from typing import Any

from django.db import IntegrityError

from cases.models import Case, TimelineEntry
from cases.services import timeline
from response.choices import IN_DOUBT, Effect, Outcome, StepState
from response.errors import TransitionError
from response.models import Attempt, Run, StepChange, StepRun
from response.services import clock
from secops.chain import entry_hash
from secops.models import User

NOT_HAPPENED = frozenset(
    {StepState.FAILED, StepState.REJECTED, StepState.EXPIRED, StepState.CANCELLED, StepState.SKIPPED}
)
DOUBT_TEXT = "It may have happened"


def locked(step_id: int) -> StepRun:
    """The step as it stands now, its run's row locked: run first, then step, everywhere but in the claim."""
    run_id = StepRun.objects.values_list("run_id", flat=True).get(pk=step_id)
    run = locked_run(run_id)
    step = StepRun.objects.select_for_update().get(pk=step_id)
    step.run = run
    return step


def locked_run(run_id: int) -> Run:
    """The run with its row locked until the transaction ends."""
    return Run.objects.select_for_update(of=("self",)).select_related("version__runbook", "case").get(pk=run_id)


def lock_case(run: Run) -> None:
    """Before an action writes of the case's devices: run, step, case, then its parts, as everybody else does."""
    Case.objects.select_for_update().only("pk").get(pk=run.case_id)


def in_doubt(step: StepRun) -> bool:
    """Is there a sent attempt of which it is not known whether it happened? Reads cannot be in doubt."""
    if step.effect == Effect.READ:
        return False
    return Attempt.objects.filter(step=step, sent_at__isnull=False, outcome__in=IN_DOUBT).exists()


def change(
    step: StepRun,
    to: StepState,
    *,
    frm: Collection[StepState],
    text: str = "",
    story: str = "",
    actor: User | None = None,
    **fields: Any,
) -> None:
    """Move the step and write the line that says so; call it inside a transaction.

    `text` says why; `story` is the sentence for the case's timeline; `fields` are written by the same UPDATE.
    TransitionError when the step is in another state by now. While an attempt is in doubt, a state that says it did
    not happen becomes `unknown`.
    """
    if to in NOT_HAPPENED and in_doubt(step):
        text = f"{DOUBT_TEXT}. {text}" if text else DOUBT_TEXT
        to, story = StepState.UNKNOWN, f"{step.title}: may have happened, a person must decide"
        fields["lease_until"] = fields["not_before"] = None
    entry = _entry(step, to, text, actor)
    fields |= {"reason": entry.text, "chain_seq": entry.seq, "chain_head": entry.hash}
    moved = StepRun.objects.filter(pk=step.pk, state__in=frm, token=step.token, chain_seq=step.chain_seq).update(
        state=to, state_at=entry.at, **fields
    )
    if moved != 1:
        raise TransitionError(f"{step.title} is in another state by now.")
    try:
        entry.save(force_insert=True)
    except IntegrityError as error:
        raise TransitionError(f"{step.title} is in another state by now.") from error
    for name, value in fields.items():
        setattr(step, name, value)
    step.state, step.state_at = to, entry.at
    if story:
        tell(step.run, story, actor=actor, step=step)


def close_attempt(step: StepRun, outcome: Outcome, detail: str = "") -> None:
    """How the try of the current token ended."""
    Attempt.objects.filter(step=step, token=step.token).update(
        outcome=outcome, detail=detail[:500], ended_at=clock.now()
    )


def settle_doubts(step: StepRun, outcome: Outcome, detail: str = "") -> None:
    """It is known now: every sent attempt that was in doubt is closed."""
    Attempt.objects.filter(step=step, sent_at__isnull=False, outcome__in=IN_DOUBT).update(
        outcome=outcome, detail=detail[:500], ended_at=clock.now()
    )


def tell(run: Run, text: str, *, actor: User | None = None, step: StepRun | None = None) -> None:
    """One line on the case's timeline."""
    refs = {"run": run.pk} | ({"step": step.pk} if step else {})
    timeline.record(run.case_id, text[:1000], kind=TimelineEntry.Kind.RUN, actor=actor, refs=refs)


def _entry(step: StepRun, to: StepState, text: str, actor: User | None) -> StepChange:
    entry = StepChange(
        step=step,
        seq=step.chain_seq + 1,
        at=clock.now(),
        old=step.state,
        new=to,
        token=step.token,
        who=actor.display_name if actor else "Nightdesk",
        text=text[:500],
        previous=step.chain_head,
    )
    entry.hash = entry_hash(entry.seq, entry.previous, entry.body())
    return entry
