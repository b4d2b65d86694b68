"""A run as the panel shows it: words, marks and what the reader may do, one dataclass per step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from response.actions.base import Plan, actions
from response.choices import BEFORE_SENDING, RunState, StepState
from response.errors import ActionError
from response.models import AllowanceUse, Approval, Override, Run, StandingApproval, StepRun
from response.services import blast, consent, policy, progress, standing, unanswered, undoing
from response.services.decisions import EXTENSIONS
from response.views.around import Around, around
from response.views.long_work import Progress, progress_of
from response.views.undoing import UndoAll, undo_all
from secops.access import May
from secops.models import User
from secops.wording import clock, duration

LOOKS: dict[str, tuple[str, str, bool]] = {  # state: css class of the step, icon, does the icon turn
    StepState.READY: ("now", "spin", True),
    StepState.CLAIMED: ("now", "spin", True),
    StepState.SENDING: ("now", "spin", True),
    StepState.POLLING: ("now", "spin", True),
    StepState.VERIFYING: ("verify", "eye", False),
    StepState.SUCCEEDED: ("done", "check", False),
    StepState.FAILED: ("err", "alert", False),
    StepState.SKIPPED: ("skipped", "chev", False),
    StepState.CANCELLED: ("skipped", "x", False),
    StepState.REJECTED: ("rejected", "x", False),
    StepState.EXPIRED: ("expired", "clock", False),
    StepState.UNKNOWN: ("unknown", "ask", False),
}


@dataclass(slots=True, kw_only=True)
class StepCard:
    """One step for one reader."""

    step: StepRun
    number: int
    css: str
    icon: str
    is_turning: bool
    word: str
    time_text: str
    line: str
    help_text: str = ""
    plan: Plan | None = None
    waits_for_answer: bool = False
    may_answer: bool = False
    choices: list[str] = field(default_factory=list)
    takes_note: bool = False
    may_decide: bool = False
    why_not: str = ""
    approvals: list[Approval] = field(default_factory=list)
    override: Override | None = None
    allowed: AllowanceUse | None = None
    may_settle: bool = False
    may_go_over: bool = False
    undo_label: str = ""
    undo_at: str = ""
    extensions: tuple[int, ...] = ()  # hours
    is_undone: bool = False
    hits: list[dict[str, Any]] = field(default_factory=list)
    progress: Progress | None = None
    child: Run | None = None


@dataclass(slots=True, kw_only=True)
class RunCard:
    """One run for one reader."""

    run: Run
    cards: list[StepCard]
    done: int
    total: int
    needs_reader: int
    may_steer: bool
    may_cancel: bool
    undoable: int
    is_live: bool  # does anything of it move, so that the page asks often?
    undo_all: UndoAll | None = None

    @property
    def chip(self) -> str:
        return {
            RunState.RUNNING: "run",
            RunState.SUCCEEDED: "ok",
            RunState.FAILED: "crit",
        }.get(RunState(self.run.state), "")


def cards_of(case_id: int, runs: Sequence[Run], user: User) -> list[RunCard]:
    """Everything that the panel and the run's page say, of runs of one case."""
    steps: dict[int, list[StepRun]] = {run.pk: [] for run in runs}
    found = (
        StepRun.objects.filter(run__in=steps)
        .select_related("requested_by", "undone_by", "override__standing", "override__by")
        .select_related("allowed__allowance__approval__decided_by")
        .prefetch_related("approvals__decided_by")
    )
    for step in found:
        steps[step.run_id].append(step)
    beside = around(case_id, list(found))
    return [_card_of(run, steps[run.pk], user, beside) for run in runs]


def _card_of(run: Run, steps: list[StepRun], user: User, beside: Around) -> RunCard:
    cards = []
    for step in steps:
        step.run = run
        cards.append(step_card(step, user, beside))
    return RunCard(
        run=run,
        cards=cards,
        done=sum(1 for step in steps if step.is_ended),
        total=len(steps),
        needs_reader=sum(1 for card in cards if card.may_decide or card.may_answer or card.may_settle),
        may_steer=user.may(May.STEER) and not run.is_ended,
        may_cancel=policy.may_cancel(user, run) and not run.is_ended and run.cancel_requested_at is None,
        undoable=sum(1 for card in cards if card.undo_label),
        is_live=not run.is_ended and not all(map(_is_still, steps)),
        undo_all=undo_all(run, user),
    )


def step_card(step: StepRun, user: User, beside: Around | None = None) -> StepCard:
    """One step, drawn; `beside` when it is one of many."""
    beside = beside or around(step.run.case_id, [step])
    action = actions[step.action]
    waits = step.state == StepState.WAITING
    why_not = policy.why_not(user, step) if waits and not action.waits_for_person else ""
    approvals = list(step.approvals.all())
    has_decided = user.pk in consent.decided(step)
    may_decide = waits and not action.waits_for_person and not why_not and not has_decided
    css, icon, is_turning = _look(step, may_decide)
    undo = getattr(step, "undone_by", None)
    can_undo = user.may(May.WORK) and not undoing.problem(step)
    return StepCard(
        step=step,
        number=step.seq,
        css=css,
        icon=icon,
        is_turning=is_turning,
        word=_word(step, may_decide),
        time_text=_time_text(step),
        line=_line(step, beside),
        help_text=_help(step),
        plan=plan_of(step) if waits else None,
        waits_for_answer=waits and action.waits_for_person,
        choices=action().choices(step.params) if waits else [],
        takes_note=action.takes_note,
        may_answer=waits and action.waits_for_person and user.may(May.WORK),
        may_decide=may_decide,
        why_not="You have approved; another person must too." if has_decided else why_not,
        approvals=approvals,
        override=getattr(step, "override", None),
        allowed=getattr(step, "allowed", None),
        may_go_over=blast.waits_for_person(step) and not policy.why_not(user, step),
        may_settle=step.state == StepState.UNKNOWN and user.may(May.STEER),
        undo_label=action.undo_label if can_undo and undoing.is_free(step) and not beside.is_over(step) else "",
        undo_at=f"Undone by itself at {_minute(undo.not_before)}" if undo and undoing.is_scheduled(undo) else "",
        extensions=EXTENSIONS if undo and undoing.is_scheduled(undo) and user.may(May.WORK) else (),
        is_undone=undo is not None and undo.state == StepState.SUCCEEDED,
        hits=beside.hits(step),
        progress=progress_of(step),
        child=beside.child(step),
    )


def _help(step: StepRun) -> str:
    """What the runbook says of a step, until it has ended; of a question also afterwards: what follows each answer."""
    is_told = not step.is_ended or actions[step.action].waits_for_person
    return str(progress.written_step(step.run, step).get("help_text", "")) if is_told else ""


def may_break(step: StepRun, user: User) -> bool:
    """May the reader let a waiting step go alone, because nobody else can be asked?"""
    is_asked = step.state == StepState.WAITING and not actions[step.action].waits_for_person
    return is_asked and user.may(May.STEER) and bool(policy.why_not(user, step))


def next_call(step: StepRun) -> str:
    """Who is called next, and when; empty when nobody is on call for it."""
    left = unanswered.left_to_call(step)
    if not left:
        return ""
    at = f" at {step.not_before:%H:%M} UTC" if step.not_before else " now"
    return f"Next: {left[0].display_name}{at}"


def when_unanswered(step: StepRun) -> tuple[str, str]:
    """What the step does to its run then, and the standing approval that lets it go before, in one sentence."""
    found = StandingApproval.objects.filter(action=step.action, revoked_at__isnull=True, is_after_rota=True)
    fits = next((one for one in found if not standing.why_not(one, step, timezone.now())), None)
    allowed = f"When nobody on call answers, the standing approval “{fits}” lets it go." if fits else ""
    return progress.if_unanswered(step), allowed


def plan_of(step: StepRun) -> Plan | None:
    """What would be touched; None when the case has moved on."""
    try:
        return actions[step.action]().plan(progress.call_of(step))
    except ActionError:
        return None


def facts_of(step: StepRun) -> tuple[tuple[str, str], ...]:
    """What this action wants known before anybody decides; nothing when the case has moved on."""
    try:
        return actions[step.action]().facts(progress.call_of(step))
    except ActionError:
        return ()


def _look(step: StepRun, may_decide: bool) -> tuple[str, str, bool]:
    if step.state == StepState.PENDING:
        return "todo", "", False
    if step.state == StepState.WAITING:
        is_question = actions[step.action].waits_for_person
        return ("ask" if may_decide or is_question else "oth"), "ask" if is_question else "approve", False
    if step.data.get("is_partly") and step.state in {StepState.VERIFYING, StepState.UNKNOWN}:
        return "part", "half", False
    if _waits_for_its_time(step):
        return "todo", "clock", False
    return LOOKS[step.state]


def _word(step: StepRun, may_decide: bool) -> str:
    if step.state == StepState.WAITING:
        if actions[step.action].waits_for_person:
            return "Waits for an answer"
        return "Needs your approval" if may_decide else "Waits for approval by others"
    if _waits_for_its_time(step):
        return "Waits"
    if step.state == StepState.READY and not step.approvals_needed:
        return "Due"
    if step.data.get("is_partly") and step.state in {StepState.VERIFYING, StepState.UNKNOWN}:
        return "Partly isolated"
    return step.word


def _time_text(step: StepRun) -> str:
    if step.state == StepState.PENDING:
        return ""
    if step.state == StepState.WAITING:
        return f"until {_minute(step.deadline)}"
    return _minute(step.state_at)


def _line(step: StepRun, beside: Around) -> str:
    """The one line below the step's name."""
    if step.state == StepState.SUCCEEDED:
        return beside.said(step)
    if step.state == StepState.VERIFYING:
        return f"Sent. Reading back from the device, try {step.checks + 1} of 8. {step.reason}"
    if step.state == StepState.READY and (held := beside.held_by(step)):
        return held
    if _waits_for_its_time(step):
        return f"Waits until {_minute(step.not_before)}"
    if step.state in {StepState.WAITING, StepState.PENDING}:
        return ""
    if step.state in BEFORE_SENDING and (step.attempts or step.not_before):
        again = f", next try at {clock(step.not_before)}" if step.not_before else ""
        return f"{step.reason} (try {step.attempts} of {step.max_attempts}{again})"
    return step.reason


def _is_still(step: StepRun) -> bool:
    """Does nothing move at the step until another one does, or its time comes?"""
    return step.is_ended or step.state == StepState.PENDING or _waits_for_its_time(step)


def _waits_for_its_time(step: StepRun) -> bool:
    """Is it ready, was never tried, and is due later?"""
    return step.state == StepState.READY and not step.attempts and not step.reason and step.not_before is not None


def _minute(at: datetime | None) -> str:
    """14:03 UTC, with the day when it is not today."""
    if at is None:
        return ""
    day = "" if at.date() == timezone.now().date() else f"{at.day} {at:%b} "
    return f"{day}{at:%H:%M} UTC"


def lasted(run: Run) -> str:
    """How long the run took, or takes."""
    return duration(((run.ended_at or timezone.now()) - run.started_at).total_seconds())
