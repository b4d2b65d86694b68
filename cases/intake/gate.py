"""The gate: bytes in, plain JSON out, within bounds that hold for every database.

What an attacker can put into a text never rejects an alert: it is repaired and named. What would cost time or memory,
or could mean two things (duplicate keys, NaN), is refused with the line or the path.
"""

import re
from json import JSONDecodeError, JSONDecoder
from math import isinf
from typing import Any, Never

from cases.intake.base import FieldProblem, RejectedError
from cases.intake.sources import without_mark

MAX_DEPTH = 20
MAX_VALUES = 10_000
MAX_DIGITS = 400
MAX_NAMED = 20  # flaws in one refusal
MAX_TEXT = 65_536  # characters of one string
MAX_ALERT_BYTES = 5_000_000  # every text field of an alert may hold 100 kB, which is cut, not refused
CUT_MARK = " [cut]"
REPLACEMENT = "�"

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\],]', re.DOTALL)
_UNFIT = re.compile(r"[\x00\ud800-\udfff]")


class _RefusedError(ValueError):
    """A hook of the decoder met something that it does not take; where it stands is found by a second, slow pass."""


class _Flaw:
    """Stands in the value tree where a refused number or object stood."""

    def __init__(self, message: str) -> None:
        self.message = message


def decode(body: bytes, *, max_bytes: int = MAX_ALERT_BYTES) -> tuple[Any, tuple[FieldProblem, ...]]:
    """Return the JSON value and what was repaired in its texts; raise RejectedError naming line or path."""
    if len(body) > max_bytes:
        refuse("body", f"too large: {len(body)} bytes, at most {max_bytes}")
    text, problems = _text(body)
    # Counting is far cheaper than scanning, and most alerts are so small that no limit can be passed.
    if text.count("{") + text.count("[") > MAX_DEPTH or text.count(",") >= MAX_VALUES // 2:
        _measure(text)
    value = _parse(text)
    if len(text) <= MAX_TEXT and "\\u" not in text and "\x00" not in text:
        return value, problems
    value, mended = mend(value)
    return value, (*problems, *mended)


def mend(value: Any) -> tuple[Any, tuple[FieldProblem, ...]]:
    """The value with texts that every database stores, and what was changed where."""
    cleaner = _Cleaner()
    return cleaner.clean(value, ""), tuple(cleaner.problems)


def refuse(field: str, message: str) -> Never:
    raise RejectedError(FieldProblem(field=field, message=message))


def clean_text(text: str) -> str:
    """Text that every database stores: no NUL, no lone surrogate, at most 64 kB."""
    if _UNFIT.search(text):
        text = _UNFIT.sub(REPLACEMENT, text)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(CUT_MARK)] + CUT_MARK


def _text(body: bytes) -> tuple[str, tuple[FieldProblem, ...]]:
    """Decode as UTF-8; bytes that are no text become U+FFFD."""
    body = without_mark(body)
    try:
        return body.decode(), ()
    except UnicodeDecodeError as error:
        problem = FieldProblem(field=f"byte {error.start}", message="not UTF-8, replaced by U+FFFD")
        return body.decode(errors="replace"), (problem,)


def _measure(text: str) -> None:
    """Refuse what is too deep or has too many values, before anything is built."""
    depth = values = 0
    for match in _TOKEN.finditer(text):
        mark = text[match.start()]
        if mark in "{[":
            depth += 1
            values += 1
            if depth > MAX_DEPTH:
                refuse(_line(text, match.start()), f"nested deeper than {MAX_DEPTH} levels")
        elif mark in "}]":
            depth -= 1
        elif mark == ",":
            values += 1
        if values > MAX_VALUES:
            refuse(_line(text, match.start()), f"more than {MAX_VALUES} values")


def _parse(text: str) -> Any:
    try:
        return _strict.decode(text)
    except JSONDecodeError as error:
        refuse(f"line {error.lineno} column {error.colno}", f"not JSON: {error.msg}")
    except RecursionError:
        refuse("body", f"nested deeper than {MAX_DEPTH} levels")
    except _RefusedError:
        raise RejectedError(*_flaws(text)[:MAX_NAMED]) from None


def _flaws(text: str) -> list[FieldProblem]:
    """Where the refused numbers and objects stand; the text may break further on, then only that is known."""
    try:
        value = _lenient.decode(text)
    except JSONDecodeError as error:
        return [FieldProblem(field=f"line {error.lineno} column {error.colno}", message=f"not JSON: {error.msg}")]
    flaws: list[FieldProblem] = []
    _locate(value, "", flaws)
    return flaws or [FieldProblem(field="body", message="a key stands twice or a number is out of range")]


def _line(text: str, position: int) -> str:
    return f"line {text.count('\n', 0, position) + 1}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError
    return found


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _RefusedError
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits) if len(digits) <= MAX_DIGITS else float("inf")
    if isinf(number):
        raise _RefusedError
    return number


def _constant(name: str) -> Never:
    raise _RefusedError


def _object_or_flaw(pairs: list[tuple[str, Any]]) -> Any:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = _Flaw("the key stands twice") if key in found else value
    return found


def _fraction_or_flaw(digits: str) -> Any:
    return _Flaw("a number out of range") if len(digits) > MAX_DIGITS or isinf(float(digits)) else digits


_strict = JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_whole,
    parse_float=_fraction,
    parse_constant=_constant,
    strict=False,
)
_lenient = JSONDecoder(
    object_pairs_hook=_object_or_flaw,
    parse_int=lambda digits: _Flaw(f"more than {MAX_DIGITS} digits") if len(digits) > MAX_DIGITS else digits,
    parse_float=_fraction_or_flaw,
    parse_constant=lambda name: _Flaw(f"{name} is not a number of JSON"),
    strict=False,
)


def _locate(value: Any, path: str, flaws: list[FieldProblem]) -> None:
    if isinstance(value, _Flaw):
        flaws.append(FieldProblem(field=path or "body", message=value.message))
    elif isinstance(value, dict):
        for key, child in value.items():
            _locate(child, _below(path, key), flaws)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _locate(child, f"{path}[{index}]", flaws)


def _below(path: str, key: str) -> str:
    key = clean_text(key[:100])
    return f"{path}.{key}" if path else key


class _Cleaner:
    """Walks a value once, mends its texts and remembers where."""

    def __init__(self) -> None:
        self.problems: list[FieldProblem] = []

    def clean(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            return self._mend(value, path)
        if isinstance(value, dict):
            return self._object(value, path)
        if isinstance(value, list):
            return [self.clean(child, f"{path}[{index}]") for index, child in enumerate(value)]
        return value

    def _object(self, value: dict[str, Any], path: str) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        for key, child in value.items():
            below = _below(path, key)
            name = self._mend(key, below)
            while name in cleaned:  # two keys that differed only in what was mended
                name += REPLACEMENT
            cleaned[name] = self.clean(child, below)
        return cleaned

    def _mend(self, text: str, path: str) -> str:
        mended = clean_text(text)
        if mended != text:
            if len(text) > MAX_TEXT:
                message = f"cut to {MAX_TEXT} characters and marked"
            else:
                message = "NUL or a lone surrogate became U+FFFD"
            self.problems.append(FieldProblem(field=path or "body", message=message))
        return mended
