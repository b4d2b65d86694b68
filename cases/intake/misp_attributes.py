"""What the attributes of a MISP event name, by their types."""

from collections.abc import Iterator
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.absent import plain
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.texts import one_line, tags

MAX_NOTE = 300

type Meaning = tuple[ObservableKind, Role]

_SIMPLE: dict[str, Meaning] = {
    "ip-src": (ObservableKind.IP, Role.SOURCE),
    "ip-dst": (ObservableKind.IP, Role.DESTINATION),
    "domain": (ObservableKind.DOMAIN, Role.DESTINATION),
    "hostname": (ObservableKind.DOMAIN, Role.DESTINATION),
    "onion-address": (ObservableKind.DOMAIN, Role.DESTINATION),
    "url": (ObservableKind.URL, Role.DESTINATION),
    "user-agent": (ObservableKind.USER_AGENT, Role.SOURCE),
    "ja3-fingerprint-md5": (ObservableKind.JA3, Role.SOURCE),
    "AS": (ObservableKind.ASN, Role.OTHER),
    "mac-address": (ObservableKind.MAC, Role.OTHER),
    "port": (ObservableKind.PORT, Role.OTHER),
    "email": (ObservableKind.EMAIL, Role.MAIL),
    "email-src": (ObservableKind.EMAIL, Role.MAIL),
    "email-dst": (ObservableKind.EMAIL, Role.MAIL),
    "email-reply-to": (ObservableKind.EMAIL, Role.MAIL),
    "target-email": (ObservableKind.EMAIL, Role.MAIL),
    "whois-registrant-email": (ObservableKind.EMAIL, Role.OTHER),
    "dns-soa-email": (ObservableKind.EMAIL, Role.OTHER),
    "email-attachment": (ObservableKind.FILE_NAME, Role.MAIL),
    "filename": (ObservableKind.FILE_NAME, Role.FILE),
    "md5": (ObservableKind.HASH_MD5, Role.FILE),
    "sha1": (ObservableKind.HASH_SHA1, Role.FILE),
    "sha256": (ObservableKind.HASH_SHA256, Role.FILE),
    "sha512": (ObservableKind.HASH_SHA512, Role.FILE),
    "regkey": (ObservableKind.REGISTRY_KEY, Role.REGISTRY),
    "mutex": (ObservableKind.MUTEX, Role.PROCESS),
    "vulnerability": (ObservableKind.CVE, Role.OTHER),
    "target-user": (ObservableKind.USER, Role.ACCOUNT),
}
_PORTS: dict[str, Meaning] = {
    "src-port": (ObservableKind.PORT, Role.SOURCE),
    "dst-port": (ObservableKind.PORT, Role.DESTINATION),
}
# Two values in one, parted by a bar. The port after an address says little without it.
_FIRST_OF_TWO = {"ip-src|port": "ip-src", "ip-dst|port": "ip-dst", "hostname|port": "hostname"}
_BOTH = {
    "malware-sample": ("filename", "md5"),
    "domain|ip": ("domain", "ip-dst"),
    **{f"filename|{digest}": ("filename", digest) for digest in ("md5", "sha1", "sha256", "sha512")},
}


def attributes(event: Document) -> Iterator[Document]:
    """The attributes of an event and of its objects that were not deleted; proposals of others are none yet."""
    for attribute in event.objects("Attribute"):
        if not is_true(attribute.first("deleted")):
            yield attribute
    for thing in event.objects("Object"):
        if not is_true(thing.first("deleted")):
            yield from (one for one in thing.objects("Attribute") if not is_true(one.first("deleted")))


def is_true(value: Any) -> bool:
    """Flags come as booleans, numbers and texts."""
    return plain(value).casefold() in {"true", "1"}


def add_attribute(found: Observables, attribute: Document) -> None:
    """Add what one attribute names; types that name nothing to look up (text, comment, size) are left out."""
    kind, value = attribute.text("type"), attribute.text("value")
    first, _, second = value.partition("|")
    if kind in _BOTH:
        for part, text in zip(_BOTH[kind], (first, second), strict=True):
            _add(found, attribute, _SIMPLE[part], text)
    elif kind in _FIRST_OF_TWO:
        _add(found, attribute, _SIMPLE[_FIRST_OF_TWO[kind]], first)
    elif kind == "regkey|value":
        _add(found, attribute, _SIMPLE["regkey"], first, note=second)
    elif kind == "port":
        _add(found, attribute, _PORTS.get(attribute.text("object_relation"), _SIMPLE[kind]), value)
    elif kind in _SIMPLE:
        _add(found, attribute, _SIMPLE[kind], value)


def _add(found: Observables, attribute: Document, meaning: Meaning, value: str, *, note: str = "") -> None:
    kind, role = meaning
    if kind == ObservableKind.FILE_NAME and ("\\" in value or "/" in value):
        kind = ObservableKind.FILE_PATH
    found.add(
        kind,
        value,
        role,
        tags=tags(attribute.values("Tag.name")),
        note=one_line(note or attribute.text("comment"), MAX_NOTE),
        is_indicator=is_true(attribute.first("to_ids")),
    )
