"""Whom a captured device spoke to that it never spoke to before: those join the case as destinations."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cases.choices import ObservableKind, Role
from cases.models import CaseObservable, Evidence
from cases.services import observables
from response.models import Capture
from response.services import transitions
from secops import networks
from secops.connectors.capabilities.identity import Host
from secops.connectors.capabilities.traffic import Flows
from secops.errors import SecopsError
from secops.integrations import connector_of, with_capability
from secops.pcap import Key, Summary

PAST = timedelta(days=7)  # a peer of this past is not new
MOST = 50  # of one file
MOST_USUAL = 1_000


@dataclass(frozen=True, slots=True)
class Peers:
    """Outside of the house, busiest first: those that are new, and the addresses that are usual for the device."""

    fresh: list[Key] = field(default_factory=list)
    usual: list[str] = field(default_factory=list)


def of_file(capture: Capture, host: Host, read: Summary) -> Peers:
    """New is what neither the case nor the device's own past knows."""
    linked = set(
        CaseObservable.objects.filter(case=capture.case_id, observable__kind=ObservableKind.IP).values_list(
            "observable__value", flat=True
        )
    )
    ordered = sorted(read.peers, key=lambda key: -read.peers[key])
    found: dict[str, Key] = {}
    for key in ordered:
        if not networks.stays_inside(key[0]) and key[0] not in linked and not observables.is_noise("ip", key[0]):
            found.setdefault(key[0], key)
    past = _past(capture, host) if found else set()
    fresh = [key for address, key in found.items() if address not in past]
    return Peers(fresh[:MOST], [address for address in found if address in past][:MOST_USUAL])


def attach(capture: Capture, fresh: list[Key], where: Evidence | None) -> None:
    """Inside the transaction that keeps the file."""
    for address, _, _ in fresh:
        observables.attach(capture.case_id, ObservableKind.IP, address, Role.DESTINATION, found_in=where)
    if fresh:
        named = ", ".join(f"{address} {port}/{protocol}" for address, port, protocol in fresh[:5])
        more = f" and {len(fresh) - 5} more" if len(fresh) > 5 else ""
        item = f" ({where.number})" if where else ""
        text = f"New destinations in the packets of {capture.device.name}{item}: {named}{more}"
        transitions.tell(capture.step.run, text, step=capture.step)


def _past(capture: Capture, host: Host) -> set[str]:
    """Whom the device reached in the days before the capture, by every source of flows; one that fails says nothing."""
    known: set[str] = set()
    for integration in with_capability("flows"):
        try:
            source: Any = connector_of(integration)
            if isinstance(source, Flows):
                totals = source.peers(host, capture.started_at - PAST, capture.started_at)
                known |= {total.peer for total in totals}
        except SecopsError:
            continue
    return known
