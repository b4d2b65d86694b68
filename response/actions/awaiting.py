"""A step that only makes its run wait, until somebody has recorded something in Nightdesk."""

from typing import Any, ClassVar

from response.actions.base import Action, Call, Done, Poll, Work
from response.choices import Effect, Phase, Risk

LOOK_SECONDS = 5.0


class Awaits(Action):
    """Changes nothing; looks again from time to time."""

    phase = Phase.DETECTION
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "None outside."
    waiting: ClassVar[str]  # what it says until then

    def found(self, call: Call) -> tuple[str, dict[str, Any]] | None:
        """What was recorded, in words, and what later steps may read of it; None while nothing is."""
        raise NotImplementedError

    def do(self, call: Call) -> Done:
        if (found := self.found(call)) is None:
            return Done(text=self.waiting, is_polled=True)
        return Done(text=found[0], data=found[1])

    def poll(self, call: Call) -> Poll:
        if (found := self.found(call)) is None:
            return Poll(work=Work.GOING_ON, text=self.waiting, again_seconds=LOOK_SECONDS)
        return Poll(work=Work.DONE, text=found[0], data=found[1])
