"""MISP warning lists in a compact form: sorted ranges for addresses, sorted 64-bit digests for names and hashes.

Reading the lists takes a second or two and hundreds of megabytes; the compact form is a few megabytes, is made once,
and is asked by bisection. Lists of type `substring` and `regex` are left out: they cannot be sorted.
"""

import hashlib
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path
from typing import Any

import msgspec

from secops.connectors.capabilities.places import Listing

# A million popular sites say little, and the smaller of two editions of one list says it twice.
LEFT_OUT = {
    "alexa",
    "cisco_top1000",
    "cisco_top5k",
    "cisco_top10k",
    "google-chrome-crux-1million",
    "microsoft-azure-appid",
    "moz-top500",
    "second-level-tlds",
    "tlds",
    "tranco",
}
KINDS = ("hosting", "cloud", "vpn", "resolver", "scanner", "sinkhole", "noise", "reserved")
# Part of a list's folder name and what standing on it means; first hit wins, else noise.
MEANINGS = (
    ("scanning", "scanner"),
    ("scanner", "scanner"),
    ("shadowserver", "scanner"),
    ("tenable", "scanner"),
    ("check-host-net", "scanner"),
    ("sinkhole", "sinkhole"),
    ("blockpage", "sinkhole"),
    ("public-dns", "resolver"),
    ("vpn-", "vpn"),
    ("zscaler", "vpn"),
    ("rfc", "reserved"),
    ("multicast", "reserved"),
    ("ipv6-linklocal", "reserved"),
    ("amazon-aws", "cloud"),
    ("google-gcp", "cloud"),
    ("azure", "cloud"),
    ("akamai", "cloud"),
    ("cloudflare", "cloud"),
    ("fastly", "cloud"),
    ("stackpath", "cloud"),
    ("github", "cloud"),
    ("office365", "cloud"),
    ("lots-project", "cloud"),
    ("ovh-cluster", "hosting"),
    ("dynamic-dns", "hosting"),
    ("parking", "hosting"),
    ("url-shortener", "hosting"),
    ("link-in-bio", "hosting"),
    ("ipfs-gateways", "hosting"),
)
NAMES = {"domain", "hostname", "domain|ip"}
HASHES = {"md5", "sha1", "sha256", "sha512"}


class Compiled(msgspec.Struct):
    """One list. The arrays are bytes in this machine's order; version 6 bounds have 16 bytes each."""

    name: str
    kind: str
    v4_first: bytes = b""
    v4_last: bytes = b""
    v6_first: bytes = b""
    v6_last: bytes = b""
    digests: bytes = b""


class Cached(msgspec.Struct):
    key: str
    lists: list[Compiled]


class Index:
    """The lists, ready to be asked."""

    def __init__(self, lists: Iterable[Compiled]) -> None:
        self._lists = [(one.name, one.kind, _ranges(one), array("Q", one.digests)) for one in lists]

    def __len__(self) -> int:
        return len(self._lists)

    def of_address(self, address: str) -> list[Listing]:
        """Lists with a range that holds the address; empty for what is no address."""
        try:
            ip = ip_address(address)
        except ValueError:
            return []
        number, version = int(ip), ip.version
        return [
            Listing(name=name, kind=kind) for name, kind, ranges, _ in self._lists if _holds(*ranges[version], number)
        ]

    def of_name(self, name: str) -> list[Listing]:
        """Lists with the name, or with a domain above it where the list means whole domains."""
        labels = name.lower().strip(".").split(".")
        above = [".".join(labels[at:]) for at in range(len(labels))]
        return self._with([digest("=", above[0]), *(digest(".", one) for one in above)])

    def of_hash(self, value: str) -> list[Listing]:
        return self._with([digest("=", value.lower())])

    def _with(self, digests: list[int]) -> list[Listing]:
        return [
            Listing(name=name, kind=kind)
            for name, kind, _, known in self._lists
            if any(_has(known, one) for one in digests)
        ]


def load(folder: Path, cache: Path, key: str) -> Index:
    """The lists of a folder (`<list>/list.json`), from the cache when it was made of the same `key`."""
    key = f"1:{sys.byteorder}:{key}"
    try:
        kept = msgspec.msgpack.decode(cache.read_bytes(), type=Cached)
    except (OSError, msgspec.DecodeError):
        kept = Cached(key="", lists=[])
    if kept.key != key:
        kept = Cached(key=key, lists=list(_compiled(folder)))
        cache.parent.mkdir(parents=True, exist_ok=True)
        half = cache.with_suffix(f".{hashlib.sha256(key.encode()).hexdigest()[:8]}.part")
        half.write_bytes(msgspec.msgpack.encode(kept))
        half.replace(cache)
    return Index(kept.lists)


def meaning(slug: str) -> str:
    """The kind of a list by the name of its folder; a folder named like a kind is of that kind."""
    slug = slug.lower()
    return slug if slug in KINDS else next((kind for part, kind in MEANINGS if part in slug), "noise")


def digest(mark: str, text: str) -> int:
    """`mark` is = for the name itself, . for the name and all below it."""
    return int.from_bytes(hashlib.blake2b(f"{mark}{text}".encode(), digest_size=8).digest())


def _compiled(folder: Path) -> Iterator[Compiled]:
    for path in sorted(folder.glob("*/list.json")) or sorted(folder.glob("*.json")):
        slug = path.parent.name if path.name == "list.json" else path.stem
        if slug in LEFT_OUT:
            continue
        body = msgspec.json.decode(path.read_bytes())
        one = Compiled(name=str(body["name"])[:120], kind=meaning(slug))
        entries = [entry for entry in body["list"] if isinstance(entry, str)]
        applies = set(body.get("matching_attributes") or ())
        if body.get("type") == "cidr":
            _put_ranges(one, entries)
        elif body.get("type") in {"hostname", "string"} and (not applies or applies & (NAMES | HASHES)):
            mark = "." if body["type"] == "hostname" else "="
            one.digests = array("Q", sorted({digest(mark, entry.lower().strip(".")) for entry in entries})).tobytes()
        if one.v4_first or one.v6_first or one.digests:
            yield one


def _put_ranges(one: Compiled, entries: list[str]) -> None:
    v4: list[tuple[int, int]] = []
    v6: list[tuple[int, int]] = []
    for entry in entries:
        try:
            net = ip_network(entry.strip(), strict=False)
        except ValueError:
            continue
        (v4 if isinstance(net, IPv4Network) else v6).append((int(net[0]), int(net[-1])))
    firsts, lasts = _merged(v4)
    one.v4_first, one.v4_last = array("I", firsts).tobytes(), array("I", lasts).tobytes()
    firsts, lasts = _merged(v6)
    one.v6_first = b"".join(bound.to_bytes(16) for bound in firsts)
    one.v6_last = b"".join(bound.to_bytes(16) for bound in lasts)


def _merged(ranges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Sorted ranges that do not overlap, as two columns."""
    firsts: list[int] = []
    lasts: list[int] = []
    for first, last in sorted(ranges):
        if lasts and first <= lasts[-1] + 1:
            lasts[-1] = max(lasts[-1], last)
        else:
            firsts.append(first)
            lasts.append(last)
    return firsts, lasts


def _ranges(one: Compiled) -> dict[int, tuple[Any, Any]]:
    return {
        4: (array("I", one.v4_first), array("I", one.v4_last)),
        6: (_wide(one.v6_first), _wide(one.v6_last)),
    }


def _wide(packed: bytes) -> list[int]:
    return [int.from_bytes(packed[at : at + 16]) for at in range(0, len(packed), 16)]


def _holds(firsts: Any, lasts: Any, number: int) -> bool:
    at = bisect_right(firsts, number) - 1
    return at >= 0 and bool(number <= lasts[at])


def _has(known: Any, wanted: int) -> bool:
    at = bisect_left(known, wanted)
    return at < len(known) and bool(known[at] == wanted)
