"""What can be wrong in the record; each text is written for the analyst."""

from secops.errors import ConflictError, NotAllowedError, SecopsError


class TransitionError(ConflictError):
    """The case is in another stage by now."""


class UndoError(ConflictError):
    """Too late to take it back, or something else happened since."""


class IncompleteError(SecopsError):
    """Something that a decision needs was not said."""


class ConcernedError(NotAllowedError):
    """The case is about this person or somebody close to them, so they stay outside."""


class EvidenceError(ConflictError):
    """The evidence is in another state by now, or a rule of custody forbids it; the message says which."""


class StoreFullError(SecopsError):
    """There is no room left, or a quota is used up: nothing was kept."""

    status_code = 507


class BusyError(ConflictError):
    """Somebody else is at it right now; it is tried again."""


class TooLargeError(SecopsError):
    """More bytes than one item may have: nothing was kept."""

    status_code = 413
