"""The files of a packet capture: each is fetched, read and kept once, or given up in words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import transaction

from cases.choices import EvidenceKind
from cases.errors import BusyError, StoreFullError
from cases.models import Case
from cases.services import evidence
from cases.services.collecting import give_up
from cases.services.evidence import Acquired
from cases.services.partials import Partial, partial
from enrichment.services import examinations
from response.actions.base import actions
from response.actions.isolation import NETWORK_DOOR
from response.choices import StepState
from response.models import Capture, CaptureSegment, StepRun
from response.services import clock, fetching, mandates, peers, transitions
from secops import pcap
from secops.connectors.capabilities.capture import CaptureState as Said
from secops.connectors.capabilities.capture import Segment
from secops.connectors.capabilities.errors import SourceLimited
from secops.connectors.capabilities.identity import Host
from secops.errors import SecopsError
from secops.faultpoints import hit
from secops.http import HttpError
from secops.s3 import StoreAwayError

RETRY_SECONDS = 15
HOLD_SECONDS = 5.0  # between two looks at what became of the capture meanwhile
TRIES = 8  # of one file, in a row and without a byte more; then it is given up, and said so
NO_END = f"It was fetched {TRIES} times, and no try came to its end."


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A capture that is looked at: its row, the device as it was found on the network, and who captures."""

    capture: Capture
    host: Host
    connector: Any


class OvertakenError(SecopsError):
    """The capture was asked to end while a file of it came, which is fetched again once the sensor knows."""


def forbidden(capture: Capture) -> str:
    """Why nothing may be acquired for its case now, or nothing: the mandate may have ended since it was started."""
    return mandates.missing(actions[capture.step.action](), Case.objects.get(pk=capture.case_id))


def keep(look: Look, said: Said, segment: Segment) -> float | None:
    """Do what is next for a file; seconds until the next look at it, None once it is kept or given up.

    The try is counted before it begins, since a worker that is killed over the file counts nothing any more.
    """
    capture = look.capture
    has_grown = True
    _begin_try(capture, segment)
    if capture.failures >= TRIES:
        _lose(capture, segment, NO_END)
        return None
    try:
        with partial(_ref(capture, segment)) as draft:
            if not fetching.is_here(draft, segment):
                has_grown = _fetch(look, segment, draft)
            elif not _is_in_the_store(draft, monotonic() + fetching.SLICE_SECONDS):
                _note(capture, draft, segment, failures=capture.failures)  # to go on is no try of its own
            else:
                _read(look, said, segment, draft)
                return None
    except BusyError:  # another process is at it, which is no fault of the file
        Capture.objects.filter(pk=capture.pk).update(failures=capture.failures)
        return RETRY_SECONDS
    except _FetchError as error:
        _failed(capture, segment, error.why)
        return None
    return 0.0 if has_grown else RETRY_SECONDS


def _is_in_the_store(draft: Partial, ends: float) -> bool:
    """Hashed and handed to where it is kept, as far as the time suffices; True when all of it is."""
    if not draft.catch_up(ends):
        return False
    draft.finish()
    return draft.deliver(ends)


def discard(capture: Capture, segments: list[Segment]) -> None:
    """Nobody may have them any more: what came of them so far goes."""
    for segment in segments:
        give_up(_ref(capture, segment))


class _FetchError(Exception):
    """Why a fetch ended before all of the file was here."""

    def __init__(self, why: SecopsError) -> None:
        super().__init__(str(why))
        self.why = why


def _ref(capture: Capture, segment: Segment) -> str:
    """The same for every worker and every try."""
    return f"packet capture {capture.pk}: {segment.name}"


def _fetch(look: Look, segment: Segment, draft: Partial) -> bool:
    """A slice of it, or all of it where it comes whole. A slice that brought anything is no failed try.

    False when a sensor ended cleanly without a byte: asked again at once, it would use up all tries within a second.
    """
    capture, before = look.capture, draft.size

    def read(offset: int) -> Any:
        return look.connector.fetch_segment(look.host, capture.handle, segment, offset)

    try:
        if segment.size:
            fetching.take_slice(draft, read, capture, segment)
        else:
            fetching.take_whole(draft, read, capture, _hold(capture))
    except OvertakenError:
        if forbidden(capture):
            draft.discard()
        raise
    except (SourceLimited, StoreFullError, StoreAwayError):
        raise
    except SecopsError as error:
        raise _FetchError(error) from error
    finally:
        if segment.size and draft.size > before:
            capture.failures = 0
            _note(capture, draft, segment, failures=0)
        else:
            _note(capture, draft, segment)
    return draft.is_finished or draft.size > before


def _note(capture: Capture, draft: Partial, segment: Segment, **fields: int) -> None:
    """How much of it is here, for who looks at the case, and for the next look."""
    capture.done_bytes, capture.total_bytes = draft.size, segment.size
    Capture.objects.filter(pk=capture.pk).update(done_bytes=draft.size, total_bytes=segment.size, **fields)


def _hold(capture: Capture) -> Callable[[int], None]:
    """Renews the claim while a file comes whole; OvertakenError once it was asked to end, or nobody may have it."""
    next_at = monotonic()

    def goes_on(done: int) -> None:
        nonlocal next_at
        if monotonic() < next_at:
            return
        next_at = monotonic() + HOLD_SECONDS
        until = clock.after(settings.LEASE_SECONDS)
        mine = Capture.objects.live().filter(pk=capture.pk, state=capture.state, is_apart=True)
        if not mine.update(next_at=until, done_bytes=done) or forbidden(capture):
            raise OvertakenError("The capture is to end; the file is fetched once the sensor knows.")

    return goes_on


def _read(look: Look, said: Said, segment: Segment, draft: Partial) -> None:
    """Read it, and write evidence, row and what it showed in one transaction; then nothing is left of the draft."""
    capture = look.capture
    if capture.is_apart:
        hold = timedelta(seconds=fetching.READ_APART_SECONDS + settings.LEASE_SECONDS)
        Capture.objects.live().filter(pk=capture.pk, state=capture.state).update(next_at=clock.now() + hold)
    read = fetching.summary(draft, capture)
    hit("segment_fetched")
    if _write(look, said, segment, draft, read):
        draft.discard()
    hit("segment_kept")


def _write(look: Look, said: Said, segment: Segment, draft: Partial, read: pcap.Summary) -> bool:
    """All of it or nothing, if the file is still to be kept."""
    capture = look.capture
    seen = peers.of_file(capture, look.host, read)
    with transaction.atomic():
        if not _is_mine(capture, segment) or forbidden(capture):
            return False
        row = CaptureSegment(capture=capture, name=segment.name, packets=read.packets, new_peers=len(seen.fresh))
        row.at = clock.now()
        if read.packets or not read.is_whole:
            row.evidence = evidence.keep(capture.case_id, draft, **_described(look, said, segment))
        row.save(force_insert=True)
        peers.attach(capture, seen.fresh, row.evidence)
        if row.evidence and not read.is_whole:
            text = f"Not all packets of {capture.device.name} ({row.evidence.number}) were read for destinations"
            transitions.tell(capture.step.run, text, step=capture.step)
        if row.evidence:
            examinations.start(row.evidence.pk, who=capture.integration, usual=seen.usual)
        Capture.objects.filter(pk=capture.pk).update(failures=0, done_bytes=0, total_bytes=0)
    return True


def _failed(capture: Capture, segment: Segment, error: SecopsError) -> None:
    """Raised again until the last of its tries; then the file is given up, in words."""
    if _is_out_of_reach(error):
        Capture.objects.filter(pk=capture.pk).update(failures=capture.failures)
        raise error
    if capture.failures + 1 < TRIES:
        raise error
    _lose(capture, segment, str(error))


def _is_out_of_reach(error: SecopsError) -> bool:
    """Was nothing asked at all? That is no fault of the file, however long it lasts."""
    return isinstance(error, HttpError) and not error.was_sent


def _begin_try(capture: Capture, segment: Segment) -> None:
    """One more in the row, and in `capture` those before it; tries of another file count no more."""
    if capture.failing != segment.name:
        capture.failures, capture.failing, capture.done_bytes = 0, segment.name, 0
    tries = min(capture.failures + 1, TRIES)
    Capture.objects.filter(pk=capture.pk).update(
        failures=tries, failing=segment.name, done_bytes=capture.done_bytes, total_bytes=segment.size
    )


def _is_mine(capture: Capture, segment: Segment) -> bool:
    """Under the capture's lock: is the file still to be kept? Whoever froze here for long comes second."""
    Case.objects.select_for_update().only("pk").get(pk=capture.case_id)  # first, as whoever releases the device does
    Capture.objects.select_for_update().get(pk=capture.pk)
    return not CaptureSegment.objects.filter(capture=capture, name=segment.name).exists()


def _described(look: Look, said: Said, segment: Segment) -> dict[str, Any]:
    """What custody says of the file: sensor, tool, device and window."""
    capture, name = look.capture, look.capture.device.name
    keys = " ".join(key for key in (capture.mac, capture.address) if key)
    sensor = said.sensor or capture.sensor or capture.integration
    return {
        "kind": EvidenceKind.CAPTURE,
        "title": f"Packet capture of {name}{_when(capture, segment)}"[:200],
        "file_name": f"{name}-{segment.name}.pcap",
        "media_type": "application/vnd.tcpdump.pcap",
        "is_sealed": True,
        "who": capture.integration,
        "acquired": Acquired(
            acquired_at=segment.ended_at,
            acquired_by=capture.integration,
            acquired_from=f"{name} ({keys}) at sensor {sensor}",
            authority=f"Run {capture.step.run_id}, step {capture.step.title}",
            tool=said.tool,
            tool_version=said.tool_version,
            source_sha256=segment.sha256,
        ),
    }


def _when(capture: Capture, segment: Segment) -> str:
    """Whether the device was in quarantine, which is how its packets are to be read, and the window."""
    start, end = segment.started_at, segment.ended_at
    where = " in quarantine" if _is_quarantined(capture, start, end) else ""
    return f"{where}, {start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC" if start and end else where


def _is_quarantined(capture: Capture, start: datetime | None, end: datetime | None) -> bool:
    """Was its network door closed at any time of the window? By the steps that the product has confirmed."""
    steps = StepRun.objects.heard(capture.case_id, NETWORK_DOOR).filter(params__device=capture.device_id)
    done = steps.filter(state=StepState.SUCCEEDED)
    closed = done.filter(action=NETWORK_DOOR[0], state_at__lte=end or clock.now()).first()
    if closed is None:
        return False
    opened = done.filter(action=NETWORK_DOOR[1], state_at__gt=closed.state_at).last()
    return opened is None or start is None or opened.state_at > start


def _lose(capture: Capture, segment: Segment, problem: str) -> None:
    """A file that cannot be had must not keep the later ones: that it is missing is written down for good."""
    with transaction.atomic():
        if _is_mine(capture, segment):
            CaptureSegment.objects.create(capture=capture, name=segment.name, problem=problem[:300], at=clock.now())
            text = f"A file of the packet capture of {capture.device.name} is lost ({segment.name}): {problem}"
            transitions.tell(capture.step.run, text, step=capture.step)
    discard(capture, [segment])
