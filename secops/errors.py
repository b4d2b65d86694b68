"""The root of every error raised on purpose."""


class SecopsError(Exception):
    """The message is written for the analyst and shown as it is."""

    status_code = 400


class NotAllowedError(SecopsError):
    """The person may not do this; the message says what would be needed."""

    status_code = 403


class ConflictError(SecopsError):
    """Somebody or something else was faster, or the thing is in another state by now."""

    status_code = 409
