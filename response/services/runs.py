"""Start a run, and steer it: pause, resume, stop, cancel."""

from uuid import UUID

from django.db import IntegrityError, transaction

from cases.choices import Stage
from cases.models import Case
from cases.services import cases
from response.choices import BEFORE_SENDING, ENDED_RUN, Effect, RunState
from response.errors import RunbookError, TransitionError
from response.models import Run, RunbookVersion, StepRun
from response.services import clock, policy, progress, rows, scope, transitions
from response.services.approvals import checked_reason
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import User


def start(version_id: int, case_id: int, *, request_id: UUID, actor: User) -> Run:
    """Start a version on a case, once per `request_id`; NotAllowedError, RunbookError or TransitionError."""
    require(actor, May.WORK)
    if found := already_started(request_id, case_id, actor):
        return found
    case = _visible_case(case_id, actor)
    return begin(_startable(version_id, case), case, request_id=request_id, actor=actor)


def begin(version: RunbookVersion, case: Case, *, request_id: UUID, actor: User, reason: str = "") -> Run:
    """Start a version that may be started; who calls has asked whether this form did it before."""
    require(actor, May.WORK)
    if case.stage in {Stage.NEW, Stage.TRIAGE}:
        raise TransitionError(f"Escalate {case.number} first: that is the validation a run relies on.")
    if not case.is_open:
        raise TransitionError(f"{case.number} is closed.")
    try:
        with transaction.atomic():
            run = rows.insert_run(version, case, request_id, actor)
            transitions.tell(run, f"Started {version}{f': “{reason}”' if reason else ''}", actor=actor)
            progress.advance(transitions.locked_run(run.pk))
    except IntegrityError as error:
        if found := already_started(request_id, case.pk, actor):
            return found
        raise TransitionError("The run could not be started. Try again.") from error
    run.refresh_from_db()
    return run


def escalate_and_start(version_id: int, case_id: int, *, request_id: UUID, actor: User) -> Run:
    """One click: escalate the case when it is not yet, then start."""
    require(actor, May.WORK)
    if found := already_started(request_id, case_id, actor):
        return found
    case = _visible_case(case_id, actor)
    _startable(version_id, case)
    if case.stage in {Stage.NEW, Stage.TRIAGE}:
        cases.escalate(case_id, actor=actor)
    return start(version_id, case_id, request_id=request_id, actor=actor)


def already_started(request_id: UUID, case_id: int, actor: User) -> Run | None:
    """The run that this form started before: a double click finds it."""
    found = Run.objects.filter(request_id=request_id).first()
    if found is not None and (found.case_id != case_id or found.requested_by_id != actor.pk):
        raise TransitionError("This form was used for something else. Load the page again.")
    return found


def pause(run_id: int, *, actor: User) -> Run:
    """Nothing new is sent until it is resumed; what was sent goes on."""
    with transaction.atomic():
        run = _steered(run_id, actor, May.STEER, {RunState.RUNNING})
        progress.set_run(
            run, RunState.PAUSED, reason=f"Paused by {actor.display_name}", story=f"Paused: {run.version}", actor=actor
        )
    return run


def resume(run_id: int, *, actor: User) -> Run:
    """Go on, also after a failed step that asked."""
    with transaction.atomic():
        run = _steered(run_id, actor, May.STEER, {RunState.PAUSED})
        progress.set_run(run, RunState.RUNNING, story=f"Resumed: {run.version}", actor=actor)
        progress.advance(run)
    return run


def stop(run_id: int, *, reason: str, actor: User) -> Run:
    """No further step is sent; what was sent is finished, and what was done stays as it is."""
    reason = checked_reason(reason)
    with transaction.atomic():
        run = _steered(run_id, actor, May.STEER, {RunState.RUNNING, RunState.PAUSED})
        text = f"Stopped by {actor.display_name}: {reason}"
        stays = _what_stays(run)
        progress.set_run(
            run, RunState.STOPPING, reason=text, story=f"Stopped {run.version}: “{reason}”. {stays}", actor=actor
        )
        progress.withdraw(run, BEFORE_SENDING[:3], text, actor)
        progress.advance(run)
    return run


def cancel(run_id: int, *, actor: User) -> Run:
    """Take back all that has not been sent; what was sent is named."""
    with transaction.atomic():
        run = transitions.locked_run(run_id)
        if not policy.may_cancel(actor, run):
            raise NotAllowedError("Your roles allow you to cancel only your own runs.")
        _visible_case(run.case_id, actor)
        if run.state in ENDED_RUN:
            raise TransitionError(f"The run has ended: {run.get_state_display().lower()}.")
        if run.cancel_requested_at is not None:
            raise TransitionError("The run is being cancelled already; what was sent is finished first.")
        run.cancel_requested_at = clock.now()
        run.save(update_fields=["cancel_requested_at"])
        stays = _what_stays(run)
        text = f"Cancelled by {actor.display_name}. {stays}"
        progress.set_run(run, RunState.STOPPING, reason=text, story=f"Cancelled {run.version}. {stays}", actor=actor)
        progress.withdraw(run, BEFORE_SENDING, text, actor)
        progress.advance(run)
    return run


def _startable(version_id: int, case: Case) -> RunbookVersion:
    """The version, if new runs follow it and this case has what it acts on."""
    version = RunbookVersion.objects.select_related("runbook").filter(pk=version_id).first()
    if version is None or not version.is_intact:
        raise RunbookError("There is no such published runbook.")
    if not version.runbook.is_enabled:
        raise RunbookError(f"{version.runbook.title} is switched off.")
    if (live := version.runbook.live) is not None and live.pk != version.pk:
        raise RunbookError(f"{live} replaced v{version.number}. Load the page again.")
    if scope.needs_device(version.body["steps"]) and not scope.has_device(case):
        raise RunbookError(f"{case.number} names no device yet, and {version.runbook.title} acts on one.")
    return version


def _what_stays(run: Run) -> str:
    steps = StepRun.objects.filter(run=run).exclude(effect=Effect.READ).exclude(state__in=transitions.NOT_HAPPENED)
    titles = [step.title for step in steps if step.state not in BEFORE_SENDING or transitions.in_doubt(step)]
    if not titles:
        return "Nothing had been sent."
    return f"{len(titles)} step(s) were already sent and stay as they are: {', '.join(titles)}."


def _steered(run_id: int, actor: User, may: May, states: set[RunState]) -> Run:
    require(actor, may)
    run = transitions.locked_run(run_id)
    _visible_case(run.case_id, actor)
    if run.state not in states:
        raise TransitionError(f"The run is in another state by now: {run.get_state_display().lower()}.")
    return run


def _visible_case(case_id: int, actor: User) -> Case:
    case = Case.objects.visible_to(actor).select_related("kind").filter(pk=case_id).first()
    if case is None:
        raise NotAllowedError("You cannot see this case.")
    return case
