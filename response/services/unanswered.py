"""A step that nobody decides on: the next of the rota is called, then a standing approval is asked, then it expires."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from response.actions.base import actions
from response.choices import PageReason, RunState, StepState
from response.models import Page, StandingApproval, StepRun
from response.services import (
    clock,
    consent,
    containing,
    overrides,
    paging,
    policy,
    protection,
    rota,
    standing,
    transitions,
)
from secops.models import User

LOOK_AGAIN_SECONDS = 60  # when nobody is left to call: a standing approval may begin to hold
BATCH = 200
NOT_INCLUDED = "was_told_not_included"  # in the data of a step: its case has read why it waits
TOLD = "was_told_nobody"  # in the data of a step whose case has read that nobody answers


def tick() -> int:
    """Carry on every step that waits for approval and whose turn has come; the number of steps moved."""
    at = clock.now()
    waiting = StepRun.objects.filter(state=StepState.WAITING, approvals_needed__gt=0, deadline__gt=at)
    pks = waiting.filter(Q(not_before__isnull=True) | Q(not_before__lte=at)).order_by("pk").values_list("pk", flat=True)
    return sum(_carry_on(pk) for pk in pks[:BATCH])


def left_to_call(step: StepRun) -> list[User]:
    """Who is on call, may decide on the step, and was not called yet."""
    called = set(Page.objects.filter(step=step, reason=PageReason.ASKED).values_list("person_id", flat=True))
    called |= consent.decided(step)
    return [one for one in rota.on_call(clock.now()) if one.pk not in called and not policy.why_not(one, step)]


def _carry_on(pk: int) -> int:
    with transaction.atomic():
        step = transitions.locked(pk)
        at = clock.now()
        if step.state != StepState.WAITING or actions[step.action].waits_for_person:
            return 0
        if step.not_before is not None and step.not_before > at:
            return 0
        action = actions[step.action]()
        may_go = step.run.state == RunState.RUNNING and not policy.hold(action)
        may_go = may_go and protection.maintained(action, step.run.case, step.params) is None
        included, unsaid = containing.covering(step) if may_go else (None, "")
        if included is not None:
            containing.use(step, included)
            return 1
        _say_once(step, unsaid)
        found, _ = standing.covering(step, is_after_rota=False) if may_go else (None, "")
        if found is None and _call_next(step, at):
            return 1
        why = ""
        if found is None and may_go:
            found, why = standing.covering(step, is_after_rota=True)
        if found is not None:
            overrides.use(step, found)
            return 1
        _say_nobody(step, why)
        _look_again(step, LOOK_AGAIN_SECONDS)
    return 0


def _call_next(step: StepRun, at: datetime) -> bool:
    """Call the next, or all who are left when the time for it grows short; also true while the time of whoever might
    look at the approvals by themselves is not over."""
    people = left_to_call(step)
    left = (step.deadline - at).total_seconds() if step.deadline else 0.0
    for person in people if left <= 2 * settings.PAGE_SECONDS else people[:1]:
        paging.call(step, person, PageReason.ASKED)
    waited = (at - step.state_at).total_seconds()
    if people or waited < settings.PAGE_SECONDS:
        pause = settings.PAGE_SECONDS if people else settings.PAGE_SECONDS - waited
        _look_again(step, min(pause, max(1.0, left / 2)))
        return True
    return False


def _look_again(step: StepRun, seconds: float) -> None:
    """The state stays, so no line is written."""
    StepRun.objects.filter(pk=step.pk).update(not_before=clock.after(seconds))


def _say_once(step: StepRun, why: str) -> None:
    """Why the approval of the hunt that found the device is not enough: people who are asked again want to know."""
    if why and not step.data.get(NOT_INCLUDED):
        step.data |= {NOT_INCLUDED: True}
        StepRun.objects.filter(pk=step.pk).update(data=step.data)
        transitions.tell(step.run, f"{step.title} waits for its own approval. {why}", step=step)


def _say_nobody(step: StepRun, why: str) -> None:
    """Once, and only where somebody was to be called or something was allowed ahead."""
    is_used = Page.objects.filter(step=step).exists() or StandingApproval.objects.filter(action=step.action).exists()
    if step.data.get(TOLD) or not is_used:
        return
    StepRun.objects.filter(pk=step.pk).update(data=step.data | {TOLD: True})
    allowed = why or "no standing approval is for this"
    transitions.tell(step.run, f"Nobody on call is left to ask about {step.title}, and {allowed}", step=step)
