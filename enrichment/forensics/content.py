"""One file's content, wherever it was found: its hash, the rules that match, what Windows keeps in it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from enrichment.forensics import windows
from enrichment.forensics.notebook import Notebook
from enrichment.forensics.scanner import Hit, Rules

CHUNK = 2**20  # bytes
SCAN_BYTES = 32 * 2**20  # of one file, from its beginning
ARTEFACT_BYTES = 256 * 2**20  # of an event log or a registry hive, which are read whole
RUNNABLE = (
    *(".exe", ".dll", ".sys", ".scr", ".com", ".cpl", ".msi", ".lnk", ".hta", ".iso", ".jar"),
    *(
        ".ps1",
        ".psm1",
        ".bat",
        ".cmd",
        ".vbs",
        ".js",
        ".jse",
        ".wsf",
        ".sh",
        ".py",
        ".php",
        ".jsp",
        ".aspx",
        ".elf",
        ".so",
    ),
)


@dataclass(slots=True)
class Look:
    """What one file is."""

    size: int = 0  # bytes that were really there
    sha256: str = ""
    hits: list[Hit] = field(default_factory=list)
    is_program: bool = False
    is_empty: bool = True  # nothing but zeros

    def why(self, notebook: Notebook) -> list[str]:
        named = ["Named in this case"] if self.sha256 in notebook.known else []
        return [*named, *(str(hit) for hit in self.hits)]


def look(name: str, chunks: Iterable[bytes], rules: Rules, notebook: Notebook) -> Look:
    """Read it once; what needs too much memory costs this file its look, not the item its report."""
    found = Look()
    try:
        _look(found, name, chunks, rules, notebook)
    except MemoryError:
        notebook.limit(f"{name} needs more memory than there is: it was not looked at to its end.")
    return found


def _look(found: Look, name: str, chunks: Iterable[bytes], rules: Rules, notebook: Notebook) -> None:
    """Chunks may come from a damaged place, so OSError ends it where it is."""
    passed, start = hashlib.sha256(), bytearray()
    try:
        for chunk in chunks:
            passed.update(chunk)
            found.size += len(chunk)
            found.is_empty = found.is_empty and not chunk.strip(b"\0")
            most = ARTEFACT_BYTES if windows.is_artefact(start or chunk) else SCAN_BYTES
            start += chunk[: max(0, most - len(start))]
    except OSError:
        notebook.limit(f"{name} could not be read to its end.")
        return
    content = bytes(start)
    found.sha256 = passed.hexdigest()
    found.hits = rules.scan(content, name) if content else []
    found.is_program = content.startswith((b"MZ", b"\x7fELF", b"#!")) or name.lower().endswith(RUNNABLE)
    windows.read(name, content, notebook)


def tell(name: str, found: Look, notebook: Notebook, *, at: str | None, extra: Iterable[str] = ()) -> bool:
    """Write it down if there is a reason to; then its hash is an observable of the case."""
    named = found.why(notebook)
    why = [*named, *extra]
    if not why:
        return False
    details = "; ".join(hit.meaning for hit in found.hits if hit.meaning)
    notebook.note(name, why, size=found.size, sha256=found.sha256 or None, at=at, details=details[:600])
    if found.sha256 and not found.is_empty:
        notebook.see("hash_sha256", found.sha256, "file")
    return True
