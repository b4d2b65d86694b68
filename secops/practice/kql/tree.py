"""What a KQL query says, as a tree: expressions and the stages between the pipes."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """tolower(x), isempty(x), isnotempty(x), not(x), ago(7d)"""

    name: str
    argument: "Expression"
    at: int


@dataclass(frozen=True, slots=True)
class Both:
    """All parts with and, or any with or."""

    word: str
    parts: tuple["Expression", ...]
    at: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """left operator right"""

    operator: str
    left: "Expression"
    right: "Expression"
    at: int


@dataclass(frozen=True, slots=True)
class Membership:
    """left in (...), left in~ (...)"""

    left: "Expression"
    values: tuple["Expression", ...]
    is_folded: bool
    at: int


@dataclass(frozen=True, slots=True)
class Between:
    """left between (low .. high), both ends included"""

    left: "Expression"
    low: "Expression"
    high: "Expression"
    at: int


Expression = Literal | Column | Call | Both | Comparison | Membership | Between


@dataclass(frozen=True, slots=True)
class Where:
    test: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Project:
    """(new name, column) pairs"""

    columns: tuple[tuple[str, Column], ...]
    at: int


@dataclass(frozen=True, slots=True)
class Aggregate:
    """name = function(column); the column is None for count()"""

    name: str
    function: str
    column: Column | None
    at: int


@dataclass(frozen=True, slots=True)
class Summarize:
    aggregates: tuple[Aggregate, ...]
    by: tuple[Column, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Order:
    """(column, is descending) pairs; `first` rows are kept, None for all"""

    keys: tuple[tuple[Column, bool], ...]
    first: int | None
    at: int


@dataclass(frozen=True, slots=True)
class Take:
    count: int
    at: int


@dataclass(frozen=True, slots=True)
class Distinct:
    columns: tuple[Column, ...]
    at: int


Stage = Where | Project | Summarize | Order | Take | Distinct


@dataclass(frozen=True, slots=True)
class Query:
    table: str
    stages: tuple[Stage, ...]
    at: int
