"""What a detector's module does: a payload in, normalised alerts out. Fields are those of STANDARDS.md part 1."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from secops.errors import SecopsError
from secops.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """One field that did not fit: its path in the payload or our own schema, and why, in plain words."""

    field: str
    message: str


class RejectedError(SecopsError):
    """A required field cannot be read; names each field and the reason. Everything else is repaired or dropped."""

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = list(problems)


class IgnoredError(SecopsError):
    """A readable message that is no alert (a Suricata flow line)."""

    status_code = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalObservable:
    """Value already normalised as STANDARDS.md part 1.1 says; kind and role are words of cases.choices."""

    kind: str
    value: str
    role: str = "other"
    tags: tuple[str, ...] = ()
    note: str = ""
    is_indicator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalDevice:
    """Device keys, strongest first (STANDARDS.md part 1.2). `address` is what it had at the alert's time. The agent of
    a detector that is no EDR numbers its devices its own way, and no EDR finds one by that."""

    agent_id: str = ""
    is_edr: bool = True
    directory_id: str = ""
    mac: str = ""
    fqdn: str = ""
    name: str = ""  # host name without domain, upper case kept as sent
    address: str = ""
    os: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalPerson:
    """`role`: actor, target, logged_on. `login` lower case without domain; never a machine or service account."""

    directory_id: str = ""
    sid: str = ""
    upn: str = ""
    login: str = ""
    domain: str = ""
    role: str = "actor"


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalFlow:
    src_ip: str = ""
    src_port: int | None = None
    dst_ip: str = ""
    dst_port: int | None = None
    proto: str = ""
    direction: str = ""
    bytes_out: int | None = None
    bytes_in: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalAlert:
    """`nightdesk.alert/1`. Texts are clean (no NUL, no surrogate, cut), times aware UTC, `source` may be empty:
    the door fills in the sender."""

    title: str  # one line, at most 300
    severity: int  # 0..4
    detected_at: datetime
    source_ref: str  # at most 255
    source: str = ""
    description: str = ""
    kind: str = ""  # slug of an alert kind, when the sender names one
    rule_id: str = ""
    rule_name: str = ""
    rule_version: str = ""
    rule_url: str = ""
    severity_raw: str = ""
    is_severity_assumed: bool = False
    confidence: int | None = None
    risk_score: int | None = None
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    count: int = 1
    action: str = "unknown"
    status: str = ""  # the sender's own word: open, resolved, ...
    url: str = ""
    attack: tuple[tuple[str, str], ...] = ()  # (technique or "", tactic or "")
    devices: tuple[NormalDevice, ...] = ()
    people: tuple[NormalPerson, ...] = ()
    flow: NormalFlow | None = None
    observables: tuple[NormalObservable, ...] = ()
    tlp: int = 2
    pap: int = 2
    tags: tuple[str, ...] = ()
    is_unmapped: bool = False  # the generic reader guessed
    grouping_key: str = ""  # the sender's own incident id, when it has one
    problems: tuple[FieldProblem, ...] = field(default=())  # dropped or repaired, shown to the sender


class Detector:
    """One wire format. `reads` must be cheap and true for no other format; `normalise` raises RejectedError or
    IgnoredError."""

    slug: ClassVar[str]
    label: ClassVar[str]
    order: ClassVar[int] = 100  # place in STANDARDS.md part 5: `auto` asks in this order, first hit wins

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        """Is the unwrapped object of this format?"""
        raise NotImplementedError

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        raise NotImplementedError


detectors: Registry[Detector] = Registry("detectors")
