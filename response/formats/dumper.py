"""How our YAML looks: blocks for long text, short lists on one line, quotes where another reader would see no text."""

import re
from typing import Any

from yaml import SafeDumper, ScalarNode, dump

WIDTH = 100  # of folded text
PLAIN = re.compile(r"\S+( \S+)*")  # text that may be folded and unfolded again


class Line(list[str]):
    """A list that stands on one line."""


class _Dumper(SafeDumper):
    """Lists are indented, only folded text is broken, and what YAML 1.1 would misread is quoted."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def write_plain(self, text: str, split: bool = True) -> None:
        super().write_plain(text, False)

    def write_single_quoted(self, text: str, split: bool = True) -> None:
        super().write_single_quoted(text, False)

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        super().write_double_quoted(text, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: SafeDumper, text: str) -> ScalarNode:
    style = None
    if not all(line.isprintable() for line in text.split("\n")):
        style = '"'
    elif "\n" in text:
        style = '"' if text.endswith("\n") else "|"
    elif len(text) > WIDTH - 20 and PLAIN.fullmatch(text):
        style = ">"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(
    Line, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)


def text_of(data: Any) -> str:
    """The one text of the data."""
    return str(dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False))
