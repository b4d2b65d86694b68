"""Hash chains: each entry speaks of the one before it, so that a changed row is found and named."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

FIRST = "0" * 64
_spelt = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical(value: Any) -> bytes:
    """One spelling of a JSON value, whoever writes it: sorted keys, no spaces, UTF-8."""
    return _spelt(value).encode()


def entry_hash(seq: int, previous: str, body: dict[str, Any]) -> str:
    """SHA-256 over the hash before and the canonical JSON of number and body."""
    return hashlib.sha256(previous.encode() + canonical({"seq": seq, "body": body})).hexdigest()


def first_problem(entries: Iterable[tuple[int, str, str, dict[str, Any]]]) -> tuple[int, str] | None:
    """Walk (seq, previous, hash, body) in order; return the first bad seq and what is wrong, or None."""
    last, head = 0, FIRST
    for seq, previous, own, body in entries:
        if seq != last + 1:
            return seq, f"comes after entry {last}: an entry was removed, added or moved"
        if previous != head:
            return seq, "does not follow the entry before it"
        if own != entry_hash(seq, previous, body):
            return seq, "was changed after it was written"
        last, head = seq, own
    return None
