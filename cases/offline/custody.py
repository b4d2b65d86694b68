"""Check an exported case without the application: every file against its hash, every entry against the one before.

    python custody.py FOLDER [--anchor FILE]

FOLDER holds what the export was unpacked to: custody.jsonl (one entry a line), manifest.json and files/<sha256>. Each
entry has seq, previous, body, hash; hash = SHA-256 over previous + canonical JSON of seq and body. The last entries say
which export this is and which files it carries. FILE, kept elsewhere, has lines "CASE-n seq hash time"; without it, a
chain that was rewritten as a whole cannot be told from a true one. Needs only Python; ends with 0 when all is whole,
1 when not, 2 when it was called wrongly.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

FIRST = "0" * 64
EXPORTED = "exported"
NAMES = {"custody.jsonl", "manifest.json", "custody.py", "files"}
KEYS = {"seq", "previous", "body", "hash"}
BODY = {"case", "evidence", "at", "action", "who", "sha256", "details"}


def canonical(value: Any) -> bytes:
    """One spelling of a JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def entry_hash(seq: int, previous: str, body: dict[str, Any]) -> str:
    return hashlib.sha256(previous.encode() + canonical({"seq": seq, "body": body})).hexdigest()


def anchored(lines: Iterable[str]) -> Iterator[tuple[str, int, str, str]]:
    """(case, seq, hash, time) of an anchor's lines; a line that is no head is passed over."""
    for line in lines:
        words = line.split()
        if len(words) == 4 and words[0].startswith("CASE-") and words[1].isdecimal() and len(words[2]) == 64:
            yield words[0], int(words[1]), words[2], words[3]


class Export:
    """One unpacked export; `problems` says everything that is wrong with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.case = ""
        self.hashes = {0: FIRST}  # by seq
        self.last = 0  # the highest seq
        self.bodies: list[dict[str, Any]] = []
        self.later = ""  # how far the anchor reaches

    def problems(self, anchor: Iterable[str] | None = None) -> Iterator[str]:
        yield from self._names()
        yield from self._chain()
        yield from self._manifest()
        yield from self._files()
        if anchor is not None:
            yield from self._anchor(anchor)

    def _names(self) -> Iterator[str]:
        """What no export of ours holds, and what points elsewhere."""
        for path in sorted(self.folder.glob("*")):
            if path.name not in NAMES:
                yield f"{path.name}: is not of this export"
        for path in (*sorted(self.folder.glob("*")), *sorted((self.folder / "files").glob("*"))):
            if path.is_symlink():
                yield f"{path.name}: is a link to elsewhere"

    def _chain(self) -> Iterator[str]:
        path = self.folder / "custody.jsonl"
        if not path.is_file():
            yield "custody.jsonl: is missing"
            return
        for number, line in enumerate(path.read_text("utf-8", errors="replace").split("\n"), start=1):
            if not line:
                continue
            entry = _entry(line)
            if entry is None:
                yield f"line {number}: cannot be read"
                continue
            yield from self._link(number, entry)

    def _link(self, number: int, entry: dict[str, Any]) -> Iterator[str]:
        """One entry against the one before; it becomes the last."""
        seq, body, last = entry["seq"], entry["body"], self.last
        self.case = self.case or str(body.get("case"))
        if seq != last + 1:
            yield f"line {number}: entry {seq} comes after entry {last}; an entry was removed, added or moved"
        if entry["previous"] != self.hashes[last]:
            yield f"entry {seq}: does not follow the entry before it"
        if entry["hash"] != entry_hash(seq, entry["previous"], body):
            yield f"entry {seq}: was changed after it was written ({body.get('action')} by {body.get('who')})"
        if body.get("case") != self.case:
            yield f"entry {seq}: is of another case, {body.get('case')}"
        self.hashes[seq] = entry["hash"]
        self.last = max(last, seq)
        self.bodies.append(body)

    def _manifest(self) -> Iterator[str]:
        """The head that the manifest names must be the last entry: a tail that was cut off is found by it."""
        try:
            manifest = _read((self.folder / "manifest.json").read_text("utf-8"))
            seq, known = int(manifest["head"]["seq"]), manifest["head"]["hash"]
            items = [{name: one[name] for name in ("id", "sha256", "size", "title")} for one in manifest["evidence"]]
            said = {name: manifest[name] for name in ("case", "export", "exported_at", "reason")}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            yield "manifest.json: is missing or cannot be read"
            return
        end = self.bodies[-1] if self.bodies else {}
        details = _details(end)
        true = {"export": details.get("export"), "exported_at": end.get("at"), "reason": details.get("reason")}
        for name, value in (true | {"case": self.case}).items():
            if said[name] != value:
                yield f"manifest.json: {name} is not what the chain says"
        if items != self._items():
            yield "manifest.json: its evidence is not what the chain says"
        last = self.last
        if (seq, known) != (last, self.hashes[last]):
            yield f"manifest.json: says that the chain ends at entry {seq}; it ends at {last} or was rewritten"

    def _ours(self) -> list[dict[str, Any]]:
        """The entries of the export that made this, one for each item."""
        export = _details(self.bodies[-1]).get("export") if self.bodies else None
        return [one for one in self.bodies if one["action"] == EXPORTED and _details(one).get("export") == export]

    def _items(self) -> list[dict[str, Any]]:
        """As the manifest must list them."""
        received = {str(one["evidence"]): _details(one) for one in self.bodies if one["action"] == "received"}
        return [
            {"id": one["evidence"], "sha256": one["sha256"] or None}
            | {name: received.get(str(one["evidence"]), {}).get(name) for name in ("size", "title")}
            for one in self._ours()
        ]

    def _carried(self) -> Iterator[str | tuple[str, str]]:
        """From the chain itself: problems, and (sha256, item) of each file that this export must hold."""
        last = _details(self.bodies[-1]) if self.bodies else {}
        if not self.bodies or self.bodies[-1].get("action") != EXPORTED or not last.get("export"):
            yield "custody.jsonl: does not end with the export that made it; the end was cut off"
            return
        ours = self._ours()
        if len(ours) != last.get("items"):
            yield f"custody.jsonl: {len(ours)} of {last.get('items')} entries of this export are there"
        for body in ours:
            if _details(body).get("left_out"):
                yield f"{body.get('evidence')}: its file was left out: {_details(body)['left_out']}"
            elif _details(body).get("with_file"):
                yield str(body.get("sha256")), str(body.get("evidence"))

    def _files(self) -> Iterator[str]:
        known = set()
        for one in self._carried():
            if isinstance(one, str):
                yield one
                continue
            sha256, item = one
            known.add(sha256)
            is_hash = len(sha256) == 64 and set(sha256) <= set("0123456789abcdef")
            found = _digest(self.folder / "files" / sha256) if is_hash else ""
            if not found:
                yield f"file {sha256[:12]}… ({item}): is missing"
            elif found != sha256:
                yield f"file {sha256[:12]}… ({item}): was changed; it is now {found[:12]}…"
        for path in sorted((self.folder / "files").glob("*")):
            if path.name not in known:
                yield f"file {path.name[:12]}…: no entry of this export speaks of it"

    def _anchor(self, lines: Iterable[str]) -> Iterator[str]:
        """Heads that were written outside. One of a time after this export says nothing about it: see `later`."""
        ours = [one for one in anchored(lines) if one[0] == self.case]
        ends = _time(self.bodies[-1].get("at")) if self.bodies else None
        last, confirmed, newer = self.last, 0, 0
        for _, seq, known, at in ours:
            written = _time(at)
            if seq <= last and self.hashes.get(seq) == known:
                confirmed = max(confirmed, seq)
            elif seq <= last or ends is None or written is None or written <= ends:
                yield f"anchor of {at}: entry {seq} is missing or was rewritten since"
            else:
                newer += 1
        if not confirmed:
            yield f"anchor: confirms no entry of this export ({len(ours)} lines of {self.case or 'this case'})"
        self.later = f"The anchor confirms the chain up to entry {confirmed}"
        self.later += f"; {newer} later anchor lines are newer than this export." if newer else "."


def _read(text: str) -> Any:
    """JSON that means one thing to everybody: no key twice, no NaN."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice")
        return found

    value = json.loads(text, object_pairs_hook=once)
    canonical(value)  # what has no spelling has no hash
    return value


def _entry(line: str) -> dict[str, Any] | None:
    """One entry with all of its keys and no other; None when it is none."""
    try:
        entry: dict[str, Any] = _read(line)
        is_whole = set(entry) == KEYS and type(entry["seq"]) is int and set(entry["body"]) == BODY
        is_whole = is_whole and isinstance(entry["body"], dict) and isinstance(entry["previous"], str)
        return entry if is_whole and isinstance(entry["hash"], str) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _shown(text: str) -> str:
    """Nothing in a name moves the cursor or makes a line of its own."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _details(body: dict[str, Any]) -> dict[str, Any]:
    details = body.get("details")
    return details if isinstance(details, dict) else {}


def _time(text: Any) -> datetime | None:
    """With an offset only: others cannot be compared."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _digest(path: Path) -> str:
    """Empty when there is no such file, and for a link: nothing outside of the folder is read."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description="Check an exported case: files, chain of custody, anchor.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--anchor", type=Path, metavar="FILE")
    asked = parser.parse_args()
    export = Export(asked.folder)
    anchor = asked.anchor.read_text("utf-8", errors="replace").splitlines() if asked.anchor else None
    found = list(export.problems(anchor))
    print(
        "\n".join(_shown(one) for one in found)
        or f"Whole: {export.case}, {len(export.bodies)} entries and every file as they were written."
    )
    if export.later and not found:
        print(export.later)
    if not found and anchor is None:
        print("No anchor was given: a chain that was rewritten as a whole would not be noticed.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
