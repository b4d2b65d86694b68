"""Which addresses are inside: private, link-local and group addresses, and the networks of the settings."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
NEVER_OUTSIDE = (  # loopback, link-local, multicast, broadcast: they never leave the house
    *("0.0.0.0/32", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"),
    *("::/127", "fe80::/10", "ff00::/8"),
)


def is_address(value: str) -> bool:
    """Is the text an IPv4 or IPv6 address?"""
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=16)
def networks(extra: tuple[str, ...] = ()) -> tuple[IPv4Network | IPv6Network, ...]:
    """All inside networks; `extra` are the company's own in CIDR form. ValueError when one cannot be read."""
    return tuple(ip_network(network, strict=False) for network in (*PRIVATE, *NEVER_OUTSIDE, *extra))


@lru_cache(maxsize=65_536)
def is_internal(address: str, extra: tuple[str, ...] = ()) -> bool:
    """Does the address lie inside? What is no address does not."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks(extra) if network.version == ip.version)


def internal_only(addresses: Iterable[str], extra: tuple[str, ...]) -> list[str]:
    """Those of the addresses that lie inside, in the given order."""
    return [address for address in addresses if is_internal(address, extra)]
