"""What those who use the techniques seen are known to use besides: counted, never guessed."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

from secops.attack import Attack

MOST = 8  # techniques named
MOST_OF_A_TACTIC = 2  # so that the list shows several ways to go on
FEWEST = 3  # actors: fewer say nothing of what is usual
EXAMPLES = 3
NAMED = 3.0  # how much more an actor counts whose own name a source gave
BEHIND = {"reconnaissance", "resource-development", "initial-access"}  # over once a device is hit


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """A technique that was not seen yet; `share` is the weight of those who use it among those who are like this."""

    technique: str
    name: str
    tactic: str
    users: int
    like: int
    share: float
    examples: tuple[str, ...]


def likely_next(attack: Attack, seen: Iterable[str], families: Iterable[str] = ()) -> list[Likely]:
    """The most usual ones among groups and software that share what was seen, rarer techniques counting more."""
    found, named = {one for one in seen if one in attack.techniques}, set(attack.named(families))
    weights = _weights(attack, found, named)
    if len(weights) < FEWEST and not named:
        return []
    candidates = {pk for actor in weights for pk in attack.actors[actor].techniques} - _known(found)
    rated = [_rated(attack, pk, weights) for pk in candidates if not _is_behind(attack, pk)]
    rated.sort(key=lambda one: (-one.share, one.technique))
    return _spread([one for one in rated if one.users >= FEWEST or named])


def _weights(attack: Attack, seen: set[str], named: set[str]) -> dict[str, float]:
    """Each actor that shares something, by how rare what it shares is; one that was named counts most."""
    total = len(attack.actors)
    rarity = {pk: log(total / (1 + sum(pk in one.techniques for one in attack.actors.values())) + 1) for pk in seen}
    found = {}
    for pk, actor in attack.actors.items():
        weight = sum(rarity[one] for one in seen & actor.techniques) + (NAMED if pk in named else 0)
        if weight:
            found[pk] = weight
    return found


def _known(seen: set[str]) -> set[str]:
    """What was seen, and the families that it belongs to."""
    return seen | {one.partition(".")[0] for one in seen}


def _is_behind(attack: Attack, technique: str) -> bool:
    known = attack.techniques.get(technique)
    return known is None or set(known.tactics) <= BEHIND


def _rated(attack: Attack, technique: str, weights: dict[str, float]) -> Likely:
    users = [pk for pk in weights if technique in attack.actors[pk].techniques]
    known = attack.techniques[technique]
    first = sorted(users, key=lambda pk: (-weights[pk], attack.actors[pk].kind, attack.actors[pk].name))
    return Likely(
        technique=technique,
        name=_full_name(attack, technique),
        tactic=next(slug for slug in known.tactics if slug not in BEHIND),
        users=len(users),
        like=len(weights),
        share=sum(weights[pk] for pk in users) / sum(weights.values()),
        examples=tuple(attack.actors[pk].name for pk in first[:EXAMPLES]),
    )


def _full_name(attack: Attack, technique: str) -> str:
    """PowerShell as Command and Scripting Interpreter: PowerShell."""
    parent = attack.techniques.get(technique.partition(".")[0])
    name = attack.techniques[technique].name
    return f"{parent.name}: {name}" if parent and "." in technique else name


def _spread(rated: list[Likely]) -> list[Likely]:
    """The first of each family and at most so many of a tactic."""
    taken: list[Likely] = []
    for one in rated:
        family = one.technique.partition(".")[0]
        is_new = all(other.technique.partition(".")[0] != family for other in taken)
        if is_new and sum(other.tactic == one.tactic for other in taken) < MOST_OF_A_TACTIC:
            taken.append(one)
        if len(taken) == MOST:
            break
    return taken
