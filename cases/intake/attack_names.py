"""ATT&CK ids out of what detectors say instead: names in any spelling, and ids inside longer words."""

import re
from collections import defaultdict
from functools import lru_cache

from cases.intake.normalise import MAX_TECHNIQUES, is_attack_id
from secops.attack import TACTICS, Attack, AttackDataError, known

MAX_WORD = 200  # characters of a name
_TECHNIQUE = re.compile(r"(?<![A-Za-z0-9])[Tt]([0-9]{4})(?:[._/]([0-9]{3}))?(?![0-9])")


def technique_id(said: str, tactic: str = "") -> str:
    """The id in `T1059.001`, `Regsvr32 (T1218.010)` or `MITRE_T1059_001_POWERSHELL`, or that of a name; "" for a
    name that is none or several. A tactic that is given must be one of ATT&CK's and know the technique: products
    with tactics of their own use ATT&CK's words in another sense."""
    if found := _TECHNIQUE.search(said[:MAX_WORD]):
        return f"T{found[1]}.{found[2]}" if found[2] else f"T{found[1]}"
    wanted = tactic_id(tactic)
    if (tactic.strip() and not wanted) or not (word := _letters(said)):
        return ""
    fitting = [number for number, tactics in _named().get(word, ()) if not wanted or wanted in tactics]
    return fitting[0] if len(fitting) == 1 else ""


def tactic_id(said: str) -> str:
    """The id in `TA0002`, or that of a name such as `Initial Access`, `InitialAccess` or `initial-access`."""
    text = said.strip()
    return text.upper() if is_attack_id(text, "TA") else _TACTICS.get(_letters(text), "")


def attack_pair(technique: str, tactic: str) -> tuple[tuple[str, str], ...]:
    """What one technique and its tactic are by id or name, as `NormalAlert.attack` wants it; empty for neither."""
    pair = (technique_id(technique, tactic), tactic_id(tactic))
    return (pair,) if any(pair) else ()


def attack_words(techniques: list[str], tactics: list[str]) -> tuple[tuple[str, str], ...]:
    """Techniques and tactics that were sent apart, so that nobody knows which belong together."""
    pairs = [*((technique_id(said), "") for said in techniques), *(("", tactic_id(said)) for said in tactics)]
    return tuple(dict.fromkeys(pair for pair in pairs if any(pair)))[:MAX_TECHNIQUES]


def _named() -> dict[str, list[tuple[str, frozenset[str]]]]:
    try:
        data = known()
    except (AttackDataError, OSError):  # an alert is read all the same
        data = None
    return _by_name(_Same(data)) if data else {}


class _Same:
    """A data set that equals only itself: its content is far too large to be compared."""

    def __init__(self, data: Attack) -> None:
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.data is other.data

    def __hash__(self) -> int:
        return id(self.data)


@lru_cache(maxsize=1)
def _by_name(same: _Same) -> dict[str, list[tuple[str, frozenset[str]]]]:
    """By the letters of its name: the ids of techniques with the ids of their tactics."""
    data, found = same.data, defaultdict(list)
    for number, technique in data.techniques.items():
        tactics = frozenset(data.tactics[slug][0] for slug in technique.tactics if slug in data.tactics)
        found[_letters(technique.name)].append((number, tactics))
    return dict(found)


def _letters(text: str) -> str:
    return "".join(character for character in text[:MAX_WORD].casefold() if character.isalnum())


_TACTICS = {_letters(slug): number for slug, number in TACTICS.items()}
