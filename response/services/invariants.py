"""I1 to I13 of the reliability paper as queries: each returns the rows that break it, which should be none."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Q

from cases.models import Alert
from response.choices import ENDED_RUN, ENDED_STEP, IN_DOUBT, LIVE_EFFECT, Decision, Effect, Outcome, StepState
from response.models import AllowanceUse, Approval, Attempt, Override, Run, StepChange, StepRun
from response.models.runbooks import body_hash
from response.models.runs import TRIED_TO_UNDO
from response.services import clock, recovery, steps
from response.services.transitions import NOT_HAPPENED
from secops import chain

TICKS_SECONDS = 2
DUE_SECONDS = 60


def i1_no_once_step_has_two_effects() -> Iterable[Any]:
    done = Count("tries", filter=Q(tries__outcome=Outcome.OK))
    return StepRun.objects.filter(effect=Effect.ONCE).annotate(effects=done).filter(effects__gt=1)


def i2_succeeded_implies_an_attempt_ok() -> Iterable[Any]:
    done = StepRun.objects.filter(tries__outcome=Outcome.OK)
    return StepRun.objects.filter(state=StepState.SUCCEEDED).exclude(pk__in=done)


def i3_not_happened_implies_no_effect_and_no_doubt() -> Iterable[Any]:
    perhaps = Q(tries__sent_at__isnull=False) & (Q(tries__outcome__in=IN_DOUBT) | Q(tries__outcome=Outcome.OK))
    return StepRun.objects.filter(perhaps, state__in=NOT_HAPPENED).exclude(effect=Effect.READ).distinct()


def i4_nothing_held_longer_than_its_lease() -> Iterable[Any]:
    late = clock.now() - timedelta(seconds=TICKS_SECONDS)
    return StepRun.objects.filter(state__in=("claimed", "sending"), lease_until__lt=late)


def i5_no_due_step_waits_long() -> Iterable[Any]:
    late = clock.now() - timedelta(seconds=DUE_SECONDS)
    return steps.due(late).filter(state_at__lt=late)


def i6_changes_form_a_path_that_ends_in_the_state() -> Iterable[Any]:
    return [step for step in StepRun.objects.all() if not _is_path(step)]


def i7_the_hash_sent_is_the_hash_approved() -> Iterable[Any]:
    sent = StepRun.objects.filter(tries__sent_at__isnull=False).distinct()
    return [step for step in sent if not _is_as_approved(step)]


def i8_no_approval_by_requester_or_author() -> Iterable[Any]:
    own = Q(decided_by=F("step__requested_by")) | Q(decided_by=F("requested_by"))
    author = Q(decided_by=F("step__run__version__author"))
    found = list(Approval.objects.filter(own | author))
    written = Approval.objects.exclude(step__run__version__authors=[]).exclude(pk__in=[one.pk for one in found])
    found += [one for one in written.select_related("step__run__version") if _is_by_author(one)]
    return found


def i9_nothing_sent_after_the_cancel() -> Iterable[Any]:
    return Attempt.objects.filter(
        step__run__cancel_requested_at__isnull=False,
        step__undoes__isnull=True,
        sent_at__gt=F("step__run__cancel_requested_at"),
    ).exclude(step__data__has_key=TRIED_TO_UNDO)


def i10_one_live_effect_per_target() -> Iterable[Any]:
    live = StepRun.objects.filter(state__in=LIVE_EFFECT).exclude(effect=Effect.READ)
    return live.values("lane", "target").annotate(n=Count("pk")).filter(n__gt=1)


def i11_equal_keys_give_one_alert() -> Iterable[Any]:
    return Alert.objects.values("source", "source_ref").annotate(n=Count("pk")).filter(n__gt=1)


def i12_a_run_has_ended_when_its_steps_have() -> Iterable[Any]:
    open_steps = StepRun.objects.exclude(state__in=ENDED_STEP).values("run")
    broken = Q(state__in=ENDED_RUN, pk__in=open_steps) | (~Q(state__in=ENDED_RUN) & ~Q(pk__in=open_steps))
    return Run.objects.filter(broken)


def i13_nothing_is_past_its_deadline() -> Iterable[Any]:
    late = clock.now() - timedelta(seconds=TICKS_SECONDS)
    silent = late - timedelta(seconds=recovery.SILENT_SECONDS)
    return StepRun.objects.filter(
        Q(state__in=recovery.OVERDUE, deadline__lt=late) | Q(state=StepState.POLLING, deadline__lt=silent)
    )


INVARIANTS: dict[str, Callable[[], Iterable[Any]]] = {
    name.split("_")[0].upper(): query
    for name, query in list(globals().items())
    if name.startswith("i") and name[1:2].isdigit()
}


def broken() -> dict[str, list[str]]:
    """The invariants that do not hold, with the rows that break them."""
    found = {name: [repr(row) for row in query()] for name, query in INVARIANTS.items()}
    return {name: rows for name, rows in found.items() if rows}


def _is_path(step: StepRun) -> bool:
    changes = list(StepChange.objects.filter(step=step).order_by("seq"))
    state = StepState.PENDING.value
    for change in changes:
        if change.old != state:
            return False
        state = change.new
    links = ((one.seq, one.previous, one.hash, one.body()) for one in changes)
    head = changes[-1].hash if changes else chain.FIRST
    return state == step.state and head == step.chain_head and chain.first_problem(links) is None


def _is_by_author(approval: Approval) -> bool:
    return approval.decided_by_id in approval.step.run.version.writers


def _is_as_approved(step: StepRun) -> bool:
    if body_hash(step.params) != step.params_sha256:
        return False
    given = Approval.objects.filter(step=step, decision=Decision.APPROVED, params_sha256=step.params_sha256)
    is_enough = given.count() >= step.approvals_needed
    others = (Override.objects, AllowanceUse.objects)
    return is_enough or any(one.filter(step=step, params_sha256=step.params_sha256).exists() for one in others)
