"""Start a hunt by hand, stop it, and ask again what went unanswered."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from cases.models import Case
from response.actions import hunting
from response.actions.hunt import HuntEverywhere
from response.actions.start_runbook import StartRunbook
from response.choices import AskState, HuntState
from response.errors import RunbookError, TransitionError
from response.models import Hunt, HuntAsk, Run, Step
from response.services import clock, internal, policy, runbooks, runs, spread, transitions
from secops import taskqueue
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import User

SLUG, TITLE = "hunt-by-hand", "Hunt"
ANSWER_SLUG, ANSWER_TITLE = "answer-hits", "Answer the hits of a hunt"
TIMEOUT_SECONDS = 4 * 3_600  # a source may allow few calls an hour
AGAIN = (AskState.FAILED, AskState.REFUSED)


def start(case_id: int, params: dict[str, Any], *, request_id: UUID, actor: User) -> Run:
    """A run of one step, so that approvals, the case's rules and the timeline hold for it as for any runbook.

    NotAllowedError, RunbookError for what the case refuses or that is no hunt, TransitionError.
    """
    require(actor, May.WORK)
    if found := runs.already_started(request_id, case_id, actor):
        return found
    case = Case.objects.visible_to(actor).select_related("kind").filter(pk=case_id).first()
    if case is None:
        raise NotAllowedError("You cannot see this case.")
    if "${{" in str(params):
        raise RunbookError("What is hunted for cannot hold ${{, which runbooks fill in.")
    if problem := policy.refusal(HuntEverywhere(), case, params):
        raise RunbookError(problem)
    written = internal.step("hunt", HuntEverywhere.slug, params) | {"timeout_seconds": TIMEOUT_SECONDS}
    return runs.begin(internal.version_of(SLUG, TITLE, [written]), case, request_id=request_id, actor=actor)


def answer(hunt_id: int, runbook: str, device_ids: Sequence[int], *, request_id: UUID, actor: User) -> Run:
    """Start a runbook for each of these devices that the hunt found. Over the cap of a list a person reads all of
    them by name first; a device that has such a run gets no second one."""
    if found := runs.already_started(request_id, Hunt.objects.values_list("case", flat=True).get(pk=hunt_id), actor):
        return found
    hunt = _own(hunt_id, actor)
    if runbook not in {version.runbook.slug for version in runbooks.offered(hunt.case)}:
        raise RunbookError("Choose a runbook that is offered for this kind of case.")
    chosen = [one for one in hunting.hits_of(hunt) if one["device_id"] in set(device_ids)]
    if not chosen:
        raise RunbookError("Choose at least one device that the hunt found.")
    if len(chosen) > spread.MOST_ITEMS:
        raise RunbookError(f"Choose at most {spread.MOST_ITEMS} devices at once: a person must be able to read them.")
    items = [{"device_id": one["device_id"], "device": one["device"]} for one in chosen]
    params = {"runbook": runbook, "device": "${{ item.device_id }}"}
    written = internal.step("answer", StartRunbook.slug, params) | {"for_each": items, "cap": Step().cap}
    version = internal.version_of(ANSWER_SLUG, ANSWER_TITLE, [written])
    return runs.begin(version, hunt.case, request_id=request_id, actor=actor)


def stop(hunt_id: int, *, actor: User) -> Hunt:
    """Ask nothing more. What was found stays; the step fails, and says why."""
    hunt = _own(hunt_id, actor)
    if not hunting.stop(hunt.pk):
        raise TransitionError(f"The hunt has ended: {hunt.get_state_display().lower()}.")
    transitions.tell(hunt.step.run, f"Stopped the hunt for {hunt.title}", actor=actor, step=hunt.step)
    return hunt


def retry(hunt_id: int, *, actor: User) -> Hunt:
    """Ask again what failed or was refused. What its step made of the first answers stays as it is."""
    hunt = _own(hunt_id, actor)
    with transaction.atomic():
        hunt = Hunt.objects.select_for_update(of=("self",)).select_related("step__run", "case").get(pk=hunt.pk)
        if hunt.state == HuntState.STOPPED or not hunt.case.is_open:
            raise TransitionError("The hunt was stopped, or its case is closed.")
        again = HuntAsk.objects.filter(hunt=hunt, state__in=AGAIN)
        count = again.update(state=AskState.DUE, attempts=0, reason="", not_before=clock.now(), ended_at=None)
        if not count:
            raise TransitionError("Every question was answered, or is being asked.")
        hunt.state, hunt.ended_at = HuntState.RUNNING, None
        hunt.save(update_fields=["state", "ended_at"])
        transitions.tell(
            hunt.step.run, f"Asking again, hunt for {hunt.title}: {count} question(s)", actor=actor, step=hunt.step
        )
        taskqueue.ring("response")
    return hunt


def _own(hunt_id: int, actor: User) -> Hunt:
    require(actor, May.WORK)
    hunt = Hunt.objects.visible_to(actor).select_related("step__run", "case").filter(pk=hunt_id).first()
    if hunt is None:
        raise NotAllowedError("You cannot see this hunt.")
    return hunt
