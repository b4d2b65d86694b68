"""Addresses as alerts write them: their one spelling, and the end of a flow that is the device."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from secops.networks import is_internal

_QUAD = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}")
_OTHER = re.compile(r"[0-9A-Fa-f:.]{2,45}")  # what may be an address; most texts that are asked about are names
_UNSEEN = ("127.", "169.254.", "fe8", "fe9", "fea", "feb")


@lru_cache(maxsize=8192)
def address(text: str) -> str:
    """The one spelling of an address: IPv6 compressed, no zone, IPv4 out of its IPv6 form. "" where it is none."""
    text = text.strip()
    if _QUAD.fullmatch(text):  # nearly always, and already in its one spelling
        return "" if text == "0.0.0.0" else text  # noqa: S104 - means none
    if text[:1] == "[" and text[-1:] == "]":
        text = text[1:-1]
    text = text.partition("%")[0]
    if not _OTHER.fullmatch(text):
        return ""
    try:
        found = ip_address(text)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return "" if found.is_unspecified else str(found)


def subnet(text: str) -> str:
    """The one spelling of a network with its mask, or ""."""
    if "/" not in text or len(text) > 100:
        return ""
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError:
        return ""


def device_end(src_ip: str, dst_ip: str) -> str:
    """The end of a flow that is the device: the internal one; with both or none internal, the source."""
    if is_internal(dst_ip) and not is_internal(src_ip):
        return dst_ip
    return src_ip or dst_ip


def own_address(texts: Iterable[str]) -> str:
    """Of a device's own addresses the one that others see: neither loopback nor link-local, or ""."""
    found = (address(text) for text in texts)
    return next((one for one in found if one and not one.startswith(_UNSEEN) and one != "::1"), "")


def port(value: Any) -> int | None:
    """A port number from a number or a text."""
    if isinstance(value, str) and len(value) <= 6 and value.strip().isascii() and value.strip().isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65_535:
        return value
    return None
