"""HTML to PDF in a process of its own, which fetches nothing and ends in time, whatever the text is."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from secops.errors import SecopsError

SECONDS = 60.0  # of one rendering, start of the process included
MOST_HTML = 3_000_000  # characters
MOST_PDF = 20_000_000  # bytes
AT_ONCE = 2  # renderings of one web process: a third is told to come back
CHILD = Path(__file__).with_name("pdf_child.py")
NO_LIBRARY = 3  # exit code of the child
PRINT_INSTEAD = "Print the page instead, or take the JSON."

_room = threading.BoundedSemaphore(AT_ONCE)


class PdfError(SecopsError):
    """The PDF could not be made; the text says why and what to do instead."""

    status_code = 503


def render(html: str, css: str) -> bytes:
    """The document as PDF with this stylesheet; PdfError when it is too large, too slow, or cannot be made here."""
    if len(html) > MOST_HTML:
        raise PdfError(f"The report is too large for a PDF. {PRINT_INSTEAD}")
    if not _room.acquire(blocking=False):
        raise PdfError("Other PDFs are being made. Try again in a moment.")
    try:
        return _rendered(json.dumps({"html": html, "css": css}).encode())
    finally:
        _room.release()


def _rendered(asked: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": folder, "XDG_CACHE_HOME": folder}
        command = [sys.executable, "-I", str(CHILD)]
        try:
            done = subprocess.run(  # noqa: S603
                command, input=asked, capture_output=True, timeout=SECONDS, check=False, cwd=folder, env=env
            )
        except subprocess.TimeoutExpired as error:
            raise PdfError(f"The PDF took longer than {SECONDS:.0f} seconds. {PRINT_INSTEAD}") from error
    if done.returncode == NO_LIBRARY:
        raise PdfError(f"This server cannot make PDFs: Pango is missing (Debian: libpangoft2-1.0-0). {PRINT_INSTEAD}")
    if done.returncode or not done.stdout.startswith(b"%PDF-") or len(done.stdout) > MOST_PDF:
        raise PdfError(f"The PDF could not be made. {PRINT_INSTEAD}")
    return done.stdout
