"""The error of a query that the range's subset of KQL cannot read or carry out."""


class KqlError(Exception):
    """Its text names the position (1 is the first character of the query)."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(f"{message} (position {at + 1})")
        self.at = at
