"""The queries of TheHive's clients over alerts: filters of version 3 to 5, sorts and pages."""

import re
from collections.abc import Callable
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
MAX_VALUES = 50  # of one list: each is a condition of its own
MAX_PLACE = 10**9
_ID = re.compile(r"~([1-9][0-9]{0,17})")
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")


class QueryError(SecopsError):
    """What of a query is not understood: an answer that left it out would not be the answer to it."""


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


def condition(query: Any) -> Q:
    """A filter as a condition on prepared alerts; QueryError names what of it is not understood."""
    if not isinstance(query, dict):
        raise QueryError("query: a filter is an object")
    query = {name: value for name, value in query.items() if name != "_name"}
    if not query or set(query) == {"_any"}:
        return Q()
    if "_field" in query:  # the short form of `_eq` in version 3 and 4
        return _compared("_eq", query)
    if len(query) > 1:
        raise QueryError(f"query: {', '.join(query)} stand side by side; say _and or _or")
    ((name, value),) = query.items()
    known = _FILTERS.get(name)
    return known(value) if known else _compared(name, value)


def order_of(fields: Any) -> list[str]:
    """Columns to sort by, from `[{"date": "asc"}]` or `["-date", "+severity"]`."""
    found = []
    for one in fields if isinstance(fields, list) else [fields]:
        pairs = one.items() if isinstance(one, dict) else [(str(one).lstrip("+-"), str(one)[:1])]
        for name, way in pairs:
            column = _COLUMNS.get(name) or ("pk" if name in ("_id", "id") else None)
            if column is None:
                raise QueryError(f"sort: no alert can be sorted by {str(name)[:60]}")
            found.append(f"-{column}" if way in ("-", "desc") else column)
    return found


def page_of(alerts: QuerySet[Alert], start: Any, end: Any) -> list[Alert]:
    """The alerts from `start` to before `end`, or all: never fewer than were asked for without a word."""
    if start is None or end is None:
        found = list(alerts[: MAX_FOUND + 1])
        if len(found) > MAX_FOUND:
            raise QueryError(f"page: more than {MAX_FOUND} alerts fit; ask for pages of at most {MAX_FOUND}")
        return found
    is_page = isinstance(start, int) and isinstance(end, int) and 0 <= start <= end <= MAX_PLACE
    if not is_page or end - start > MAX_FOUND:
        raise QueryError(f"page: from and to are numbers at most {MAX_FOUND} apart")
    return list(alerts[start:end])


def range_of(text: str) -> tuple[int | None, int | None]:
    """Version 3's `0-20`; `all` is no page at all."""
    found = _RANGE.fullmatch(text)
    if not found and text not in ("", "all"):
        raise QueryError("range: from-to or all")
    return (int(found[1]), int(found[2])) if found else (None, None)


def _several(value: Any) -> list[Q]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_VALUES:
        raise QueryError(f"query: _and and _or take a list of 1 to {MAX_VALUES} filters")
    return [condition(one) for one in value]


def _between(value: Any) -> Q:
    return _compared("_gte", value, "_from") & _compared("_lt", value, "_to")


def _one_of(value: Any) -> Q:
    values = value.get("_values") if isinstance(value, dict) else None
    if not isinstance(values, list) or len(values) > MAX_VALUES:
        raise QueryError(f"_in: a list of at most {MAX_VALUES} values")
    found = Q(pk__in=[])
    for one in values:
        found |= _compared("_eq", {"_field": value.get("_field"), "_value": one})
    return found


def _compared(name: str, value: Any, key: str = "_value") -> Q:
    """One field with one value; version 3 writes `{"_gt": {"date": 1}}`, all others `_field` and `_value`."""
    if name not in _LOOKUPS:
        raise QueryError(f"{name[:60]}: this filter is not known here")
    field, wanted = _field_and_value(name, value, key)
    if field in ("_id", "id") and name == "_eq":
        return Q(pk=pk_of(wanted) or 0)
    if field in _SPECIAL and name in ("_eq", "_ne"):
        found = _SPECIAL[field](str(wanted))
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
    return field, wanted


def _fitting(column: str, field: str, value: Any) -> Any:
    """The value as its column has it: milliseconds become a time."""
    if column in _TEXTS:
        if isinstance(value, str):
            return value
    elif isinstance(value, int) and not isinstance(value, bool):
        if not column.endswith("_at"):
            return max(min(value, 2**31 - 1), -(2**31))
        if 0 <= value < 253_000_000_000_000:  # the year 9987
            return datetime.fromtimestamp(value / 1000, UTC)
    raise QueryError(f"{field}: {str(value)[:60]!r} does not fit")


def _by_kind(kind: str) -> Q:
    hive = Q(detector__in=HIVES)
    return (hive & Q(source_ref__regex=reference_of("", kind))) | (~hive & Q(detector=kind))


def _by_reference(sent: str) -> Q:
    ours = Q(detector__in=HIVES, source_ref__startswith=f"{sent}/", source_ref__regex=reference_of(sent, ""))
    return ours | (~Q(detector__in=HIVES) & Q(source_ref=sent))


_FILTERS: dict[str, Callable[[Any], Q]] = {
    "_and": lambda value: reduce(and_, _several(value)),
    "_or": lambda value: reduce(or_, _several(value)),
    "_not": lambda value: ~condition(value),
    "_id": lambda value: Q(pk=pk_of(value) or 0),
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
