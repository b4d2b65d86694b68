"""Packet captures go on until release: each finished file becomes sealed evidence, once, and is read for new peers."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q

from cases.choices import Stage
from cases.errors import StoreFullError
from cases.models import Case
from response.choices import CaptureState
from response.models import Capture, CaptureSegment
from response.services import clock, fetching, segments, transitions
from response.services.segments import RETRY_SECONDS, Look, OvertakenError, forbidden
from secops.connectors.capabilities.capture import CaptureState as Said
from secops.connectors.capabilities.capture import Segment
from secops.connectors.capabilities.errors import SourceLimited
from secops.connectors.capabilities.identity import Host
from secops.errors import SecopsError
from secops.integrations import connector_of
from secops.models import Integration
from secops.s3 import StoreAwayError

LAST_FILE_SECONDS = 5  # how soon a capture that ends is looked at again


def work() -> int:
    """Look at one capture that is due, and do the next of one file at most; 0 when none is due."""
    _end_of_closed_cases()
    _end_without_mandate()
    return _work(is_apart=False)


def work_apart() -> int:
    """In the foreground, until none is due: files that take longer than a worker of a queue has. How many looks."""
    looks = 0
    while _work(is_apart=True):
        looks += 1
    return looks


def _work(*, is_apart: bool) -> int:
    capture = _claim(is_apart=is_apart)
    if capture is None:
        return 0
    try:
        _carry_on(_look(capture))
    except SourceLimited as error:
        _later(capture, error.retry_after, str(error), failures=capture.failures)
    except (StoreFullError, StoreAwayError) as error:  # no fault of the file: it is still at the sensor, and waits
        _later(capture, RETRY_SECONDS * 4, str(error), failures=capture.failures)
    except OvertakenError:
        Capture.objects.filter(pk=capture.pk).update(failures=capture.failures, is_apart=False, next_at=clock.now())
    except SecopsError as error:
        _later(capture, RETRY_SECONDS, str(error))
    return 1


def is_due(at: Any) -> bool:
    """Has a capture waited since then?"""
    return Capture.objects.live().filter(next_at__lte=at, is_apart=False).exists()


def is_due_apart() -> bool:
    return Capture.objects.live().filter(next_at__lte=clock.now(), is_apart=True).exists()


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


def _end_without_mandate() -> None:
    """Those that wait for the process of their own: the others are asked as they are looked at."""
    waiting = Capture.objects.filter(state=CaptureState.RUNNING, is_apart=True).select_related("step")
    for capture in waiting.order_by("pk")[:50]:
        if why_not := forbidden(capture):
            Capture.objects.filter(pk=capture.pk).ask_to_stop(why_not, clock.now())


def _claim(*, is_apart: bool) -> Capture | None:
    """The one that is due longest; its next look moves ahead, so that no other worker takes it meanwhile."""
    at = clock.now()
    due = Capture.objects.live().filter(next_at__lte=at, is_apart=is_apart)
    found = due.order_by("next_at", "pk").first()
    if found is None:
        return None
    mine = Capture.objects.filter(pk=found.pk, next_at=found.next_at, state=found.state, is_apart=is_apart)
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
    """Stop it if that was asked, go on with the oldest file that is not kept yet, or wait for the next one.

    Without a mandate, where the case needs one, it is stopped and what is not fetched yet stays where it is.
    """
    capture = look.capture
    why_not = forbidden(capture)
    if why_not and capture.state == CaptureState.RUNNING:
        Capture.objects.filter(pk=capture.pk).ask_to_stop(why_not, clock.now())
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
    if waiting and not why_not:
        _go_on(look, said, waiting)
    elif said.state in {"stopped", "failed"}:
        segments.discard(capture, waiting)
        _end(capture, said, left=len(waiting))
    else:
        _later(capture, _wait(capture), "", failures=0)


def _go_on(look: Look, said: Said, waiting: list[Segment]) -> None:
    """With the oldest, in the process where it belongs."""
    capture = look.capture
    if fetching.belongs_apart(capture, waiting[0]) and not capture.is_apart:
        mine = Capture.objects.live().filter(pk=capture.pk, state=capture.state)
        mine.update(is_apart=True, next_at=clock.now())
        return
    seconds = segments.keep(look, said, waiting[0])
    if seconds is None:
        _later(capture, 0 if len(waiting) > 1 or said.state != "running" else _wait(capture), "", failures=0)
    else:
        _later(capture, seconds, "", is_apart=capture.is_apart)


def _wait(capture: Capture) -> float:
    """Seconds to the next look: half a file's time, less when it ends."""
    return LAST_FILE_SECONDS if capture.state == CaptureState.STOPPING else max(5.0, capture.rotate_seconds / 2)


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
    mine = Capture.objects.live().filter(pk=capture.pk, state=capture.state)
    mine.update(**{"next_at": at, "is_apart": False, **fields})
