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


class Document:
    """A payload and questions to it; answers leave out what is absent."""

    __slots__ = ("_folded", "_heads", "_root", "payload")

    def __init__(self, payload: Any) -> None:
        self.payload = payload
        self._folded: dict[int, dict[str, Any]] = {}
        self._heads: dict[int, tuple[frozenset[str], bool]] = {}
        self._root = self._heads_of(payload)[0] if type(payload) is dict else None

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
            for value in self._at(path):
                if text := plain(value):
                    return text
        return ""

    def texts(self, *paths: str) -> list[str]:
        """All scalars at the paths as texts, each once."""
        return list(dict.fromkeys(text for value in self.values(*paths) if (text := plain(value))))

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

    def _at(self, path: str) -> list[Any]:
        """Nearly always a path is just that, objects in objects, or leads nowhere: both are told at once."""
        if self._root is not None and _head(path) not in self._root:
            return []
        steps = _steps(path)
        node = self.payload
        for depth, (key, selectors) in enumerate(steps):
            if selectors or type(node) is not dict:
                break
            child = node.get(key, _MISSING)
            if child is _MISSING:
                if key.casefold() not in self._heads_of(node)[0] and (not depth or self._is_plain(steps[:depth])):
                    return []
                break
            node = child
        else:
            if type(node) is str and not is_absent(node):
                return [node]
            if found := self._walk(node, (), folded=False):
                return found
        return self._walk(self.payload, steps, folded=False) or self._walk(self.payload, steps, folded=True)

    def _is_plain(self, steps: tuple[Step, ...]) -> bool:
        """Could these keys, which lead down exactly, have been spelt in another way beside it?"""
        node = self.payload
        for key, _ in steps:
            if not self._heads_of(node)[1]:
                return False
            node = node[key]
        return True

    def _walk(self, node: Any, steps: tuple[Step, ...], *, folded: bool) -> list[Any]:
        if isinstance(node, list):
            return [value for item in node for value in self._walk(item, steps, folded=folded)]
        if not steps:
            return [] if is_absent(node) else [node]
        if not isinstance(node, dict) or steps[0][0].casefold() not in self._heads_of(node)[0]:
            return []
        for taken, key in _keys(steps):
            child = self._child(node, key, folded=folded)
            if child is _MISSING:
                continue
            child = self._select(child, steps[taken - 1][1], folded=folded)
            if found := self._walk(child, steps[taken:], folded=folded):
                return found
        return []

    def _heads_of(self, node: dict[str, Any]) -> tuple[frozenset[str], bool]:
        """What the keys of an object begin with, up to a dot; and whether each key has just one spelling and no dot."""
        known = self._heads.get(id(node))
        if known is None:
            heads = frozenset(name.partition(".")[0].casefold() for name in node)
            is_plain = len(heads) == len(node) and not any("." in name for name in node)
            known = self._heads[id(node)] = heads, is_plain
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


@lru_cache(maxsize=2048)
def _head(path: str) -> str:
    return _steps(path)[0][0].casefold()


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
