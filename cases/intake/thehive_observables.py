"""The observables and artifacts of TheHive, by the data types that it ships with; others are kept as they are."""

import hashlib
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.absent import plain
from cases.intake.base import NormalDevice, NormalPerson
from cases.intake.identities import device, person
from cases.intake.misp_attributes import is_true
from cases.intake.normalise import Problems
from cases.intake.observables import MAX_OBSERVABLES, Observables
from cases.intake.paths import Document
from cases.intake.texts import one_line, tags

MAX_NOTE = 300
_KINDS: dict[str, tuple[ObservableKind, Role]] = {
    "domain": (ObservableKind.DOMAIN, Role.OTHER),
    "fqdn": (ObservableKind.DOMAIN, Role.OTHER),
    "hostname": (ObservableKind.DOMAIN, Role.OTHER),
    "ip": (ObservableKind.IP, Role.OTHER),
    "url": (ObservableKind.URL, Role.OTHER),
    "mail": (ObservableKind.EMAIL, Role.MAIL),
    "email": (ObservableKind.EMAIL, Role.MAIL),
    "filename": (ObservableKind.FILE_NAME, Role.FILE),
    "registry": (ObservableKind.REGISTRY_KEY, Role.REGISTRY),
    "user-agent": (ObservableKind.USER_AGENT, Role.OTHER),
    "autonomous-system": (ObservableKind.ASN, Role.OTHER),
    "mac": (ObservableKind.MAC, Role.OTHER),
    "cve": (ObservableKind.CVE, Role.OTHER),
    "port": (ObservableKind.PORT, Role.OTHER),
}
_USERS = frozenset({"username", "user", "account", "user-account"})


@dataclass(slots=True)
class Named:
    """What the observables of an alert come to. `sent` is each as it was sent, type and data."""

    observables: Observables = field(default_factory=Observables)
    devices: list[NormalDevice | None] = field(default_factory=list)
    people: list[NormalPerson | None] = field(default_factory=list)
    items: list[Document] = field(default_factory=list)
    sent: set[tuple[str, str]] = field(default_factory=set)


def named(alert: Document, problems: Problems) -> Named:
    """What an alert names; a value that does not fit its type is dropped and named."""
    found, is_full = Named(), False
    for place in ("observables", "artifacts"):
        for index, item in enumerate(alert.objects(place)[:MAX_OBSERVABLES]):
            found.items.append(item)
            if not add(found, item):
                problems.add(f"{place}[{index}]", f"no {item.text('dataType')[:40] or 'dataType'} can be read; dropped")
            is_full = is_full or found.observables.is_full
    if is_full:
        problems.add("observables", f"only the first {MAX_OBSERVABLES} are kept")
    return found


def add(found: Named, item: Document) -> bool:
    """Add one observable, whose data may be several; False where one of them does not fit."""
    kind = item.text("dataType").casefold()
    if kind == "file":
        return _add_file(found, item)
    values = item.texts("data") if kind else []
    found.sent |= {(kind, value) for value in values}
    fits = [_add(found, item, kind, value) for value in values]
    return bool(fits) and all(fits)


def _add(found: Named, item: Document, kind: str, value: str) -> bool:
    if kind == "hash":
        return found.observables.add_hash(value)
    if kind in _USERS:
        found.people.append(person(value))
        return found.observables.add(ObservableKind.USER, value, Role.ACCOUNT, **_said(item))
    if kind == "hostname" and "." not in value:  # no observable that says anything elsewhere, but a device's name
        found.devices.append(device(value))
        return True
    known, role = _KINDS.get(kind, (ObservableKind.OTHER, Role.OTHER))
    if known == ObservableKind.FILE_NAME and ("\\" in value or "/" in value):
        known = ObservableKind.FILE_PATH
    return found.observables.add(known, value, role, **_said(item, kind if known == ObservableKind.OTHER else ""))


def _said(item: Document, kind: str = "") -> dict[str, Any]:
    note = ": ".join(part for part in (kind, item.text("message")) if part)
    return {
        "tags": tags(item.values("tags")),
        "note": one_line(note, MAX_NOTE),
        "is_indicator": is_true(item.first("ioc")),
    }


def _add_file(found: Named, item: Document) -> bool:
    """A file by its name and hashes: of an attachment, or of the bytes that stand in `data` (path;mime;base64)."""
    names, hashes = item.texts("attachment.name"), item.texts("attachment.hashes")
    if (sent := plain(item.first("data"))).count(";") >= 2:
        path, _, body = sent.split(";", 2)
        names.append(path.replace("\\", "/").rpartition("/")[2])
        hashes += digests(decoded) if (decoded := _bytes(body)) else []
    found.sent |= {("file", one) for one in (*names, *hashes)}
    for name in names:
        found.observables.add(ObservableKind.FILE_NAME, name, Role.FILE, **_said(item))
    are_hashes = [found.observables.add_hash(one) for one in hashes]
    return bool(names) and any(are_hashes)


def digests(body: bytes) -> list[str]:
    """SHA-256, SHA-1 and MD5, as TheHive lists them of an attachment."""
    return [hashlib.new(name, body, usedforsecurity=False).hexdigest() for name in ("sha256", "sha1", "md5")]


def _bytes(text: str) -> bytes:
    """What base64 says, or nothing: a long text was cut at the gate, and the hashes of a part say nothing."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""
