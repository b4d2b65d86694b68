"""A packet capture: who spoke with whom, which names were asked for, and which destinations the case does not name."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any

import dpkt

from enrichment.forensics.image import Descriptor
from enrichment.forensics.names import dns_names, http_host, leads_outside, tls_name
from enrichment.forensics.notebook import Notebook, stamp
from enrichment.forensics.scanner import Rules

NAME, VERSION = "dpkt", str(dpkt.__version__)
MOST_PACKETS = 20_000_000
MOST_PEERS = 100_000
SHOWN = 100
NEW_SHOWN = 100  # new destinations that are told to the case
SYN, RST, ACK = 0x02, 0x04, 0x10
ETHERNET, NULL, RAW, SLL, SLL2 = {1}, {0, 108}, {12, 14, 101, 228, 229}, {113}, {276}  # link types of tcpdump.org
_LINKS = (
    (ETHERNET, dpkt.ethernet.Ethernet),
    (NULL, dpkt.loopback.Loopback),
    (SLL, dpkt.sll.SLL),
    (SLL2, dpkt.sll2.SLL2),
)


@dataclass(slots=True)
class Peer:
    """One address outside, over all ports. Only what the inside sends tells who began: whatever comes from outside, a
    stray SYN too, may be there to hide whom the inside speaks to."""

    first: float
    last: float
    packets: int = 0
    size: int = 0
    ports: set[str] = field(default_factory=set)
    inside: set[str] = field(default_factory=set)
    sent: int = 0  # packets to it that answer nothing
    has_opened: bool = False  # a connection to it
    has_accepted: bool = False  # one of its own

    @property
    def is_destination(self) -> bool:
        return self.sent > 0 and (self.has_opened or not self.has_accepted)


class Tool:
    def __init__(self, rules: Rules, notebook: Notebook) -> None:
        self._notes = notebook
        self._protocols: Counter[str] = Counter()
        self._peers: dict[str, Peer] = {}
        self._names: dict[str, Counter[str]] = {"dns": Counter(), "http": Counter(), "tls": Counter()}
        self._first_named: dict[str, tuple[float, str]] = {}  # when, and as what
        self._broken = self._count = 0

    def run(self, file: Descriptor) -> Iterator[bytes]:
        """Every packet once; a capture that was cut off is read up to there."""
        reader = dpkt.pcap.UniversalReader(file)
        decode = _decoder(reader.datalink())
        times: list[float] = []
        for at, packet in self._packets(reader):
            times = [times[0] if times else at, at]
            try:
                self._packet(float(at), decode(bytes(packet)), len(packet))
            except (dpkt.Error, ValueError, IndexError, AttributeError, TypeError):
                self._broken += 1
        self._tell(times)
        return iter(())

    def _packets(self, reader: Any) -> Iterator[tuple[float, bytes]]:
        packets = iter(reader)
        while self._count < MOST_PACKETS and not (self._count % 5_000 == 0 and self._notes.is_late):
            try:
                yield next(packets)
            except StopIteration:
                return
            except (dpkt.Error, ValueError, EOFError):
                self._notes.limit("The capture breaks off: what follows cannot be read.")
                return
            self._count += 1
        self._notes.limit("Not all packets were read.")

    def _packet(self, at: float, frame: Any, size: int) -> None:
        packet = frame if isinstance(frame, dpkt.ip.IP | dpkt.ip6.IP6) else frame.data
        if not isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6):
            self._protocols[type(packet).__name__ if not isinstance(packet, bytes) else "other"] += 1
            return
        family = AF_INET if isinstance(packet, dpkt.ip.IP) else AF_INET6
        ends = inet_ntop(family, packet.src), inet_ntop(family, packet.dst)
        inner = packet.data
        is_stream = isinstance(inner, dpkt.tcp.TCP | dpkt.udp.UDP)
        self._protocols[type(inner).__name__ if not isinstance(inner, bytes) else f"IP protocol {packet.p}"] += 1
        ports = (int(inner.sport), int(inner.dport)) if is_stream else (0, 0)
        self._meet(at, ends, ports, type(inner).__name__, size)
        if ends[1] in self._peers:
            _sent(self._peers[ends[1]], inner, ports)
        if is_stream and inner.data:
            self._read(at, isinstance(inner, dpkt.udp.UDP), ports, bytes(inner.data))

    def _meet(self, at: float, ends: tuple[str, str], ports: tuple[int, int], protocol: str, size: int) -> None:
        for outside, inside, port in ((ends[1], ends[0], ports[1]), (ends[0], ends[1], ports[0])):
            if not ip_address(outside).is_global:
                continue
            if outside not in self._peers and len(self._peers) >= MOST_PEERS:
                self._notes.limit(f"More than {MOST_PEERS:,} outside addresses.")
                continue
            peer = self._peers.setdefault(outside, Peer(at, at))
            peer.first, peer.last = min(at, peer.first), max(at, peer.last)
            peer.packets, peer.size = peer.packets + 1, peer.size + size
            if port and len(peer.ports) < 6 and port < 49_152:
                peer.ports.add(f"{protocol.lower()}/{port}")
            if len(peer.inside) < 6:
                peer.inside.add(inside)

    def _read(self, at: float, is_datagram: bool, ports: tuple[int, int], payload: bytes) -> None:
        found: list[tuple[str, str]] = []
        if is_datagram and 53 in ports:
            found = [("dns", name) for name in dns_names(payload)]
        elif not is_datagram:
            found = [(how, name) for how, name in (("http", http_host(payload)), ("tls", tls_name(payload))) if name]
        for how, name in found:
            names = self._names[how]
            if name in names or len(names) < MOST_PEERS:
                names[name] += 1
                self._first_named.setdefault(name, (at, how.upper()))

    def _tell(self, times: list[float]) -> None:
        self._notes.fact("Packets", f"{self._count:,}")
        if times:
            self._notes.fact("From, to, UTC", f"{stamp(times[0])} to {stamp(times[-1])}")
        if self._broken:
            self._notes.fact("Packets that could not be read", f"{self._broken:,}")
        rows = [[name, f"{count:,}"] for name, count in self._protocols.most_common(40)]
        self._notes.table("Protocols", ["Protocol", "Packets"], rows)
        peers = sorted(self._peers.items(), key=lambda one: -one[1].size)
        rows = [self._row(address, peer) for address, peer in peers[:SHOWN]]
        self._notes.table("Outside addresses", ["Address", "Case", "Bytes", "Ports", "With", "First", "Last"], rows)
        for how, title in (("dns", "Names asked for"), ("http", "HTTP hosts"), ("tls", "TLS server names")):
            rows = [[name, self._known(name), f"{n:,}"] for name, n in self._names[how].most_common(SHOWN)]
            self._notes.table(title, ["Name", "Case", "Times"], rows)
        self._destinations(peers)

    def _destinations(self, peers: list[tuple[str, Peer]]) -> None:
        """New ones become observables; what the case names already is an event, at its first packet."""
        new = 0
        for address, peer in peers:
            at = stamp(peer.first)
            if address in self._notes.known:
                self._notes.note(address, ["Named in this case"], size=peer.size, at=at, details=_said(peer))
                self._notes.event(at, f"First packet of the capture with {address}, {_said(peer)}")
            elif peer.is_destination:
                new += 1
                if new <= NEW_SHOWN:
                    self._notes.note(address, ["New destination"], size=peer.size, at=at, details=_said(peer))
                    self._notes.see("ip", address, "destination", at=at, how=", ".join(sorted(peer.ports)))
        for name, (first, how) in sorted(self._first_named.items(), key=lambda one: one[1])[:SHOWN]:
            if name in self._notes.known:
                self._notes.note(name, ["Named in this case"], at=stamp(first))
                self._notes.event(stamp(first), f"The name {name} is asked for or spoken to first in this capture")
            elif leads_outside(name):
                self._notes.see("domain", name, "destination", at=stamp(first), how=how)
        self._notes.fact("New destinations", f"{new:,}")

    def _row(self, address: str, peer: Peer) -> list[str]:
        first, last = stamp(peer.first) or "", stamp(peer.last) or ""
        ports, inside = ", ".join(sorted(peer.ports)), ", ".join(sorted(peer.inside))
        return [address, self._known(address), f"{peer.size:,}", ports, inside, first, last]

    def _known(self, value: str) -> str:
        return "named" if value in self._notes.known else "new"


def _sent(peer: Peer, inner: Any, ports: tuple[int, int]) -> None:
    """Did the inside begin, or does it answer? As secops/pcap.py judges it."""
    if not isinstance(inner, dpkt.tcp.TCP):
        peer.sent += not ports[0] < 1024 <= ports[1]
        return
    peer.has_opened |= inner.flags & (SYN | ACK) == SYN
    peer.has_accepted |= inner.flags & (SYN | ACK) == SYN | ACK
    peer.sent += not inner.flags & RST and not ports[0] < 1024 <= ports[1]


def _said(peer: Peer) -> str:
    packets = f"{peer.packets:,} packet{'s' if peer.packets > 1 else ''}"
    return f"{packets}, {peer.size:,} bytes, {', '.join(sorted(peer.ports)) or 'no port'}"


def _decoder(link: int) -> Any:
    for numbers, decode in _LINKS:
        if link in numbers:
            return decode
    if link in RAW:
        return lambda packet: dpkt.ip6.IP6(packet) if packet[:1] >= b"\x60" else dpkt.ip.IP(packet)
    raise ValueError(f"This capture has the link type {link}, which is not read here.")
