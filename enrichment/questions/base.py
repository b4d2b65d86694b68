"""What a question is: a capability to ask for, a subject to ask about, and the judgement on the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from secops.connectors.capabilities.identity import Host
from secops.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a lookup asks about. `at` is the alert's time: 'the past days' count back from it.

    Which fields are set depends on `kind`: address, domain, hash -> value; host -> host; pair -> host and value (the
    peer's address); registry -> host and value (the key); person -> value (login) and host; case -> value (its id).
    """

    kind: SubjectKind
    at: datetime
    value: str = ""
    value_kind: str = ""  # observable kind of the value: ip, domain, hash_sha256, registry_key
    host: Host = field(default_factory=Host)

    def plain(self) -> dict[str, Any]:
        """As JSON, for the lookup's row."""
        host = {name: getattr(self.host, name) for name in ("name", "agent_id", "address", "mac", "group")}
        return {
            "kind": str(self.kind),
            "at": self.at.isoformat(),
            "value": self.value,
            "value_kind": self.value_kind,
            "host": {name: value for name, value in host.items() if value},
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Subject":
        return cls(
            kind=SubjectKind(plain["kind"]),
            at=datetime.fromisoformat(plain["at"]),
            value=plain["value"],
            value_kind=plain["value_kind"],
            host=Host(**plain["host"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of a card. `verdict` colours it when it decides something."""

    label: str
    value: str
    verdict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """What a finding adds to the risk; benign facts give negative points."""

    points: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pivot:
    """Something found that the case should know. `kind`: device, person, or an observable kind."""

    kind: str
    value: str  # the observable's value, the device's name, the person's login
    role: str = "other"
    record: Mapping[str, Any] = field(default_factory=dict)  # fields of DeviceRecord or PersonRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The answer in words and plain data; becomes a Finding. Return None from `ask` when the source has no data."""

    verdict: Verdict
    headline: str  # a sentence that a tired person understands at 03:00
    label: str = ""
    facts: list[Fact] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    series: dict[str, Any] = field(default_factory=dict)
    points: list[Points] = field(default_factory=list)
    pivots: list[Pivot] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    as_of: datetime | None = None  # None: now
    observable_verdicts: dict[str, str] = field(default_factory=dict)  # value -> verdict


class Question:
    """One module per question. `ask` runs in a worker thread: no database there, only the connector.

    A question about SubjectKind.CASE asks no connector (`capability` is ""): it gets the case's other findings and is
    asked again whenever they are complete.
    """

    slug: ClassVar[str]
    label: ClassVar[str]  # the question in words
    card: ClassVar[Card]
    subject: ClassVar[SubjectKind]
    capability: ClassVar[str]
    value_kinds: ClassVar[frozenset[str]] = frozenset()  # observable kinds that it takes; empty: any of the subject
    order: ClassVar[int] = 50  # within a card and a verdict the lower speaks first
    bucket: ClassVar[timedelta] = timedelta(minutes=5)  # alerts so close share an answer; its windows end at the first
    only_if_named: ClassVar[bool] = False  # not asked by a kind that names no questions and so asks all
    leaves_house: ClassVar[bool] = False  # the value itself is told to the source

    def ask(self, connector: Any, subject: Subject) -> Judgement | None:
        """Ask and judge. SourceRefused, SourceLimited and HttpError end or delay the lookup."""
        raise NotImplementedError

    def weigh(self, findings: list[Mapping[str, Any]], subject: Subject) -> Judgement | None:
        """For SubjectKind.CASE: each finding as {question, connector, subject, card, verdict, status, headline, data};
        `subject` is the value asked about (of a pair the peer), or the device's name."""
        raise NotImplementedError


questions: Registry[Question] = Registry("questions")
