"""The other side: what is known to be bad, the techniques seen with who saw them, and what usually follows."""

from typing import Any

from enrichment.services.traces import question_for
from response.services.report.facts import findings
from response.services.report.techniques import Likely, likely_next
from secops import attack as ground
from secops.attack import Attack

Row = dict[str, Any]
BAD = ("malicious", "suspicious")
REPUTATION = ("address_reputation", "domain_reputation", "file_reputation")


def adversary(whole: Row, attack: Attack | None) -> Row:
    """Known bad things, software, tactics and techniques; names need the ATT&CK data."""
    seen = _seen(whole)
    return {
        "known_bad": [
            {
                "kind": one["kind"],
                "value": one["value"],
                "verdict": one["verdict"],
                "says": [
                    {"source": said["connector"], "headline": said["headline"], "as_of": said["as_of"]}
                    for said in findings(whole, *REPUTATION)
                    if said.get("subject") == one["value"]
                ],
            }
            for one in whole["observables"]
            if one["verdict"] in BAD
        ],
        "software": families(whole),
        "tactics": _tactics(whole, attack, seen),
        "techniques": [
            {"id": pk, "name": _name(attack, pk), "seen_by": sorted(sources)} for pk, sources in sorted(seen.items())
        ],
    }


def next_techniques(whole: Row, attack: Attack | None) -> Row:
    """What those who use the same are known to use besides, and the question that would show it here."""
    seen = _seen(whole)
    found: Row = {"source": attack.source if attack else None, "notice": ground.NOTICE if attack else None}
    if attack is None:
        return found | {"missing": f"There is no ATT&CK data here. {ground.HOW_TO_GET}", "rows": [], "like": 0}
    known = sorted(pk for pk in seen if pk in attack.techniques)
    rows = likely_next(attack, known, families(whole))
    like = rows[0].like if rows else 0
    return found | {
        "missing": _missing(seen, known, rows),
        "rows": [_row(one, whole, attack) for one in rows],
        "like": like,
    }


def families(whole: Row) -> list[str]:
    """Names that sources give the software, each once however it is spelt."""
    named: dict[str, str] = {}
    for one in findings(whole, *REPUTATION):
        for family in one["data"].get("families", []):
            named.setdefault(str(family).casefold(), str(family))
    return sorted(named.values())


def _row(one: Likely, whole: Row, attack: Attack) -> Row:
    question = question_for(one.technique)
    asked = next(findings(whole, question.slug), None) if question else None
    return {
        "id": one.technique,
        "name": one.name,
        "tactic": attack.tactics.get(one.tactic, ("", one.tactic))[1],
        "users": one.users,
        "share": round(one.share, 2),
        "examples": list(one.examples),
        "question": question.label if question else None,
        "answer": {"headline": asked["headline"], "source": asked["connector"]} if asked else None,
    }


def _missing(seen: dict[str, set[str]], known: list[str], rows: list[Likely]) -> str | None:
    if not seen:
        return "No source named a technique, so nothing can be said of what follows."
    if not known:
        return f"ATT&CK does not know {', '.join(sorted(seen))}."
    return None if rows else "Too few groups and programs are known to use what was seen."


def _seen(whole: Row) -> dict[str, set[str]]:
    """Technique: who named it."""
    seen: dict[str, set[str]] = {}
    for alert in whole["alerts"]:
        for one in alert["attack"]:
            if pk := _number(one.get("technique")):
                seen.setdefault(pk, set()).add(f"{alert['detector']} rule {alert['rule'].get('id', '')}".strip())
    for said in findings(whole, *REPUTATION):
        for name in said["data"].get("techniques", []):
            if pk := _number(name):
                seen.setdefault(pk, set()).add(said["connector"])
    return seen


def _number(said: object) -> str:
    """T1071.001 out of what a detector wrote; anything else is no id."""
    text = str(said or "").strip().upper()
    head, _, tail = text.partition(".")
    is_id = head[:1] == "T" and head[1:].isascii() and head[1:].isdecimal() and len(head) == 5
    return text if is_id and (not tail or (tail.isascii() and tail.isdecimal() and len(tail) == 3)) else ""


def _name(attack: Attack | None, technique: str) -> str | None:
    known = attack.techniques.get(technique) if attack else None
    return known.name if known else None


def _tactics(whole: Row, attack: Attack | None, seen: dict[str, set[str]]) -> list[Row]:
    said = [str(one.get("tactic") or "") for alert in whole["alerts"] for one in alert["attack"]]
    said += [str(name) for one in findings(whole, *REPUTATION) for name in one["data"].get("tactics", [])]
    if attack is None:
        return [{"id": name, "name": None} for name in dict.fromkeys(filter(None, said))]
    slugs = [attack.tactic_of(name) for name in said]
    for pk in seen:
        if known := attack.techniques.get(pk):
            slugs += known.tactics[:1] if len(known.tactics) == 1 else ()
    order = [slug for slug in attack.tactics if slug in slugs]
    return [{"id": attack.tactics[slug][0], "name": attack.tactics[slug][1]} for slug in order]
