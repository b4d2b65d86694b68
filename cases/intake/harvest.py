"""Observables out of objects that nobody mapped: by the words of a key, and out of free text word by word.

Everything here is linear: keys are cut into words, texts are cut at spaces, and each word is looked at once.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.names import refang
from cases.intake.observables import Observables

MAX_LEAVES = 10_000
MAX_PROSE = 65_536
_STRIP = "\"'`<>()[]{},;:!?|=*"
_IP_KEYS = frozenset(
    {"ip", "ips", "ipv4", "ipv6", "addr", "address", "addresses", "src", "dst", "srcip", "dstip", "srchost"}
)
_NAME_KEYS = frozenset({"domain", "fqdn", "hostname", "host", "dns", "query", "sni", "rrname", "site"})
_PATH_KEYS = frozenset({"path", "filepath", "image", "exe", "objectname", "imagefile"})
_COMMAND_KEYS = frozenset({"cmdline", "commandline"})
_SOURCE = frozenset({"src", "source", "client", "orig", "attacker", "local", "srcip", "sender", "from"})
_DESTINATION = frozenset({"dst", "dest", "destination", "server", "resp", "remote", "target", "dstip", "victim"})
_NO_ADDRESS = frozenset({"version", "ver", "build", "release", "oid"})


def leaves(payload: Any) -> Iterator[tuple[str, Any]]:
    """Each scalar with its nearest key, in order."""
    stack: list[tuple[str, Any]] = [("", payload)]
    for _ in range(MAX_LEAVES):
        if not stack:
            return
        key, value = stack.pop()
        if isinstance(value, dict):
            stack.extend((name, child) for name, child in reversed(value.items()))
        elif isinstance(value, list):
            stack.extend((key, child) for child in reversed(value))
        else:
            yield key, value


def harvest(found: Observables, payload: Any) -> None:
    """Add what the scalars of an object are by their keys and their own form."""
    for key, value in leaves(payload):
        if not isinstance(value, str) or not value or len(value) > MAX_PROSE:
            continue
        words = key_words(key)
        if " " in value and not _is_command(words):
            harvest_text(found, value, role_of(words))
        elif not _by_form(found, value, words):
            _by_key(found, value, words)


def harvest_text(found: Observables, text: str, role: Role = Role.OTHER) -> None:
    """Add addresses, links, mail addresses, hashes and CVEs from prose."""
    for word in text[:MAX_PROSE].split():
        if len(word) >= 7 and len(word) <= 2048 and not word.isalpha():
            for part in _parts(word):
                _word(found, part, role)


def role_of(words: frozenset[str]) -> Role:
    if words & _DESTINATION:
        return Role.DESTINATION
    return Role.SOURCE if words & _SOURCE else Role.OTHER


@lru_cache(maxsize=4096)
def key_words(key: str) -> frozenset[str]:
    """`sourceIpAddress`, `source.ip_address` and `SOURCE-IP` as lower-case words, and the whole without marks."""
    spaced = [
        f"{left} " if left.islower() and right.isupper() else left if left.isalnum() else " "
        for left, right in pairwise(key[:100] + "_")
    ]
    words = "".join(spaced).lower().split()
    return frozenset((*words, "".join(words)))


def _is_command(words: frozenset[str]) -> bool:
    return bool(words & _COMMAND_KEYS) or {"command", "line"} <= words


def _parts(word: str) -> list[str]:
    """`src=10.0.0.1:443,` as `10.0.0.1:443`, a link whole."""
    word = word.strip(_STRIP)
    if "://" in word:
        begin = max(word.rfind(mark, 0, word.find("://")) for mark in '="(<')
        return [word[begin + 1 :].rstrip(_STRIP + ".")]
    return [part.strip(_STRIP + ".") for part in word.replace("=", ",").replace("/", ",").split(",")[:20]]


def _word(found: Observables, word: str, role: Role) -> None:
    word = refang(word)
    if "://" in word:
        found.add(ObservableKind.URL, word, role)
    elif "@" in word:
        found.add(ObservableKind.EMAIL, word, Role.MAIL)
    elif word[:4].upper() == "CVE-":
        found.add(ObservableKind.CVE, word)
    elif len(word) in {32, 40, 64, 128} and not word.isdigit():
        found.add_hash(word)
    elif word[:1].isdigit() or ":" in word:
        host, _, port = word.rpartition(":")
        is_with_port = host.count(".") == 3 and port.isdigit()
        found.add(ObservableKind.IP, host if is_with_port else word, role)


def _by_form(found: Observables, value: str, words: frozenset[str]) -> bool:
    """What is unmistakable whatever its key says."""
    if value[:4].upper() == "CVE-":
        return found.add(ObservableKind.CVE, value)
    if "://" in value[:12] or value[:4].lower() == "hxxp":
        return found.add(ObservableKind.URL, value, role_of(words))
    if "@" in value:
        return found.add(ObservableKind.EMAIL, value, Role.MAIL)
    if (value.count(".") == 3 or value.count(":") > 1) and not words & _NO_ADDRESS:
        return found.add(ObservableKind.IP, value, role_of(words))
    return False


def _by_key(found: Observables, value: str, words: frozenset[str]) -> None:
    if len(value) in {32, 40, 64, 128} and any("hash" in word or word[:3] in {"md5", "sha"} for word in words):
        found.add_hash(value)
    elif _is_command(words):
        found.add(ObservableKind.COMMAND_LINE, value, Role.PROCESS)
    elif "mac" in words:
        found.add(ObservableKind.MAC, value, role_of(words))
    elif words & _IP_KEYS or words & _NAME_KEYS:
        found.add_host(value, role_of(words))
    elif words & _PATH_KEYS and ("/" in value or "\\" in value):
        found.add(ObservableKind.FILE_PATH, value, Role.FILE)
    elif "filename" in words or {"file", "name"} <= words:
        found.add(ObservableKind.FILE_NAME, value, Role.FILE)
