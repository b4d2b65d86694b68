"""What a sender is told about its alerts, in the words of CONTRACTS.md part 1."""

from dataclasses import asdict
from typing import Any

from cases.services.alerts import Receipt, Result

STATUSES = ("created", "repeated", "suppressed", "ignored", "rejected")
HTTP = {"created": 201, "suppressed": 201, "repeated": 200, "ignored": 200, "rejected": 400}


def as_json(result: Result, *, sees_restricted: bool = False) -> dict[str, Any]:
    """One result; the number of a restricted case is only for who may see it."""
    is_shown = result.case_pk is not None and (sees_restricted or not result.is_restricted)
    rule = {"rule": f"SUP-{result.rule}"} if result.rule and result.status == "suppressed" else {}
    return rule | {
        "index": result.index,
        "status": result.status,
        "alert": f"ALR-{result.alert_pk}" if result.alert_pk else None,
        "case": f"CASE-{result.case_pk}" if is_shown else None,
        "errors": [asdict(problem) for problem in result.errors],
    }


def list_form(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer to a list: a count per status, then each result."""
    counts = {status: sum(result["status"] == status for result in results) for status in STATUSES}
    return counts | {"results": results}


def answer(receipt: Receipt, *, is_list: bool) -> tuple[dict[str, Any], int]:
    """Body and HTTP status: of the one object, or of a list."""
    results = [as_json(result) for result in receipt.results]
    if is_list:
        return list_form(results), 207
    return results[0], HTTP[results[0]["status"]]
