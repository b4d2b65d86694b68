"""The damage: systems, people, data and bytes out, each with its source and how sure it is; unknown is said."""

from collections.abc import Iterable
from typing import Any

from response.services.report.facts import findings
from secops.wording import amount

Row = dict[str, Any]
OPEN = ("suspected", "partly_isolated")
AGREE = 0.1  # share by which two sources may differ and still say the same


def impact(whole: Row) -> list[Row]:
    """In the order a manager asks."""
    return [
        _systems(whole),
        _people(whole),
        _classes(whole),
        *_inside(whole),
        _bytes_out(whole),
        _copied(whole),
    ]


def _value(what: str, value: str, confidence: str, why: str, number: float | None = None) -> Row:
    return {"what": what, "value": value, "amount": number, "confidence": confidence, "why": why}


def _systems(whole: Row) -> Row:
    devices = whole["devices"]
    if not devices:
        return _value("Systems", "unknown", "none", "No source named a device.")
    still = sum(one["state"] in OPEN for one in devices)
    critical = sum(bool(one["critical"]) for one in devices)
    released = sum(one["state"] == "released" for one in devices)
    again = f", {released} released again" if released else ""
    said = f"{len(devices)}, of which {critical} critical and {still} not contained{again}"
    return _value("Systems", said, "high", "The devices of the case and the state of their containment.", len(devices))


def _people(whole: Row) -> Row:
    people = {one["login"] or one["upn"] or one["name"]: one for one in whole["people"]}
    if not people:
        return _value("People", "unknown", "none", "No source named a person.")
    privileged = sum(bool(one["privileged"]) for one in people.values())
    said = f"{len(people)}, of whom {privileged} with privileges"
    return _value("People", said, "medium", "Owners, signed-in and acting persons of the case.", len(people))


def _classes(whole: Row) -> Row:
    return _value("Data classes", "unknown", "none", "No source that classifies data is set up.")


def _inside(whole: Row) -> list[Row]:
    """Inside servers from which far more than usual was taken."""
    found = []
    for one in findings(whole, "internal_sources"):
        for source in one["data"].get("sources", []):
            if source.get("is_unusual"):
                said = f"{amount(source['bytes'])}, {source['ratio']} times its usual day"
                why = f"{one['connector']}, in the 24 hours before the alert"
                found.append(_value(f"Taken from {source['name']}", said, "medium", why, source["bytes"]))
    return found


def _bytes_out(whole: Row) -> Row:
    """To the addresses of the case; what the alert's own connection carried is only a lower bound."""
    what = "Sent to the addresses of the case"
    measured: dict[str, float] = {}
    for one in findings(whole, "traffic_pattern"):
        if one["data"].get("bytes_out") is not None:
            measured[one["connector"]] = measured.get(one["connector"], 0) + float(one["data"]["bytes_out"])
    if measured:
        return _measured(what, measured)
    flows = [alert["flow"]["bytes_out"] for alert in whole["alerts"] if alert["flow"].get("bytes_out") is not None]
    if flows:
        return _value(
            what, f"at least {amount(sum(flows))}", "low", "Only what the alerts themselves counted.", sum(flows)
        )
    return _value(what, "unknown", "none", _why(whole, "traffic_pattern", "No source that counts traffic answered."))


def _copied(whole: Row) -> Row:
    what = "Copied to removable media"
    measured = {
        one["connector"]: float(one["data"]["bytes"])
        for one in findings(whole, "removable_media")
        if one["data"].get("bytes") is not None
    }
    if measured:
        return _measured(what, measured)
    return _value(what, "unknown", "none", _why(whole, "removable_media", "No source was asked about removable media."))


def _measured(what: str, by_source: dict[str, float]) -> Row:
    """One source is believed, two that agree are believed more, two that differ are both shown."""
    least, most = min(by_source.values()), max(by_source.values())
    names = ", ".join(by_source)
    if len(by_source) == 1:
        return _value(what, amount(most), "medium", f"One source: {names}.", most)
    if most - least <= AGREE * most:
        return _value(what, amount(most), "high", f"{names} agree.", most)
    return _value(what, f"{amount(least)} to {amount(most)}", "low", f"{names} differ.", most)


def _why(whole: Row, question: str, otherwise: str) -> str:
    """Why nobody said it: the reason of the sources that were asked."""
    asked: Iterable[Row] = (
        one for answer in whole["answers"].values() for one in answer["findings"] if one["question"] == question
    )
    reasons = [f"{one['connector']}: {one['headline'] or one['status']}" for one in asked]
    return "; ".join(reasons) or otherwise
