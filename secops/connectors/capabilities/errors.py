"""How a source or a product says no: refused, later, in doubt, or known to have done nothing."""

from secops.errors import SecopsError


class SourceRefused(SecopsError):  # noqa: N818 - the field's word for it; it ends a lookup as refused
    """The source will not answer this: rights, licence, or a query that it does not take."""

    status_code = 502


class SourceLimited(SecopsError):  # noqa: N818 - not a fault: the lookup waits
    """The source says later; `retry_after` in seconds. Holds the whole integration, counts as no attempt."""

    status_code = 503

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Doubt(SecopsError):  # noqa: N818 - RELIABILITY's word: the request may have arrived
    """It cannot be known whether the effect happened."""

    status_code = 502


class NoEffect(SecopsError):  # noqa: N818
    """The product refused, and is known to have done nothing. `retry_after` seconds when it said later."""

    status_code = 502

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
