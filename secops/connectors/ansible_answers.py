"""What a host said, as value objects. All of it is foreign text: of the wrong kind or length it is nothing."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from secops.connectors.ansible_inventory import Entry
from secops.connectors.capabilities.acquisition import DISK, MEMORY, Acquisition, Part
from secops.connectors.capabilities.capture import CaptureState, Segment
from secops.connectors.capabilities.effects import IsolationState, NetworkPath
from secops.connectors.capabilities.files import FileHit
from secops.http import HttpError

type Row = dict[str, Any]
LONGEST, MOST_ROWS = 300, 10_000


def isolation_of(entry: Entry, told: Row) -> IsolationState:
    """From the rules that stand, and from a datagram on every active interface by IPv4 and IPv6."""
    at = datetime.now(UTC)
    paths = [
        NetworkPath(name=f"{text(one, 'name')} {text(one, 'family')}", is_open=one.get("is_open") is not False)
        for one in rows(told, "paths")
    ]
    tested = (*paths, NetworkPath(name=f"SSH to {entry.pair}", is_open=True, is_management=True))
    if told.get("is_set") is not True:
        return IsolationState(state="released", text="The host has no rules of ours.", at=at, paths=tested)
    if not paths:
        return IsolationState(state="partly", text="No active interface could be tested.", at=at, paths=tested)
    if still_open := ", ".join(one.name for one in paths if one.is_open):
        return IsolationState(state="partly", text=f"Still open: {still_open}.", at=at, paths=tested)
    said = f"{len(paths)} {'way' if len(paths) == 1 else 'ways'} tested and closed; SSH from here lives."
    return IsolationState(state="isolated", text=said, at=at, paths=tested)


def capture_of(entry: Entry, told: Row) -> CaptureState:
    segments = tuple(
        Segment(
            name=text(one, "name"),
            size=number(one, "size") or 0,
            started_at=moment(one, "started_at"),
            ended_at=moment(one, "ended_at"),
            sha256=text(one, "sha256"),
        )
        for one in rows(told, "parts")
    )
    return CaptureState(
        state=word(entry, told, ("starting", "running", "stopped", "failed")),
        text=text(told, "text"),
        tool="tcpdump",
        tool_version=text(told, "tool_version"),
        sensor=f"{entry.name}, all interfaces, without our own SSH",
        segments=segments,
    )


def acquisition_of(entry: Entry, kind: str, told: Row, asked_at: float) -> Acquisition:
    """`asked_at`: our clock when the host's was read, in seconds since 1970; they are compared to a second or so."""
    now = told.get("now")
    state = word(entry, told, ("starting", "running", "done", "failed"))
    return Acquisition(
        state="queued" if state == "starting" else state,
        text=text(told, "text"),
        done_bytes=number(told, "done_bytes"),
        total_bytes=number(told, "total_bytes"),
        tool="QEMU dump-guest-memory" if kind == MEMORY else "Nightdesk collector",
        tool_version=text(told, "tool_version"),
        started_at=moment(told, "started_at"),
        ended_at=moment(told, "ended_at"),
        clock_offset_seconds=round(now - asked_at) if isinstance(now, (int, float)) else None,
        read_errors=number(told, "read_errors"),
        note=_note(entry, kind, is_in_use=told.get("is_in_use") is True),
        parts=tuple(
            Part(name=text(one, "name"), size=number(one, "size") or 0, sha256=text(one, "sha256"))
            for one in rows(told, "parts")
        ),
    )


def hits_of(entries: Iterable[Entry], answers: dict[str, Row], sha256: str) -> list[FileHit]:
    return [
        FileHit(
            device=entry.name,
            agent_id=entry.id or entry.name,
            path=text(one, "path"),
            sha256=sha256,
            first_seen_at=moment(one, "changed_at"),
        )
        for entry in entries
        for one in rows(answers.get(entry.name, {}), "hits")
    ]


def _note(entry: Entry, kind: str, *, is_in_use: bool) -> str:
    if kind == MEMORY:
        return f"Memory of the QEMU guest that is paired with the host, written by its hypervisor {entry.name}."
    if kind == DISK:
        live = " It was in use meanwhile: the two may differ, and it cannot be hashed again." if is_in_use else ""
        return f"Read twice from the device, once to hash it at the source and once to fetch it.{live}"
    return ""


def text(row: Row, name: str) -> str:
    """One line of printable text."""
    value = row.get(name)
    return "".join(c for c in value[:LONGEST] if c.isprintable()) if isinstance(value, str) else ""


def number(row: Row, name: str) -> int | None:
    value = row.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def moment(row: Row, name: str) -> datetime | None:
    """Seconds since 1970, as the host counts them."""
    value = row.get(name)
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, (int, float)) else None
    except (ValueError, OverflowError, OSError):
        return None


def rows(row: Row, name: str) -> list[Row]:
    value = row.get(name)
    return [one for one in value[:MOST_ROWS] if isinstance(one, dict)] if isinstance(value, list) else []


def word(entry: Entry, told: Row, known: tuple[str, ...]) -> str:
    """The state; HttpError for one that we do not know: it must not read as any other."""
    if (said := text(told, "state")) in known:
        return said
    raise HttpError(f"{entry.name} sent an answer that cannot be read")
