"""Which ways out of a host are open: every active interface is tried, by IPv4 and IPv6."""

import errno
import json
import socket
import subprocess
from typing import Any

from secops.connectors.collector.jobs import Row

SO_BINDTODEVICE, DISCARD = 25, 9
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
CLOSED = {errno.EPERM, errno.EACCES}  # what a dropped packet of its own tells a program


def paths(table: str) -> Row:
    """`is_set`: whether our table stands and drops by default on both ways; `paths`: interface, family, is_open."""
    hooks = _hooks(table)
    found = []
    for name, families in _interfaces():
        for family in families:
            is_out_open = _gets_out(name, family)
            found.append({"name": name, "family": family, "is_open": is_out_open or "input" not in hooks})
    return {"is_set": bool(hooks), "paths": found}


def _hooks(table: str) -> set[str]:
    """The hooks where a base chain of our table drops what it does not allow."""
    words = ["nft", "-j", "list", "table", "inet", table]
    try:
        done = subprocess.run(words, capture_output=True, timeout=10, check=False, env=ENV)  # noqa: S603
    except FileNotFoundError:  # without nft no rule of ours can stand
        return set()
    if done.returncode:
        return set()
    chains: list[Any] = [one.get("chain", {}) for one in json.loads(done.stdout)["nftables"]]
    return {one["hook"] for one in chains if one.get("policy") == "drop"}


def _interfaces() -> list[tuple[str, list[str]]]:
    """Those that are up, without the loopback, with the families in which they have an address."""
    done = subprocess.run(["ip", "-j", "addr"], capture_output=True, timeout=10, check=True, env=ENV)  # noqa: S607
    words = {"inet": "IPv4", "inet6": "IPv6"}
    found = []
    for one in json.loads(done.stdout):
        families = sorted({words[info["family"]] for info in one.get("addr_info", []) if info["family"] in words})
        if "UP" in one.get("flags", []) and "LOOPBACK" not in one.get("flags", []) and families:
            found.append((str(one["ifname"]), families))
    return found


def _gets_out(name: str, family: str) -> bool:
    """Send one datagram to all neighbours: it needs no route, leaves no link, and says so when it is dropped.

    What cannot be told counts as open.
    """
    number = socket.AF_INET if family == "IPv4" else socket.AF_INET6
    target = ("255.255.255.255", DISCARD) if family == "IPv4" else ("ff02::1", DISCARD, 0, socket.if_nametoindex(name))
    try:
        with socket.socket(number, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, name.encode() + b"\0")
            if family == "IPv4":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.sendto(b"", target)
    except OSError as error:
        return error.errno not in CLOSED
    return True
