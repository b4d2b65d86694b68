"""The queries of TheHive's clients over alerts: filters of version 3 to 5, sorts and pages."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Greatest, Least

from cases.api.thehive_forms import HIVES, NEW
from cases.intake.thehive import reference_of
from cases.models import Alert
from secops.errors import SecopsError

MAX_FOUND = 1_000  # alerts in one answer
MAX_UNPAGED = 100  # in one to who asks for no page
MAX_BYTES = 20_000_000  # of one answer, which ends with the row before
MAX_VALUES = 50  # of one list: each is a condition of its own
MAX_PLACE = 10**9
MAX_STEPS = 20  # of one request, as the following
MAX_COMPARISONS = 50
MAX_SORTED = 10
MAX_DEPTH = 10  # filters within filters
MAX_TEXT = 255  # characters that a field is compared with
_ID = re.compile(r"~([1-9][0-9]{0,17})")
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")


class QueryError(SecopsError):
    """What of a query is not understood: an answer that left it out would not be the answer to it."""


@dataclass(slots=True)
class Asked:
    """What one request asks for so far, however many filters it says that in."""

    comparisons: int = 0
    depth: int = 0

    def one_more(self) -> None:
        self.comparisons += 1
        if self.comparisons > MAX_COMPARISONS:
            raise QueryError(f"query: more than {MAX_COMPARISONS} comparisons in one request")

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise QueryError(f"query: filters within filters, more than {MAX_DEPTH} deep")
        yield
        self.depth -= 1


def prepared(alerts: QuerySet[Alert], *, is_v0: bool) -> QuerySet[Alert]:
    """Alerts with the columns that filters and sorts ask for, as TheHive counts them."""
    return alerts.annotate(
        hive_severity=Greatest(F("severity"), Value(1)),
        hive_tlp=Least(F("tlp"), Value(3)) if is_v0 else F("tlp"),
        hive_status=Case(When(status="", then=Value(NEW)), default=F("status")),
    )


def pk_of(number: Any) -> int | None:
    """Of `~12`, or None for what is no such number."""
    found = _ID.fullmatch(number) if isinstance(number, str) else None
    return int(found[1]) if found else None


def steps_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of a query: at least one."""
    steps = body.get("query")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise QueryError("query: a list of steps")
    if len(steps) > MAX_STEPS:
        raise QueryError(f"query: at most {MAX_STEPS} steps in one request, and this has {len(steps)}")
    return steps


def condition(query: Any, asked: Asked) -> Q:
    """A filter as a condition on prepared alerts; QueryError names what of it is not understood, or is too much."""
    with asked.deeper():
        return _condition(query, asked)


def _condition(query: Any, asked: Asked) -> Q:
    if not isinstance(query, dict):
        raise QueryError("query: a filter is an object")
    query = {name: value for name, value in query.items() if name != "_name"}
    if not query or set(query) == {"_any"}:
        asked.one_more()
        return Q()
    if "_field" in query:  # the short form of `_eq` in version 3 and 4
        return _compared("_eq", query, asked)
    if len(query) > 1:
        raise QueryError(f"query: {', '.join(query)[:200]} stand side by side; say _and or _or")
    ((name, value),) = query.items()
    known = _FILTERS.get(name)
    return known(value, asked) if known else _compared(name, value, asked)


def order_of(fields: Any) -> list[str]:
    """Columns to sort by, from `[{"date": "asc"}]` or `["-date", "+severity"]`."""
    found: list[str] = []
    for one in fields if isinstance(fields, list) else [fields]:
        pairs = one.items() if isinstance(one, dict) else [(str(one).lstrip("+-"), str(one)[:1])]
        for name, way in pairs:
            column = _COLUMNS.get(name) or ("pk" if name in ("_id", "id") else None)
            if column is None:
                raise QueryError(f"sort: no alert can be sorted by {str(name)[:60]}")
            if len(found) >= MAX_SORTED:
                raise QueryError(f"sort: by at most {MAX_SORTED} fields")
            found.append(f"-{column}" if way in ("-", "desc") else column)
    return found


def page_of(alerts: QuerySet[Alert], start: Any, end: Any) -> list[int]:
    """The numbers of the alerts from `start` to before `end`, or the first ones where no page is asked for."""
    if start is None or end is None:
        start, end = 0, MAX_UNPAGED
    is_page = isinstance(start, int) and isinstance(end, int) and 0 <= start <= end <= MAX_PLACE
    if not is_page or end - start > MAX_FOUND:
        raise QueryError(f"page: from and to are numbers at most {MAX_FOUND} apart")
    return list(alerts.values_list("pk", flat=True)[start:end])


def range_of(text: str) -> tuple[int | None, int | None]:
    """Version 3's `0-20`; `all` is no page at all."""
    found = _RANGE.fullmatch(text)
    if not found and text not in ("", "all"):
        raise QueryError("range: from-to or all")
    return (int(found[1]), int(found[2])) if found else (None, None)


def _several(value: Any, asked: Asked) -> list[Q]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_VALUES:
        raise QueryError(f"query: _and and _or take a list of 1 to {MAX_VALUES} filters")
    return [condition(one, asked) for one in value]


def _between(value: Any, asked: Asked) -> Q:
    return _compared("_gte", value, asked, "_from") & _compared("_lt", value, asked, "_to")


def _by_id(value: Any, asked: Asked) -> Q:
    asked.one_more()
    return Q(pk=pk_of(value) or 0)


def _one_of(value: Any, asked: Asked) -> Q:
    values = value.get("_values") if isinstance(value, dict) else None
    if not isinstance(values, list) or len(values) > MAX_VALUES:
        raise QueryError(f"_in: a list of at most {MAX_VALUES} values")
    found = Q(pk__in=[])
    for one in values:
        found |= _compared("_eq", {"_field": value.get("_field"), "_value": one}, asked)
    return found


def _compared(name: str, value: Any, asked: Asked, key: str = "_value") -> Q:
    """One field with one value; version 3 writes `{"_gt": {"date": 1}}`, all others `_field` and `_value`."""
    asked.one_more()
    if name not in _LOOKUPS:
        raise QueryError(f"{name[:60]}: this filter is not known here")
    field, wanted = _field_and_value(name, value, key)
    if field in ("_id", "id") and name == "_eq":
        return Q(pk=pk_of(wanted) or 0)
    if field in _SPECIAL and name in ("_eq", "_ne"):
        found = _SPECIAL[field](_text(field, wanted))
        return found if name == "_eq" else ~found
    column = _COLUMNS.get(field)
    if column is None:
        raise QueryError(f"{field[:60]}: no alert can be filtered by this field with {name}")
    if name in _OF_TEXTS and column not in _TEXTS:
        raise QueryError(f"{field}: is no text, so {name} cannot be asked of it")
    wanted = _fitting(column, field, wanted)
    if name == "_ne":
        return ~Q(**{column: wanted})
    return Q(**{f"{column}{_LOOKUPS[name]}": wanted.strip("*") if name == "_like" else wanted})


def _field_and_value(name: str, value: Any, key: str) -> tuple[str, Any]:
    if not isinstance(value, dict) or ("_field" not in value and len(value) != 1):
        raise QueryError(f"{name}: a field and a value")
    field, wanted = (value["_field"], value.get(key)) if "_field" in value else next(iter(value.items()))
    if not isinstance(field, str):
        raise QueryError(f"{name}: the name of a field is a text")
    if isinstance(wanted, str) and len(wanted) > MAX_TEXT:
        raise QueryError(f"{field[:60]}: compared with at most {MAX_TEXT} characters, and this has {len(wanted)}")
    return field, wanted


def _fitting(column: str, field: str, value: Any) -> Any:
    """The value as its column has it: milliseconds become a time."""
    if column in _TEXTS:
        return _text(field, value)
    if isinstance(value, int) and not isinstance(value, bool):
        if not column.endswith("_at"):
            return max(min(value, 2**31 - 1), -(2**31))
        if 0 <= value < 253_000_000_000_000:  # the year 9987
            return datetime.fromtimestamp(value / 1000, UTC)
    raise QueryError(f"{field}: {str(value)[:60]!r} does not fit")


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise QueryError(f"{field}: {str(value)[:60]!r} does not fit")
    return value


def _by_kind(kind: str) -> Q:
    hive = Q(detector__in=HIVES)
    return (hive & Q(source_ref__regex=reference_of("", kind))) | (~hive & Q(detector=kind))


def _by_reference(sent: str) -> Q:
    ours = Q(detector__in=HIVES, source_ref__startswith=f"{sent}/", source_ref__regex=reference_of(sent, ""))
    return ours | (~Q(detector__in=HIVES) & Q(source_ref=sent))


_FILTERS: dict[str, Callable[[Any, Asked], Q]] = {
    "_and": lambda value, asked: reduce(and_, _several(value, asked)),
    "_or": lambda value, asked: reduce(or_, _several(value, asked)),
    "_not": lambda value, asked: ~condition(value, asked),
    "_id": _by_id,
    "_in": _one_of,
    "_between": _between,
}
_SPECIAL: dict[str, Callable[[str], Q]] = {"type": _by_kind, "sourceRef": _by_reference}
_COLUMNS = {
    "source": "source",
    "title": "title",
    "description": "description",
    "severity": "hive_severity",
    "tlp": "hive_tlp",
    "pap": "pap",
    "status": "hive_status",
    "date": "detected_at",
    "_createdAt": "received_at",
    "createdAt": "received_at",
    "newDate": "received_at",
}
_TEXTS = frozenset({"source", "title", "description", "hive_status"})
_OF_TEXTS = frozenset({"_like", "_match", "_startsWith", "_endsWith"})
_LOOKUPS = {
    "_eq": "",
    "_ne": "",
    "_gt": "__gt",
    "_gte": "__gte",
    "_lt": "__lt",
    "_lte": "__lte",
    "_like": "__icontains",
    "_match": "__icontains",
    "_startsWith": "__startswith",
    "_endsWith": "__endswith",
}
