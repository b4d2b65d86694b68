"""Numbers in URLs as people write them: CASE-12, ALR-3, E-1."""


class CaseNumber:
    """CASE-<n>, as an int in views and in reverse()."""

    regex = "CASE-[1-9][0-9]{0,17}"
    prefix = "CASE-"

    def to_python(self, value: str) -> int:
        return int(value.removeprefix(self.prefix))

    def to_url(self, value: int | str) -> str:
        return f"{self.prefix}{str(value).removeprefix(self.prefix)}"


class AlertNumber(CaseNumber):
    """ALR-<n>."""

    regex = "ALR-[1-9][0-9]{0,17}"
    prefix = "ALR-"


class EvidenceNumber:
    """E-<n> of a case, or E-<n>.<m> for a working copy; "n" or "n.m" in views."""

    regex = r"E-[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8})?"
    prefix = "E-"

    def to_python(self, value: str) -> str:
        return value.removeprefix(self.prefix)

    def to_url(self, value: str) -> str:
        return f"{self.prefix}{value.removeprefix(self.prefix)}"
