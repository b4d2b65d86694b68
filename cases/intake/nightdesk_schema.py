"""The fields of `nightdesk.alert/1` and how each optional one is read; a reader returns None for what does not fit."""

from collections.abc import Callable
from typing import Any

from cases.choices import AlertAction, ObservableKind, Pap, Role, Tlp
from cases.intake.absent import is_absent, plain
from cases.intake.base import FieldProblem
from cases.intake.paths import whole_number
from cases.intake.texts import web_link

NAME = "nightdesk.alert/1"
REQUIRED = ("source_ref", "title", "severity", "detected_at")
OURS = frozenset({"received_at", "raw"})  # written by us; a sender's word for them is dropped
OBJECTS: dict[str, frozenset[str]] = {
    "rule": frozenset({"id", "name", "version", "url"}),
    "flow": frozenset(
        {"src_ip", "src_port", "dst_ip", "dst_port", "proto", "direction", "bytes_out", "bytes_in"},
    ),
}
LISTS: dict[str, frozenset[str]] = {
    "attack": frozenset({"technique", "tactic"}),
    "devices": frozenset({"agent_id", "directory_id", "mac", "fqdn", "name", "address", "os"}),
    "people": frozenset({"directory_id", "sid", "upn", "login", "domain", "role"}),
    "observables": frozenset({"kind", "value", "role", "tags", "note", "ioc"}),
}
FIELDS = frozenset(
    {
        *REQUIRED,
        *OURS,
        *OBJECTS,
        *LISTS,
        "schema",
        "source",
        "description",
        "kind",
        "severity_raw",
        "confidence",
        "risk_score",
        "first_seen",
        "last_seen",
        "count",
        "action",
        "status",
        "url",
        "tlp",
        "pap",
        "tags",
    }
)
PERSON_ROLES = frozenset({"actor", "target", "logged_on"})
_TLP = {"clear": 0, "white": 0, "green": 1, "amber": 2, "amber+strict": 3, "amber_strict": 3, "red": 4}
_PAP = {"clear": 0, "white": 0, "green": 1, "amber": 2, "red": 3}
_SEVERITIES = {"info": 0, "informational": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
_MAX_COUNT = 2_147_483_647


def unknown_fields(payload: dict[str, Any]) -> list[FieldProblem]:
    """A problem for each field, at any level, that the schema does not have."""
    found = [key for key in payload if key not in FIELDS]
    for name, known in OBJECTS.items():
        if isinstance(payload.get(name), dict):
            found += [f"{name}.{key}" for key in payload[name] if key not in known]
    for name, known in LISTS.items():
        for index, item in enumerate(payload[name] if isinstance(payload.get(name), list) else ()):
            if isinstance(item, dict):
                found += [f"{name}[{index}].{key}" for key in item if key not in known]
    return [FieldProblem(field=field[:200], message="unknown field") for field in found[:50]]


def severity(value: Any) -> int | None:
    """0 to 4, or its word."""
    number = _SEVERITIES.get(value.strip().casefold()) if isinstance(value, str) else None
    number = whole_number(value) if number is None else number
    return number if number is not None and 0 <= number <= 4 else None


def slug(value: Any) -> str | None:
    """Lower-case letters, digits and single marks, as in addresses."""
    text = plain(value)
    fits = len(text) <= 100 and text.isascii() and text.replace("-", "").replace("_", "").replace(".", "").isalnum()
    return text if fits else None


def text(limit: int) -> Callable[[Any], str | None]:
    """A scalar of at most `limit` characters."""

    def read(value: Any) -> str | None:
        found = plain(value)
        return found if found and len(found) <= limit else None

    return read


def prose(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def percent(value: Any) -> int | None:
    """0 to 100."""
    number = round(value) if isinstance(value, float) and 0 <= value <= 100 else whole_number(value)
    return number if number is not None and 0 <= number <= 100 else None


def count(value: Any) -> int | None:
    number = whole_number(value)
    return number if number is not None and 1 <= number <= _MAX_COUNT else None


def link(value: Any) -> str | None:
    return web_link(value) or None


def word(choices: type[AlertAction | ObservableKind | Role]) -> Callable[[Any], str | None]:
    """One of the words of an enumeration, in any case."""
    known = {str(choice) for choice in choices}

    def read(value: Any) -> str | None:
        found = plain(value).lower()
        return found if found in known else None

    return read


def tlp(value: Any) -> int | None:
    """AMBER, `tlp:amber`, or our number."""
    return _marking(value, _TLP, max(Tlp))


def pap(value: Any) -> int | None:
    """AMBER, `pap:amber`, or our number."""
    return _marking(value, _PAP, max(Pap))


def _marking(value: Any, words: dict[str, int], highest: int) -> int | None:
    if isinstance(value, str):
        name = value.strip().lower()
        return words.get(name.partition(":")[2].strip() if ":" in name else name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= highest else None


def is_sent(payload: dict[str, Any], name: str) -> bool:
    return not is_absent(payload.get(name))
