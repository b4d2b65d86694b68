"""The evidence as a manifest a reader can check, and the chain of custody as one line for each entry."""

from typing import Any

from cases.choices import CustodyAction, EvidenceKind
from cases.services.custody_words import said

Row = dict[str, Any]
IN_MANIFEST = ("acquired_at", "acquired_by", "acquired_from", "tool", "tool_version")
STATES = {"received": "Not sealed", "mismatch": "Does not match"}


def manifest(whole: Row) -> list[Row]:
    """Every item as the record holds it, with its kind and state in words."""
    return [
        one
        | {
            "kind_label": EvidenceKind(one["kind"]).label,
            "state_label": STATES.get(one["state"], one["state"].capitalize()),
        }
        for one in whole["evidence"]
    ]


def custody(whole: Row) -> list[Row]:
    """When, who and what, of all items, in the order of the chain."""
    entries = [entry for one in whole["evidence"] for entry in one["custody"]]
    return [
        {
            "at": entry["at"],
            "item": entry["evidence"],
            "who": entry["who"],
            "what": CustodyAction(entry["action"]).label,
            "said": said(entry["action"], _details(entry)),
        }
        for entry in sorted(entries, key=lambda entry: entry["seq"])
    ]


def _details(entry: Row) -> Row:
    """How it was acquired stands with the item; what else was done with which tool does not."""
    left_out = IN_MANIFEST if entry["action"] in {CustodyAction.ACQUIRED, CustodyAction.RECEIVED} else ()
    return {name: value for name, value in entry["details"].items() if name not in left_out}
