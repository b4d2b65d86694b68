"""What can be wrong in response; each text is written for the analyst."""

from typing import Any

from secops.errors import ConflictError, NotAllowedError, SecopsError


class TransitionError(ConflictError):
    """The run or step is in another state by now."""


class ApprovalError(ConflictError):
    """The approval does not count: other parameters, decided already, expired, or the wrong person."""


class OwnApprovalError(NotAllowedError):
    """Who asked for a step, or wrote its runbook, does not approve it."""


class MandateError(ConflictError):
    """The mandate is in another state by now, or does not say what it must."""


class RunbookError(SecopsError):
    """A runbook that cannot be published or started; the text names step and field."""


class ActionError(SecopsError):
    """The action ends here, and it is known that nothing was done."""


class AskFirstError(SecopsError):
    """Only now is it known how far the action would reach, and that people decide on that; nothing was done.

    `params` are added to the step's: what is approved is what was seen.
    """

    def __init__(self, message: str, params: dict[str, Any]) -> None:
        super().__init__(message)
        self.params = params
