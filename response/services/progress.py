"""What follows when a step moved: the next ones open, or the run ends."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from cases.models import Case
from response.actions.base import Action, Call, actions
from response.choices import BEFORE_SENDING, ENDED_RUN, Effect, OnFailure, Risk, RunState, StepState
from response.errors import ActionError, TransitionError
from response.models import Run, StepRun
from response.models.runbooks import body_hash
from response.services import acquired, clock, outflow, policy, scope, spread, transitions
from secops import expressions, taskqueue

FAILED = (StepState.FAILED, StepState.REJECTED, StepState.EXPIRED)


def advance(run: Run) -> None:
    """Open the steps whose needs are done, and end the run when all steps ended. The run's row is locked."""
    if run.state in ENDED_RUN:
        return
    _react_to_failures(run)
    if run.state == RunState.STOPPING:  # also what came back to ready after the run was stopped
        withdraw(run, BEFORE_SENDING[:3], run.state_reason or "The run stopped")
    while step := _next_to_open(run):
        open_step(run, step)
        _react_to_failures(run)
    _end_if_done(run)
    if StepRun.objects.filter(run=run, state=StepState.READY).exists():
        taskqueue.ring("response")


def open_step(run: Run, step: StepRun) -> None:
    """pending to waiting, ready, skipped, or failed when an expression or a parameter does not hold."""
    written = written_step(run, step)
    action = actions[step.action]()
    if step.undoes_id is not None:  # its parameters stand since it was asked for
        ask(run, step, action, step.params, declared=None)
        return
    try:
        data = scope.of_run(run, written, step.data.get("item"))
        if not step.item and written.get("when") and not expressions.holds(written["when"], data):
            text, story = "Its condition does not hold", ""
            if reason := _why_skipped(run, step, written["when"]):
                text, story = f"{text}. {reason}", f"Skipped: {step.title}. {reason}"
            transitions.change(step, StepState.SKIPPED, frm=[StepState.PENDING], text=text, story=story)
            return
        if spread.is_list(step):
            _open_list(run, step, action, written, data)
            return
        params = action.clean(filled(written.get("params", {}), data), run.case)
        # asked again at intent; nobody need approve it in vain
        if problem := policy.over(action, run.case) or policy.refusal(action, run.case, params):
            raise ActionError(problem)
    except (expressions.ExpressionError, ActionError) as error:
        _not_opened(step, error)
        return
    at = clock.now()
    begins = action.due_at(params, at)
    if begins is not None:  # the run has its own time beside what it waits
        run.deadline += begins - at
        run.save(update_fields=["deadline"])
    ask(run, step, action, params, declared=written.get("approvals"), not_before=begins)


def _why_skipped(run: Run, step: StepRun, condition: str) -> str:
    """What is acquired, and what goes first, are decisions: their reason is told."""
    taken = acquired.of(run, run.device_id) if acquired.FIELD in condition and run.device_id is not None else {}
    if step.action in taken:
        return taken[step.action]
    return outflow.of(run.case, run.device_id).reason if outflow.FIELD in condition else ""


def _not_opened(step: StepRun, error: Exception) -> None:
    """Nothing was asked of anybody. Where so much was found that nothing was done, a person reads it before the run
    goes on, also where the step says to go on."""
    is_silent = isinstance(error, spread.TooLongError) and step.on_failure == OnFailure.CONTINUE
    transitions.change(
        step,
        StepState.FAILED,
        frm=[StepState.PENDING],
        text=str(error),
        story=f"Failed: {step.title}. {error}",
        on_failure=OnFailure.ASK if is_silent else step.on_failure,
    )


def _open_list(run: Run, step: StepRun, action: Action, written: dict[str, Any], data: expressions.Scope) -> None:
    """A step with `for_each`: its list is fixed now, and waits for a person when it is over the cap."""
    params = spread.listed(run, written, data)
    if not params["items"]:
        text = "There is nothing to do it for"
        transitions.change(step, StepState.SKIPPED, frm=[StepState.PENDING], text=text)
        return
    ask(run, step, action, params, declared=spread.approvals_of(params, written.get("approvals")))


def ask(
    run: Run,
    step: StepRun,
    action: Action,
    params: dict[str, Any],
    *,
    declared: int | None,
    not_before: datetime | None = None,
) -> None:
    """Fix the evaluated parameters, and open the step: to people if it needs approval, else to workers.

    `not_before` is for a step that nobody approves: it is ready now and due then.
    """
    is_undo = step.undoes_id is not None
    needed = policy.approvals_needed(action, params, run.case, declared, is_undo)
    waits = needed > 0 or action.waits_for_person
    by_timeout = step.timeout_seconds if action.waits_for_person else settings.APPROVAL_SECONDS
    step.params = params
    title = planned_title(run.case, action, step)
    transitions.change(
        step,
        StepState.WAITING if waits else StepState.READY,
        frm=[StepState.PENDING],
        text="Waits for an answer" if action.waits_for_person else "Waits for approval" if waits else "",
        story=f"Asked: {title}" if waits else "",
        params=params,
        params_sha256=body_hash(params),
        target=action.target(run.case, params),
        title=title,
        approvals_needed=needed,
        not_before=not_before,
        deadline=(not_before or clock.now()) + timedelta(seconds=by_timeout if waits else step.timeout_seconds),
        actor=step.requested_by if is_undo else None,  # a run's own steps are asked by the run
    )


def planned_title(case: Case, action: Action, step: StepRun) -> str:
    """The step's own title, with what it touches."""
    if action.effect == Effect.READ:
        return step.title
    name = action.subject(case, step.params)
    return step.title if not name or name in step.title else f"{step.title}: {name}"[:160]


def filled(value: Any, data: expressions.Scope) -> Any:
    """Parameters with every `${{ }}` evaluated once."""
    match value:
        case str():
            return expressions.fill(value, data)
        case list():
            return [filled(item, data) for item in value]
        case dict():
            return {name: filled(item, data) for name, item in value.items()}
    return value


def written_step(run: Run, step: StepRun) -> dict[str, Any]:
    """The step as the version has it; empty for an undo, which no version has."""
    return next((one for one in run.version.body["steps"] if one["key"] == step.key), {})


def if_unanswered(step: StepRun) -> str:
    """What the step does to its run when nobody decided: what its version says of that, else as after a failure."""
    return written_step(step.run, step).get("if_unanswered") or step.on_failure


def call_of(step: StepRun, connector: Any = None) -> Call:
    """What the action is given."""
    return Call(
        case=step.run.case,
        step_id=step.pk,
        params=step.params,
        key=step.key_text,
        handle=step.handle,
        connector=connector,
        data=step.data,
        requested_by=step.requested_by.display_name,
    )


def withdraw(run: Run, states: tuple[StepState, ...], text: str, actor: Any = None) -> int:
    """Cancel what has not been sent; the number of steps."""
    count = 0
    found = StepRun.objects.select_for_update().filter(run=run, state__in=states, undoes__isnull=True)
    for step in found:
        step.run = run
        try:
            transitions.change(step, StepState.CANCELLED, frm=states, text=text, actor=actor, lease_until=None)
        except TransitionError:
            continue  # a worker claimed it this moment: intent will see what the run says
        count += 1
    return count


def set_run(run: Run, state: RunState, *, reason: str = "", story: str = "", actor: Any = None) -> None:
    """Write the run's state; ended exactly when it says so."""
    run.state, run.state_reason = state, reason[:500]
    run.ended_at = clock.now() if state in ENDED_RUN else None
    run.save(update_fields=["state", "state_reason", "ended_at"])
    if story:
        transitions.tell(run, story, actor=actor)


def _next_to_open(run: Run) -> StepRun | None:
    steps = list(StepRun.objects.select_related("requested_by").filter(run=run))
    going = [step for step in steps if not step.is_ended]
    keys, pks = {step.key for step in going if not _may_be_left(step)}, {step.pk for step in going}
    for step in going:
        if step.undoes_id is not None:  # also of a run that is paused or stopped
            is_next = step.data.get("after") not in pks
        else:
            is_next = run.state == RunState.RUNNING and keys.isdisjoint(written_step(run, step).get("needs", []))
        if step.state == StepState.PENDING and is_next:
            step.run = run
            return step
    return None


def _may_be_left(step: StepRun) -> bool:
    """In doubt until a person settles it, and nothing that follows depends on it: at night nobody would, and what waits
    may be the isolation."""
    is_harmless = step.risk != Risk.DISRUPTIVE and step.on_failure == OnFailure.CONTINUE
    return step.state == StepState.UNKNOWN and is_harmless


def _react_to_failures(run: Run) -> None:
    """Stop, pause or go on, as the failed step says; each failure is answered once."""
    left = StepRun.objects.filter(run=run, state__in=BEFORE_SENDING, undoes__isnull=True)
    if run.state != RunState.RUNNING or not left.exists():
        return
    failed = StepRun.objects.filter(run=run, state__in=FAILED, undoes__isnull=True)
    if stopper := failed.filter(on_failure=OnFailure.STOP).first():
        text = f"{stopper.title}: {stopper.get_state_display().lower()}"
        set_run(run, RunState.STOPPING, reason=text)
        withdraw(run, BEFORE_SENDING[:3], f"The run stopped. {text}")
        return
    asking = failed.filter(on_failure=OnFailure.ASK).exclude(data__has_key="was_asked").first()
    if asking is not None:
        asking.data["was_asked"] = True
        StepRun.objects.filter(pk=asking.pk).update(data=asking.data)
        text = f"{asking.title}: {asking.get_state_display().lower()}. Go on, or stop?"
        set_run(run, RunState.PAUSED, reason=text, story=f"{run.version} waits: {text}")


def _end_if_done(run: Run) -> None:
    steps = list(StepRun.objects.filter(run=run))
    if not all(step.is_ended for step in steps):
        return
    own = [step for step in steps if step.undoes_id is None]
    has_failed = any(step.state in FAILED and step.on_failure != OnFailure.CONTINUE for step in own)
    is_cut_short = any(step.state == StepState.CANCELLED for step in own)
    state = RunState.SUCCEEDED
    if run.cancel_requested_at or (is_cut_short and not has_failed):
        state = RunState.CANCELLED
    elif has_failed:
        state = RunState.FAILED
    set_run(run, state, reason=run.state_reason, story=f"{run.version}: {RunState(state).label.lower()}")
