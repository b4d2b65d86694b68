"""Sigma rules (sigmahq.io specification 2.1) as questions of our own: pySigma reads the rule, this turns its tree.

A rule that cannot be asked as it is meant is refused with the reason, never asked as something less.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
)
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExpansion,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SpecialChars,
)

from secops.errors import SecopsError
from secops.hunting.conditions import (
    ONE,
    Both,
    Condition,
    Either,
    Empty,
    Kind,
    Not,
    Number,
    Query,
    Regex,
    Text,
    fields_of,
    leaves,
)

MOST_BYTES = 40_000  # of a rule
MOST_NODES = 5_000  # of its YAML
MOST_DEPTH = 20  # of its YAML: the reader's time grows with the square of it
MOST_LEAVES = 600  # comparisons
MOST_CONDITION = 600  # characters of its condition
MOST_BRACKETS = 4  # within each other there: the parser's time doubles with each
MOST_PATTERN = 500  # characters of a regular expression
HASHES = ("sha256", "sha1", "md5", "imphash")
ACTIONS = {
    "registry_set": ("SetValue",),
    "registry_add": ("CreateKey",),
    "registry_delete": ("DeleteKey", "DeleteValue"),
}
CATEGORIES = {
    "process_creation": Kind.PROCESS,
    "file_event": Kind.FILE,
    "network_connection": Kind.NETWORK,
    "registry_event": Kind.REGISTRY,
    **dict.fromkeys(ACTIONS, Kind.REGISTRY),
}
SERVICES = ("security", "system", "sysmon")
_SHARED = {"image": "image", "user": "user", "imphash": "imphash", "md5": "md5", "sha1": "sha1", "sha256": "sha256"}
NAMES: dict[Kind, dict[str, str]] = {  # Sigma's field, lower case: ours
    Kind.PROCESS: {
        **_SHARED,
        **{"commandline": "command_line", "parentimage": "parent_image", "parentcommandline": "parent_command_line"},
        **{"originalfilename": "original_name", "company": "company", "product": "product"},
        **{"description": "description", "integritylevel": "integrity", "currentdirectory": "directory"},
        "processid": "pid",
    },
    Kind.FILE: {**_SHARED, "targetfilename": "path"},
    Kind.REGISTRY: {
        **{"image": "image", "user": "user", "targetobject": "key", "details": "value", "eventtype": "action"},
    },
    Kind.NETWORK: {
        **{"image": "image", "user": "user", "destinationip": "peer", "destinationhostname": "peer_name"},
        **{"destinationport": "peer_port", "sourceip": "address"},
    },
    Kind.EVENT: {
        **_SHARED,
        **{"eventid": "event", "provider_name": "provider", "commandline": "command_line"},
        **{"newprocessname": "image", "processname": "image", "parentprocessname": "parent_image"},
        **{"parentimage": "parent_image", "servicename": "path", "taskname": "path", "objectname": "path"},
        **{"targetfilename": "path", "targetobject": "key", "servicefilename": "value", "imagepath": "value"},
        **{"taskcontent": "value", "details": "value", "accessmask": "action", "eventtype": "action"},
        **{"objecttype": "object_kind", "logontype": "logon_kind", "ipaddress": "address", "sourceip": "address"},
        **{"destinationip": "peer", "destinationport": "peer_port"},
    },
}
SIGNS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
NUMBERS = frozenset({"event", "pid", "peer_port", "logon_kind"})


class RuleError(SecopsError):
    """A rule that cannot be hunted for; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that was read. `text` is what was given, without blanks around it."""

    title: str
    level: str
    text: str
    queries: tuple[Query, ...]


@lru_cache(maxsize=64)
def read(text: str) -> Rule:
    """RuleError for YAML that is no rule, for what no source of ours keeps, and for what only other tools do."""
    rule = _parsed(text)
    kind = _kind_of(rule)
    try:
        trees = [condition.parsed for condition in rule.detection.parsed_condition]
    except (SigmaError, RecursionError) as error:
        raise RuleError(_said(error)) from error
    queries = []
    for tree in trees:
        condition = _Turner(kind).turned(tree)
        if sum(1 for _ in leaves(condition)) > MOST_LEAVES:
            raise RuleError(f"It compares more than {MOST_LEAVES} things.")
        if kind is Kind.EVENT and "event" not in fields_of(condition):
            raise RuleError("It names no EventID, and its log source alone does not say which events are meant.")
        queries.append(Query(kind=kind, condition=_within_source(condition, rule)))
    level = rule.level.name.lower() if rule.level else ""
    return Rule(title=" ".join(str(rule.title).split())[:200], level=level, text=text.strip(), queries=tuple(queries))


def _parsed(text: str) -> SigmaRule:
    if len(text.encode()) > MOST_BYTES:
        raise RuleError(f"It is larger than {MOST_BYTES // 1000} kB.")
    try:
        depth = 0
        for number, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or number > MOST_NODES or depth > MOST_DEPTH:
                raise RuleError("It uses aliases of YAML, or is too large or too deep.")
        given = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RuleError("It is not YAML.") from error
    if not isinstance(given, dict) or not isinstance(given.get("detection"), dict):
        raise RuleError("It has no detection. One rule at a time; correlations are not rules of events.")
    _check_condition(given["detection"].get("condition"))
    try:
        return SigmaRule.from_dict(given)
    except (SigmaError, RecursionError, TypeError, ValueError, AttributeError, KeyError) as error:
        raise RuleError(_said(error)) from error


def _check_condition(given: Any) -> None:
    for condition in given if isinstance(given, list) else [given]:
        if not isinstance(condition, str):
            raise RuleError("Its detection has no condition.")
        depth = most = 0
        for sign in condition:
            depth += (sign == "(") - (sign == ")")
            most = max(most, depth)
        if len(condition) > MOST_CONDITION or most > MOST_BRACKETS:
            raise RuleError(f"Its condition is too long, or has more than {MOST_BRACKETS} brackets within each other.")


def _kind_of(rule: SigmaRule) -> Kind:
    source = rule.logsource
    if source.product not in {None, "windows"}:
        raise RuleError(f"It is for {source.product}; only events of Windows are kept.")
    if source.category in CATEGORIES:
        return CATEGORIES[source.category]
    if source.category is None and source.service in SERVICES:
        return Kind.EVENT
    named = source.category or source.service or "nothing"
    known = ", ".join([*CATEGORIES, *SERVICES])
    raise RuleError(f"Its log source is {named}. Those that are kept: {known}.")


def _within_source(condition: Condition, rule: SigmaRule) -> Condition:
    """The condition with what the log source itself says: which change of the registry, which channel."""
    source = rule.logsource
    if source.category == "file_event":
        return Both((Not(Text("action", ("deleted",))), condition))
    if source.category in ACTIONS:
        words = tuple(Text("action", (word,)) for word in ACTIONS[source.category])
        return Both((Either(words), condition))
    if source.service in ("security", "sysmon"):
        return Both((Text("provider", ("", source.service, "")), condition))
    if source.service == "system":
        others = Either((Text("provider", ("", "security", "")), Text("provider", ("", "sysmon", ""))))
        return Both((Not(others), condition))
    return condition


class _Turner:
    """Turns pySigma's tree into ours, for events of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._names = NAMES[kind]
        self._values: list[tuple[type, Callable[[str, Any], Condition]]] = [  # the first that fits
            (SigmaCasedString, lambda field, value: self._text(field, value, is_cased=True)),
            (SigmaString, self._text),
            (SigmaNull, lambda field, value: Empty(field)),
            (SigmaNumber, self._number),
            (SigmaCompareExpression, self._compared),
            (SigmaRegularExpression, self._regex),
            (SigmaCIDRExpression, self._network),
        ]

    def turned(self, node: Any) -> Condition:
        match node:
            case ConditionAND():
                return Both(tuple(map(self.turned, node.args)))
            case ConditionOR():
                return Either(tuple(map(self.turned, node.args)))
            case ConditionNOT():
                return Not(self.turned(node.args[0]))
            case ConditionFieldEqualsValueExpression():
                return self._compare(node.field, node.value)
        raise RuleError("It looks for words anywhere in an event, without a field.")

    def _compare(self, name: str, value: Any) -> Condition:
        if isinstance(value, SigmaExpansion):
            return Either(tuple(self._compare(name, one) for one in value.values))
        if name.lower() in {"hashes", "hash"}:
            return self._hash(value)
        field = self._names.get(name.lower())
        if field is None:
            raise RuleError(f"It reads the field {name}, which is not kept for such events.")
        for kind, turn in self._values:
            if isinstance(value, kind) and not isinstance(value, SigmaBool):
                return turn(field, value)
        raise RuleError(f"It compares {name} in a way that is not supported.")

    def _text(self, field: str, value: SigmaString, *, is_cased: bool = False) -> Condition:
        pieces = _pieces(value)
        if field not in NUMBERS:
            return Text(field, pieces, is_cased)
        if len(pieces) > 1 or not pieces[0].isascii() or not pieces[0].isdigit():
            raise RuleError(f"It compares the number {field} with text.")
        return Number(field, "==", int(pieces[0]))

    def _number(self, field: str, value: SigmaNumber) -> Condition:
        number = int(value.number)
        return Number(field, "==", number) if field in NUMBERS else Text(field, (str(number),))

    def _compared(self, field: str, value: SigmaCompareExpression) -> Condition:
        sign = SIGNS.get(value.op.name)
        if sign is None or field not in NUMBERS:
            raise RuleError(f"It orders {field}, which is no number.")
        return Number(field, sign, int(value.number.number))

    def _regex(self, field: str, value: SigmaRegularExpression) -> Condition:
        pattern = str(value.regexp)
        if value.flags - {SigmaRegularExpressionFlag.IGNORECASE} or field in NUMBERS or len(pattern) > MOST_PATTERN:
            raise RuleError(f"Its pattern for {field} is too long or uses flags that are not supported.")
        return Regex(field, pattern, is_cased=not value.flags)

    def _network(self, field: str, value: SigmaCIDRExpression) -> Condition:
        if field not in {"peer", "address"}:
            raise RuleError(f"It looks for a network in {field}, which is no address.")
        return Either(tuple(Text(field, tuple(str(one).lower().split("*"))) for one in value.expand()))

    def _hash(self, value: Any) -> Condition:
        """Sysmon's Hashes holds SHA256=...,IMPHASH=...; each is a field of its own here."""
        said = "".join(_pieces(value)) if isinstance(value, SigmaString) else ""
        found = re.fullmatch(r"(SHA256|SHA1|MD5|IMPHASH)=([0-9A-Fa-f]{32,64})", said, re.IGNORECASE)
        if found is None:
            raise RuleError("It compares Hashes with something that is not KIND=digits.")
        return Text(found[1].lower(), (found[2].lower(),))


def _pieces(value: SigmaString) -> tuple[str, ...]:
    pieces = [""]
    for part in value.s:
        if part is SpecialChars.WILDCARD_MULTI:
            pieces.append("")
        elif part is SpecialChars.WILDCARD_SINGLE:
            pieces[-1] += ONE
        elif isinstance(part, str):
            if not part.isprintable():
                raise RuleError("It compares with characters that cannot be printed.")
            pieces[-1] += part
        else:
            raise RuleError("It has placeholders, which must be filled in first.")
    return tuple(pieces)


def _said(error: Exception) -> str:
    """What pySigma says of it, in one line."""
    text = " ".join(str(error).split())[:200]
    return f"{text}." if isinstance(error, SigmaError) and text else "It is not a rule that can be read."
