"""A small network of real hosts on this machine: network namespaces, sshd, a disk, a beacon and who it talks to.

A host has its own network, processes, name, /run, /home, /root, /srv and /tmp; the rest of the file system is this
machine's. Everything is named after our process, so that two runs do not meet and what a killed one left is removed.
"""

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAMS = {  # and the Debian packages that bring them
    "ip": "iproute2",
    "nft": "nftables",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "tcpdump": "tcpdump",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "losetup": "mount",
    "ping": "iputils-ping",
    "unshare": "util-linux",
    "qemu-system-x86_64": "qemu-system-x86",
}
PORT = 2222
PAIRED = "hypervisor=kvm1 qmp=/run/qmp.sock"
SECRET = b"#!/bin/sh\n# the dropper of the lab\n" + b"exfiltrate --quietly\n" * 400
MARK = b"the guest of the lab was here"
BEACON = """\
import socket, sys, time
while True:
    try:
        with socket.create_connection((sys.argv[1], 80), timeout=1) as line:
            line.sendall(b"GET /b HTTP/1.1\\r\\nHost: updates.lab.example\\r\\nConnection: close\\r\\n\\r\\n")
            line.recv(100)
    except OSError:
        pass
    time.sleep(0.5)
"""
SERVER = """\
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[2], "a") as file:
            file.write(self.client_address[0] + "\\n")
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer((sys.argv[1], 80), Answer).serve_forever()
"""
BOOT = """\
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd /run/lab
cp -r {folder}/. /run/lab/
for place in /home /root /srv /tmp; do mount -t tmpfs tmpfs $place; done
hostname {name}
mkdir -p /home/mira/.cache /srv/share /root/.ssh
echo 'curl -s http://updates.lab.example/b' > /home/mira/.bash_history
{files}
/usr/sbin/sshd -D -e -f /run/lab/sshd_config &
{program}
wait
"""
GUEST = """\
qemu-system-x86_64 -accel tcg -m 8 -display none -nodefaults -no-reboot \\
  -drive file=/run/lab/boot.img,format=raw,if=ide -qmp unix:/run/qmp.sock,server,nowait &
"""
SSHD = """\
Port {port}
HostKey /run/lab/host_key
AuthorizedKeysFile /run/lab/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
"""


def missing() -> str:
    """Why there is no lab here, in plain words; "" when there can be one."""
    if os.geteuid():
        return "the lab needs root: it makes network namespaces"
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    if absent := sorted({package for name, package in PROGRAMS.items() if shutil.which(name, path=path) is None}):
        return f"the lab needs the Debian packages {', '.join(absent)}"
    name = f"ndlab{os.getpid()}try"
    if run("ip", "netns", "add", name, check=False).returncode:
        return "the lab needs network namespaces, and this machine gives none"
    run("ip", "netns", "del", name)
    return ""


def run(*words: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
    return subprocess.run(words, check=check, capture_output=True, text=True, timeout=30, env=env, **options)


def until(what: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Whatever is true in the end; a test that waits in vain fails here."""
    ends = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < ends, f"not within {seconds:g} seconds: {what}"
        time.sleep(0.1)
    return found


@dataclass
class LabHost:
    name: str
    space: str  # its network namespace
    address: str
    address6: str
    public_key: str = ""
    child: subprocess.Popen[bytes] | None = None

    def inside(self, *words: str, check: bool = True) -> str:
        """The output of a command on the host: in its network, processes and files."""
        assert self.child is not None
        pid = Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()[0]
        done = run("nsenter", "--target", pid, "--net", "--mount", "--pid", "--uts", *words, check=check)
        return done.stdout

    def answers_ping(self, address: str = "") -> bool:
        """From outside: from the machine that the lab runs on."""
        return run("ping", "-c1", "-W1", address or self.address, check=False).returncode == 0


@dataclass
class Lab:
    """Started by `start`, and taken down whatever happened by `stop`."""

    folder: Path
    number: int = field(default_factory=lambda: os.getpid())
    hosts: dict[str, LabHost] = field(default_factory=dict)
    disk: str = ""  # the loop device of host1
    secret_sha256: str = hashlib.sha256(SECRET).hexdigest()
    _end: ExitStack = field(default_factory=ExitStack)

    @property
    def bridge(self) -> str:
        return f"ndl{self.number}"

    @property
    def image(self) -> Path:
        """What the disk of host1 holds; named so that a loop device that was left behind is known."""
        return self.folder / f"ndlab{self.number}.img"

    @property
    def net(self) -> str:
        return f"10.88.{self.number % 250}"

    @property
    def net6(self) -> str:
        """Its own too: two labs at once would answer for each other."""
        return f"fd88:0:0:{self.number % 250:x}"

    def start(self) -> None:
        """The network, who is talked to, and the two hosts; ready when both let us in."""
        sweep()
        self.folder.mkdir(parents=True, exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "key"))
        run("ip", "link", "add", self.bridge, "type", "bridge")
        self._end.callback(run, "ip", "link", "del", self.bridge, check=False)
        run("ip", "addr", "add", f"{self.net}.1/24", "dev", self.bridge)
        run("ip", "addr", "add", f"{self.net6}::1/64", "dev", self.bridge, "nodad")
        run("ip", "link", "set", self.bridge, "up")
        self.disk = self._disk()
        self._c2(self._network("c2", 99))
        beacon = f"/usr/bin/python3 -I /home/mira/.cache/updater.py {self.net}.99 &"
        updater = "cp /run/lab/beacon.py /home/mira/.cache/updater.py"
        self._host(self._network("host1", 11), files=updater, program=beacon)
        shares = "cp /run/lab/secret /srv/share/viewer.bin"
        self._host(self._network("host2", 12), files=shares, program="")
        self._host(self._network("kvm1", 13), files="", program=GUEST)
        until(lambda: all(self.ssh(one, "true").returncode == 0 for one in self.hosts.values() if one.public_key))

    def stop(self) -> None:
        self._end.close()

    def ssh(self, host: LabHost, *words: str) -> subprocess.CompletedProcess[str]:
        """The management path, tried from outside and without the product."""
        options = ["-i", str(self.folder / "key"), "-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}"]
        options += ["-o", "BatchMode=yes", "-o", "ConnectTimeout=3", "-p", str(PORT)]
        return run("ssh", "-F", "/dev/null", *options, f"root@{host.address}", *words, check=False)

    def beats(self, host: LabHost) -> int:
        """How often the host was heard by who it talks to."""
        path = self.folder / "beats"
        return path.read_text().split().count(host.address) if path.exists() else 0

    @property
    def known_hosts(self) -> str:
        return (self.folder / "known_hosts").read_text()

    @property
    def inventory(self) -> str:
        return "\n".join(
            f"{host.name} {host.address}:{PORT}" + (f" disk={self.disk} {PAIRED}" if host.name == "host1" else "")
            for host in self.hosts.values()
            if host.public_key
        )

    @property
    def pairs(self) -> tuple[str, ...]:
        return tuple(f"{host.address}:{PORT}" for host in self.hosts.values() if host.public_key)

    def _network(self, name: str, last: int) -> LabHost:
        """A namespace on the bridge with an address by IPv4 and IPv6."""
        host = LabHost(name, f"ndlab{self.number}{name}", f"{self.net}.{last}", f"{self.net6}::{last}")
        run("ip", "netns", "add", host.space)
        self._end.callback(run, "ip", "netns", "del", host.space, check=False)
        outer = f"nd{self.number % 100_000}v{last}"
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", host.space)
        run("ip", "link", "set", outer, "master", self.bridge, "up")
        for words in (
            ("link", "set", "lo", "up"),
            ("addr", "add", f"{host.address}/24", "dev", "eth0"),
            ("addr", "add", f"{host.address6}/64", "dev", "eth0", "nodad"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", f"{self.net}.1"),
        ):
            run("ip", "-n", host.space, *words)
        self.hosts[name] = host
        return host

    def _disk(self) -> str:
        """An ext4 disk whose incriminating file was deleted."""
        files, image = self.folder / "files", self.image
        (files / "mira").mkdir(parents=True)
        (files / "mira" / "viewer.bin").write_bytes(SECRET)
        (files / "mira" / "payroll.txt").write_text("Nothing to see here\n")
        run("mke2fs", "-q", "-t", "ext4", "-d", str(files), str(image), "16M")
        run("debugfs", "-w", "-R", "rm /mira/viewer.bin", str(image))
        device = run("losetup", "--find", "--show", "--read-only", str(image)).stdout.strip()
        self._end.callback(run, "losetup", "-d", device, check=False)
        return device

    def _c2(self, host: LabHost) -> None:
        (self.folder / "server.py").write_text(SERVER)
        words = ["python3", "-I", str(self.folder / "server.py"), host.address, str(self.folder / "beats")]
        self._run(["ip", "netns", "exec", host.space, *words])

    def _host(self, host: LabHost, *, files: str, program: str) -> None:
        own = self.folder / host.name
        own.mkdir()
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(own / "host_key"))
        host.public_key = " ".join((own / "host_key.pub").read_text().split()[:2])
        with (self.folder / "known_hosts").open("a") as known:
            known.write(f"[{host.address}]:{PORT} {host.public_key}\n")
        (own / "authorized_keys").write_text((self.folder / "key.pub").read_text())
        (own / "sshd_config").write_text(SSHD.format(port=PORT))
        (own / "beacon.py").write_text(BEACON)
        (own / "secret").write_bytes(SECRET)
        (own / "boot.img").write_bytes(boot_sector())
        (own / "boot.sh").write_text(BOOT.format(folder=own, name=host.name, files=files, program=program))
        spaces = ["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"]
        host.child = self._run(["ip", "netns", "exec", host.space, *spaces, "sh", str(own / "boot.sh")])

    def _run(self, words: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "said.txt").open("ab") as said:
            env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env)
        self._end.callback(child.wait)
        self._end.callback(child.kill)
        return child


def boot_sector() -> bytes:
    """A guest in 512 bytes: `jmp $`, what its memory is known by, and the mark that makes it bootable."""
    return (b"\xeb\xfe" + MARK).ljust(510, b"\0") + b"\x55\xaa"


def sweep() -> None:
    """What runs left behind that were killed: their processes, namespaces and links, their disks and bridges."""
    for line in run("ip", "netns", "list").stdout.splitlines():
        if (found := re.match(r"ndlab(\d+)", line)) and not Path(f"/proc/{found[1]}").exists():
            for pid in run("ip", "netns", "pids", line.split()[0], check=False).stdout.split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            run("ip", "netns", "del", line.split()[0], check=False)
    for line in run("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE").stdout.splitlines():
        if (found := re.search(r"/ndlab(\d+)\.img", line)) and not Path(f"/proc/{found[1]}").exists():
            run("losetup", "-d", line.split()[0], check=False)
    for line in run("ip", "-br", "link").stdout.splitlines():
        if (found := re.match(r"ndl(\d+)\b", line)) and not Path(f"/proc/{found[1]}").exists():
            run("ip", "link", "del", found[0], check=False)
