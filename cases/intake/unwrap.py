"""Takes the alerts out of the envelopes of APIs, queues and exporters (STANDARDS.md part 5, step 1)."""

from base64 import b64decode
from collections.abc import Callable
from typing import Any

from cases.intake.base import RejectedError
from cases.intake.gate import decode

MAX_KEYS = 4
LISTS = (
    "value",
    "records",
    "Records",
    "Findings",
    "findings",
    "alerts",
    "data",
    "response",
    "results",
    "events",
    "fileEvents",
    "listFindingsResults",
)
KEPT_WITH_EACH = {"alerts": ("externalURL",)}  # of an envelope of several
MAX_ENVELOPES = 5


def unwrap(payload: Any) -> list[Any]:
    """The alerts in a payload, each without its envelopes; what is no envelope comes back as it is."""
    found = [payload]
    for _ in range(MAX_ENVELOPES):
        opened = [inner for outer in found for inner in _open(outer)]
        if len(opened) == len(found) and all(map(_is_same, opened, found)):
            break
        found = opened
    return found


def list_key(payload: dict[str, Any]) -> str:
    """The key under which a list of alerts stands, or ""."""
    if "groupKey" in payload and _is_list_of_objects(payload.get("alerts"), alone=True):
        return "alerts"  # Alertmanager and Grafana put a dozen keys around it
    if len(payload) > MAX_KEYS:
        return ""
    return next((key for key in LISTS if _is_list_of_objects(payload.get(key), alone=len(payload) <= 2)), "")


def inner_key(payload: dict[str, Any]) -> str:
    """The key of the one object that an envelope holds, or ""."""
    return next((key for key, holds in _SINGLES.items() if isinstance(payload.get(key), dict) and holds(payload)), "")


def _is_same(one: Any, other: Any) -> bool:
    return one is other


def _is_list_of_objects(value: Any, *, alone: bool) -> bool:
    """An empty list counts only where nothing else could be meant: the answer of an API that has no news."""
    if not isinstance(value, list):
        return False
    return all(isinstance(item, dict) for item in value) if value else alone


def _open(payload: Any) -> list[Any]:
    if not isinstance(payload, dict):
        return [payload]
    if "subscription" in payload and (pushed := _pushed(payload.get("message"))):
        return [pushed]
    if key := list_key(payload):
        kept = {name: payload[name] for name in KEPT_WITH_EACH.get(key, ()) if name in payload}
        return [{**kept, **item} for item in payload[key]] if kept else list(payload[key])
    if key := inner_key(payload):
        inner = payload[key]
        # Our own schema takes no field that it does not know.
        kept = {} if "source_ref" in inner else {name: payload[name] for name in _KEPT.get(key, ()) if name in payload}
        return [{**kept, **inner} if kept else inner]
    return [payload]


def _pushed(message: Any) -> dict[str, Any] | None:
    """The object that Google's Pub/Sub pushes as base64 in `message.data`, or None where there is none to be read."""
    data = message.get("data") if isinstance(message, dict) else None
    if not isinstance(data, str):
        return None
    try:
        found = decode(b64decode(data, validate=True))[0]
    except (ValueError, RejectedError):
        return None
    return found if isinstance(found, dict) else None


_SINGLES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "_source": lambda payload: "_index" in payload or "_id" in payload or len(payload) <= MAX_KEYS,
    "data": lambda payload: "cloudEventsVersion" in payload and "eventType" in payload,  # the hooks of Okta
    "detail": lambda payload: "detail-type" in payload,
    "result": lambda payload: "sid" in payload or "search_name" in payload,
    "object": lambda payload: len(payload) <= MAX_KEYS,
    "event": lambda payload: "ExternalApiType" in payload["event"],
}
_KEPT = {"_source": ("_id",), "detail": ("source", "detail-type"), "result": ("sid", "search_name", "results_link")}
