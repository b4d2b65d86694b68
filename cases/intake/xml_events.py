"""Windows events in XML as the same objects that their JSON exporters write (`Event.System`, `Event.EventData`)."""

import re
from typing import Any
from xml.etree import ElementTree

_DECLARATION = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def read_event(text: str) -> dict[str, Any] | None:
    """{"Event": {...}} or None where the text is no whole, plain Windows event."""
    if _DECLARATION.search(text):  # an entity may grow without bound
        return None
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  no declarations left in it
    except ElementTree.ParseError:
        return None
    if _name(root) != "Event":
        return None
    return {"Event": {_name(part): _part(part) for part in root}}


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
