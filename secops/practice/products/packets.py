"""Packets as a sensor would have written them: Ethernet, IPv4, TCP and UDP with right checksums, in a pcap file."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

MAGIC, LINK_ETHERNET, SNAPLEN = 0xA1B2C3D4, 1, 262_144
TCP, UDP = 6, 17
FIN, SYN, PSH, ACK = 0x01, 0x02, 0x08, 0x10
GATEWAY = bytes.fromhex("02420a140001")  # every frame goes to or comes from the site's router

Packet = tuple[float, bytes]  # epoch seconds, the frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One exchange of a device with a peer. `name` is what it asked for by TLS or DNS."""

    at: float
    mac: str
    address: str
    port: int
    peer: str
    peer_port: int
    is_udp: bool = False
    name: str = ""


def pcap(packets: Iterable[Packet]) -> bytes:
    """A classic pcap file, microseconds, oldest packet first."""
    parts = [struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, SNAPLEN, LINK_ETHERNET)]
    for at, frame in sorted(packets):
        seconds, rest = divmod(round(at * 1_000_000), 1_000_000)
        parts.append(struct.pack("<IIII", seconds, rest, len(frame), len(frame)) + frame)
    return b"".join(parts)


def packets_of(talk: Talk, *, asks: bytes = b"", answers: bytes = b"") -> list[Packet]:
    """What the wire saw of it; of a connection, the two messages may be given."""
    return _datagrams(talk) if talk.is_udp else _connection(talk, asks, answers)


def _datagrams(talk: Talk) -> list[Packet]:
    asked = _dns_question(talk.name) if talk.peer_port == 53 else b"\x23" + bytes(47)
    answered = asked[:2] + b"\x81\x80" + asked[4:] if talk.peer_port == 53 else b"\x24" + bytes(47)
    return [
        (talk.at, _frame(talk, True, UDP, _udp(talk, True, asked))),
        (talk.at + 0.012, _frame(talk, False, UDP, _udp(talk, False, answered))),
    ]


def _connection(talk: Talk, asks: bytes, answers: bytes) -> list[Packet]:
    """Handshake, one message each way, and the end."""
    start, reply = int(talk.at) & 0xFFFFFFFF, (int(talk.at) * 7) & 0xFFFFFFFF
    hello = asks or (_client_hello(talk.name) if talk.peer_port == 443 else _get(talk.name or talk.peer))
    answer = answers or (
        b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + bytes(36)
        if talk.peer_port == 443
        else b"HTTP/1.1 200 OK\r\n\r\n"
    )
    sent, got = start + 1 + len(hello), reply + 1 + len(answer)
    turns = [
        (0.000, True, SYN, start, 0, b""),
        (0.021, False, SYN | ACK, reply, start + 1, b""),
        (0.022, True, ACK, start + 1, reply + 1, b""),
        (0.024, True, PSH | ACK, start + 1, reply + 1, hello),
        (0.047, False, PSH | ACK, reply + 1, sent, answer),
        (0.310, True, FIN | ACK, sent, got, b""),
        (0.332, False, FIN | ACK, got, sent + 1, b""),
        (0.333, True, ACK, sent + 1, got + 1, b""),
    ]
    return [
        (talk.at + after, _frame(talk, out, TCP, _tcp(talk, out, flags, seq, ack, data)))
        for after, out, flags, seq, ack, data in turns
    ]


def _frame(talk: Talk, is_out: bool, protocol: int, payload: bytes) -> bytes:
    mac = bytes.fromhex(talk.mac.replace(":", ""))
    ends = (GATEWAY + mac) if is_out else (mac + GATEWAY)
    source, target = _addresses(talk, is_out)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), int(talk.at) & 0xFFFF, 0x4000, 64, protocol, 0)
    checksum = _checksum(head + source + target)
    return ends + b"\x08\x00" + head[:10] + struct.pack(">H", checksum) + source + target + payload


def _tcp(talk: Talk, is_out: bool, flags: int, seq: int, ack: int, data: bytes) -> bytes:
    source, target = (talk.port, talk.peer_port) if is_out else (talk.peer_port, talk.port)
    head = struct.pack(">HHIIBBHHH", source, target, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 64_240, 0, 0)
    checksum = _checksum(_pseudo(talk, is_out, TCP, len(head) + len(data)) + head + data)
    return head[:16] + struct.pack(">H", checksum) + head[18:] + data


def _udp(talk: Talk, is_out: bool, data: bytes) -> bytes:
    source, target = (talk.port, talk.peer_port) if is_out else (talk.peer_port, talk.port)
    head = struct.pack(">HHHH", source, target, 8 + len(data), 0)
    checksum = _checksum(_pseudo(talk, is_out, UDP, len(head) + len(data)) + head + data) or 0xFFFF
    return head[:6] + struct.pack(">H", checksum) + data


def _pseudo(talk: Talk, is_out: bool, protocol: int, length: int) -> bytes:
    return b"".join(_addresses(talk, is_out)) + struct.pack(">BBH", 0, protocol, length)


def _addresses(talk: Talk, is_out: bool) -> tuple[bytes, bytes]:
    own, peer = ip_address(talk.address).packed, ip_address(talk.peer).packed
    return (own, peer) if is_out else (peer, own)


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    padded = data + b"\x00" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _dns_question(name: str) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part)
    return struct.pack(">HHHHHH", len(name) * 257 & 0xFFFF, 0x0100, 1, 0, 0, 0) + labels + b"\x00\x00\x01\x00\x01"


def _client_hello(name: str) -> bytes:
    """TLS 1.2 with the server's name, as the record that a sensor reads it from."""
    host = name.encode()
    entry = struct.pack(">BH", 0, len(host)) + host
    extension = struct.pack(">HHH", 0, len(entry) + 2, len(entry)) + entry if host else b""
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x04\xc0\x2f\x00\x9c" + b"\x01\x00"
    body += struct.pack(">H", len(extension)) + extension
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(handshake)) + handshake


def _get(host: str) -> bytes:
    return f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
