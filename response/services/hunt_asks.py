"""The questions of hunts, one after another: claimed for a lease, asked outside of any transaction, written once.

A worker that dies leaves its question to the next when the lease is over; what it had found is written with the state
that says so, or not at all.
"""

import logging
import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from cases.choices import DeviceReason
from cases.models import Case, CaseDevice, Device
from cases.services import devices
from response.actions import hunting
from response.choices import AskState, HuntState, RunState, StepState
from response.models import Hunt, HuntAsk, HuntHit, StepRun
from response.services import clock, outcomes
from secops import integrations, quotas, taskqueue
from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.connectors.capabilities.hunting import Hunted, Scope
from secops.connectors.capabilities.hunting import HuntHit as Found
from secops.connectors.capabilities.identity import DeviceRecord
from secops.errors import SecopsError
from secops.faultpoints import hit
from secops.models import Integration

logger = logging.getLogger(__name__)
SHIFT_SECONDS = 5
MOST_ATTEMPTS = 3
MOST_HITS = 1_000  # of one question
MOST_DEVICES = 200  # that join a case by themselves: a program that everybody has would bury it
CRASHED = "The question crashed; see the log"
DIED = "The worker ended without an answer"


def work() -> int:
    """Ask what is due, for some seconds; the number of questions moved."""
    ends, moved = time.monotonic() + SHIFT_SECONDS, _free_lost()
    while time.monotonic() < ends and ask_one():
        moved += 1
    return moved


def left() -> int:
    """How many questions are open."""
    return HuntAsk.objects.filter(state__in=(AskState.DUE, AskState.ASKING)).count()


def is_due(at: datetime) -> bool:
    """Has a question been due, or lost, since then?"""
    lost = HuntAsk.objects.filter(state=AskState.ASKING, lease_until__lt=at)
    return _due(at).exists() or lost.exists()


def ask_one() -> bool:
    """One question that is due; False when none is."""
    ask = _claimed()
    if ask is None:
        return False
    hit("hunt_claim")
    hunted = _answer_of(ask)
    if hunted is not None:
        hit("hunt_asked")
        _write(ask, hunted)
        hit("hunt_done")
    _wake(ask.hunt)
    return True


def _due(at: datetime) -> QuerySet[HuntAsk]:
    """Of runs that go on: of one that was stopped or cancelled the poll ends the hunt."""
    later = Q(not_before__isnull=True) | Q(not_before__lte=at)
    held = (RunState.PAUSED, RunState.STOPPING)
    return HuntAsk.objects.filter(later, state=AskState.DUE).exclude(hunt__step__run__state__in=held)


def _claimed() -> HuntAsk | None:
    """Take the oldest one that its source may be asked now."""
    for _ in range(len(integrations.with_capability(hunting.CAPABILITY)) + 1):
        at = clock.now()
        ask = _due(at).select_related("hunt__case", "hunt__step").order_by("hunt", "pk").first()
        if ask is None:
            return None
        source = _source(ask)
        if source is not None and not quotas.take(source, 1):
            until = quotas.next_at(source) or clock.after(1)
            HuntAsk.objects.filter(source=ask.source, state=AskState.DUE).update(not_before=until)
            continue
        mine = HuntAsk.objects.filter(pk=ask.pk, state=AskState.DUE, token=ask.token)
        ask.token, ask.attempts = ask.token + 1, ask.attempts + 1
        lease = clock.after(settings.LEASE_SECONDS)
        if mine.update(state=AskState.ASKING, token=ask.token, attempts=ask.attempts, lease_until=lease):
            return ask
    return None


def _source(ask: HuntAsk) -> Integration | None:
    return Integration.objects.filter(name=ask.source, is_enabled=True).first()


def _answer_of(ask: HuntAsk) -> Hunted | None:
    """What the source says; None when the question was ended, or waits, because it said nothing."""
    source, hunt = _source(ask), ask.hunt
    case = Case.objects.get(pk=hunt.case_id)
    reason = hunting.why_not(source, case) if source else "It is not set up any more."
    if source is None or reason:
        _end(ask, AskState.REFUSED, reason)
        return None
    query = hunt.what[ask.clause].queries()[ask.part]
    try:
        connector: Any = integrations.connector_of(source)
        hunted: Hunted = connector.hunt_for(query, Scope(group=hunt.group), hunt.start_at, hunt.end_at, MOST_HITS)
    except SourceLimited as error:
        quotas.hold(source, error.retry_after)
        _later(ask, str(error), error.retry_after, attempts=F("attempts") - 1)
    except SourceRefused as error:
        _end(ask, AskState.REFUSED, str(error))
    except SecopsError as error:
        _again_or_failed(ask, str(error))
    except Exception:
        logger.exception("Question %s of hunt %s crashed", ask.pk, hunt.pk)
        _end(ask, AskState.FAILED, CRASHED)
    else:
        return hunted
    return None


def _write(ask: HuntAsk, hunted: Hunted) -> None:
    """Hits, devices and the state in one transaction; nothing when the question is another worker's by now."""
    with transaction.atomic():
        if not _is_mine(ask):
            return
        rows = [_row(ask, one) for one in hunted.hits]
        _find_devices(ask.hunt, rows)
        HuntHit.objects.bulk_create(rows, ignore_conflicts=True)
        _move(
            ask,
            AskState.ANSWERED,
            "",
            hits=len(rows),
            is_cut=hunted.is_cut,
            covers_from=hunted.covers_from,
            notes=list(hunted.notes),
        )


def _find_devices(hunt: Hunt, rows: list[HuntHit]) -> None:
    """Name the device of each row; those that are new to the case join it, as long as they are not too many."""
    Case.objects.select_for_update().only("pk").get(pk=hunt.case_id)
    parts = list(CaseDevice.objects.filter(case=hunt.case_id).select_related("device"))
    by_key = {key: part for part in parts for key in _keys(part.device.agent_id, part.device.name)}
    joined = {part.pk for part in parts if part.reason == DeviceReason.HUNT}
    answered = hunting.answered_by(hunt.step.run)
    for row in rows:
        keys = _keys(row.agent_id, row.name)
        part = by_key.get(keys[0]) if keys else None
        if part is None and keys and len(joined) < MOST_DEVICES:
            record = DeviceRecord(name=row.name, agent_id=row.agent_id)
            part = devices.attach(hunt.case_id, record, reason=DeviceReason.HUNT)
            joined |= {part.pk} if part.reason == DeviceReason.HUNT else set()
            by_key |= dict.fromkeys(keys, part)
        row.device = part.device if part else _known(row)
        row.is_own = part is not None and (part.reason != DeviceReason.HUNT or part.device_id in answered)


def _keys(agent_id: str, name: str) -> list[str]:
    """Strongest first, and only that one is looked for: a name with a new id is a new device."""
    found = [f"id:{agent_id}"] if agent_id else []
    return [*found, f"name:{devices.host_name(name)}"] if name else found


def _known(row: HuntHit) -> Device | None:
    return Device.objects.filter(agent_id=row.agent_id).first() if row.agent_id else None


def _row(ask: HuntAsk, found: Found) -> HuntHit:
    return HuntHit(
        hunt=ask.hunt,
        source=ask.source,
        clause=ask.clause,
        name=devices.host_name(found.device),
        agent_id=found.agent_id[:64],
        address=found.address[:45],
        what=found.what[:1000],
        detail=found.detail[:500],
        first_seen_at=found.first_seen_at,
        count=found.count,
        has_run=found.has_run,
        key=hunting.key_of(ask.source, ask.clause, found),
    )


def _free_lost() -> int:
    """Questions whose worker died or froze: due again, or failed after some tries."""
    at = clock.now()
    lost = HuntAsk.objects.filter(state=AskState.ASKING, lease_until__lt=at).select_related("hunt")
    return sum(_again_or_failed(ask, DIED) for ask in lost)


def _again_or_failed(ask: HuntAsk, reason: str) -> bool:
    if ask.attempts >= MOST_ATTEMPTS:
        return _end(ask, AskState.FAILED, f"{reason} ({ask.attempts} tries)")
    return _later(ask, reason, outcomes.backoff(ask.attempts))


def _later(ask: HuntAsk, reason: str, seconds: float, **fields: Any) -> bool:
    mine = HuntAsk.objects.filter(pk=ask.pk, state=AskState.ASKING, token=ask.token)
    return bool(
        mine.update(
            state=AskState.DUE, reason=reason[:300], lease_until=None, not_before=clock.after(seconds), **fields
        )
    )


def _end(ask: HuntAsk, state: AskState, reason: str) -> bool:
    with transaction.atomic():
        is_mine = _is_mine(ask)
        if is_mine:
            _move(ask, state, reason)
    return is_mine


def _is_mine(ask: HuntAsk) -> bool:
    """Does this worker's answer still count? Locks the hunt."""
    ask.hunt = Hunt.objects.select_for_update(of=("self",)).select_related("case", "step").get(pk=ask.hunt_id)
    mine = HuntAsk.objects.filter(pk=ask.pk, state=AskState.ASKING, token=ask.token)
    return ask.hunt.state == HuntState.RUNNING and mine.exists()


def _move(ask: HuntAsk, state: AskState, reason: str, **fields: Any) -> None:
    HuntAsk.objects.filter(pk=ask.pk).update(
        state=state, reason=reason[:300], lease_until=None, not_before=None, ended_at=clock.now(), **fields
    )
    hunting.close_if_done(ask.hunt)


def _wake(hunt: Hunt) -> None:
    """Let the step look now: a hunt that ended waits for no poll."""
    if not hunt.is_running:
        steps = StepRun.objects.filter(pk=hunt.step_id, state=StepState.POLLING, not_before__gt=clock.now())
        if steps.update(not_before=clock.now()):
            taskqueue.ring("response")
