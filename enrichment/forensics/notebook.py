"""What a tool notes while it reads: within the bounds of a report, and saying where a bound was met."""

from datetime import UTC, datetime
from time import monotonic

from enrichment.forensics import report
from enrichment.forensics.report import Carried, Event, Fact, Notable, Report, Seen, Table

FIRST_YEAR, LAST_YEAR = 1980, 2100  # outside of them a time stamp is noise


class Notebook:
    """Collects; the tools write into it and the process hands its report over."""

    def __init__(self, *, known: frozenset[str] = frozenset(), seconds: float = 3600.0) -> None:
        self.known = known  # values that the case names already, in lower case
        self.notable: list[Notable] = []
        self.facts: list[Fact] = []
        self.tables: list[Table] = []
        self.events: list[Event] = []
        self.carried: list[Carried] = []
        self._limits: dict[str, None] = {}
        self._seen: dict[tuple[str, str], Seen] = {}
        self._ends = monotonic() + seconds

    @property
    def is_late(self) -> bool:
        """Time to write down what was found; what was not read is said."""
        if monotonic() < self._ends:
            return False
        self.limit("Stopped before the end: the time for one examination is used up.")
        return True

    def limit(self, text: str) -> None:
        """Something that was not looked at, or not to its end."""
        if len(self._limits) < 39:
            self._limits.setdefault(line(text))

    def fact(self, label: str, value: object) -> None:
        if len(self.facts) < 60:
            self.facts.append(Fact(word(label), line(value)))

    def note(
        self,
        name: str,
        why: list[str],
        *,
        size: int | None = None,
        sha256: str | None = None,
        at: str | None = None,
        details: str = "",
    ) -> None:
        """Something to look at."""
        if len(self.notable) >= report.MOST_NOTABLE:
            self.limit(f"More than {report.MOST_NOTABLE} things to look at: only the first are listed.")
            return
        words, when = [word(one) for one in why[:12]], _believed(at)
        found = Notable(name=path(name), why=words, size=size, sha256=sha256, at=when, details=line(details))
        self.notable.append(found)

    def event(self, at: str | None, text: str) -> None:
        """Something that happened there; without a time that can be believed it is no event."""
        if (when := _believed(at)) is not None:
            self.events.append(Event(when, line(text)))

    def see(self, kind: str, value: str, role: str, *, at: str | None = None, how: str = "") -> None:
        """An observable for the case."""
        if (kind, value) in self._seen or len(self._seen) < report.MOST_OBSERVABLES:
            self._seen.setdefault((kind, value), Seen(kind, path(value), role, _believed(at), word(how)))
        else:
            self.limit(f"More than {report.MOST_OBSERVABLES} things that the case could know: only the first are told.")

    def table(self, title: str, columns: list[str], rows: list[list[str]]) -> None:
        """The first columns of it: what does not fit is said."""
        if rows and len(self.tables) < 8:
            most = report.MOST_COLUMNS
            cells = [[line(cell) for cell in row[:most]] for row in rows[:200]]
            self.tables.append(Table(word(title), [word(column) for column in columns[:most]], cells))
            if columns[most:]:
                self.limit(f"{title}: columns that are not listed: {', '.join(columns[most:])}.")

    def report(self, tool: str, version: str, *, sha256: str | None, guards: list[str]) -> Report:
        """Events in the order of their time: of too many, the latest stay."""
        events = sorted(self.events, key=lambda event: event.at)
        if len(events) > report.MOST_EVENTS:
            self.limit(f"{len(events)} events: the latest {report.MOST_EVENTS} are kept.")
        return Report(
            tool=tool,
            version=version,
            sha256=sha256,
            guards=guards,
            facts=self.facts,
            notable=self.notable,
            tables=self.tables,
            events=events[-report.MOST_EVENTS :],
            observables=list(self._seen.values()),
            limits=list(self._limits),
            carried=self.carried,
        )


def line(value: object) -> str:
    """Text of at most a line's length, as UTF-8 can carry it."""
    text = str(value).encode("utf-8", "replace").decode()
    return text if len(text) <= 600 else text[:599] + "…"


def word(value: object) -> str:
    return line(value)[:64]


def path(value: str) -> str:
    """The end of a long path says more than its beginning."""
    text = value.encode("utf-8", "replace").decode()
    return text if len(text) <= 1_024 else "…" + text[-1_023:]


def stamp(seconds: float | None) -> str | None:
    """Seconds since 1970 as a report writes a time; None for nothing and for noise."""
    if not seconds:
        return None
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if FIRST_YEAR <= at.year < LAST_YEAR else None


def _believed(at: str | None) -> str | None:
    """A time that something else wrote down, as a report writes it."""
    if at is None:
        return None
    try:
        return stamp(datetime.fromisoformat(at).timestamp())
    except (ValueError, OverflowError):
        return None
