"""What the lines of CEF and LEEF have in common: who is the device, what was done, what else they name."""

import re
from datetime import datetime
from typing import Any

from cases.choices import AlertAction, ObservableKind, Role
from cases.intake.absent import plain
from cases.intake.base import NormalDevice, NormalFlow
from cases.intake.harvest import harvest
from cases.intake.identities import device, distinct
from cases.intake.lines import read_line
from cases.intake.networks import device_end
from cases.intake.normalise import Problems, own_time
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import CRITICAL, HIGH, LOW, MEDIUM, Graded
from secops.networks import is_internal

MAX_ENVELOPE_KEYS = 12  # a forwarder adds its own time, host and tags to a line, and not much more
_MARKS = {"cef": re.compile(r"\bCEF: ?[01]\|"), "leef": re.compile(r"\bLEEF:[12]\.0\|")}
_WORDS = {"low": LOW, "medium": MEDIUM, "high": HIGH, "very-high": CRITICAL}
_STEPS = ((9, CRITICAL), (7, HIGH), (4, MEDIUM), (0, LOW))
_ACTIONS = (
    (re.compile(r"quarantin|clean|delet|remov"), AlertAction.QUARANTINED),
    (re.compile(r"block|den(?:y|ied)|drop|reset|prevent|reject|refus|terminat"), AlertAction.BLOCKED),
    (re.compile(r"(?:allow|permit|accept)(?:ed)?\b|pass(?:ed)?\b"), AlertAction.ALLOWED),
    (re.compile(r"alert|detect|notif|monitor|log(?:ged)?\b"), AlertAction.DETECTED),
)
_UNDONE = re.compile(r"\b(?:fail|not|unable|unsuccessful)")
# Not worth looking up: the line itself, its header, and those who watched and passed it on.
_NO_FINDINGS = re.compile(
    r"(?:message|format|version|vendor|product|product_version|signature_id|name|severity|syslog_.*"
    r"|filepath|url|request|dvc.*|device.*|agt.*|agent.*|ahost|.*label|devtime.*|link|.*translated.*)\Z",
    re.IGNORECASE,
)


def line_fields(payload: dict[str, Any], form: str) -> dict[str, Any]:
    """The fields of a line of `form` (cef, leef), which a forwarder may have put whole under `message`; else {}."""
    if payload.get("format") == form and "signature_id" in payload:
        return payload
    if not is_line(payload, form):
        return {}
    found = read_line(payload["message"])
    return found if found["format"] == form else {}


def is_line(payload: dict[str, Any], form: str) -> bool:
    """Is the object such a line, read or not? Cheap."""
    if payload.get("format") == form and "signature_id" in payload:
        return True
    line = payload.get("message")
    is_small = isinstance(line, str) and len(payload) <= MAX_ENVELOPE_KEYS
    return is_small and _MARKS[form].search(line, 0, 512) is not None  # type: ignore[arg-type]


def grade(value: Any) -> Graded:
    """A number from 0 to 10 or a word; what is neither is medium by assumption."""
    text = value.strip() if isinstance(value, str) else plain(value)
    if (known := _WORDS.get(text.casefold())) is not None:
        return Graded(known, text)
    if text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 10:
        return Graded(next(ours for floor, ours in _STEPS if int(text) >= floor), text)
    return Graded(MEDIUM, text, is_assumed=True)


def action_of(text: str) -> str:
    """What was done, by the first word of the sender; what failed or is in other words is unknown."""
    words = text[:200].casefold().strip()
    if _UNDONE.search(words):
        return str(AlertAction.UNKNOWN)
    return str(next((action for pattern, action in _ACTIONS if pattern.match(words)), AlertAction.UNKNOWN))


def filled(alert: Document, *paths: str) -> str:
    """As `text`, without the places of a template that the sender never filled: `${Alert.username}`."""
    return next((text for path in paths if (text := alert.text(path)) and not text.startswith("${")), "")


def line_time(alert: Document, received_at: datetime, problems: Problems, *paths: str) -> datetime:
    """The first path that holds a time. Neither format demands one, and a line is sent as it happens: without one it
    is the time of receipt."""
    for path in paths:
        if moment := own_time(alert.first(path), path, received_at, problems):
            return moment
    problems.add(paths[0], "no time can be read; the time of receipt is used")
    return received_at


def read_devices(
    alert: Document, flow: NormalFlow | None, *, source: tuple[str, ...], target: tuple[str, ...]
) -> tuple[NormalDevice, ...]:
    """The inner end of the flow, else the end that has a name. The reporter is it only where nothing else is named, as
    with the agents of endpoint products. The MACs of a line are those of the nearest router as often as not."""
    own = device(filled(alert, *source), ip=flow.src_ip if flow else "")
    other = device(filled(alert, *target), ip=flow.dst_ip if flow else "")
    end = device_end(flow.src_ip, flow.dst_ip) if flow else ""
    if flow and end and is_internal(end):
        return distinct([own if end == flow.src_ip else other])
    named = [one for one in (other, own) if one and one.name]
    reporter = device(filled(alert, "dvchost", "deviceHostName"), ip=filled(alert, "dvc", "deviceAddress"))
    return distinct([*named[:1]] or [own or other or reporter])


def add_macs(found: Observables, alert: Document, source: str, destination: str) -> None:
    """Add the hardware addresses at two paths, that of the source and that of the destination."""
    found.add(ObservableKind.MAC, alert.text(source), Role.SOURCE)
    found.add(ObservableKind.MAC, alert.text(destination), Role.DESTINATION)


def add_names(found: Observables, alert: Document, devices: tuple[NormalDevice, ...]) -> None:
    """The far end by its name; the near one is the device and no finding."""
    found.add(ObservableKind.IP, filled(alert, "shost"), Role.SOURCE)
    name = filled(alert, "dhost")
    if name.casefold() not in {one.fqdn or one.name.casefold() for one in devices}:
        found.add_host(name, Role.DESTINATION)


def sent_path(alert: Document, path: str) -> str:
    """A file's name or path; backslashes that were doubled without need are mended."""
    text = alert.text(path)
    return text.replace("\\\\", "\\") if text[1:4] == ":\\\\" else text


def add_request(found: Observables, text: str, *, is_secure: bool) -> None:
    """What was asked for; firewalls leave the scheme out and put quotes around it."""
    link = text.strip('\\" ')
    if link and "://" not in link and "." in link.partition("/")[0]:
        link = f"{'https' if is_secure else 'http'}://{link}"
    if found.add(ObservableKind.URL, link, Role.DESTINATION):
        found.add_host(link.partition("://")[2].partition("/")[0].partition(":")[0], Role.DESTINATION)


def harvest_fields(found: Observables, fields: dict[str, Any]) -> None:
    """What the remaining fields name, each under the name that its label gives it."""
    harvest(found, {key: value for key, value in fields.items() if not _NO_FINDINGS.match(key)})
