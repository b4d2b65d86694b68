"""MITRE ATT&CK, offline and compact: names of techniques and tactics, and which groups and software use what.

It comes with the package pymispgalaxies; `manage.py attack FILE` puts an official STIX bundle in its place.
"""

from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings

from secops.errors import SecopsError

NOTICE = "© The MITRE Corporation. ATT&CK is reproduced and distributed with the permission of The MITRE Corporation."
HOW_TO_GET = "Install pymispgalaxies, or give the official bundle: manage.py attack enterprise-attack.json"
MOST_BYTES = 200_000_000  # of a bundle; the official one has 50 MB
TACTICS = {  # in the order of the matrix
    "reconnaissance": "TA0043",
    "resource-development": "TA0042",
    "initial-access": "TA0001",
    "execution": "TA0002",
    "persistence": "TA0003",
    "privilege-escalation": "TA0004",
    "defense-evasion": "TA0005",
    "credential-access": "TA0006",
    "discovery": "TA0007",
    "lateral-movement": "TA0008",
    "collection": "TA0009",
    "command-and-control": "TA0011",
    "exfiltration": "TA0010",
    "impact": "TA0040",
}
ACTORS = {"intrusion-set": "group", "malware": "software", "tool": "software"}


class AttackDataError(SecopsError):
    """A file that is no ATT&CK bundle; the text says what is wrong with it."""


class Technique(msgspec.Struct, frozen=True):
    """A technique or sub-technique; tactics by their short names."""

    name: str
    tactics: tuple[str, ...]


class Actor(msgspec.Struct, frozen=True):
    """A group or a piece of software, and the techniques it is known to use."""

    name: str
    kind: str  # group or software
    aliases: tuple[str, ...]
    techniques: frozenset[str]


class Attack(msgspec.Struct, frozen=True):
    """What is known, by ATT&CK id."""

    source: str
    tactics: dict[str, tuple[str, str]]  # short name: id and name
    techniques: dict[str, Technique]
    actors: dict[str, Actor]

    def tactic_of(self, said: str) -> str:
        """The short name of a tactic that a detector calls by id or by name; empty when unknown."""
        plain = said.strip().casefold()
        for slug, (number, name) in self.tactics.items():
            if plain in {slug, number.casefold(), name.casefold()}:
                return slug
        return ""

    def named(self, families: Iterable[str]) -> list[str]:
        """Ids of the actors that bear one of these names."""
        wanted = {family.strip().casefold() for family in families}
        return [pk for pk, one in self.actors.items() if wanted & {alias.casefold() for alias in one.aliases}]


def known() -> Attack | None:
    """The imported bundle, else what the package holds, else None."""
    kept = kept_at()
    if kept.is_file():
        return _imported(kept, kept.stat().st_mtime_ns)
    return _packaged()


def kept_at() -> Path:
    """Where the imported bundle stands."""
    return settings.DATA_DIR / "attack" / "attack.json"


def take(path: Path) -> Attack:
    """Read an official STIX bundle and keep its compact form in the data folder."""
    found = read_bundle(path)
    kept = kept_at()
    kept.parent.mkdir(parents=True, exist_ok=True)
    half = kept.with_suffix(".part")
    half.write_bytes(msgspec.json.encode(found))
    half.replace(kept)
    return found


def read_bundle(path: Path) -> Attack:
    """The compact form of a STIX bundle; revoked and deprecated objects are left out."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise AttackDataError(f"{path.name} is larger than {MOST_BYTES // 1_000_000} MB.")
        objects = msgspec.json.decode(path.read_bytes())["objects"]
        found = _of_objects([one for one in objects if not (one.get("revoked") or one.get("x_mitre_deprecated"))])
    except OSError as error:
        raise AttackDataError(f"{path.name} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise AttackDataError(f"{path.name} is no STIX bundle.") from error
    if not found.techniques or not found.actors:
        raise AttackDataError(f"{path.name} holds no techniques, or nobody who uses them.")
    return found


@lru_cache(maxsize=2)
def _imported(kept: Path, changed: int) -> Attack:
    try:
        return msgspec.json.decode(kept.read_bytes(), type=Attack)
    except msgspec.MsgspecError as error:
        raise AttackDataError("The imported ATT&CK data cannot be read; import the bundle again.") from error


def _of_objects(objects: list[dict[str, Any]]) -> Attack:
    ids = {one["id"]: _number(one) for one in objects if _number(one)}
    tactics = {one["x_mitre_shortname"]: (_number(one), one["name"]) for one in _typed(objects, "x-mitre-tactic")}
    techniques = {
        _number(one): Technique(
            one["name"], _tactics(phase["phase_name"] for phase in one.get("kill_chain_phases", []))
        )
        for one in _typed(objects, "attack-pattern")
        if _number(one)
    }
    uses: dict[str, set[str]] = {}
    for one in _typed(objects, "relationship"):
        if one.get("relationship_type") == "uses" and ids.get(one["target_ref"]) in techniques:
            uses.setdefault(one["source_ref"], set()).add(ids[one["target_ref"]])
    actors = {
        _number(one): Actor(one["name"], ACTORS[one["type"]], _aliases(one), frozenset(uses.get(one["id"], ())))
        for one in objects
        if one["type"] in ACTORS and _number(one)
    }
    versions = [str(one.get("x_mitre_version", "")) for one in _typed(objects, "x-mitre-collection")]
    return Attack(f"ATT&CK {versions[0] if versions else 'bundle'}", tactics or _usual(), techniques, actors)


def _typed(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in objects if one["type"] == kind]


def _number(one: dict[str, Any]) -> str:
    """T1059, G0016, ...: the id that people use."""
    return next((r["external_id"] for r in one.get("external_references", []) if r.get("source_name") in _HOUSES), "")


_HOUSES = {"mitre-attack", "mitre-mobile-attack", "mitre-ics-attack"}


def _aliases(one: dict[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([one["name"], *one.get("aliases", []), *one.get("x_mitre_aliases", [])]))


def _tactics(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _usual() -> dict[str, tuple[str, str]]:
    return {slug: (pk, slug.replace("-", " ").title().replace(" And ", " and ")) for slug, pk in TACTICS.items()}


# --- the galaxies of MISP --------------------------------------------------------------------------------------------
class _Meta(msgspec.Struct):
    external_id: str = ""
    kill_chain: list[str] = []
    synonyms: list[str] = []


class _Related(msgspec.Struct):
    uuid: str = msgspec.field(name="dest-uuid", default="")
    kind: str = msgspec.field(name="type", default="")


class _Value(msgspec.Struct):
    uuid: str
    value: str
    meta: _Meta = msgspec.field(default_factory=_Meta)
    related: list[_Related] = []

    @property
    def is_live(self) -> bool:
        return bool(self.meta.external_id) and not any(one.kind == "revoked-by" for one in self.related)

    @property
    def name(self) -> str:
        return self.value.removesuffix(f" - {self.meta.external_id}")


class _Cluster(msgspec.Struct):
    values: list[_Value]


@lru_cache(maxsize=1)
def _packaged() -> Attack | None:
    spec = find_spec("pymispgalaxies")
    if spec is None or not spec.origin:
        return None
    folder = Path(spec.origin).parent / "data/misp-galaxy/clusters"
    try:
        patterns = [one for one in _values(folder, "attack-pattern") if one.is_live and _phases(one)]
        by_uuid = {one.uuid: one.meta.external_id for one in patterns}
        actors = {
            one.meta.external_id: _actor(one, kind, by_uuid)
            for galaxy, kind in ACTORS.items()
            for one in _values(folder, galaxy)
            if one.is_live
        }
    except (OSError, msgspec.MsgspecError):
        return None
    techniques = {one.meta.external_id: Technique(one.name, _phases(one)) for one in patterns}
    return Attack(f"ATT&CK in MISP galaxies {version('pymispgalaxies')}", _usual(), techniques, actors)


def _values(folder: Path, name: str) -> list[_Value]:
    return msgspec.json.decode((folder / f"mitre-{name}.json").read_bytes(), type=_Cluster).values


def _phases(one: _Value) -> tuple[str, ...]:
    """Of the enterprise matrix only: `attack-Windows:execution`."""
    return _tactics(slug for house, _, slug in (said.partition(":") for said in one.meta.kill_chain) if _is_ours(house))


def _is_ours(house: str) -> bool:
    return house.startswith("attack-")


def _actor(one: _Value, kind: str, techniques: dict[str, str]) -> Actor:
    used = (techniques.get(each.uuid, "") for each in one.related if each.kind == "uses")
    return Actor(one.name, kind, _tactics([one.name, *one.meta.synonyms]), frozenset(pk for pk in used if pk))
