"""One line of text as an object: CEF, LEEF, lines of sensors, else syslog; the line itself stays under `message`."""

import re
from collections.abc import Iterator
from typing import Any

from cases.intake.sensor_lines import read_sensor_line

_SYSLOG = re.compile(
    r"(?:<(?P<pri>\d{1,3})>)?(?:1 )?"
    r"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[0-9:.+Z-]{8,24}) "
    r"(?P<host>[^\s:]{1,253}) "
    r"(?:(?P<program>[^\s:\[]{1,64})(?:\[(?P<pid>\d{1,10})\])?: )?"
)
_CEF_KEY = re.compile(r"(?:^| )([A-Za-z0-9_.-]{1,64})=")
_CEF_HEADER = ("version", "vendor", "product", "product_version", "signature_id", "name", "severity")
# Of a LEEF line whose tabs became spaces: free text keeps its ` word=`, and a key is known or in camel case.
_LEEF_FREE = frozenset({"msg", "desc", "description", "name", "reason", "url", "policy", "resource", "devTimeFormat"})
_LEEF_KEY = re.compile(
    r" (?=(?:cat|sev|src|dst|proto|act|dvc|dvchost|suser|duser|shost|dhost|fname|realm|domain|role|c[ns][1-6]"
    r"|[A-Za-z][A-Za-z0-9]{0,60}?[a-z][A-Z]\w{0,60}|c[ns][1-6]Label)=)"
)
_LEEF_HEADER = ("version", "vendor", "product", "product_version", "signature_id")
_ESCAPES = {"n": "\n", "r": "\r", "=": "=", "|": "|", "\\": "\\", "/": "/", '"': '"'}
_BARE_PATH = re.compile(r"[A-Za-z]:\\(?!\\)")  # `C:\new` of a sender that escapes nothing


def read_line(line: str) -> dict[str, Any]:
    """The object for a line of a log; `format` says how it was read: cef, leef, snort, panos or syslog."""
    found: dict[str, Any] = {"message": line}
    prefix, begin = line, re.search(r"\b(?:CEF: ?[01]\||LEEF:[12]\.0\|)", line[:2048])
    if begin:
        prefix = line[: begin.start()]
        found |= _cef(line[begin.start() :]) if line.startswith("CEF", begin.start()) else _leef(line[begin.start() :])
    if header := _SYSLOG.match(prefix if begin else line[:1024]):
        parts = {f"syslog_{key}": value for key, value in header.groupdict().items() if value}
        found = {**parts, **found}
    return found if begin else {**found, "format": "syslog", **read_sensor_line(line)}


def _cef(text: str) -> dict[str, Any]:
    header, extension = _header(text[4:], len(_CEF_HEADER))
    found: dict[str, Any] = {"format": "cef", **dict(zip(_CEF_HEADER, header, strict=False))}
    marks = list(_CEF_KEY.finditer(extension))
    ends = [*(mark.start() for mark in marks[1:]), len(extension)]
    for mark, end in zip(marks, ends, strict=False):
        value = extension[mark.end() : end]
        found.setdefault(mark.group(1), _unescape(value.strip()))
    return _named(found)


def _leef(text: str) -> dict[str, Any]:
    header, extension = _header(text[5:], len(_LEEF_HEADER))
    found: dict[str, Any] = {"format": "leef", **dict(zip(_LEEF_HEADER, header, strict=False))}
    delimiter = "\t"
    first, bar, rest = extension.partition("|")
    if found.get("version") == "2.0" and bar and len(first) <= 5 and "=" not in first:
        delimiter, extension = _delimiter(first), rest
    for pair in _leef_pairs(extension, delimiter):
        key, equals, value = pair.partition("=")
        if equals:
            found.setdefault(key.strip(), value.strip())
    return _named(found)


def _leef_pairs(extension: str, delimiter: str) -> Iterator[str]:
    """The attributes, also where a relay wrote a tab as `#011` or as a space."""
    if delimiter == "\t":
        extension = extension.replace("#011", "\t")
    for pair in extension.split(delimiter):
        is_free = pair.partition("=")[0].strip() in _LEEF_FREE and delimiter in extension
        yield from (pair,) if is_free or delimiter != "\t" else _LEEF_KEY.split(pair)


def _delimiter(word: str) -> str:
    """The delimiter of LEEF 2.0: a character, or its code as x09."""
    digits = word.lower().removeprefix("0").removeprefix("x")
    if len(word) > 1 and len(digits) <= 4 and all(digit in "0123456789abcdef" for digit in digits) and digits:
        return chr(int(digits, 16))
    return word or "\t"


def _header(text: str, count: int) -> tuple[list[str], str]:
    """Split at bars that are not escaped; what follows the last field is the extension."""
    fields: list[str] = []
    current: list[str] = []
    characters = iter(enumerate(text))
    for position, character in characters:
        if character == "\\" and text[position + 1 : position + 2] in {"|", "\\"}:
            current.append(next(characters)[1])
        elif character == "|":
            fields.append("".join(current).strip())
            current = []
            if len(fields) == count:
                return fields, text[position + 1 :]
        else:
            current.append(character)
    return [*fields, "".join(current).strip()], ""


def _unescape(value: str) -> str:
    """Escapes undone; a backslash before anything else is one that the sender did not escape."""
    if "\\" not in value or _BARE_PATH.match(value):
        return value
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match.group(1), match.group()), value, flags=re.DOTALL)


def _named(found: dict[str, Any]) -> dict[str, Any]:
    """`cs1Label=Policy cs1=Alert` also under the name that the sender gave it."""
    for key in [key for key in found if key.endswith("Label")]:
        value, label = found.get(key.removesuffix("Label")), str(found[key]).strip('"')
        if value and label:
            found.setdefault(label, value)
    return found
