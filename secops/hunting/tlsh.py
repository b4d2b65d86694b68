"""How far two files are apart, by their TLSH digests: 0 is the same, and each change of the content adds to it.

The sum is that of Trend Micro's published description (tlsh.org, "TLSH - A Locality Sensitive Hash", 2013); digests are
made by those who hold the files.
"""

import re
from functools import cache

DIGITS = 70  # of a digest after T1: checksum, length, two quartile ratios, 32 bytes of quartiles
_DIGEST = re.compile(r"(?:T1)?([0-9A-F]{70})")
_WRAPS = {"length": 256, "ratio": 16}
_FAR = 12  # the weight of a step of length or ratio beyond the first
_OPPOSITE = 6  # quartiles at both ends of the scale


def digest(text: str) -> str:
    """As VirusTotal and ECS write it: T1 and 70 capital digits; empty when it is no digest. Older ones lack the T1."""
    found = _DIGEST.fullmatch(text.strip().upper())
    return f"T1{found[1]}" if found else ""


def distance(one: str, other: str) -> int:
    """Of two digests as `digest` gives them."""
    mine, theirs = bytes.fromhex(one[2:]), bytes.fromhex(other[2:])
    length = _circle(_swapped(mine[1]), _swapped(theirs[1]), _WRAPS["length"])
    total = length if length <= 1 else length * _FAR
    for shift in (0, 4):
        ratio = _circle(mine[2] >> shift & 15, theirs[2] >> shift & 15, _WRAPS["ratio"])
        total += ratio if ratio <= 1 else (ratio - 1) * _FAR
    total += mine[0] != theirs[0]
    return total + sum(_apart(a, b) for a, b in zip(mine[3:], theirs[3:], strict=True))


def _swapped(byte: int) -> int:
    """Each byte of the head is written with its low digit first."""
    return byte >> 4 | (byte & 15) << 4


def _circle(one: int, other: int, around: int) -> int:
    apart = abs(one - other)
    return min(apart, around - apart)


@cache
def _apart(one: int, other: int) -> int:
    """Of two bytes with four quartiles each."""
    pairs = ((one >> shift & 3, other >> shift & 3) for shift in (0, 2, 4, 6))
    return sum(_OPPOSITE if abs(a - b) == 3 else abs(a - b) for a, b in pairs)
