"""Reads the fields of our own schema one by one and names those that it drops."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake import nightdesk_schema as schema
from cases.intake.absent import is_absent, plain
from cases.intake.base import NormalDevice, NormalFlow, NormalObservable, NormalPerson
from cases.intake.identities import device, distinct, person
from cases.intake.networks import address, port
from cases.intake.normalise import Problems, is_attack_id
from cases.intake.observables import MAX_OBSERVABLES, Observables
from cases.intake.paths import whole_number
from cases.intake.texts import tags
from cases.intake.times import not_ahead, read_time

MAX_ITEMS = 200  # devices or people of one alert
MAX_BYTES = (1 << 63) - 1


class Fields:
    """The optional fields of one object; `prefix` is where the object stands in the alert."""

    def __init__(self, payload: dict[str, Any], problems: Problems, prefix: str = "") -> None:
        self.payload = payload
        self.problems = problems
        self.prefix = prefix

    def read[T](self, name: str, reader: Callable[[Any], T | None], default: T) -> T:
        """The value where it fits; otherwise the default, and the field is named."""
        value = self.payload.get(name)
        if is_absent(value):
            return default
        found = reader(value)
        if found is None:
            self.drop(name)
            return default
        return found

    def time(self, name: str, received_at: datetime) -> datetime | None:
        found = self.read(name, lambda value: read_time(value, received_at), None)
        return not_ahead(found, received_at)[0] if found else None

    def tags(self, name: str = "tags") -> tuple[str, ...]:
        return tags(self.read(name, lambda value: value if isinstance(value, list) else None, []))

    def part(self, name: str) -> "Fields":
        """The object under a name, or an empty one."""
        found: dict[str, Any] = self.read(name, lambda value: value if isinstance(value, dict) else None, {})
        return Fields(found, self.problems, f"{self.prefix}{name}.")

    def parts(self, name: str, limit: int) -> Iterator["Fields"]:
        """The objects of a list."""
        items: list[Any] = self.read(name, lambda value: value if isinstance(value, list) else None, [])
        if len(items) > limit:
            self.problems.add(f"{self.prefix}{name}", f"only the first {limit} of {len(items)} are kept")
        for index, item in enumerate(items[:limit]):
            place = f"{self.prefix}{name}[{index}]"
            if isinstance(item, dict):
                yield Fields(item, self.problems, f"{place}.")
            else:
                self.problems.add(place, "not an object; dropped")

    def drop(self, name: str) -> None:
        sent = plain(self.payload.get(name))[:60]
        self.problems.add(
            f"{self.prefix}{name}", f"{sent!r} does not fit; dropped" if sent else "does not fit; dropped"
        )


def read_flow(alert: Fields) -> NormalFlow | None:
    part = alert.part("flow")
    flow = NormalFlow(
        src_ip=part.read("src_ip", _address, ""),
        src_port=part.read("src_port", port, None),
        dst_ip=part.read("dst_ip", _address, ""),
        dst_port=part.read("dst_port", port, None),
        proto=part.read("proto", schema.text(32), "").lower(),
        direction=part.read("direction", schema.text(32), "").lower(),
        bytes_out=part.read("bytes_out", _amount, None),
        bytes_in=part.read("bytes_in", _amount, None),
    )
    return flow if flow != NormalFlow() else None


def read_attack(alert: Fields) -> tuple[tuple[str, str], ...]:
    pairs = []
    for part in alert.parts("attack", MAX_ITEMS):
        technique = part.read("technique", lambda value: _attack_id(value, "T"), "")
        tactic = part.read("tactic", lambda value: _attack_id(value, "TA"), "")
        pairs.append((technique, tactic) if technique or tactic else None)
    return distinct(pairs)


def read_devices(alert: Fields) -> tuple[NormalDevice, ...]:
    found: list[NormalDevice | None] = []
    for part in alert.parts("devices", MAX_ITEMS):
        name = plain(part.payload.get("name"))
        one = device(
            part.read("fqdn", schema.text(255), "") or name,
            agent_id=part.read("agent_id", schema.text(255), ""),
            directory_id=part.read("directory_id", schema.text(255), ""),
            mac_address=part.read("mac", schema.text(64), ""),
            ip=part.read("address", _address, ""),
            os=part.read("os", schema.text(255), ""),
        )
        if one is None:
            alert.problems.add(part.prefix.rstrip("."), "names no device; dropped")
        found.append(one)
    return distinct(found)


def read_people(alert: Fields) -> tuple[NormalPerson, ...]:
    found: list[NormalPerson | None] = []
    for part in alert.parts("people", MAX_ITEMS):
        one = person(
            part.read("login", schema.text(255), ""),
            domain=part.read("domain", schema.text(255), ""),
            sid=part.read("sid", schema.text(255), ""),
            upn=part.read("upn", schema.text(255), ""),
            directory_id=part.read("directory_id", schema.text(255), ""),
            role=part.read("role", _person_role, "actor"),
        )
        if one is None:
            alert.problems.add(part.prefix.rstrip("."), "names no person (a service or machine account); dropped")
        found.append(one)
    return distinct(found)


def read_observables(alert: Fields) -> tuple[NormalObservable, ...]:
    found = Observables()
    kind_of, role_of = schema.word(ObservableKind), schema.word(Role)
    for part in alert.parts("observables", MAX_OBSERVABLES):
        kind = part.read("kind", kind_of, "")
        is_added = bool(kind) and found.add(
            kind,
            part.payload.get("value"),
            part.read("role", role_of, str(Role.OTHER)),
            tags=part.tags(),
            note=part.read("note", schema.prose, "")[:1000],
            is_indicator=part.read("ioc", lambda value: value if isinstance(value, bool) else None, False),
        )
        if not is_added:
            part.drop("value" if kind else "kind")
    return found.all()


def _address(value: Any) -> str | None:
    return address(plain(value)) or None


def _amount(value: Any) -> int | None:
    number = whole_number(value)
    return number if number is not None and 0 <= number <= MAX_BYTES else None


def _attack_id(value: Any, letters: str) -> str | None:
    text = plain(value).upper()
    return text if is_attack_id(text, letters) else None


def _person_role(value: Any) -> str | None:
    return value if value in schema.PERSON_ROLES else None
