"""Why a step that may be sent waits all the same, and for how long: asked just before every effect."""

from response.actions.base import Action
from response.models import StepRun
from response.services import breakers, policy
from secops.models import Integration

LOOK_AGAIN_SECONDS = 10.0  # when nobody knows how long it takes

type Held = tuple[str, float]


def of(step: StepRun, action: Action, source: Integration | None, wait: float | None) -> Held | None:
    """The reason and the seconds, or None. `wait` is what the product's rate limit asks for.

    The breaker comes last: the step that it lets through is the one that tries.
    """
    if reason := policy.hold(action):
        return reason, LOOK_AGAIN_SECONDS
    if wait is not None:
        return "The product's rate limit is used up", wait
    return breakers.wait(source.name) if source else None
