"""The one way from a message to normalised alerts, whoever sent it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from cases.intake.base import Detector, FieldProblem, NormalAlert, RejectedError
from cases.intake.generic import Generic
from cases.intake.messages import Message
from cases.intake.recognise import find_detector, recognise
from cases.intake.texts import one_line, reference
from cases.intake.unwrap import unwrap

AUTO = "auto"
MAX_PROBLEMS = 50


def read(message: Message | dict[str, Any], detector_slug: str, received_at: datetime) -> list[NormalAlert]:
    """The alerts of a message, mostly one; `received_at` is aware UTC.

    Raise RejectedError where it cannot be read, IgnoredError where it is no alert, KeyError for an unknown slug. To
    learn which detector `auto` chose, see `read_with`.
    """
    return [alert for _, alert in read_with(message, detector_slug, received_at)]


def read_with(
    message: Message | dict[str, Any], detector_slug: str, received_at: datetime
) -> list[tuple[type[Detector], NormalAlert]]:
    """As `read`, with the detector that read each alert."""
    chosen = None if detector_slug == AUTO else find_detector(detector_slug)
    if chosen is None and detector_slug != AUTO:
        raise KeyError(detector_slug)
    if isinstance(message, dict):
        message = Message(body=b"", payload=message)
    if message.payload is None:
        raise RejectedError(*message.problems)
    payloads = [message.payload] if detector_slug == "nightdesk" else unwrap(message.payload)
    found = []
    for payload in payloads:
        if not isinstance(payload, dict):
            raise RejectedError(FieldProblem(field="body", message="not a JSON object"))
        detector, alert = _read_one(payload, chosen, received_at)
        found.append((detector, _finished(alert, message.problems)))
    return found


def _read_one(
    payload: dict[str, Any], chosen: type[Detector] | None, received_at: datetime
) -> tuple[type[Detector], NormalAlert]:
    """A detector that was only recognised does not reject: what it cannot read is guessed."""
    detector = chosen or recognise(payload)
    try:
        return detector, detector.normalise(payload, received_at)
    except RejectedError as error:
        if chosen:
            raise
        alert = Generic.normalise(payload, received_at)
        return Generic, replace(alert, problems=(*error.problems, *alert.problems))


def _finished(alert: NormalAlert, repaired: tuple[FieldProblem, ...]) -> NormalAlert:
    """Bounds that hold for every detector, also for one that a third party wrote."""
    title, ref = one_line(alert.title), reference(alert.source_ref)
    problems = (*repaired, *alert.problems)[:MAX_PROBLEMS]
    if (title, ref, problems) == (alert.title, alert.source_ref, alert.problems):
        return alert  # nearly always, and a copy costs
    return replace(alert, title=title, source_ref=ref, problems=problems)
