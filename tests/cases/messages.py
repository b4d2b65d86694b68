"""Messages as senders write them, for tests of intake."""

import json
from itertools import count
from typing import Any

from cases.intake.messages import Message
from cases.intake.split import split
from cases.services import alerts
from cases.services.alerts import Receipt

_number = count(1)


def own(**fields: Any) -> dict[str, Any]:
    """An alert of our own schema, complete and fresh."""
    return {
        "schema": "nightdesk.alert/1",
        "source": "acme-ids",
        "source_ref": f"ref-{next(_number)}",
        "title": "Connection to an address on a list",
        "severity": 2,
        "detected_at": "2026-11-01T10:00:00Z",
        "rule": {"id": "r7"},
        "devices": [{"name": "FIN-LT-0142"}],
    } | fields


def message(payload: dict[str, Any]) -> Message:
    """Through the gate, as everything that comes from outside."""
    body = json.dumps(payload).encode()
    return split(body, max_alerts=1, max_bytes=10_000_000, may_unwrap=False).messages[0]


def send(*payloads: dict[str, Any], **options: Any) -> Receipt:
    """Through the service, as our own schema."""
    return alerts.receive(
        [message(one) for one in payloads], **({"detector": "nightdesk", "source": "tests"} | options)
    )
