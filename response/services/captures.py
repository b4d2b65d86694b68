"""Packet captures go on until release: each finished file becomes sealed evidence, once, and is read for new peers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q

from cases.choices import EvidenceKind, Stage
from cases.errors import StoreFullError
from cases.models import Case
from cases.services import evidence
from cases.services.evidence import Acquired
from cases.services.inbox import Draft
from cases.services.store import store
from response.actions.base import actions
from response.choices import CaptureState
from response.models import Capture, CaptureSegment
from response.services import clock, fetching, mandates, peers, transitions
from secops import pcap
from secops.connectors.capabilities.capture import CaptureState as Said
from secops.connectors.capabilities.capture import Segment
from secops.connectors.capabilities.errors import SourceLimited
from secops.connectors.capabilities.identity import Host
from secops.errors import SecopsError
from secops.faultpoints import hit
from secops.http import HttpError
from secops.integrations import connector_of
from secops.models import Integration
from secops.s3 import StoreAwayError

MOST_BYTES = 512 * 1024**2  # of one file
RETRY_SECONDS = 15
TRIES = 8  # of one file, in a row; then it is given up, and said so
NO_END = f"It was fetched {TRIES} times, and no try came to its end."
LAST_FILE_SECONDS = 5  # how soon a capture that ends is looked at again


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A capture that is looked at: its row, the device as it was found on the network, and who captures."""

    capture: Capture
    host: Host
    connector: Any


def work() -> int:
    """Look at one capture that is due, and keep at most one file; 0 when none is due."""
    _end_of_closed_cases()
    capture = _claim()
    if capture is None:
        return 0
    try:
        _carry_on(_look(capture))
    except SourceLimited as error:
        _later(capture, error.retry_after, str(error), failures=capture.failures)
    except (StoreFullError, StoreAwayError) as error:  # no fault of the file: it is still at the sensor, and waits
        _later(capture, RETRY_SECONDS * 4, str(error), failures=capture.failures)
    except SecopsError as error:
        _later(capture, RETRY_SECONDS, str(error))
    return 1


def is_due(at: Any) -> bool:
    """Has a capture waited since then?"""
    return Capture.objects.live().filter(next_at__lte=at).exists()


def due_counts() -> dict[str, Any]:
    """How many go on, and when the next of them is looked at."""
    live = Capture.objects.live()
    return {"captures": live.count(), "next_at": live.aggregate(first=Min("next_at"))["first"]}


def _end_of_closed_cases() -> None:
    """Whoever closes a case need not remember that packets are still captured for it."""
    closed = Q(case__stage=Stage.CLOSED, state=CaptureState.RUNNING)
    ids = list(Capture.objects.filter(closed).values_list("pk", flat=True)[:50])
    if ids:
        Capture.objects.filter(pk__in=ids).ask_to_stop("The case was closed", clock.now())


def _claim() -> Capture | None:
    """The one that is due longest; its next look moves ahead, so that no other worker takes it meanwhile."""
    at = clock.now()
    found = Capture.objects.live().filter(next_at__lte=at).order_by("next_at", "pk").first()
    if found is None:
        return None
    mine = Capture.objects.filter(pk=found.pk, next_at=found.next_at, state=found.state)
    if not mine.update(next_at=at + timedelta(seconds=settings.LEASE_SECONDS)):
        return None
    return Capture.objects.select_related("device", "case", "step__run__case").get(pk=found.pk)


def _look(capture: Capture) -> Look:
    integration = Integration.objects.filter(name=capture.integration, is_enabled=True).first()
    if integration is None:
        raise SecopsError(f"{capture.integration} is not set up any more; its packets cannot be fetched.")
    device = capture.device
    host = Host(name=device.name, agent_id=device.agent_id, address=capture.address, mac=capture.mac)
    return Look(capture=capture, host=host, connector=connector_of(integration))


def _carry_on(look: Look) -> None:
    """Stop it if that was asked, keep the oldest file that is not kept yet, or wait for the next one.

    Without a mandate, where the case needs one, it is stopped and what is not fetched yet stays where it is.
    """
    capture = look.capture
    forbidden = _forbidden(capture)
    if forbidden and capture.state == CaptureState.RUNNING:
        Capture.objects.filter(pk=capture.pk).ask_to_stop(forbidden, clock.now())
        return
    if capture.state == CaptureState.STOPPING:
        capture.handle = look.connector.stop_capture(look.host, capture.handle) or capture.handle
        Capture.objects.filter(pk=capture.pk).update(handle=capture.handle[:200])
    said: Said = look.connector.capture(look.host, capture.handle)
    if said.sensor and not capture.sensor:
        capture.sensor = said.sensor[:120]
        Capture.objects.filter(pk=capture.pk).update(sensor=capture.sensor)
    kept = set(CaptureSegment.objects.filter(capture=capture).values_list("name", flat=True))
    waiting = [segment for segment in said.segments if segment.name not in kept]
    if waiting and not forbidden:
        _keep(look, said, waiting[0])
        _later(capture, 0 if len(waiting) > 1 or said.state != "running" else _wait(capture), "", failures=0)
    elif said.state in {"stopped", "failed"}:
        _end(capture, said, left=len(waiting))
    else:
        _later(capture, _wait(capture), "", failures=0)


def _forbidden(capture: Capture) -> str:
    """Why nothing may be acquired for its case now, or nothing: the mandate may have ended since it was started."""
    return mandates.missing(actions[capture.step.action](), Case.objects.get(pk=capture.case_id))


def _wait(capture: Capture) -> float:
    """Seconds to the next look: half a file's time, less when it ends."""
    return LAST_FILE_SECONDS if capture.state == CaptureState.STOPPING else max(5.0, capture.rotate_seconds / 2)


def _keep(look: Look, said: Said, segment: Segment) -> None:
    """Fetch a file, read it, and write evidence, row and what it showed in one transaction.

    The try is counted before it begins, since a worker that is killed over the file counts nothing any more.
    """
    capture = look.capture
    _begin_try(capture, segment)
    if capture.failures >= TRIES:
        _give_up(capture, segment, NO_END)
        return
    with store().draft(limit=MOST_BYTES) as draft:
        try:
            read = fetching.into(draft, look.connector.fetch_segment(look.host, capture.handle, segment, 0), capture)
        except (SourceLimited, StoreFullError):
            raise
        except SecopsError as error:
            _failed(capture, segment, error)
            return
        hit("segment_fetched")
        draft.deliver()
        _write(look, said, segment, draft, read)
    hit("segment_kept")


def _write(look: Look, said: Said, segment: Segment, draft: Draft, read: pcap.Summary) -> None:
    """All of it or nothing, if the file is still to be kept."""
    capture = look.capture
    fresh = peers.unseen(capture, look.host, read)
    with transaction.atomic():
        if not _is_mine(capture, segment) or _forbidden(capture):
            return
        row = CaptureSegment(capture=capture, name=segment.name, packets=read.packets, new_peers=len(fresh))
        row.at = clock.now()
        if read.packets or not read.is_whole:
            row.evidence = evidence.keep(capture.case_id, draft, **_described(look, said, segment))
        row.save(force_insert=True)
        peers.attach(capture, fresh, row.evidence)
        if row.evidence and not read.is_whole:
            text = f"Not all packets of {capture.device.name} ({row.evidence.number}) were read for destinations"
            transitions.tell(capture.step.run, text, step=capture.step)


def _failed(capture: Capture, segment: Segment, error: SecopsError) -> None:
    """Raised again until the last of its tries; then the file is given up, in words."""
    if _is_out_of_reach(error):
        Capture.objects.filter(pk=capture.pk).update(failures=capture.failures)
        raise error
    if capture.failures + 1 < TRIES:
        raise error
    _give_up(capture, segment, str(error))


def _is_out_of_reach(error: SecopsError) -> bool:
    """Was nothing asked at all? That is no fault of the file, however long it lasts."""
    return isinstance(error, HttpError) and not error.was_sent


def _begin_try(capture: Capture, segment: Segment) -> None:
    """One more in the row, and in `capture` those before it; tries of another file count no more."""
    if capture.failing != segment.name:
        capture.failures, capture.failing = 0, segment.name
    tries = min(capture.failures + 1, TRIES)
    Capture.objects.filter(pk=capture.pk).update(failures=tries, failing=segment.name)


def _is_mine(capture: Capture, segment: Segment) -> bool:
    """Under the capture's lock: is the file still to be kept? Whoever froze here for long comes second."""
    Case.objects.select_for_update().only("pk").get(pk=capture.case_id)  # first, as whoever releases the device does
    Capture.objects.select_for_update().get(pk=capture.pk)
    return not CaptureSegment.objects.filter(capture=capture, name=segment.name).exists()


def _described(look: Look, said: Said, segment: Segment) -> dict[str, Any]:
    """What custody says of the file: sensor, tool, device and window."""
    capture, name = look.capture, look.capture.device.name
    window = ""
    if segment.started_at and segment.ended_at:
        window = f", {segment.started_at:%Y-%m-%d %H:%M:%S} to {segment.ended_at:%H:%M:%S} UTC"
    keys = " ".join(key for key in (capture.mac, capture.address) if key)
    sensor = said.sensor or capture.sensor or capture.integration
    return {
        "kind": EvidenceKind.CAPTURE,
        "title": f"Packet capture of {name}{window}"[:200],
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


def _give_up(capture: Capture, segment: Segment, problem: str) -> None:
    """A file that cannot be had must not keep the later ones: that it is missing is written down for good."""
    with transaction.atomic():
        if _is_mine(capture, segment):
            CaptureSegment.objects.create(capture=capture, name=segment.name, problem=problem[:300], at=clock.now())
            text = f"A file of the packet capture of {capture.device.name} is lost ({segment.name}): {problem}"
            transitions.tell(capture.step.run, text, step=capture.step)


def _end(capture: Capture, said: Said, *, left: int) -> None:
    """All files are here, or `left` of them were not fetched because no mandate allows it any more."""
    is_failed = said.state == "failed"
    with transaction.atomic():
        Case.objects.select_for_update().only("pk").get(pk=capture.case_id)
        now = clock.now()
        state = CaptureState.FAILED if is_failed else CaptureState.STOPPED
        ended = Capture.objects.live().filter(pk=capture.pk).update(state=state, stopped_at=now, next_at=now)
        if not ended:
            return
        kept = CaptureSegment.objects.filter(capture=capture, evidence__isnull=False)
        packets = sum(kept.values_list("packets", flat=True))
        count = kept.count()
        why = said.text or capture.reason
        text = f"Packet capture of {capture.device.name} {'failed' if is_failed else 'ended'}: {count} "
        text += f"file{'s' if count != 1 else ''}, {packets} packets. {why}".rstrip()
        if left:
            text += f" Not fetched without a mandate: {left} file{'s' if left != 1 else ''}."
        transitions.tell(capture.step.run, text, step=capture.step)


def _later(capture: Capture, seconds: float, reason: str, **fields: Any) -> None:
    """The next look; a release that was asked meanwhile has set an earlier one, which stays."""
    at = clock.after(seconds)
    if reason:
        fields["reason"] = reason[:300] if capture.state == CaptureState.RUNNING else capture.reason
    Capture.objects.live().filter(pk=capture.pk, state=capture.state).update(next_at=at, **fields)
