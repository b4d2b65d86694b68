"""Which addresses are the house's own: private ones, those that never leave it, and the networks of the settings."""

from functools import lru_cache
from ipaddress import ip_address, ip_network

from django.conf import settings

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
NEVER_OUTSIDE = (  # loopback, link-local, multicast, broadcast
    *("0.0.0.0/32", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"),
    *("::/127", "fe80::/10", "ff00::/8"),
)


def own() -> tuple[str, ...]:
    """NIGHTDESK_INTERNAL_NETWORKS, also before any setting is there."""
    return tuple(getattr(settings, "NIGHTDESK_INTERNAL_NETWORKS", ())) if settings.configured else ()


def is_address(value: str) -> bool:
    """Is the text an IPv4 or IPv6 address?"""
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def is_internal(value: str) -> bool:
    """RFC 1918, ULA and the company's own networks: where a device of ours can stand. No address is not."""
    return is_within(value, (*PRIVATE, *own()))


def is_vpn(value: str) -> bool:
    """Does the address belong to a pool of the full-tunnel VPN (NIGHTDESK_VPN_NETWORKS)?"""
    return is_within(value, tuple(settings.NIGHTDESK_VPN_NETWORKS))


def stays_inside(value: str, extra: tuple[str, ...] | None = None) -> bool:
    """Internal, or an address that no packet carries outside; `extra` in place of the settings' networks."""
    return is_within(value, (*PRIVATE, *NEVER_OUTSIDE, *(own() if extra is None else extra)))


@lru_cache(maxsize=65_536)
def is_within(value: str, words: tuple[str, ...]) -> bool:
    """Does the address lie in one of the networks? ValueError when a network cannot be read."""
    ranges = _ranges(words)
    try:
        found = ip_address(value)
    except ValueError:
        return False
    number = int(found)
    return any(first <= number <= last for version, first, last in ranges if version == found.version)


@lru_cache(maxsize=16)
def _ranges(words: tuple[str, ...]) -> tuple[tuple[int, int, int], ...]:
    """Version, first and last address of each network as numbers: asking a network itself takes ten times longer."""
    networks = [ip_network(word, strict=False) for word in words]
    return tuple((one.version, int(one.network_address), int(one.broadcast_address)) for one in networks)
