"""What is said of an item of evidence, as its row and its chain can hold it."""

import unicodedata
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from cases.choices import EvidenceKind
from cases.errors import EvidenceError
from cases.intake.gate import clean_text
from cases.models import Evidence
from cases.services import custody

MAX_NAME = 255  # bytes of UTF-8
REPLACEMENT = "�"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquired:
    """How the item was acquired, as far as is known; all of it stands in the chain."""

    acquired_at: datetime | None = None
    acquired_by: str = ""
    acquired_from: str = ""
    authority: str = ""
    tool: str = ""
    tool_version: str = ""
    clock_offset_seconds: int | None = None
    read_errors: int | None = None
    source_sha256: str = ""
    wrong_members: int | None = None  # files in it that differ from their source; None: not compared
    note: str = ""  # what must be said of it: whose memory it really is, how it was packed

    def details(self) -> dict[str, Any]:
        at = self.acquired_at.isoformat() if self.acquired_at else None
        return {name: value for name, value in (asdict(self) | {"acquired_at": at}).items() if value not in (None, "")}


def name_as_text(name: str) -> str:
    """A file name to be read, never to be used: NFC, at most 255 bytes, nothing hidden or turning in it."""
    text = unicodedata.normalize("NFC", clean_text(name))
    text = "".join(REPLACEMENT if unicodedata.category(one)[0] == "C" or one in "\u2028\u2029" else one for one in text)
    return text.encode()[:MAX_NAME].decode(errors="ignore").strip()


def cleaned(described: dict[str, Any]) -> dict[str, Any]:
    """Before a byte is in its place: what cannot be a row must not leave a file."""
    if EvidenceKind(described["kind"]) == EvidenceKind.EXHIBIT:
        raise EvidenceError("A physical exhibit has no file: register it.")
    custody.needed(described["title"], "Evidence needs a name.")
    names = {name: name_as_text(described.get(name, "")) for name in ("file_name", "media_type")}
    return described | names


def fitting(values: dict[str, Any]) -> dict[str, Any]:
    """Texts as long as their columns, and as every database stores them."""
    columns = {column.name: getattr(column, "max_length", None) for column in Evidence._meta.get_fields()}
    return {
        name: clean_text(value).strip()[: columns[name]] if isinstance(value, str) else value
        for name, value in values.items()
    }
