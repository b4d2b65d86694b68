"""Which new alerts a rule keeps out of the queue: the rules in force, read once for a batch."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from cases.choices import ObservableKind
from cases.intake.base import NormalAlert
from cases.models import AlertKind, Case, CaseDevice, CasePerson, Device, Person, Suppression
from cases.models.suppressions import CONDITIONS
from cases.services.devices import host_name
from cases.services.observables import key_of

type Test = Callable[["Seen"], bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert, as a rule looks at it."""

    alert: NormalAlert
    kind: AlertKind | None
    source: str
    detector: str


class Rule:
    """The conditions of a rule, made ready: all of them must hold. Of ours, so no pattern and no expression."""

    def __init__(self, pk: int, conditions: dict[str, str]) -> None:
        self.pk = pk
        self._tests = [_TESTS[name](value) for name, value in conditions.items() if value]

    def fits(self, seen: Seen) -> bool:
        """Never an alert whose kind is born restricted: a rule, its counts and its list are read by everybody."""
        if seen.kind and seen.kind.is_restricted:
            return False
        return bool(self._tests) and all(test(seen) for test in self._tests)


def in_force(at: datetime) -> tuple[Rule, ...]:
    """One query, and only changed rows are made ready again. A rule that is over is not among them."""
    return _ready(tuple(Suppression.objects.in_force(at).order_by("pk").values_list("pk", *CONDITIONS)))


def first_fit(rules: Iterable[Rule], seen: Seen) -> int:
    """The id of the oldest rule that fits; 0 where none does."""
    return next((rule.pk for rule in rules if rule.fits(seen)), 0)


@dataclass(frozen=True, slots=True)
class Restricted:
    """What open restricted cases take, and the devices and people that they are about."""

    fingerprints: frozenset[str | None]
    devices: frozenset[int]
    people: frozenset[int]

    def concerns(self, fingerprint: str, devices: Iterable[Device], people: Iterable[Person]) -> bool:
        return (
            fingerprint in self.fingerprints
            or any(device.pk in self.devices for device in devices)
            or any(person.pk in self.people for person in people)
        )


def restricted(fingerprints: Collection[str], devices: Collection[int], people: Collection[int]) -> Restricted:
    """Which of these are of a restricted case that is open. At most three queries."""
    cases = Case.objects.open().filter(is_restricted=True)
    return Restricted(
        frozenset(cases.filter(fingerprint__in=fingerprints).values_list("fingerprint", flat=True)),
        frozenset(CaseDevice.objects.filter(device__in=devices, case__in=cases).values_list("device", flat=True)),
        frozenset(CasePerson.objects.filter(person__in=people, case__in=cases).values_list("person", flat=True)),
    )


def network_of(text: str) -> IPv4Network | IPv6Network:
    """ValueError where it is neither an address nor a network."""
    return ip_network(text.strip(), strict=False)


def observable_keys(value: str) -> list[str]:
    """Under which keys an observable of this value, whatever its kind, would stand."""
    return [key_of(kind, one) for one in sorted({value, value.lower()}) for kind in ObservableKind.values]


@lru_cache(maxsize=2)
def _ready(rows: tuple[tuple[Any, ...], ...]) -> tuple[Rule, ...]:
    return tuple(Rule(pk, dict(zip(CONDITIONS, values, strict=True))) for pk, *values in rows)


def _kind(value: str) -> Test:
    return lambda seen: seen.kind is not None and seen.kind.slug == value


def _source(value: str) -> Test:
    return lambda seen: seen.source == value


def _detector(value: str) -> Test:
    return lambda seen: seen.detector == value


def _rule_id(value: str) -> Test:
    return lambda seen: seen.alert.rule_id == value


def _title(value: str) -> Test:
    folded = value.casefold()
    return lambda seen: folded in seen.alert.title.casefold()


def _device(value: str) -> Test:
    """By host name without its domain, as devices are named here; a value without one fits no device."""
    wanted = host_name(value)
    return lambda seen: (
        bool(wanted) and any(host_name(device.name or device.fqdn) == wanted for device in seen.alert.devices)
    )


def _network(value: str) -> Test:
    network = network_of(value)
    return lambda seen: any(_is_in(network, address) for address in _addresses(seen.alert))


def _person(value: str) -> Test:
    wanted = value.casefold()
    return lambda seen: any(wanted in (one.upn.casefold(), one.login.casefold()) for one in seen.alert.people)


def _observable(value: str) -> Test:
    wanted = (value, value.lower())
    return lambda seen: any(one.value in wanted for one in seen.alert.observables)


def _addresses(alert: NormalAlert) -> list[str]:
    ends = (alert.flow.src_ip, alert.flow.dst_ip) if alert.flow else ()
    return [address for address in (*(device.address for device in alert.devices), *ends) if address]


@lru_cache(maxsize=4096)
def _is_in(network: IPv4Network | IPv6Network, address: str) -> bool:
    try:
        return ip_address(address) in network
    except ValueError:
        return False


_TESTS: dict[str, Callable[[str], Test]] = {
    "kind": _kind,
    "source": _source,
    "detector": _detector,
    "rule_id": _rule_id,
    "device": _device,
    "network": _network,
    "person": _person,
    "observable": _observable,
    "title": _title,
}
