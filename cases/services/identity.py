"""Which row a record of a device or a person means: by its strongest key, never on a weak one that a stronger one
contradicts (STANDARDS.md part 1.2)."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model, Q, QuerySet

MAX_CANDIDATES = 5_000
_MOVING = frozenset({"mac"})  # a dock carries its address from laptop to laptop: the other keys must agree


def candidates(rows: QuerySet[Any], names: Sequence[str], wanted: Iterable[dict[str, str]]) -> list[Any]:
    """Rows that share any key with one of the wanted, in one query, oldest first."""
    records = list(wanted)
    any_key = Q(pk__in=[])
    for name in names:
        if values := sorted({record[name] for record in records if record.get(name)}):
            any_key |= Q(**{f"{name}__in": values})
    return list(rows.filter(any_key).order_by("pk")[:MAX_CANDIDATES])


def pick(names: Sequence[str], keys: dict[str, str], rows: Sequence[Any]) -> Any | None:
    """The row that the keys mean, or None: the strongest key decides, and no stronger one may say otherwise."""
    for place, name in enumerate(names):
        if not keys.get(name):
            continue
        others = names if name in _MOVING else names[:place]
        fitting = [row for row in rows if getattr(row, name) == keys[name] and not _contradicts(others, keys, row)]
        if len(fitting) == 1 or (fitting and place == 0):
            return fitting[0]
        if fitting:  # several bear the same weak key: the one that has nothing but weak keys, else none of them
            bare = [row for row in fitting if not any(getattr(row, each) for each in names[:place])]
            return bare[0] if bare else None
    return None


def fill(row: Model, values: dict[str, Any]) -> bool:
    """Learn what was not known yet; say whether anything changed. What is known stands."""
    changed = False
    for name, value in values.items():
        if value and not getattr(row, name):
            setattr(row, name, value)
            changed = True
    return changed


def _contradicts(names: Sequence[str], keys: dict[str, str], row: Any) -> bool:
    return any(keys.get(name) and getattr(row, name) and keys[name] != getattr(row, name) for name in names)
