"""The two ends of a connection and what is worth looking up about them."""

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalDevice, NormalFlow
from cases.intake.networks import address, device_end, port
from cases.intake.observables import Observables
from cases.intake.paths import Document
from secops.networks import is_internal

MAX_BYTES = (1 << 63) - 1  # what a database column holds


def read_flow(
    document: Document,
    *,
    src_ip: tuple[str, ...],
    dst_ip: tuple[str, ...],
    src_port: tuple[str, ...] = (),
    dst_port: tuple[str, ...] = (),
    proto: tuple[str, ...] = (),
    direction: tuple[str, ...] = (),
    bytes_out: tuple[str, ...] = (),
    bytes_in: tuple[str, ...] = (),
) -> NormalFlow | None:
    """The flow at the given paths, or None where neither end is an address."""
    source = address(document.text(*src_ip))
    destination = address(document.text(*dst_ip))
    if not source and not destination:
        return None
    return NormalFlow(
        src_ip=source,
        src_port=port(document.first(*src_port)),
        dst_ip=destination,
        dst_port=port(document.first(*dst_port)),
        proto=document.text(*proto).lower()[:32],
        direction=document.text(*direction).lower()[:32],
        bytes_out=_amount(document.number(*bytes_out)),
        bytes_in=_amount(document.number(*bytes_in)),
    )


def add_ends(found: Observables, flow: NormalFlow | None) -> None:
    if flow:
        found.add(ObservableKind.IP, flow.src_ip, Role.SOURCE)
        found.add(ObservableKind.IP, flow.dst_ip, Role.DESTINATION)


def flow_device(flow: NormalFlow | None) -> NormalDevice | None:
    """The device of a flow, known by its address only, which is already in its one spelling."""
    end = device_end(flow.src_ip, flow.dst_ip) if flow else ""
    return NormalDevice(address=end) if end and not end.startswith("127.") else None


def inner_device(flow: NormalFlow | None) -> NormalDevice | None:
    """The internal end of a flow. Who calls a cloud from outside is no device of the house."""
    found = flow_device(flow)
    return found if found and is_internal(found.address) else None


def _amount(number: int | None) -> int | None:
    return number if number is not None and 0 <= number <= MAX_BYTES else None
