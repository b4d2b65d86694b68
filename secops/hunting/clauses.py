"""What people hunt for: a hash, a path, a key, a program, an address, a rule, each as the questions that it becomes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import TextChoices

from secops.errors import SecopsError
from secops.hunting import sigma, tlsh
from secops.hunting.conditions import Condition, Either, Kind, Near, Query, Text, glob
from secops.networks import is_address
from secops.wording import refang

MOST_CLAUSES = 30  # of one hunt: each is a question to each source
MOST_TEXT = 1_000  # characters of a value
NEAR, FARTHEST = 50, 200  # TLSH distances: what a clause means that says none, and the most that it may say
FEWEST_LETTERS = 4  # of what a pattern says besides its wildcards: less would find everything
_HEX = re.compile(r"[0-9a-f]+")
_ROOT = re.compile(
    r"^\\?(?:registry\\)?(?:HKEY_LOCAL_MACHINE|HKEY_CURRENT_USER|HKEY_USERS|HKEY_CLASSES_ROOT|HKLM|HKCU|HKU|HKCR)"
    r"(?:\\S-1-[0-9-]+(?:_classes)?)?\\",
    re.IGNORECASE,
)
_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


class ClauseError(SecopsError):
    """A clause that cannot be hunted for; the text says which and why."""


class ClauseKind(TextChoices):
    """What can be looked for; the labels are what the form offers."""

    SHA256 = "sha256", "SHA-256"
    SHA1 = "sha1", "SHA-1"
    MD5 = "md5", "MD5"
    IMPHASH = "imphash", "Similar program (import hash)"
    SIMILAR = "similar", "Similar file (TLSH)"
    PATH = "path", "File path"
    FILE_NAME = "file_name", "File name"
    REGISTRY_KEY = "registry_key", "Registry key"
    PROCESS = "process", "Program"
    COMMAND_LINE = "command_line", "Command line"
    ADDRESS = "address", "Address"
    DOMAIN = "domain", "Domain"
    SIGMA = "sigma", "Sigma rule"


_DIGITS = {ClauseKind.SHA256: 64, ClauseKind.SHA1: 40, ClauseKind.MD5: 32, ClauseKind.IMPHASH: 32}


OF_OBSERVABLE = {  # kinds of observables that can be hunted for
    "hash_sha256": ClauseKind.SHA256,
    "hash_sha1": ClauseKind.SHA1,
    "hash_md5": ClauseKind.MD5,
    "file_path": ClauseKind.PATH,
    "file_name": ClauseKind.FILE_NAME,
    "registry_key": ClauseKind.REGISTRY_KEY,
    "process": ClauseKind.PROCESS,
    "ip": ClauseKind.ADDRESS,
    "domain": ClauseKind.DOMAIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One thing to look for; what fits any of a hunt's clauses is a hit."""

    kind: ClauseKind
    value: str

    @property
    def title(self) -> str:
        """SHA-256 9f2c…a41e; of a rule its own title."""
        if self.kind == ClauseKind.SIGMA:
            return f"Sigma rule {sigma.read(self.value).title}"
        if self.kind == ClauseKind.SIMILAR:
            found, most = _similar(self.value)
            return f"{self.kind.label} {found[:6]}…{found[-4:]} within {most}"
        is_hash = self.kind in _DIGITS
        return f"{self.kind.label} {f'{self.value[:4]}…{self.value[-4:]}' if is_hash else self.value}"

    @property
    def plain(self) -> dict[str, str]:
        return {"kind": self.kind.value, "value": self.value}

    def queries(self) -> tuple[Query, ...]:
        """The questions that it becomes, one per table."""
        if self.kind == ClauseKind.SIGMA:
            return sigma.read(self.value).queries
        return tuple(Query(kind=kind, condition=ask(self.value)) for kind, ask in _ASKED[self.kind].items())


def read(given: Any) -> list[Clause]:
    """Clauses from plain values, [{"kind", "value"}], each once; ClauseError names the first that does not fit."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise ClauseError("The clauses are a list of {kind, value}.")
    found = list({(one.kind, one.value): one for one in map(_read_one, given)}.values())
    if not found:
        raise ClauseError("There is nothing to hunt for.")
    if len(found) > MOST_CLAUSES:
        raise ClauseError(f"{len(found)} clauses are too many for one hunt; at most {MOST_CLAUSES}.")
    return found


def _read_one(given: Any) -> Clause:
    if not isinstance(given, Mapping) or set(given) - {"kind", "value"}:
        raise ClauseError("A clause has a kind and a value.")
    try:
        kind = ClauseKind(str(given.get("kind", "")))
    except ValueError:
        raise ClauseError(f"There is no kind of clause {str(given.get('kind'))[:40]!r}.") from None
    value = given.get("value")
    if not isinstance(value, str) or not value.strip():
        raise ClauseError(f"{kind.label}: a value is needed.")
    if kind == ClauseKind.SIGMA:
        try:
            return Clause(kind=kind, value=sigma.read(value).text)
        except sigma.RuleError as error:
            raise ClauseError(f"Sigma rule: {error}") from error
    return Clause(kind=kind, value=_checked(kind, value.strip()))


def _checked(kind: ClauseKind, value: str) -> str:
    if len(value) > MOST_TEXT or not value.isprintable():
        raise ClauseError(f"{kind.label}: at most {MOST_TEXT} printable characters.")
    return _CHECKS.get(kind, _pattern)(kind, value)


def _hash(kind: ClauseKind, value: str) -> str:
    value = value.lower()
    if len(value) != _DIGITS[kind] or not _HEX.fullmatch(value):
        raise ClauseError(f"{kind.label}: {_DIGITS[kind]} hexadecimal digits are needed.")
    return value


def _digest(kind: ClauseKind, value: str) -> str:
    """The digest, and how far a similar file may be: T1… 50."""
    written, _, most = value.partition(" ")
    found, far = tlsh.digest(written), most.strip() or str(NEAR)
    if not found:
        raise ClauseError(f"{kind.label}: T1 and {tlsh.DIGITS} hexadecimal digits are needed, then the distance.")
    if not far.isdecimal() or int(far) > FARTHEST:
        raise ClauseError(f"{kind.label}: the distance is a number up to {FARTHEST}.")
    return f"{found} {int(far)}"


def _similar(value: str) -> tuple[str, int]:
    found, _, most = value.partition(" ")
    return found, int(most)


def _address(kind: ClauseKind, value: str) -> str:
    value = refang(value).lower()
    if not is_address(value):
        raise ClauseError(f"{kind.label}: {value} is no address.")
    return value


def _domain(kind: ClauseKind, value: str) -> str:
    value = refang(value).lower().rstrip(".")
    if not _DOMAIN.fullmatch(value):
        raise ClauseError(f"{kind.label}: {value} is no domain.")
    return value


def _pattern(kind: ClauseKind, value: str) -> str:
    if kind == ClauseKind.FILE_NAME and _is_path(value):
        raise ClauseError(f"{kind.label}: {value} is a path. Hunt for it as a path.")
    if len(re.sub(r"[*?\\/.: ]", "", value)) < FEWEST_LETTERS:
        raise ClauseError(f"{kind.label}: {value} would find nearly everything.")
    return value


_CHECKS: dict[ClauseKind, Callable[[ClauseKind, str], str]] = {
    **dict.fromkeys(_DIGITS, _hash),
    ClauseKind.SIMILAR: _digest,
    ClauseKind.ADDRESS: _address,
    ClauseKind.DOMAIN: _domain,
}


def _is_path(value: str) -> bool:
    return any(sign in value for sign in "\\/")


def _same(field: str) -> Callable[[str], Condition]:
    return lambda value: Text(field, (value,))


def _glob(field: str) -> Callable[[str], Condition]:
    return lambda value: glob(field, value)


def _named(field: str) -> Callable[[str], Condition]:
    """A file of that name in any folder."""
    return lambda value: Either(tuple(glob(field, f"*{sign}{value}") for sign in "\\/"))


def _program(value: str) -> Condition:
    return (_glob if _is_path(value) else _named)("image")(value)


def _within(value: str) -> Condition:
    return glob("command_line", value if "*" in value else f"*{value}*")


def _name(value: str) -> Condition:
    return Either((Text("peer_name", (value,)), Text("peer_name", ("", f".{value}"))))


def _key(value: str) -> Condition:
    """The key, or anything below it, in whichever hive: sources name hives differently."""
    tail = "*\\" + _ROOT.sub("", value).strip("\\")
    return Either((glob("key", tail), glob("key", f"{tail}\\*")))


_ASKED: dict[ClauseKind, dict[Kind, Callable[[str], Condition]]] = {
    **{kind: {Kind.PROCESS: _same(kind.value), Kind.FILE: _same(kind.value)} for kind in _DIGITS},
    ClauseKind.IMPHASH: {Kind.PROCESS: _same("imphash")},
    ClauseKind.SIMILAR: {Kind.FILE: lambda value: Near("tlsh", *_similar(value))},
    ClauseKind.PATH: {Kind.PROCESS: _glob("image"), Kind.FILE: _glob("path")},
    ClauseKind.FILE_NAME: {Kind.PROCESS: _named("image"), Kind.FILE: _named("path")},
    ClauseKind.PROCESS: {Kind.PROCESS: _program},
    ClauseKind.COMMAND_LINE: {Kind.PROCESS: _within},
    ClauseKind.REGISTRY_KEY: {Kind.REGISTRY: _key},
    ClauseKind.ADDRESS: {Kind.NETWORK: _same("peer")},
    ClauseKind.DOMAIN: {Kind.NETWORK: _name},
}
