"""Text that attacks its readers: markup, templates of two languages, NUL, half a character, reversed order, bulk."""

from typing import Any

START = "<script>alert(1)</script>{{7*7}}${{ 7*7 }}<img src=x onerror=alert(2)>"
HIDDEN = "\0\ud800\u202e"
TEXT = START + HIDDEN + "x" * 100_000


def alert(**fields: Any) -> dict[str, Any]:
    """An alert of our own schema in which every field that may hold any text holds the worst."""
    return {
        "schema": "nightdesk.alert/1",
        "source_ref": TEXT,
        "title": TEXT,
        "description": TEXT,
        "severity": 4,
        "severity_raw": TEXT,
        "detected_at": "2026-11-01T10:00:00Z",
        "status": TEXT,
        "action": TEXT,
        "url": f"javascript:{TEXT}",
        "tlp": TEXT,
        "pap": TEXT,
        "tags": [TEXT, START],
        "rule": {"id": TEXT, "name": TEXT, "version": TEXT, "url": TEXT},
        "flow": {"src_ip": "10.1.2.3", "dst_ip": "203.0.113.9", "proto": TEXT, "direction": TEXT},
        "attack": [{"technique": TEXT, "tactic": TEXT}],
        "devices": [{"name": TEXT, "agent_id": TEXT, "directory_id": TEXT, "fqdn": TEXT, "mac": TEXT, "os": TEXT}],
        "people": [{"login": TEXT, "upn": TEXT, "domain": TEXT, "sid": TEXT, "role": TEXT}],
        "observables": [
            {"kind": "file_name", "value": TEXT, "role": "file", "tags": [TEXT], "note": TEXT},
            {"kind": "url", "value": f"https://evil.example/{START}", "role": "destination"},
            {"kind": "command_line", "value": f"cmd /c {START}", "role": "process", "note": START},
        ],
    } | fields


def everywhere(value: Any) -> Any:
    """The same JSON with each of its texts replaced, keys and numbers kept."""
    if isinstance(value, dict):
        return {key: everywhere(one) for key, one in value.items()}
    if isinstance(value, list):
        return [everywhere(one) for one in value]
    return TEXT if isinstance(value, str) else value
