"""What a tool saw in an item joins the case, but for what the case knows, what is usual, and what is everybody's."""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cases.choices import ObservableKind, Role
from cases.models import CaseObservable, Evidence
from cases.services import house, observables
from enrichment.forensics.report import Seen
from secops.connectors.base import connectors
from secops.errors import SecopsError
from secops.integrations import connector_of, with_capability

MOST = 50  # destinations of one item that join the case
NAMED = 5  # of them that the timeline names
EVERYBODYS = {"resolver", "noise"}  # kinds of warning lists
DESTINATIONS = (ObservableKind.IP, ObservableKind.DOMAIN)
_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_SHAPES = {
    ObservableKind.HASH_SHA256: re.compile("[0-9a-f]{64}"),
    ObservableKind.DOMAIN: _DOMAIN,
    ObservableKind.REGISTRY_KEY: re.compile(r"[^\x00-\x1f]{1,1024}"),
}


@dataclass(slots=True)
class Arrivals:
    """What is to join, and how many destinations were left out for which reason."""

    fresh: list[Seen] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def said(self) -> str:
        """For the timeline: the destinations that are new, each with what it was seen as; empty without any."""
        new = [one for one in self.fresh if one.role == Role.DESTINATION]
        if not new and not self.left_out:
            return ""
        named = ", ".join(_named(one) for one in new[:NAMED]) or "none"
        more = f" and {len(new) - NAMED} more" if len(new) > NAMED else ""
        out = "".join(f"; {count} {why}" for why, count in self.left_out.items())
        return f"New destinations: {named}{more}{out}"


def sift(item: Evidence, seen: Iterable[Seen], usual: Iterable[str]) -> Arrivals:
    """Outside of any transaction, since the warning lists may have to be read first. Nothing is told to anybody."""
    found, known = Arrivals(), _known(item)
    ordinary = set(usual)
    own, lists, new = house.own_names(), _lists(), 0
    for one in seen:
        if not _is_fit(one) or (one.kind, one.value) in known:
            continue
        if one.role != Role.DESTINATION or one.kind not in DESTINATIONS:
            found.fresh.append(one)
        elif one.value in ordinary:
            found.left_out["usual for the device"] += 1
        elif _is_within(one.value, own):
            found.left_out["the house's own"] += 1
        elif observables.is_noise(one.kind, one.value) or _is_everybodys(one, lists):
            found.left_out["everybody's by the warning lists"] += 1
        elif new >= MOST:
            found.left_out[f"more than the {MOST} that one item adds"] += 1
        else:
            found.fresh.append(one)
            new += 1
    return found


def attach(item: Evidence, arrivals: Arrivals) -> None:
    """Inside the transaction that writes the report; each says where it was found, and since when by our clock."""
    offset = timedelta(seconds=item.clock_offset_seconds or 0)
    for one in arrivals.fresh:
        at = datetime.fromisoformat(one.at) - offset if one.at else None
        observables.attach(item.case_id, one.kind, one.value, one.role, found_in=item, at=at)


def _known(item: Evidence) -> set[tuple[str, str]]:
    links = CaseObservable.objects.filter(case=item.case_id)
    return set(links.values_list("observable__kind", "observable__value"))


def _is_fit(one: Seen) -> bool:
    """Only values that are what their kind says come out of the limited process."""
    if one.role not in Role.values:
        return False
    if one.kind == ObservableKind.IP:
        try:
            return str(ip_address(one.value)) == one.value
        except ValueError:
            return False
    return one.kind in _SHAPES and bool(_SHAPES[ObservableKind(one.kind)].fullmatch(one.value))


def _is_within(name: str, own: set[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[at:]) in own for at in range(len(parts)))


def _lists() -> list[Any]:
    """The warning lists on this machine, each made ready once."""
    local = [one for one in with_capability("listings") if getattr(connectors.get(one.connector), "is_local", False)]
    return [connector_of(integration) for integration in local]


def _is_everybodys(one: Seen, lists: list[Any]) -> bool:
    """By any of them; those that cannot be read say nothing for it or against it."""
    for place in lists:
        with suppress(SecopsError):
            if any(listing.kind in EVERYBODYS for listing in place.listings(one.kind, one.value)):
                return True
    return False


def _named(one: Seen) -> str:
    how = [one.how] if one.how else []
    since = [f"since {one.at[11:19]}"] if one.at else []
    return f"{one.value} ({', '.join(how + since)})" if how or since else one.value
