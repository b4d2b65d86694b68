"""Answers are foreign text: what no database stores is replaced before anything of it is written."""

from dataclasses import fields, is_dataclass, replace
from functools import cache
from math import isfinite
from typing import Any

from cases.intake.gate import clean_text
from enrichment.questions.base import Judgement


def cleaned(judgement: Judgement) -> Judgement:
    """NUL and lone surrogates become U+FFFD, overlong text is cut, a number that JSON has not becomes null."""
    return replace(judgement, **_parts(judgement))


def _parts(value: Any) -> dict[str, Any]:
    return {name: _plain(getattr(value, name)) for name in _names(value.__class__)}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value) if type(value) is str else value  # a verdict or kind is our own word
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {clean_text(str(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **_parts(value))
    return value
