"""Why a step is not sent, or waits and for how long: asked just before every effect."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from response.actions.base import Action
from response.choices import Consent
from response.models import Override, Run, StepRun
from response.services import blast, breakers, clock, consent, drills, incidents, policy, protection, undoing
from secops.models import Integration

LOOK_AGAIN_SECONDS = 10.0  # when nobody knows how long it takes
WINDOW_SECONDS = 300.0  # how often a window is looked at again: somebody may have ended it


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """`until`: when it certainly ends, so that the step has its own time after that."""

    text: str
    seconds: float = LOOK_AGAIN_SECONDS
    until: datetime | None = None
    data: dict[str, Any] = field(default_factory=dict)  # what the step remembers of it


def refusal(step: StepRun, action: Action) -> str:
    """Why it is not sent at all, or nothing: policy, no drill, overtaken, or nobody's word that counts now."""
    untried = drills.problem(action, step.run.case, step.params, run=step.run)
    return policy.intent_problem(step, action) or untried or undoing.overtaken(step) or consent.problem(step)


def of(step: StepRun, action: Action, source: Integration | None, wait: float | None) -> Held | None:
    """The reason and the seconds, or None. `wait` is what the product's rate limit asks for.

    The breaker comes last: the step that it lets through is the one that tries.
    """
    if reason := policy.hold(action):
        return Held(text=reason)
    if held := _maintained(step, action):
        return held
    if wait is not None:
        return Held(text="The product's rate limit is used up", seconds=wait)
    if over := blast.over(step, action):
        seconds = min(over[1], WINDOW_SECONDS)
        return Held(text=over[0], seconds=seconds, until=clock.after(over[1]), data={incidents.OVER_CAP: True})
    if source is not None and (broken := breakers.wait(source.name)):
        return Held(text=broken[0], seconds=broken[1])
    return None


def deadline(step: StepRun, held: Held) -> datetime | None:
    """The step's own, or later when what holds it says when it ends; then its run's too. Its row is locked."""
    if held.until is None or step.deadline is None:
        return step.deadline
    end = max(step.deadline, held.until + timedelta(seconds=step.timeout_seconds))
    if step.run.deadline < end:
        step.run.deadline = end
        Run.objects.filter(pk=step.run_id).update(deadline=end)
    return end


def keep_consent(step: StepRun, held: Held) -> None:
    """The hour's cap can outlast an approval, and who lets the step go needs one to let go. A maintenance window that
    begins after the approval does not lengthen it."""
    if held.until is not None and incidents.OVER_CAP in held.data:
        consent.keep(step, held.until + timedelta(seconds=settings.APPROVAL_SECONDS))


def _maintained(step: StepRun, action: Action) -> Held | None:
    """Who breaks the glass does not wait for a window."""
    window = protection.maintained(action, step.run.case, step.params)
    if window is None or Override.objects.filter(step=step, kind=Consent.BREAK_GLASS).exists():
        return None
    left = (window.until - clock.now()).total_seconds()
    return Held(text=window.text, seconds=max(1.0, min(left, WINDOW_SECONDS)), until=window.until)
