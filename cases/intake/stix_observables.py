"""What STIX objects name: cyber observables, on their own or inside observed data, and the patterns of indicators."""

import re
from collections.abc import Iterator
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalFlow
from cases.intake.flows import read_flow
from cases.intake.observables import Observables
from cases.intake.paths import Document

MAX_PATTERN = 20_000  # characters of a pattern that are read
_HASHES = "hashes"
_PROPERTIES: dict[str, dict[str, tuple[ObservableKind, Role]]] = {
    "ipv4-addr": {"value": (ObservableKind.IP, Role.OTHER)},
    "ipv6-addr": {"value": (ObservableKind.IP, Role.OTHER)},
    "domain-name": {"value": (ObservableKind.DOMAIN, Role.OTHER)},
    "url": {"value": (ObservableKind.URL, Role.OTHER)},
    "email-addr": {"value": (ObservableKind.EMAIL, Role.MAIL)},
    "email-message": {
        "from_ref.value": (ObservableKind.EMAIL, Role.MAIL),
        "sender_ref.value": (ObservableKind.EMAIL, Role.MAIL),
    },
    "mac-addr": {"value": (ObservableKind.MAC, Role.OTHER)},
    "autonomous-system": {"number": (ObservableKind.ASN, Role.OTHER)},
    "file": {
        "name": (ObservableKind.FILE_NAME, Role.FILE),
        "parent_directory_ref.path": (ObservableKind.FILE_PATH, Role.FILE),
    },
    "directory": {"path": (ObservableKind.FILE_PATH, Role.FILE)},
    "mutex": {"name": (ObservableKind.MUTEX, Role.PROCESS)},
    "process": {
        "command_line": (ObservableKind.COMMAND_LINE, Role.PROCESS),
        "name": (ObservableKind.PROCESS, Role.PROCESS),
    },
    "windows-registry-key": {"key": (ObservableKind.REGISTRY_KEY, Role.REGISTRY)},
    "user-account": {
        "account_login": (ObservableKind.USER, Role.ACCOUNT),
        "user_id": (ObservableKind.USER, Role.ACCOUNT),
    },
    "network-traffic": {
        "src_ref.value": (ObservableKind.IP, Role.SOURCE),
        "dst_ref.value": (ObservableKind.IP, Role.DESTINATION),
        "src_port": (ObservableKind.PORT, Role.SOURCE),
        "dst_port": (ObservableKind.PORT, Role.DESTINATION),
        "extensions.http-request-ext.request_header.User-Agent": (ObservableKind.USER_AGENT, Role.SOURCE),
    },
}
_WITH_HASHES = frozenset({"file", "artifact"})
_TEXT = r"'(?:[^'\\]|\\.)*+'"
# `type:path = 'value'` and `type:path IN ('a', 'b')`. `NOT =`, `!=`, LIKE and MATCHES name no value to look up.
_COMPARISON = re.compile(
    r"(?<![a-z0-9-])([a-z0-9-]{3,40}):((?:[A-Za-z0-9_.*\[\]-]|'[^'\s]{1,64}'){1,120}+)\s{0,8}"
    rf"(?:=\s{{0,8}}({_TEXT}|[0-9]{{1,20}})|IN\s{{0,8}}\(((?:\s*+{_TEXT}\s*+,?)*+)\))",
    re.DOTALL,
)
_ITEM = re.compile(_TEXT, re.DOTALL)


def observed(bundle_objects: list[Document]) -> Iterator[tuple[Document, dict[str, Document]]]:
    """Each cyber observable with those that it may refer to: the objects of the bundle, or in STIX 2.0 its neighbours
    inside the same observed data."""
    named = {one.text("id"): one for one in bundle_objects}
    for one in bundle_objects:
        yield one, named
        inner = one.payload.get("objects")
        if one.text("type") == "observed-data" and isinstance(inner, dict):
            neighbours = {key: Document(value) for key, value in inner.items() if isinstance(value, dict)}
            for neighbour in neighbours.values():
                yield neighbour, neighbours


def add_observed(found: Observables, thing: Document, named: dict[str, Document]) -> None:
    """Add what one cyber observable is; other kinds of objects add nothing."""
    kind = thing.text("type")
    for path, (ours, role) in _PROPERTIES.get(kind, {}).items():
        reference, dot, rest = path.partition(".")
        if dot and reference.endswith("_ref"):
            text = named.get(thing.text(reference), Document({})).text(rest)
        else:
            text = thing.text(path)
        _add(found, ours, role, text)
    if kind in _WITH_HASHES:
        for digest in thing.part(_HASHES).payload.values():
            found.add_hash(digest)


def read_traffic(thing: Document, named: dict[str, Document]) -> NormalFlow | None:
    """The connection of a network-traffic object, or None."""
    if thing.text("type") != "network-traffic":
        return None
    ends = {end: named.get(thing.text(f"{end}_ref"), Document({})).text("value") for end in ("src", "dst")}
    protocols = thing.texts("protocols")  # from the outermost to the innermost
    known = next(
        (name for name in protocols if name in {"tcp", "udp", "icmp", "sctp"}), protocols[-1] if protocols else ""
    )
    return read_flow(
        Document({**thing.payload, **ends, "proto": known}),
        src_ip=("src",),
        src_port=("src_port",),
        dst_ip=("dst",),
        dst_port=("dst_port",),
        proto=("proto",),
        bytes_out=("src_byte_count",),
        bytes_in=("dst_byte_count",),
    )


def add_pattern(found: Observables, pattern: str, *, note: str, is_indicator: bool) -> None:
    """Add the values that a STIX pattern compares for equality, whether joined by AND, OR or one after another."""
    for kind, path, text in comparisons(pattern):
        if kind in _WITH_HASHES and path.partition(".")[0] == _HASHES:
            ours = _hash_kind(text)
            meaning = (ours, Role.FILE) if ours else None
        else:
            meaning = _PROPERTIES.get(kind, {}).get(path)
        if meaning:
            _add(found, *meaning, text, note=note, is_indicator=is_indicator)


def comparisons(pattern: str) -> Iterator[tuple[str, str, str]]:
    """(object type, property without quotes, value) of each comparison for equality."""
    for kind, path, value, values in (match.groups() for match in _COMPARISON.finditer(pattern[:MAX_PATTERN])):
        for text in [value] if value else _ITEM.findall(values or ""):
            plain = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if text.startswith("'") else text
            yield kind, path.replace("'", ""), plain


def _hash_kind(text: str) -> ObservableKind | None:
    return {
        32: ObservableKind.HASH_MD5,
        40: ObservableKind.HASH_SHA1,
        64: ObservableKind.HASH_SHA256,
        128: ObservableKind.HASH_SHA512,
    }.get(len(text))


def _add(found: Observables, kind: ObservableKind, role: Role, text: str, **more: Any) -> None:
    if kind == ObservableKind.FILE_NAME and ("\\" in text or "/" in text):
        kind = ObservableKind.FILE_PATH
    found.add(kind, text, role, **more)
