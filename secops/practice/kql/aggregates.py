"""The aggregates of summarize: each adds rows and says its result."""

from collections.abc import Callable
from typing import Any

from secops.practice.kql.compile import Compiler, Value
from secops.practice.kql.error import KqlError
from secops.practice.kql.table_files import Row
from secops.practice.kql.tree import Aggregate

MAX_SET = 10_000  # values in one make_set


class Count:
    """count()"""

    def __init__(self) -> None:
        self.number = 0

    def add(self, row: Row) -> None:
        self.number += 1

    def result(self) -> int:
        return self.number


class Sum:
    """sum(x); empty values add nothing"""

    def __init__(self, value: Value) -> None:
        self._value, self._sum = value, 0

    def add(self, row: Row) -> None:
        self._sum += self._value(row) or 0

    def result(self) -> Any:
        return self._sum


class Extreme:
    """min(x), max(x); the answer is the value as the row has it"""

    def __init__(self, name: str, value: Value, is_max: bool) -> None:
        self._name, self._value, self._is_max = name, value, is_max
        self._best: Any = None
        self._shown: Any = None

    def add(self, row: Row) -> None:
        found = self._value(row)
        if found in (None, ""):
            return
        if self._best is None or (found > self._best if self._is_max else found < self._best):
            self._best, self._shown = found, row.get(self._name)

    def result(self) -> Any:
        return self._shown


class Values:
    """make_set(x) and dcount(x): each value once, in the order of appearance"""

    def __init__(self, name: str, value: Value, is_counted: bool) -> None:
        self._name, self._value, self._is_counted = name, value, is_counted
        self._seen: dict[Any, Any] = {}

    def add(self, row: Row) -> None:
        found = self._value(row)
        if found is not None and found not in self._seen and (self._is_counted or len(self._seen) < MAX_SET):
            self._seen[found] = None if self._is_counted else row.get(self._name)

    def result(self) -> Any:
        return len(self._seen) if self._is_counted else list(self._seen.values())


def make(aggregate: Aggregate, compiler: Compiler) -> tuple[str, Callable[[], Any]]:
    """The type of the result, and what makes a new counter for each group."""
    column, function = aggregate.column, aggregate.function
    if column is None:
        return "long", Count
    kind, value = compiler.column(column)
    if function == "sum":
        if kind not in ("long", "real"):
            raise KqlError(f"sum() needs numbers, not {kind}", aggregate.at)
        return kind, lambda: Sum(value)
    if function in ("min", "max"):
        return kind, lambda: Extreme(column.name, value, function == "max")
    is_counted = function == "dcount"
    return "long" if is_counted else "dynamic", lambda: Values(column.name, value, is_counted)
