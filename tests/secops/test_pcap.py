"""The reader of packets: whom a device spoke to, in every form that tools write, and nothing from broken bytes."""

import random
import shutil
import struct
import subprocess
import tracemalloc
from pathlib import Path

import pytest

from secops import pcap
from secops.practice.products.packets import Talk, packets_of
from secops.practice.products.packets import pcap as file_of

MAC, OWN = "02:42:0a:00:00:07", "10.20.3.7"


def talk(peer: str = "203.0.113.44", port: int = 443, port_own: int = 50_123, **more: object) -> Talk:
    usual = {"at": 1_790_000_000.5, "mac": MAC, "address": OWN, "port": port_own, "peer": peer, "peer_port": port}
    return Talk(**(usual | more))  # type: ignore[arg-type]


def frames(*talks: Talk) -> list[tuple[float, bytes]]:
    return [packet for one in talks for packet in packets_of(one)]


def inbound(address: str = "198.51.100.9", port: int = 50_001, peer_port: int = 8443) -> list[tuple[float, bytes]]:
    """A connection that the other end opens to the device, by its address."""
    opened = Talk(
        at=1_790_000_000.0, mac="02:42:0a:14:00:01", address=address, port=port, peer=OWN, peer_port=peer_port
    )
    return [(at, frame[6:12] + frame[:6] + frame[12:]) for at, frame in packets_of(opened)]


def test_the_peers_that_the_device_spoke_to():
    data = file_of(frames(talk(), talk("10.20.0.10", 53, is_udp=True, name="cdn.example")))

    found = pcap.summary(data, mac=MAC, address=OWN)

    assert set(found.peers) == {("203.0.113.44", 443, "tcp"), ("10.20.0.10", 53, "udp")}
    assert (found.packets, found.unread, found.is_whole) == (10, 0, True)


def test_by_mac_alone_also_behind_another_address_and_by_address_alone():
    data = file_of(frames(talk(address="172.16.9.9")))

    assert pcap.summary(data, mac=MAC.upper(), address=OWN).peers
    assert pcap.summary(data, mac="", address="172.16.9.9").peers
    assert not pcap.summary(data, mac="02:42:00:00:00:99", address=OWN).peers


def test_who_connected_to_the_device_is_no_destination():
    assert pcap.summary(file_of(inbound()), mac="", address=OWN).peers == {}


def test_who_is_refused_by_the_device_is_no_destination():
    (at, syn), (_, answer), *_ = inbound()
    refused = answer[:47] + b"\x14" + answer[48:]  # RST, ACK

    assert pcap.summary(file_of([(at, syn), (at + 1, refused)]), mac="", address=OWN).peers == {}


@pytest.mark.parametrize("port", [50_123, 50_124], ids=["same connection", "another one"])
def test_a_stray_syn_of_the_other_end_does_not_hide_it(port: int):
    syn, *_ = inbound(address="203.0.113.44", port=443, peer_port=port)
    _, *later = sorted(frames(talk()))  # the device opened it before the file begins

    found = pcap.summary(file_of([syn, *later]), mac=MAC, address=OWN)

    assert set(found.peers) == {("203.0.113.44", 443, "tcp")}


def test_a_connection_that_was_accepted_hides_no_other_to_the_same_port():
    accepted = inbound(address="203.0.113.44", port=4444)

    found = pcap.summary(file_of([*accepted, *frames(talk(port_own=50_200, port=4444))]), mac=MAC, address=OWN)

    assert set(found.peers) == {("203.0.113.44", 4444, "tcp")}


def test_what_the_device_opens_from_a_low_port_is_a_destination():
    assert pcap.summary(file_of(frames(talk(port=4444, port_own=443))), mac=MAC, address=OWN).peers


def test_more_connections_from_outside_than_are_remembered_hide_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pcap, "MOST_ACCEPTED", 1)
    first, second = inbound(port=50_001), inbound(port=50_002)

    found = pcap.summary(file_of([*first, *second]), mac="", address=OWN)

    assert set(found.peers) == {("198.51.100.9", 50_002, "tcp")}


def test_more_peers_than_are_remembered_are_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pcap, "MOST_PEERS", 1)

    found = pcap.summary(file_of(frames(talk(), talk("203.0.113.45"))), mac=MAC, address=OWN)

    assert (len(found.peers), found.is_whole) == (1, False)


def test_big_endian_nanoseconds_and_pcapng_read_the_same():
    packets = sorted(frames(talk()))
    wanted = pcap.summary(file_of(packets), mac=MAC, address=OWN).peers
    big = struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65_535, 1)
    big += b"".join(struct.pack(">IIII", int(at), 0, len(frame), len(frame)) + frame for at, frame in packets)

    assert pcap.summary(big, mac=MAC, address=OWN).peers == wanted
    assert pcap.summary(_pcapng([frame for _, frame in packets]), mac=MAC, address=OWN).peers == wanted


def test_a_vlan_and_ipv6_are_read():
    (_, frame), *_ = sorted(frames(talk()))
    tagged = frame[:12] + b"\x81\x00\x00\x64" + frame[12:]
    head = struct.pack(">IHBB", 0x60000000, 20, 6, 64) + bytes.fromhex("fd00" + "00" * 13 + "07")
    six = frame[:12] + b"\x86\xdd" + head + bytes.fromhex("20010db8" + "00" * 11 + "44") + frame[34:54]

    found = pcap.summary(file_of([(1.0, tagged), (2.0, six)]), mac=MAC, address=OWN)

    assert set(found.peers) == {("203.0.113.44", 443, "tcp"), ("2001:db8::44", 443, "tcp")}


def test_a_file_that_is_cut_off_gives_what_came_before():
    data = file_of(frames(talk()))

    found = pcap.summary(data[:-7], mac=MAC, address=OWN)

    assert (found.packets, found.is_whole) == (7, False)
    assert found.peers


@pytest.mark.parametrize("data", [b"", b"\x00" * 40, b"GET / HTTP/1.1", b"\x0a\x0d\x0d\x0a" + b"\xff" * 60])
def test_what_is_no_capture_holds_nothing(data: bytes):
    found = pcap.summary(data, mac=MAC, address=OWN)

    assert (found.packets, found.is_whole) == (0, False)


@pytest.mark.parametrize("kind", [1, 5], ids=["interface", "statistics"])
def test_blocks_that_are_no_packets_count_too(kind: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pcap, "MOST_RECORDS", 10)
    few, many = [_pcapng([], *[_block(kind, bytes(8))] * count) for count in (5, 20)]

    assert pcap.summary(few, mac=MAC, address=OWN).is_whole
    assert not pcap.summary(many, mac=MAC, address=OWN).is_whole


def test_packets_of_more_interfaces_than_are_remembered_are_unread(monkeypatch: pytest.MonkeyPatch):
    (_, frame), *_ = sorted(frames(talk()))
    other = _block(1, struct.pack("<HHI", 1, 0, 0))
    of_the_second = _block(6, struct.pack("<IIIII", 1, 0, 0, len(frame), len(frame)) + frame)
    data = _pcapng([], other, of_the_second)

    assert pcap.summary(data, mac=MAC, address=OWN).peers
    monkeypatch.setattr(pcap, "MOST_LINKS", 1)
    assert pcap.summary(data, mac=MAC, address=OWN).unread == 1


def test_no_file_is_read_for_longer_than_it_may():
    packets = file_of(frames(talk()))
    blocks = _pcapng([], *[_block(5, bytes(8))] * 5)

    for data in (packets, blocks):
        found = pcap.summary(data, mac=MAC, address=OWN, seconds=0)
        assert (found.packets, found.is_whole) == (0, False)


def test_of_a_huge_packet_only_the_headers_are_read():
    (_, frame), *_ = sorted(frames(talk()))
    tags = frame[:12] + b"\x81\x00\x00\x64" * 2_000_000 + frame[12:]
    both = (file_of([(1.0, tags), (2.0, frame)]), _pcapng([tags, frame]))

    tracemalloc.start()
    found = [pcap.summary(data, mac=MAC, address=OWN) for data in both]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [(one.packets, one.unread, len(one.peers)) for one in found] == [(2, 1, 1)] * 2
    assert most < 1_000_000


def test_hostile_bytes_never_raise():
    chance = random.Random(7)
    whole = bytearray(file_of(frames(talk(), talk("10.20.0.10", 53, is_udp=True))))
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 30)):
            broken[chance.randrange(24, len(broken))] = chance.randrange(256)
        assert pcap.summary(bytes(broken), mac=MAC, address=OWN).packets <= len(broken)


def test_a_file_of_tcpdump_is_read(tmp_path: Path):
    tcpdump = shutil.which("tcpdump")
    if tcpdump is None:
        pytest.skip("tcpdump is not installed")
    (tmp_path / "in.pcap").write_bytes(file_of(frames(talk())))
    command = [tcpdump, "-r", tmp_path / "in.pcap", "-w", tmp_path / "out.pcap"]
    subprocess.run(command, capture_output=True, timeout=20, check=True)

    assert pcap.summary((tmp_path / "out.pcap").read_bytes(), mac=MAC, address=OWN).packets == 8


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def _pcapng(packets: list[bytes], *more: bytes) -> bytes:
    """A section with one interface, these packets of it, and more blocks."""
    parts = [_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)), _block(1, struct.pack("<HHI", 1, 0, 0))]
    parts += [_block(6, struct.pack("<IIIII", 0, 0, 0, len(one), len(one)) + one) for one in packets]
    return b"".join((*parts, *more))
