"""Observables in their one spelling, and a collector that keeps each once (STANDARDS.md part 1.1)."""

import re
from collections.abc import Callable
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake import names
from cases.intake.absent import is_absent, plain
from cases.intake.base import NormalObservable
from cases.intake.networks import address, port, subnet

MAX_OBSERVABLES = 500  # of one alert
MAX_VALUE = 4096
_HEX = frozenset("0123456789abcdef")
_ADDRESS_SIGN = re.compile(r"[:%/\[({]")  # of an address that does not end in a digit: IPv6, a zone, a mask, defanged
_HASHES = {
    32: ObservableKind.HASH_MD5,
    40: ObservableKind.HASH_SHA1,
    64: ObservableKind.HASH_SHA256,
    128: ObservableKind.HASH_SHA512,
}
_EMPTY_FILE = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
        "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    }
)
_HIVES = {
    "hklm": "HKLM",
    "hkey_local_machine": "HKLM",
    "\\registry\\machine": "HKLM",
    "hku": "HKU",
    "hkey_users": "HKU",
    "\\registry\\user": "HKU",
    "hkcu": "HKCU",
    "hkey_current_user": "HKCU",
    "hkcr": "HKCR",
    "hkey_classes_root": "HKCR",
    "hkcc": "HKCC",
    "hkey_current_config": "HKCC",
}


class Observables:
    """Collects what an alert names. Values that do not fit their kind are left out; `add` says whether one fitted."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], NormalObservable] = {}
        self.is_full = False

    def add(
        self,
        kind: str,
        value: Any,
        role: str = Role.OTHER,
        *,
        tags: tuple[str, ...] = (),
        note: str = "",
        is_indicator: bool = False,
    ) -> bool:
        """Add one; a network given as an address becomes a subnet."""
        if value is None or value == "":  # most of what is asked for is not there
            return False
        if kind == ObservableKind.IP and (network := subnet(plain(value))):
            kind, value = ObservableKind.SUBNET, network
        text = normalise(kind, value)
        if not text:
            return False
        if kind == ObservableKind.URL and names.url(plain(value))[1]:
            tags = (*tags, "userinfo-removed")
        key = (str(kind), text)
        self.is_full = key not in self._found and len(self._found) >= MAX_OBSERVABLES
        if not self.is_full:
            found = NormalObservable(
                kind=str(kind), value=text, role=str(role), tags=tags, note=note, is_indicator=is_indicator
            )
            self._found.setdefault(key, found)
        return True

    def add_hash(self, value: Any, role: str = Role.FILE) -> bool:
        """Add a hash, its kind told by its length."""
        kind = _HASHES.get(len(plain(value)))
        return kind is not None and self.add(kind, value, role)

    def add_host(self, value: Any, role: str = Role.OTHER) -> bool:
        """Add what may be an address or a name."""
        if isinstance(value, str) and value[-1:].isalpha() and not _ADDRESS_SIGN.search(value):
            return self.add(ObservableKind.DOMAIN, value, role)  # nearly always, and asking for an address costs
        return self.add(ObservableKind.IP, value, role) or self.add(ObservableKind.DOMAIN, value, role)

    def add_indicator(self, value: Any, role: str = Role.DESTINATION) -> bool:
        """Add what a list of bad things named: a link, an address, a name or a hash, told by its form."""
        kinds = (ObservableKind.URL, ObservableKind.IP, ObservableKind.DOMAIN)
        digest = _HASHES.get(len(plain(value)))
        if digest is not None and self.add(digest, value, Role.FILE, is_indicator=True):
            return True
        return any(self.add(kind, value, role, is_indicator=True) for kind in kinds)

    def add_hash_list(self, text: str, role: str = Role.FILE) -> None:
        """Add `SHA1=..,MD5=..,IMPHASH=..` as Sysmon writes it; an import hash is no file's hash."""
        for pair in text[:2000].split(","):
            name, _, value = pair.partition("=")
            if name.strip().upper() != "IMPHASH":
                self.add_hash(value or name, role)

    def all(self) -> tuple[NormalObservable, ...]:
        return tuple(self._found.values())


def normalise(kind: str, value: Any) -> str:
    """The value in the one spelling of its kind, or "" where it is none or noise."""
    text = plain(value)
    if not text or len(text) > 2 * MAX_VALUE:
        return ""
    return _RULES.get(str(kind), _as_sent)(text)


def registry_key(text: str) -> str:
    """`HKLM\\...` for every spelling of the hive, the rest as sent, no final backslash."""
    if text[:9].lower() == "computer\\":
        text = text[9:]
    begin = text.lower()
    for spelling, hive in _HIVES.items():
        if begin == spelling or begin.startswith(spelling + "\\"):
            return (hive + text[len(spelling) :]).rstrip("\\")[:MAX_VALUE]
    return ""


def mac(text: str) -> str:
    """`aa:bb:cc:dd:ee:ff` from any separator; not broadcast, not all zero."""
    digits = text.lower().translate({ord(separator): None for separator in ":-. "})
    if len(digits) != 12 or not _HEX.issuperset(digits) or digits in {"f" * 12, "0" * 12}:
        return ""
    return ":".join(digits[position : position + 2] for position in range(0, 12, 2))


def _hash(length: int) -> Callable[[str], str]:
    def rule(text: str) -> str:
        digits = text.lower()
        is_hash = len(digits) == length and _HEX.issuperset(digits)
        return digits if is_hash and digits.strip("0") and digits not in _EMPTY_FILE else ""

    return rule


def _cve(text: str) -> str:
    word, _, rest = text.upper().partition("-")
    year, _, number = rest.partition("-")
    is_cve = word == "CVE" and len(year) == 4 and 4 <= len(number) <= 19 and (year + number).isdigit()
    return text.upper() if is_cve and rest.isascii() else ""


def _asn(text: str) -> str:
    digits = text.upper().removeprefix("AS").strip()
    return str(int(digits)) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else ""


def _port(text: str) -> str:
    number = port(text)
    return "" if number is None else str(number)


def _user(text: str) -> str:
    return "" if text.endswith("$") or is_absent(text) else text.lower()[:256]


def _as_sent(text: str) -> str:
    return text[:MAX_VALUE]


def _ja3(text: str) -> str:
    return text.lower() if len(text) == 32 and _HEX.issuperset(text.lower()) else ""


_RULES: dict[str, Callable[[str], str]] = {
    ObservableKind.IP: lambda text: address(names.refang(text)),
    ObservableKind.SUBNET: subnet,
    ObservableKind.DOMAIN: names.domain,
    ObservableKind.URL: lambda text: names.url(text)[0],
    ObservableKind.EMAIL: names.email,
    ObservableKind.HASH_MD5: _hash(32),
    ObservableKind.HASH_SHA1: _hash(40),
    ObservableKind.HASH_SHA256: _hash(64),
    ObservableKind.HASH_SHA512: _hash(128),
    ObservableKind.REGISTRY_KEY: registry_key,
    ObservableKind.REGISTRY_VALUE: registry_key,
    ObservableKind.USER: _user,
    ObservableKind.MAC: mac,
    ObservableKind.ASN: _asn,
    ObservableKind.JA3: _ja3,
    ObservableKind.CVE: _cve,
    ObservableKind.PORT: _port,
}
