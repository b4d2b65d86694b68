"""Results of osquery's scheduled queries: a row that came or went, a batch of such rows, or a snapshot."""

import re
from datetime import datetime
from typing import Any

from cases.intake.absent import plain
from cases.intake.base import Detector, IgnoredError, NormalAlert, NormalDevice, NormalPerson, detectors
from cases.intake.flows import read_flow
from cases.intake.identities import device, distinct, person
from cases.intake.normalise import Problems, required_time, required_title
from cases.intake.osquery_rows import LEFT_OUT, read_row_observables
from cases.intake.paths import Document
from cases.intake.severities import LOW
from cases.intake.texts import one_line, reference_from, tags

MAX_ROWS = 100
_MAX_PEOPLE = 20
_MAX_DESCRIPTION = 2000
_ROWS = ("columns", "snapshot", "diffResults.added", "diffResults.removed")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@detectors.register
class Osquery(Detector):
    """One result of one query. A result says nothing of its own danger: low by assumption, until a kind raises it."""

    slug = "osquery"
    label = "osquery"
    order = 210

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        if "hostIdentifier" in payload or "hostidentifier" in payload:
            return True
        return isinstance(payload.get("columns"), dict) and isinstance(payload.get("name"), str)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        result, problems = Document(payload), Problems()
        if result.text("log_type") == "status" or ("message" in payload and "filename" in payload):
            raise IgnoredError("A line of osquery's own status is no alert.")
        rows = _rows(result)
        if len(rows) > MAX_ROWS:
            problems.add("snapshot", f"only the first {MAX_ROWS} rows are read")
        rows = rows[:MAX_ROWS]
        name, action = result.text("name"), result.text("action")
        flow = read_flow(
            rows[0] if rows else Document({}),
            src_ip=("local_address",),
            src_port=("local_port",),
            dst_ip=("remote_address",),
            dst_port=("remote_port",),
        )
        return NormalAlert(
            title=required_title(name, "name"),
            description=_description(action, rows),
            severity=LOW,
            is_severity_assumed=True,
            detected_at=required_time(result, received_at, problems, "unixTime", "calendarTime"),
            source_ref=_reference(result),
            rule_id=one_line(name, 255),
            rule_name=one_line(name, 255),
            flow=flow,
            devices=distinct([_device(result, flow.src_ip if flow else "")]),
            people=_people(rows),
            observables=read_row_observables(rows, flow),
            tags=tags([action]),
            problems=problems.all(),
        )


def _rows(result: Document) -> list[Document]:
    return [row for path in _ROWS for row in result.objects(path)]


def _reference(result: Document) -> str:
    """No id is sent: the host, the query, the run and the rows, which may be many in one run."""
    named = ("hostIdentifier", "name", "unixTime", "counter", "action")
    rows = [row.payload for row in _rows(result)]
    return reference_from(*(result.text(path) for path in named), rows)


def _device(result: Document, address: str) -> NormalDevice | None:
    """The host by its name; where the identifier is a number of the hardware, a decoration may tell the name."""
    sent = result.text("hostIdentifier")
    is_number = bool(_UUID.fullmatch(sent))
    return device(
        result.text("decorations.hostname", "decorations.computer_name") or ("" if is_number else sent),
        agent_id=sent if is_number else result.text("decorations.host_uuid"),
        is_edr=False,
        ip=address,
    )


def _people(rows: list[Document]) -> tuple[NormalPerson, ...]:
    found = [person(name) for row in rows for name in row.texts("username", "user")]
    return distinct(list(found))[:_MAX_PEOPLE]


def _description(action: str, rows: list[Document]) -> str:
    """What the first rows hold, for the name of a query says little."""
    lines = [", ".join(f"{name}={text}" for name, text in _shown(row)) for row in rows[:3]]
    return f"{action}\n{'\n'.join(lines)}".strip()[:_MAX_DESCRIPTION]


def _shown(row: Document) -> list[tuple[str, str]]:
    texts = ((name, plain(value)) for name, value in row.payload.items() if name not in LEFT_OUT)
    return [(name, text) for name, text in texts if text]
