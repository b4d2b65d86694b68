"""What can be wrong in response; each text is written for the analyst."""

from secops.errors import ConflictError, NotAllowedError, SecopsError


class TransitionError(ConflictError):
    """The run or step is in another state by now."""


class ApprovalError(ConflictError):
    """The approval does not count: other parameters, decided already, expired, or the wrong person."""


class OwnApprovalError(NotAllowedError):
    """Who asked for a step, or wrote its runbook, does not approve it."""


class RunbookError(SecopsError):
    """A runbook that cannot be published or started; the text names step and field."""


class ActionError(SecopsError):
    """The action ends here, and it is known that nothing was done."""
