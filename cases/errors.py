"""What can be wrong in the record; each text is written for the analyst."""

from secops.errors import ConflictError, SecopsError


class TransitionError(ConflictError):
    """The case is in another stage by now."""


class UndoError(ConflictError):
    """Too late to take it back, or something else happened since."""


class IncompleteError(SecopsError):
    """Something that a decision needs was not said."""
