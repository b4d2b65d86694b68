"""The summary: sentences that a machine writes from the report's own facts, and nothing that is not there."""

from collections import Counter
from typing import Any

from cases.choices import DeviceState, Disposition, Severity, Stage
from enrichment.choices import LookupState
from secops.wording import stamp

Row = dict[str, Any]
DECIDING = ("malicious", "suspicious")


def sentences(whole: Row, report: Row) -> list[str]:
    """From how it began to how it stands."""
    found = [_beginning(whole), *_judged(report), _risk(whole), _devices(report), *_done(report), _gaps(report)]
    return [one for one in [*found, _standing(whole)] if one]


def counted(number: int, word: str, words: str = "") -> str:
    """1 alert, 2 alerts."""
    return f"{number:,} {word if number == 1 else words or f'{word}s'}"


def _beginning(whole: Row) -> str:
    sources = ", ".join(dict.fromkeys(alert["source"] for alert in whole["alerts"][:100])) or "no source"
    severity = Severity(whole["severity"]).label.lower()
    return (
        f"{whole['id']}, severity {severity}, was opened at {stamp(whole['opened_at'])} "
        f"by {counted(whole['alert_count'], 'alert')} of {sources}: {whole['title']}"
    )


def _judged(report: Row) -> list[str]:
    """The cards that speak against it, each with who says so."""
    said = []
    for card in report["facts"]:
        if card["verdict"] in DECIDING and card["headline"]:
            sources = dict.fromkeys(one["source"] for one in card["statements"] if one["headline"] == card["headline"])
            said.append(f"{card['headline']} ({card['verdict']}, says {', '.join(sources) or 'Nightdesk'})")
    return said


def _risk(whole: Row) -> str:
    risk = whole["risk"]
    if risk["score"] is None:
        return "The risk is not known: no source has answered."
    because = ", ".join(f"{one['text']} ({one['points']:+d})" for one in risk["reasons"][:6])
    return f"Risk {risk['score']} of 100{f': {because}' if because else ''}."


def _devices(report: Row) -> str:
    devices = report["devices"]["rows"]
    if not devices:
        return "No device is known."
    said = ", ".join(f"{one['name']} ({_stands(one['state'])})" for one in devices[:6])
    more = len(devices) - 6 + report["devices"]["left_out"]
    return f"{counted(len(devices), 'device')}: {said}{f' and {more} more' if more > 0 else ''}."


def _stands(state: str) -> str:
    """An image is said of an isolated device only."""
    return "isolated, imaged" if state == DeviceState.IMAGED else state.replace("_", " ")


def _done(report: Row) -> list[str]:
    if not report["actions"]["rows"]:
        return ["No runbook was started."]
    return [_run(run) for run in report["actions"]["rows"][:5]]


def _run(run: Row) -> str:
    states = Counter(step["state_label"].lower() for step in run["steps"])
    approvals = sum(one["decision"] == "approved" for step in run["steps"] for one in step["approvals"])
    undone = sum(bool(step["undone_by"]) for step in run["steps"])
    steps = ", ".join(f"{count} {state}" for state, count in states.items())
    said = f"{run['title']} v{run['version']}, asked for by {run['requested_by']}, {run['state']}: {steps}"
    return f"{said}; {counted(approvals, 'approval')}{f', {undone} undone' if undone else ''}."


def _gaps(report: Row) -> str:
    """Silence is said, and is something else than an empty answer."""
    silent = [one for one in report["not_known"] if one["source"] and one["status"] != LookupState.NO_DATA]
    empty = sum(one["status"] == LookupState.NO_DATA for one in report["not_known"])
    said = f" {counted(empty, 'source')} had nothing on what was asked." if empty else ""
    if not silent:
        return f"Every source that was asked has answered.{said}"
    named = "; ".join(f"{one['what']} ({one['source']})" for one in silent[:4])
    more = f" and {len(silent) - 4} more" if len(silent) > 4 else ""
    return f"Not heard, {counted(len(silent), 'question')}: {named}{more}.{said}"


def _standing(whole: Row) -> str:
    if whole["stage"] == Stage.CLOSED:
        label = Disposition(whole["disposition"]).label.lower()
        return f"Closed at {stamp(whole['closed_at'])} as {label}."
    released = [one["name"] for one in whole["devices"] if one["state"] == "released"]
    again = f" Released again: {', '.join(released[:6])}{' and more' if len(released) > 6 else ''}." if released else ""
    return f"The case is open, in the stage {whole['stage']}.{again}"
