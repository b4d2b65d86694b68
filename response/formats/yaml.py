"""A runbook as YAML: one canonical text for each body, read as plain data with the line of every field."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from yaml import AliasEvent, MappingNode, Node, SafeLoader, ScalarNode, SequenceNode, YAMLError
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from response.actions.base import actions
from response.formats.dumper import Line, text_of
from response.models import Step
from secops.wording import did_you_mean

SCHEMA = "nightdesk.runbook/1"
MAX_CHARACTERS = 100_000
MAX_STEPS = 100
MAX_FAULTS = 50  # told at once
HEAD = ("schema", "slug", "title", "description", "phase", "steps")
TEXTS = ("key", "action", "title", "help_text", "when", "for_each", "on_failure", "if_unanswered")
NUMBERS = ("cap", "approvals", "timeout_seconds", "max_attempts", "backoff_seconds", "undo_after")
OPTIONAL = ("approvals", *NUMBERS[3:])  # numbers that may be null
STEP = (*TEXTS[:3], "help_text", "when", "for_each", "cap", "needs", "params", "approvals", *TEXTS[6:], *NUMBERS[2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What cannot be read, and where: `number` of the step from 1, 0 for the runbook itself."""

    line: int
    number: int
    name: str
    text: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (f"step {self.number}" if self.number else "", self.name) if part)
        return f"line {self.line}{f', {place}' if place else ''}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What was read. `lines` says where each field stands, by the step's number and the field's name."""

    body: dict[str, Any]
    lines: dict[tuple[int, str], int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, number: int, name: str) -> int:
        """Of the field, else of its step, else of the list of steps."""
        found = (self.lines.get(place) for place in ((number, name), (number, ""), (0, "steps")))
        return next((line for line in found if line), 1)


def write(body: Mapping[str, Any]) -> str:
    """The canonical text of a draft or version: what is as it would be anyway is left out."""
    head = {"schema": SCHEMA} | {name: body[name] for name in HEAD[1:-1] if body[name] or name != "description"}
    if not body["steps"]:
        return text_of(head | {"steps": []})
    steps, before = [], ""
    for step in body["steps"]:
        lines = text_of([_lean(step, before)]).splitlines()
        steps.append("\n".join(f"  {line}" if line else "" for line in lines))
        before = step["key"]
    return f"{text_of(head)}steps:\n" + "\n\n".join(steps) + "\n"


def read(text: str) -> Document:
    """The body and all that speaks against it; of a text that is no YAML only the first place."""
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    if len(text) > MAX_CHARACTERS:
        return Document(body={}, faults=[Fault(line=1, number=0, name="", text=f"over {MAX_CHARACTERS:,} characters.")])
    try:
        root = _Loader(text).get_single_node()
    except (YAMLError, RecursionError, ValueError) as error:
        return Document(body={}, faults=[_unreadable(text, error)])
    return _Reader().document(root)


class _Loader(SafeLoader):
    """Plain words as YAML 1.2 reads them: yes, on, dates and 010 stay text. No aliases, so a text stays its size."""

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        if self.check_event(AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise MarkedYAMLError(problem="aliases (*name) are not read; write it out", problem_mark=event.start_mark)
        return super().compose_node(parent, index)


PATTERNS = {
    "bool": re.compile(r"^(?:true|false)$"),
    "null": re.compile(r"^(?:~|null|)$"),
    "int": re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,17})$"),
    "float": re.compile(r"^[-+]?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?$"),
}
STARTS = {"bool": "tf", "null": ["~", "n", ""], "int": "-+0123456789", "float": "-+0123456789"}
UNSTORABLE_SAID = "it holds a character that cannot be stored."
UNSTORABLE = re.compile("[\0\ud800-\udfff]")

_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern in PATTERNS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", _pattern, list(STARTS[_kind]))


def _lean(step: Mapping[str, Any], before: str) -> dict[str, Any]:
    """A step without what it would have by itself, in the order of STEP, parameters in the order of their form."""
    action = actions.get(step["action"])
    said = dict(step) | {"params": _params(step), "needs": Line(step["needs"])}
    usual = _usual() | {"title": action.label if action else "", "needs": [before] if before else []}
    usual |= {} if step.get("for_each") else {"cap": step.get("cap")}  # read only together with the list
    return {name: said[name] for name in STEP if name in said and said[name] not in (usual.get(name), "", {})}


def _usual() -> dict[str, Any]:
    names = ("title", "help_text", "when", "for_each", "cap", *NUMBERS[1:], *TEXTS[6:])
    empty = Step()
    return {name: getattr(empty, name) for name in names} | {"needs": [], "params": {}}


def _params(step: Mapping[str, Any]) -> dict[str, Any]:
    """In the order of the action's form, since the database keeps its own; the line ends of a browser become ours."""
    action, given = actions.get(step["action"]), step["params"]
    known = list(action.Params.base_fields) if action else []
    order = [name for name in known if name in given] + sorted(set(given) - set(known))
    return {name: _plain_ends(given[name]) for name in order}


def _plain_ends(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\r\n", "\n")
        case list():
            return [_plain_ends(one) for one in value]
        case dict():
            return {name: _plain_ends(value[name]) for name in sorted(value)}
    return value


class _Reader:
    """Walks the nodes once, and notes lines and faults on the way."""

    def __init__(self) -> None:
        self.lines: dict[tuple[int, str], int] = {}
        self.faults: list[Fault] = []

    def document(self, root: Node | None) -> Document:
        found = dict(self._pairs(root, 0, HEAD, "the runbook"))
        body: dict[str, Any] = {name: self._word(found[name], 0, name) for name in HEAD[:-1] if name in found}
        self._require(found, 0, ("schema", "slug", "title", "steps"), _line(root) if root else 1)
        if body.pop("schema", SCHEMA) != SCHEMA:
            self._fault(found["schema"], 0, "schema", f"only {SCHEMA} is read.")
        steps = self._items(found["steps"], 0, "steps") if "steps" in found else []
        if len(steps) > MAX_STEPS:
            self._fault(found["steps"], 0, "steps", f"there are {len(steps)}; at most {MAX_STEPS} are read.")
        body["steps"] = [self._step(node, number) for number, node in enumerate(steps[:MAX_STEPS], start=1)]
        return Document(body=body, lines=self.lines, faults=sorted(self.faults, key=lambda fault: fault.line))

    def _step(self, node: Node, number: int) -> dict[str, Any]:
        self.lines[number, ""] = _line(node)
        found = dict(self._pairs(node, number, STEP, "a step"))
        self._require(found, number, ("key", "action"), _line(node))
        step: dict[str, Any] = _usual()
        for name, one in found.items():
            if name in TEXTS:
                step[name] = self._word(one, number, name)
            elif name in NUMBERS:
                step[name] = self._number(one, number, name)
            elif name == "needs":
                step[name] = [self._word(part, number, name) for part in self._items(one, number, name)]
            else:
                step[name] = self._parameters(one, number)
        return step

    def _parameters(self, node: Node, number: int) -> dict[str, Any]:
        return {
            name: self._plain(one, number, f"params.{name}")
            for name, one in self._pairs(node, number, None, "params", "params.")
        }

    def _pairs(
        self, node: Node | None, number: int, known: tuple[str, ...] | None, what: str, prefix: str = ""
    ) -> Iterator[tuple[str, Node]]:
        if not isinstance(node, MappingNode):
            name = prefix.removesuffix(".")
            self._fault(node, number, name, f"{what} must be written as name: value, one a line.")
            return
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, ScalarNode) else "?"
            if UNSTORABLE.search(name):
                self._fault(key, number, prefix + name, UNSTORABLE_SAID)
            elif name in seen:
                self._fault(key, number, prefix + name, "it stands there twice.")
            elif known is not None and name not in known:
                self._fault(key, number, name, f"{what} has no such field.{did_you_mean(name, known)}")
            else:
                self.lines[number, prefix + name] = _line(key)
                yield name, value
            seen.add(name)

    def _items(self, node: Node, number: int, name: str) -> list[Node]:
        if isinstance(node, SequenceNode):
            return list(node.value)
        self._fault(node, number, name, "it must be a list.")
        return []

    def _word(self, node: Node, number: int, name: str) -> str:
        if isinstance(node, ScalarNode) and self._is_plain(node, number, name):
            return "" if node.tag.endswith(":null") else str(node.value)
        if not isinstance(node, ScalarNode):
            self._fault(node, number, name, "it must be text.")
        return ""

    def _number(self, node: Node, number: int, name: str) -> int | None:
        if isinstance(node, ScalarNode) and node.tag.endswith(":int"):
            return int(node.value) if self._is_plain(node, number, name) else None
        if not (name in OPTIONAL and node.tag.endswith(":null")):
            self._fault(node, number, name, "it must be a whole number.")
        return None

    def _plain(self, node: Node, number: int, name: str) -> Any:
        if not self._is_plain(node, number, name):
            return None
        if isinstance(node, SequenceNode):
            return [self._plain(one, number, name) for one in node.value]
        if isinstance(node, MappingNode):
            return {
                key: self._plain(one, number, name) for key, one in self._pairs(node, number, None, name, f"{name}.")
            }
        kinds: dict[str, Callable[[str], Any]] = {
            "bool": lambda text: text == "true",
            "null": lambda _: None,
            "int": int,
            "float": float,
        }
        return kinds.get(node.tag.rpartition(":")[2], str)(node.value)

    def _is_plain(self, node: Node, number: int, name: str) -> bool:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        said = ""
        if kind not in {*PATTERNS, "str", "seq", "map"}:
            said = f"tags are not read ({node.tag})."
        elif isinstance(node, ScalarNode):
            said = _unkept(kind, node.value)
        if said:
            self._fault(node, number, name, said)
        return not said

    def _require(self, found: Mapping[str, Node], number: int, names: tuple[str, ...], line: int) -> None:
        is_told = bool(self.faults) and (self.faults[-1].number, self.faults[-1].name) == (number, "")
        for name in names:
            if name not in found and not is_told and len(self.faults) < MAX_FAULTS:
                self.faults.append(Fault(line=line, number=number, name=name, text="it is missing."))

    def _fault(self, node: Node | None, number: int, name: str, text: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            name, text = (UNSTORABLE.sub("\ufffd", part) for part in (name, text))
            self.faults.append(Fault(line=_line(node) if node else 1, number=number, name=name, text=text))


def _unkept(kind: str, value: str) -> str:
    """Why the text of a scalar is no value of its kind, or nothing: a tag may claim a kind that it is not."""
    if UNSTORABLE.search(value):
        return UNSTORABLE_SAID
    if kind in PATTERNS and not PATTERNS[kind].fullmatch(value):
        return f"it is tagged {kind}, and it is not one that can be read."
    return "the number is too large." if kind == "float" and not math.isfinite(float(value)) else ""


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _unreadable(text: str, error: Exception) -> Fault:
    line, said = 1, "it is nested too deep." if isinstance(error, RecursionError) else str(error)
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        said = f"{error.problem or error.context}."
    elif isinstance(error, ReaderError):
        line, said = text.count("\n", 0, error.position) + 1, "a control character that YAML does not allow."
    return Fault(line=line, number=0, name="", text=said)
