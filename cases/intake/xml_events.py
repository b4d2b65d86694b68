"""Windows events in XML as the same objects that their JSON exporters write (`Event.System`, `Event.EventData`)."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

_DECLARATION = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def read_event(text: str) -> dict[str, Any] | None:
    """{"Event": {...}}, with `is_cut` beside it where a relay cut the text after its `System`; None for all else."""
    if _DECLARATION.search(text):  # an entity may grow without bound
        return None
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  no declarations left in it
    except ElementTree.ParseError:
        return _cut(text)
    if _name(root) != "Event":
        return None
    return {"Event": {_name(part): _part(part) for part in root}}


def _cut(text: str) -> dict[str, Any] | None:
    """What was whole before the cut: a value that ends in the middle would say something else."""
    parser: ElementTree.XMLPullParser[Any] = ElementTree.XMLPullParser(events=("start", "end"))
    parser.feed(text)
    root: ElementTree.Element | None = None
    whole: set[ElementTree.Element] = set()
    try:
        events: Iterator[Any] = parser.read_events()
        for event, element in events:
            root = element if root is None else root
            if event == "end":
                whole.add(element)
    except ElementTree.ParseError:  # of the place where it was cut; what came before is known
        pass
    if root is None or _name(root) != "Event":
        return None
    for part in root:
        for child in [child for child in part if child not in whole]:
            part.remove(child)
    parts = {_name(part): _part(part) for part in root if part in whole or _name(part) == "EventData"}
    return {"Event": parts, "is_cut": True} if "System" in parts else None


def _part(part: ElementTree.Element) -> Any:
    match _name(part):
        case "EventData":
            return _data(part)
        case "UserData":
            return {_name(child): {_name(leaf): _text(leaf) for leaf in child} for child in part}
        case _:
            return {_name(child): _value(child) for child in part}


def _data(part: ElementTree.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    unnamed: list[str] = []
    for child in part:
        if name := child.get("Name"):
            found[name] = _text(child)
        else:
            unnamed.append(_text(child))
    return {**found, "Data": unnamed} if unnamed else found


def _value(element: ElementTree.Element) -> Any:
    if not element.attrib:
        return _text(element)
    attributes: dict[str, Any] = {"#attributes": dict(element.attrib)}
    return {**attributes, "#text": _text(element)} if element.text else attributes


def _text(element: ElementTree.Element) -> str:
    return (element.text or "").strip()


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
