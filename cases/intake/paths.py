"""The one path reader: dotted keys and nested objects in any mix, lists and scalars alike, `[type=x]` selectors.

`rule.mitre.id` finds {"rule": {"mitre": {"id": [..]}}}, {"rule.mitre": {"id": ..}} and {"rule.mitre.id": ..}; the case
of keys is forgiven only where no exact spelling is there. `evidence[kind=user].name` keeps the items whose `kind` is
`user`.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from cases.intake.absent import is_absent, plain

type Step = tuple[str, tuple[tuple[str, str], ...]]  # key, selectors

_MISSING = object()
_SELECTED = "["  # stands for all paths with selectors, which are never noted
MAX_NOTED = 500  # paths of a payload; an object of many keys counts before it is noted
MAX_NOTED_DEPTH = 8
MAX_KEYS = 2_000  # characters of all keys of an object whose paths are noted


class Document:
    """A payload and questions to it; answers leave out what is absent.

    A detector asks some fifty paths of each alert, so the plain ones are noted once: a path of whole, undotted keys
    whose spelling nothing else in the payload shares. Whatever lies below a place that is not clear is walked to.
    """

    __slots__ = ("_folded", "_heads", "_noted", "_unclear", "payload")

    def __init__(self, payload: Any) -> None:
        self.payload = payload
        self._folded: dict[int, dict[str, Any]] = {}
        self._heads: dict[int, frozenset[str]] = {}
        self._noted: dict[str, Any] = {}  # by path in folded case
        self._unclear = {_SELECTED}
        self._note(payload, "", 0)

    def values(self, *paths: str) -> list[Any]:
        """All values at the paths, lists opened, in order."""
        return [value for path in paths for value in self._at(path)]

    def first(self, *paths: str) -> Any:
        """The first value that is there, or None."""
        for path in paths:
            if found := self._at(path):
                return found[0]
        return None

    def text(self, *paths: str) -> str:
        """The first scalar that is there, as text, or ""."""
        for path in paths:
            node = self._noted.get(path)
            for value in (node,) if type(node) is str else self._at(path):
                if text := plain(value):
                    return text
        return ""

    def texts(self, *paths: str) -> list[str]:
        """All scalars at the paths as texts, each once."""
        found = self.values(*paths)
        return list(dict.fromkeys(text for value in found if (text := plain(value)))) if found else []

    def number(self, *paths: str) -> int | None:
        """The first whole number that is there; `"443"` and `"0x1bb"` count."""
        for path in paths:
            for value in self._at(path):
                if (number := whole_number(value)) is not None:
                    return number
        return None

    def objects(self, *paths: str) -> list["Document"]:
        """The objects at the paths, each to be asked on its own."""
        return [Document(value) for value in self.values(*paths) if isinstance(value, dict)]

    def part(self, path: str) -> "Document":
        """The first object at the path, or an empty one."""
        return next(iter(self.objects(path)), Document({}))

    def _note(self, node: Any, place: str, depth: int) -> None:
        """Note what stands below a place, within bounds: a sender decides how much that is."""
        is_worth_it = type(node) is dict and depth < MAX_NOTED_DEPTH and len(self._noted) < MAX_NOTED
        paths = _paths(place, tuple(node)) if is_worth_it and sum(map(len, node)) <= MAX_KEYS else None
        if paths is None:
            self._unclear.add(place)
            return
        for path, value in zip(paths, node.values(), strict=True):
            self._noted[path] = value
            if type(value) is dict:
                self._note(value, path, depth + 1)
            elif type(value) is list and any(type(item) is not str for item in value):
                self._unclear.add(path)

    def _at(self, path: str) -> list[Any]:
        folded, above = _places(path)
        node = self._noted.get(folded, _MISSING)
        if node is not _MISSING:
            if type(node) is list:
                return self._walk(node, (), folded=False)
            return [] if is_absent(node) else [node]
        if self._unclear.isdisjoint(above):
            return []
        steps = _steps(path)
        return self._walk(self.payload, steps, folded=False) or self._walk(self.payload, steps, folded=True)

    def _walk(self, node: Any, steps: tuple[Step, ...], *, folded: bool) -> list[Any]:
        if isinstance(node, list):
            return [value for item in node for value in self._walk(item, steps, folded=folded)]
        if not steps:
            return [] if is_absent(node) else [node]
        if not isinstance(node, dict) or steps[0][0].casefold() not in self._heads_of(node):
            return []
        for taken, key in _keys(steps):
            child = self._child(node, key, folded=folded)
            if child is _MISSING:
                continue
            child = self._select(child, steps[taken - 1][1], folded=folded)
            if found := self._walk(child, steps[taken:], folded=folded):
                return found
        return []

    def _heads_of(self, node: dict[str, Any]) -> frozenset[str]:
        """What the keys of an object begin with, up to a dot: most of what is asked for is not there."""
        known = self._heads.get(id(node))
        if known is None:
            known = self._heads[id(node)] = frozenset(name.partition(".")[0].casefold() for name in node)
        return known

    def _child(self, node: dict[str, Any], key: str, *, folded: bool) -> Any:
        if not folded:
            return node.get(key, _MISSING)
        lowered = self._folded.get(id(node))
        if lowered is None:
            lowered = self._folded[id(node)] = {name.casefold(): value for name, value in reversed(node.items())}
        return lowered.get(key.casefold(), _MISSING)

    def _select(self, child: Any, selectors: tuple[tuple[str, str], ...], *, folded: bool) -> Any:
        if not selectors:
            return child
        items = child if isinstance(child, list) else [child]
        return [item for item in items if all(self._fits(item, selector, folded=folded) for selector in selectors)]

    def _fits(self, item: Any, selector: tuple[str, str], *, folded: bool) -> bool:
        name, wanted = selector
        found = self._walk(item, _steps(name), folded=folded)
        return any(plain(value).casefold() == wanted.casefold() for value in found)


def key_names(payload: dict[str, Any]) -> frozenset[str]:
    """The names of an object's own keys in folded case: some exporters write all of them in lower case."""
    return frozenset(key.casefold() for key in payload)


def whole_number(value: Any) -> int | None:
    """A whole number from a number or a text (decimal or 0x), else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        return int(value, 16) if value[:2] in {"0x", "0X"} else int(value)
    except ValueError:
        return None


def _keys(steps: tuple[Step, ...]) -> Iterator[tuple[int, str]]:
    """The key of the first step, of the first two joined by a dot, and so on; a selector ends a key."""
    key = ""
    for taken, (name, selectors) in enumerate(steps, start=1):
        key = f"{key}.{name}" if key else name
        yield taken, key
        if selectors:
            return


@lru_cache(maxsize=512)
def _paths(place: str, keys: tuple[str, ...]) -> tuple[str, ...] | None:
    """The paths of an object's keys in folded case, or None where one could be spelt in more than one way.

    Remembered, for the alerts of a detector have few shapes.
    """
    names = {key.casefold() for key in keys}
    if len(names) < len(keys) or any("." in key or "[" in key for key in keys):
        return None
    return tuple(f"{place}.{key.casefold()}" if place else key.casefold() for key in keys)


@lru_cache(maxsize=2048)
def _places(path: str) -> tuple[str, frozenset[str]]:
    """A path in folded case, and the places above it, the payload itself among them."""
    if "[" in path:
        return path, frozenset({_SELECTED})
    folded = path.casefold()
    keys = folded.split(".")
    return folded, frozenset(".".join(keys[:depth]) for depth in range(len(keys)))


@lru_cache(maxsize=2048)
def _steps(path: str) -> tuple[Step, ...]:
    return tuple(_step(part) for part in _parts(path))


def _parts(path: str) -> list[str]:
    """Split at dots that stand outside brackets."""
    parts, depth = [""], 0
    for character in path:
        depth += (character == "[") - (character == "]")
        if character == "." and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _step(part: str) -> Step:
    name, _, rest = part.partition("[")
    selectors = [selector.rstrip("]").partition("=") for selector in rest.split("[")] if rest else []
    return name, tuple((key, wanted) for key, equals, wanted in selectors if equals)
