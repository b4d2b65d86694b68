"""Items of evidence as the pages show them: the seal in a word, the chain in sentences."""

from dataclasses import dataclass
from typing import Any

from django.shortcuts import get_object_or_404

from cases.choices import CustodyAction
from cases.models import Case, CustodyEntry, Evidence
from cases.services.custody_words import said
from secops import marks
from secops.wording import amount, clock

SEALS = {  # the glyph that says it, and the word
    "received": ("informational", "Not sealed"),
    "sealed": ("benign", "Sealed"),
    "verified": ("benign", "Verified"),
    "mismatch": ("malicious", "Mismatch"),
    "destroyed": ("nothing", "Destroyed"),
}
ICONS = {
    CustodyAction.ACQUIRED: "disk",
    CustodyAction.RECEIVED: "inbox",
    CustodyAction.VIEWED: "eye",
    CustodyAction.EXPORTED: "out",
    CustodyAction.HANDED_OVER: "user",
    CustodyAction.VERIFIED: "check",
    CustodyAction.SEALED: "lock",
    CustodyAction.HOLD_SET: "shield",
    CustodyAction.HOLD_LIFTED: "unlock",
    CustodyAction.DESTROYED: "x",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the list."""

    item: Evidence
    seal: str
    since: Any
    custody: str

    @property
    def mark(self) -> Any:
        glyph, word = SEALS[self.seal]
        return marks.verdict(glyph, f"{word} {clock(self.since).removesuffix(' UTC')}" if self.since else word)


def items_of(case: Case) -> list[Row]:
    return [row_of(item) for item in case.evidence.select_related("received_by")]


def row_of(item: Evidence) -> Row:
    since = {"sealed": item.sealed_at, "verified": item.verified_at, "destroyed": item.destroyed_at}
    who = item.acquired_by or (item.received_by.display_name if item.received_by else "Nightdesk")
    custody = f"{item.holder or who}, {item.shelf}" if item.shelf else item.holder or who
    return Row(item=item, seal=item.state, since=since.get(item.state), custody=custody)


def lines_of(item: Evidence) -> list[dict[str, Any]]:
    """The chain of one item, newest last, as a reader says it."""
    return [
        {"entry": entry, "icon": _icon(entry), "said": said(entry.action, entry.details)}
        for entry in item.custody.order_by("seq")
    ]


def _icon(entry: CustodyEntry) -> str:
    return "alert" if entry.details.get("matches") is False else ICONS[CustodyAction(entry.action)]


def facts_of(item: Evidence) -> list[dict[str, Any]]:
    """Everything that was said of it; what was not said is not listed."""
    pairs = [
        ("Kind", item.get_kind_display()),
        ("File name", item.file_name),
        ("Size", f"{amount(item.size)}, {item.size:,} bytes" if item.size is not None else ""),
        ("SHA-256", item.sha256),
        ("SHA-256 at the source", item.source_sha256),
        ("Files in it that differ", str(item.wrong_members) if item.wrong_members is not None else ""),
        ("Called by its sender", item.media_type),
        ("Serial number", item.serial),
        ("Seal number", item.seal_number),
        ("Who has it", item.holder),
        ("Place", item.shelf),
        ("Acquired at", clock(item.acquired_at) if item.acquired_at else ""),
        ("Acquired by", item.acquired_by),
        ("Acquired from", item.acquired_from),
        ("Authority", item.authority),
        ("Tool", f"{item.tool} {item.tool_version}".strip()),
        ("Clock offset", f"{item.clock_offset_seconds} s" if item.clock_offset_seconds is not None else ""),
        ("Read errors", str(item.read_errors) if item.read_errors is not None else ""),
        ("Note", item.note),
        ("Received", clock(item.received_at)),
    ]
    return [{"label": label, "value": value} for label, value in pairs if value]


def item_of(case: Case, label: str) -> Evidence:
    """The item of a case that its page names; 404 when there is none."""
    seq, _, copy = label.partition(".")
    items = case.evidence.select_related("original", "received_by", "destroy_asked_by")
    return get_object_or_404(items, seq=int(seq), copy=int(copy or 0))
