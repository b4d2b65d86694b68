"""CEL, bounded: what a runbook or an alert kind may compute, and how much of it.

The author of an expression is an admin; its data may come from an attacker. The library bounds iterations (10,000),
nesting (32) and regular expressions (RE2, linear); this module bounds the rest.
"""

import re
from functools import lru_cache
from typing import Any, NewType

from cel_expr_python import cel

from secops.errors import SecopsError

MAX_SOURCE = 1_000  # characters of one expression
MAX_TEXT = 256_000  # characters of all strings of the data together
MAX_VALUES = 20_000  # values in the data
MAX_ANSWER = 2_000  # values in the answer
MAX_DEPTH = 24
NAMES = ("alert", "case", "device", "item", "person", "steps", "vars")

Scope = NewType("Scope", dict[str, Any])

# No extensions: no format, replace, split or join, and no function of ours.
_ENV = cel.NewEnv(variables=dict.fromkeys(NAMES, cel.Type.DYN))
_LITERAL = re.compile(r"""[rR][bB]?(?:"[^"\n]*"|'[^'\n]*')|[bB]?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""")
_PLACEHOLDER = re.compile(r"\$\{\{(.+?)\}\}", re.DOTALL)


class ExpressionError(SecopsError):
    """Written for the author of the expression."""


@lru_cache(maxsize=2_000)
def compiled(source: str) -> cel.Expression:
    """Parse and check. Forms call it on saving, so that a slip of the pen never reaches a run."""
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"The expression has {len(source)} characters; {MAX_SOURCE} are allowed")
    if "+" in _LITERAL.sub("", source):  # strings and lists could grow without bound
        raise ExpressionError('"+" is not allowed; write text as "${{ a }} and ${{ b }}"')
    try:
        return _ENV.compile(source)
    except (RuntimeError, ValueError) as error:
        raise ExpressionError(_readable(error)) from error


def scope(**data: Any) -> Scope:
    """Copy plain values once for many expressions. Too much is an error, not a cut: padding must not hide a match."""
    budget = {"values": MAX_VALUES, "characters": MAX_TEXT}
    return Scope({name: _plain(data.get(name), budget, 0) for name in NAMES})


def evaluate(source: str, scope: Scope) -> Any:
    """Return None, bool, int, float, str, list or dict; an error is raised, never returned."""
    try:
        answer = compiled(source).eval(data=scope)
    except (RuntimeError, ValueError, OverflowError) as error:
        raise ExpressionError(_readable(error)) from error
    return _unwrapped(answer, {"values": MAX_ANSWER}, 0)


def holds(source: str, scope: Scope) -> bool:
    """For `when` and for alert kinds: the answer must be a bool, nothing is taken for true."""
    answer = evaluate(source, scope)
    if not isinstance(answer, bool):
        raise ExpressionError(f"The answer is {type(answer).__name__}, not true or false")
    return answer


def fill(template: str, scope: Scope) -> Any:
    """`${{ x }}` alone keeps its type; within text it becomes text. One pass: an answer is never read as a template."""
    whole = _PLACEHOLDER.fullmatch(template.strip())
    if whole and "${{" not in whole[1]:
        return evaluate(whole[1].strip(), scope)
    return _PLACEHOLDER.sub(lambda found: str(evaluate(found[1].strip(), scope)), template)


def _plain(value: Any, budget: dict[str, int], depth: int) -> Any:
    budget["values"] -= 1
    if isinstance(value, str):
        budget["characters"] -= len(value)
    if depth > MAX_DEPTH or min(budget.values()) < 0:
        raise ExpressionError("The data is too large or too deep for an expression")
    match value:
        case None | bool() | float():
            return value
        case int():
            return value if -(2**63) <= value < 2**63 else str(value)
        case str():  # inside the library a NUL cuts the string and a lone surrogate is an error
            return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
        case list() | tuple():
            return [_plain(item, budget, depth + 1) for item in value]
        case dict():
            return {str(key): _plain(item, budget, depth + 1) for key, item in value.items()}
    raise ExpressionError(f"A {type(value).__name__} cannot be used in an expression")  # no model, no file, no set


def _unwrapped(answer: cel.Value, budget: dict[str, int], depth: int) -> Any:
    budget["values"] -= 1
    if depth > MAX_DEPTH or budget["values"] < 0:
        raise ExpressionError("The answer is too large")
    if answer.type() == cel.Type.ERROR:  # the library gives run-time errors as values, whose plain form is a str
        raise ExpressionError(_readable(answer.plain_value()))
    match value := answer.value():
        case list():
            return [_unwrapped(item, budget, depth + 1) for item in value]
        case dict():
            return {str(key): _unwrapped(item, budget, depth + 1) for key, item in value.items()}
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def _readable(error: object) -> str:
    return re.sub(r"^[A-Z_]+: (ERROR: <input>:)?|\[[A-Z_]+\]$", "", str(error)).strip()[:500]
