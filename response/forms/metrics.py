"""What the metrics page is asked for: a value that does not fit is the usual one, never an error page."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from cases.choices import Severity
from response.services.metrics.scope import PERIODS
from response.services.metrics.spans import TITLES

USUAL_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`time`: which of the three times is drawn."""

    days: int
    severity: int
    time: str

    def query(self, **other: object) -> str:
        """As it stands in an address, with what is asked otherwise."""
        return urlencode({"days": self.days, "sev": self.severity, "time": self.time} | other)


def asked(query: QueryDict) -> Asked:
    days, severity, time = query.get("days", ""), query.get("sev", ""), query.get("time", "")
    return Asked(
        days=int(days) if days in {str(one) for one in PERIODS} else USUAL_DAYS,
        severity=int(severity) if severity in {str(one.value) for one in Severity} else int(Severity.INFO),
        time=time if time in TITLES else "acknowledge",
    )
