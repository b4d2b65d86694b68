"""Names that a packet carries in the clear: DNS questions, HTTP hosts, the server name of a TLS hello."""

import re
from ipaddress import ip_address

import dpkt

INSIDE = (".local", ".arpa", ".lan", ".internal")

_HOST = re.compile(
    rb"^(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|CONNECT) .{0,8000}?\r\nHost:[ \t]*([^\r\n:]{1,253})", re.S | re.I
)
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")


def dns_names(payload: bytes) -> list[str]:
    """What was asked for; ValueError or dpkt.Error for what is no DNS message."""
    message = dpkt.dns.DNS(payload)
    return [name for one in message.qd[:8] if (name := tidy(one.name))]


def http_host(payload: bytes) -> str:
    found = _HOST.match(payload)
    return tidy(found[1].decode("ascii", "replace")) if found else ""


def tls_name(payload: bytes) -> str:
    """The server name of a client hello that fits into one packet (RFC 8446 4.1.2, RFC 6066 3), or nothing."""
    if payload[:1] != b"\x16" or payload[5:6] != b"\x01":
        return ""
    at = 43  # record header 5, handshake header 4, version 2, random 32
    try:
        at += 1 + payload[at]  # session
        at += 2 + _number(payload, at)  # cipher suites
        at += 1 + payload[at]  # compression
        ends = at + 2 + _number(payload, at)
        at += 2
        while at + 4 <= min(ends, len(payload)):
            kind, size = _number(payload, at), _number(payload, at + 2)
            if kind == 0:
                length = _number(payload, at + 7)
                return tidy(payload[at + 9 : at + 9 + length].decode("ascii", "replace"))
            at += 4 + size
    except IndexError:
        return ""
    return ""


def tidy(name: str) -> str:
    """In lower case without the last dot; what cannot be a host name is nothing."""
    name = name.strip().rstrip(".").lower()
    return name if _NAME.fullmatch(name) else ""


def leads_outside(name: str) -> bool:
    """Is it a name of somewhere else? Those of one's own network are not, nor an address that is written as a name."""
    if "." not in name or name.endswith(INSIDE):
        return False
    try:
        ip_address(name)
    except ValueError:
        return True
    return False


def _number(payload: bytes, at: int) -> int:
    if at + 2 > len(payload):
        raise IndexError(at)
    return int.from_bytes(payload[at : at + 2])
