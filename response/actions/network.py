"""Where a device stands on the network: by which address and MAC it is known there, and what can be captured of it."""

from collections.abc import Iterator
from dataclasses import replace

from django.utils import timezone

from cases.models import Device
from cases.services.devices import host_name
from response.actions.base import Call
from response.choices import StepState
from response.models import Capture, StepRun
from secops import networks
from secops.connectors.base import Connector
from secops.connectors.capabilities.capture import Watches
from secops.connectors.capabilities.identity import FindsDevice, Host, Lease, LeasesByMac
from secops.connectors.sending import before_the_effect
from secops.errors import SecopsError
from secops.integrations import connector_of, with_capability
from secops.wording import clock


def on_network(call: Call) -> Host:
    """The device as a network product knows it. An address that is lent to another device by now is left out.

    What a lease says of the MAC address is kept: behind a closed door the lease ends. An error says: nothing done.
    """
    host = call.host
    if not host.address and not host.mac:
        return _looked_up(host, call.device.device_id)
    lease = _lease(host.address) if host.address else None
    if lease is None:
        return host
    if host_name(lease.hostname) != host.name.upper():
        return replace(host, address="")
    if not host.mac:
        Device.objects.filter(pk=call.device.device_id, mac="").update(mac=lease.mac.lower()[:17])
        host = replace(host, mac=lease.mac.lower())
    return host


def capture_words(call: Call) -> str:
    """Whether packets of the device are captured, or can be; from our own rows and settings, nothing is asked."""
    running = Capture.objects.of(call.case, call.device.device_id).live().order_by("-pk").first()
    if running is not None:
        at = f" at {running.sensor}" if running.sensor else ""
        return f"Its packets have been captured{at} since {clock(running.started_at)}."
    refused = StepRun.objects.filter(
        run__case=call.case, action="capture_packets", params__device=call.device.device_id, state=StepState.FAILED
    ).order_by("-pk")
    if last := refused.first():
        return f"Its packets are not captured. {last.reason}"
    return no_capture_words(call.host) or "Its packets are not captured yet."


def no_capture_words(host: Host) -> str:
    """Why no packet of the device can be captured, or nothing when one may be."""
    found = with_capability("capture")
    if not found:
        return "No packet capture is possible: no integration captures packets."
    if host.address and not networks.is_internal(host.address):
        return f"No packet capture is possible there: {host.address} is not on a network of ours."
    try:
        views = [one.watches(host) if isinstance(one, Watches) else None for one in map(connector_of, found)]
    except SecopsError:  # which secret or setting is wrong is said where it is used
        return ""
    if all(view is False for view in views):
        return f"No packet capture is possible there: no sensor sees {host.address or host.name}."
    return ""


def vpn_words(host: Host) -> str:
    """A warning for who cuts off a device that is connected through a full-tunnel VPN, or nothing."""
    if not host.address or not networks.is_vpn(host.address):
        return ""
    return (
        f"{host.address} belongs to the full-tunnel VPN: cutting the device off can cut the EDR's own link too, and "
        "then it is released by hand."
    )


def _looked_up(host: Host, device_id: int) -> Host:
    """A device of which only the id is known, as a hunt finds them: its MAC by that id, its address by that MAC."""
    if not host.agent_id:
        return host
    with before_the_effect():
        records = (one.find_device(host) for one in _with("isolate", "directory") if isinstance(one, FindsDevice))
        macs = (one.mac.lower() for one in records if one is not None and one.agent_id == host.agent_id)
        mac = next((mac for mac in macs if mac), "")[:17]
        if not mac:
            return host
        asked = (one for one in _with("leases") if isinstance(one, LeasesByMac))
        leases = next((found for one in asked if (found := one.leases_of(mac))), [])
    Device.objects.filter(pk=device_id, mac="").update(mac=mac)
    return replace(host, mac=mac, address=leases[0].address if len(leases) == 1 else "")


def _with(*capabilities: str) -> Iterator[Connector]:
    return (connector_of(one) for name in capabilities for one in with_capability(name))


def _lease(address: str) -> Lease | None:
    """Who has the address now, from the first source that knows."""
    with before_the_effect():
        leases = (connector_of(one).lease_at(address, timezone.now()) for one in with_capability("leases"))  # type: ignore[attr-defined]
        return next((lease for lease in leases if lease is not None), None)
