"""The one reader of captured packets: pcap and pcapng, as far as whom a device spoke to. The bytes are an attacker's.

Nothing is reassembled and no payload is read; what cannot be read is counted, and a broken file gives what came before.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from mmap import mmap
from time import monotonic

MOST_RECORDS = 20_000_000  # of one file, packets or not; the rest is not read, and said so
MOST_LINKS = 1_000  # interfaces of a section; the packets of a later one count as unread
MOST_HEADERS = 2_048  # bytes of a packet that are looked at
SECONDS = 20.0  # for one file, unless who asks has more time
MOST_PEERS = 5_000
MOST_ACCEPTED = 50_000  # connections from outside; what is sent on a later one counts as the device's own
MAGICS = {  # first four bytes: byte order, ticks of a second
    b"\xd4\xc3\xb2\xa1": ("<", 1_000_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000_000_000),
    b"\xa1\xb2\x3c\x4d": (">", 1_000_000_000),
}
SECTION, INTERFACE, ENHANCED = 0x0A0D0D0A, 1, 6  # blocks of pcapng
ETHERNET, RAW, SLL, SLL2 = 1, 101, 113, 276  # link types
IPV4, IPV6, VLANS = 0x0800, 0x86DD, (0x8100, 0x88A8)
EXTENSIONS = (0, 43, 60)  # IPv6 headers between the first one and the protocol
TCP, UDP = 6, 17
SYN, RST, ACK = 0x02, 0x04, 0x10

Key = tuple[str, int, str]  # address, port, tcp or udp
Record = tuple[int, bytes, int]  # link type, first captured bytes, original size
Ends = tuple[str, int, str, int]  # of a connection: address and port there, address and port of the device


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet's ends; ports are 0 where its protocol has none. `mac` is the sender's, empty where unknown."""

    mac: str
    source: str
    target: str
    protocol: int
    source_port: int
    target_port: int
    flags: int
    size: int


@dataclass(slots=True)
class Summary:
    """What a file holds. `peers` are those that the device opened a connection to, with the bytes that it sent them."""

    packets: int = 0
    unread: int = 0
    is_whole: bool = True
    peers: dict[Key, int] = field(default_factory=dict)


def summary(data: bytes | mmap, *, mac: str, address: str, seconds: float = SECONDS) -> Summary:
    """Whom the device of this MAC address, or of this address, spoke to, as far as so many seconds suffice."""
    found, accepted = Summary(), set[Ends]()
    for packet in _packets(data, found, monotonic() + seconds):
        if packet is None:
            found.unread += 1
            continue
        is_ours = (bool(mac) and packet.mac == mac.lower()) or packet.source == address
        name = {TCP: "tcp", UDP: "udp"}.get(packet.protocol)
        if name is None or not is_ours:
            continue
        key = (packet.target, packet.target_port, name)
        if key in found.peers:
            found.peers[key] += packet.size
        elif not _is_answer(packet, accepted):
            if len(found.peers) < MOST_PEERS:
                found.peers[key] = packet.size
            else:
                found.is_whole = False
    return found


def _is_answer(packet: Packet, accepted: set[Ends]) -> bool:
    """Is the device's packet one of a connection that the other end opened? Only what the device sent tells: whatever
    the other end sends, a stray SYN too, may be there to hide whom the device speaks to."""
    ends = (packet.target, packet.target_port, packet.source, packet.source_port)
    if packet.flags & SYN:
        if packet.flags & ACK and len(accepted) < MOST_ACCEPTED:
            accepted.add(ends)
        return bool(packet.flags & ACK)
    is_accepted = packet.protocol == TCP and ends in accepted
    return is_accepted or bool(packet.flags & RST) or packet.source_port < 1024 <= packet.target_port


def _packets(data: bytes | mmap, said: Summary, ends: float) -> Iterator[Packet | None]:
    records = _pcapng(data, said) if data[:4] == struct.pack("<I", SECTION) else _pcap(data, said)
    for number, record in enumerate(records):
        if number >= MOST_RECORDS or monotonic() >= ends:
            said.is_whole = False
            return
        if record is not None:
            said.packets += 1
            yield _packet(*record)


def _pcap(data: bytes | mmap, said: Summary) -> Iterator[Record]:
    kind = MAGICS.get(data[:4])
    if kind is None or len(data) < 24:
        said.is_whole = False
        return
    order, _ = kind
    link, at = struct.unpack_from(f"{order}I", data, 20)[0] & 0xFFFF, 24
    while at < len(data):
        if at + 16 > len(data):
            said.is_whole = False
            return
        _, _, kept, size = struct.unpack_from(f"{order}IIII", data, at)
        at += 16
        if at + kept > len(data):
            said.is_whole = False
            return
        yield link, data[at : at + min(kept, MOST_HEADERS)], size
        at += kept


def _pcapng(data: bytes | mmap, said: Summary) -> Iterator[Record | None]:
    """A record for each block, None for one that is no packet."""
    order, links, at = "<", list[int](), 0
    while at < len(data):
        if data[at : at + 4] == struct.pack("<I", SECTION):
            order, links = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">", []
        if at + 12 > len(data):
            said.is_whole = False
            return
        kind, length = struct.unpack_from(f"{order}II", data, at)
        if length < 12 or length % 4 or at + length > len(data):
            said.is_whole = False
            return
        body = data[at + 8 : at + min(length - 4, 28 + MOST_HEADERS)]
        record = None
        if kind == INTERFACE and len(body) >= 8 and len(links) < MOST_LINKS:
            links.append(struct.unpack_from(f"{order}H", body)[0])
        elif kind == ENHANCED and len(body) >= 20:
            number, _, _, kept, size = struct.unpack_from(f"{order}IIIII", body)
            record = links[number] if number < len(links) else -1, body[20 : 20 + kept], size
        yield record
        at += length


def _packet(link: int, frame: bytes, size: int) -> Packet | None:
    """None for what is no whole IP packet."""
    reader = _LINKS.get(link)
    try:
        if reader is None:
            return None
        mac, kind, packet = reader(frame)
        return _ipv4(mac, packet, size) if kind == IPV4 else _ipv6(mac, packet, size) if kind == IPV6 else None
    except (struct.error, IndexError, ValueError):
        return None


def _ethernet(frame: bytes) -> tuple[str, int, bytes]:
    kind, at = struct.unpack_from(">H", frame, 12)[0], 14
    while kind in VLANS:
        kind, at = struct.unpack_from(">H", frame, at + 2)[0], at + 4
    return frame[6:12].hex(":"), kind, frame[at:]


def _raw(frame: bytes) -> tuple[str, int, bytes]:
    return "", IPV4 if frame[0] >> 4 == 4 else IPV6, frame


def _sll(frame: bytes) -> tuple[str, int, bytes]:
    return frame[6:12].hex(":"), struct.unpack_from(">H", frame, 14)[0], frame[16:]


def _sll2(frame: bytes) -> tuple[str, int, bytes]:
    return frame[12:18].hex(":"), struct.unpack_from(">H", frame, 0)[0], frame[20:]


_LINKS: dict[int, Callable[[bytes], tuple[str, int, bytes]]] = {
    ETHERNET: _ethernet,
    RAW: _raw,
    SLL: _sll,
    SLL2: _sll2,
}


def _ipv4(mac: str, packet: bytes, size: int) -> Packet:
    start = (packet[0] & 0x0F) * 4
    is_later_part = struct.unpack_from(">H", packet, 6)[0] & 0x1FFF  # of a fragmented packet: it has no ports
    return _ends(mac, packet[12:16], packet[16:20], packet[9], b"" if is_later_part else packet[start:], size)


def _ipv6(mac: str, packet: bytes, size: int) -> Packet:
    protocol, at = packet[6], 40
    while protocol in EXTENSIONS:
        protocol, at = packet[at], at + 8 + packet[at + 1] * 8
    return _ends(mac, packet[8:24], packet[24:40], protocol, packet[at:], size)


def _ends(mac: str, source: bytes, target: bytes, protocol: int, rest: bytes, size: int) -> Packet:
    has_ports = protocol in (TCP, UDP) and len(rest) >= 4
    ports = struct.unpack_from(">HH", rest) if has_ports else (0, 0)
    return Packet(
        mac=mac,
        source=str(ip_address(source)),
        target=str(ip_address(target)),
        protocol=protocol if has_ports else 0,
        source_port=ports[0],
        target_port=ports[1],
        flags=rest[13] if protocol == TCP and len(rest) > 13 else 0,
        size=size,
    )
