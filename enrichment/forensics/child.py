"""The process that reads an item: takes {tool, rules, known, limits, seconds} and an open descriptor, gives a report.

It knows no database, secret, path or address: it gives all of that up before it reads the first byte. What it writes is
one line with the length of the report, the report as JSON, and then the recovered files that the report names.
"""

import codecs
import hashlib
import json
import os
import resource
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

HASH_FIRST = 16 * 2**30  # bytes; a larger item is not hashed before it is read
MEMORY = 3 * 2**30  # bytes of address space
CHUNK = 2**20
LATE = ("heapq", "_strptime", "gzip", "bz2", "lzma", "zlib")  # modules that others import only when they need them
TOOLS = ("disk", "memory", "capture", "package", "suricata", "volatility")  # modules beside this one: a class Tool each
ENCODINGS = ("cp437", "utf-8", "utf-16-le", "latin-1", "ascii", "idna")  # what libraries look for when they need it


def main() -> int:
    """Limits, then what needs files, then the seal, then the evidence."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from msgspec.json import encode

    from enrichment.forensics import lockdown
    from enrichment.forensics.image import Descriptor
    from enrichment.forensics.notebook import Notebook, line
    from enrichment.forensics.report import MOST_CARRIED_SUM, MOST_REPORT, Refusal
    from enrichment.forensics.scanner import Rules

    asked: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    lockdown.limit(seconds=asked["seconds"], memory=MEMORY, output=MOST_REPORT + MOST_CARRIED_SUM + CHUNK)
    for name in ENCODINGS:
        codecs.lookup(name)
    for name in LATE:
        import_module(name)
    module = import_module(f"enrichment.forensics.{TOOLS[TOOLS.index(asked['tool'])]}")
    file = Descriptor(asked["file"])
    guards = [lockdown.cut_off(), lockdown.lower(), lockdown.seal()]
    notebook = Notebook(known=frozenset(asked["known"]), seconds=0.8 * asked["seconds"])
    for text in asked["limits"]:
        notebook.limit(text)
    guards.extend(asked["guards"])
    rules = Rules(asked["rules"], notebook)
    out = sys.stdout.buffer
    try:
        sha256 = digest(file) if file.size <= HASH_FIRST else None
        if sha256 is None:
            notebook.limit("Too large to be hashed before it was read.")
        chunks = module.Tool(rules, notebook).run(file)
        if asked["rules"]:
            notebook.fact("YARA rule files", rules.count)
        guards.append(f"Memory: at most {MEMORY >> 20} MiB. Processor time: at most {asked['seconds']} s.")
        said = encode(notebook.report(module.NAME, asked["version"] or module.VERSION, sha256=sha256, guards=guards))
    except (OSError, ValueError, EOFError, MemoryError, ArithmeticError) as error:
        reason = " ".join(str(error).split())[:400] or type(error).__name__
        said = encode(Refusal(line(f"{module.NAME} cannot read it: {reason}")))
        chunks = iter(())
    out.write(b"%d\n" % len(said) + said)
    for chunk in chunks:
        out.write(chunk)
    out.flush()
    return 0


def digest(file: Any) -> str:
    """SHA-256 of the item as it is read here, for whoever asked to compare."""
    passed, offset = hashlib.sha256(), 0
    while chunk := os.pread(file._number, CHUNK, offset):
        passed.update(chunk)
        offset += len(chunk)
    return passed.hexdigest()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sys.exit(main())
    except Exception:  # noqa: BLE001 - the last words of a process that ends here
        traceback.print_exc(limit=4)
        sys.exit(1)
