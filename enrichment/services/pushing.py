"""Sending what is due to outlets: a row is this worker's for a lease, asked about before the send, written after it.

A worker that dies in between leaves the row due again under the same key, which the receiver knows.
"""

import logging
import random
import time
from datetime import timedelta
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from cases.choices import Tlp
from cases.models import Case, TimelineEntry
from cases.services import timeline
from enrichment.choices import PushState
from enrichment.models import Push
from enrichment.services import pushes
from enrichment.services.parcels import MOST_ALERTS, parcel
from secops import integrations, intent, quotas
from secops.connectors.base import connectors
from secops.connectors.capabilities.errors import Doubt
from secops.errors import SecopsError
from secops.faultpoints import hit
from secops.http import LONGEST_WAIT
from secops.models import Integration
from secops.models.integrations import HealthState

logger = logging.getLogger(__name__)
MOST_ATTEMPTS = 8  # with the pauses between them: three hours
FIRST_PAUSE = 10.0  # seconds; each pause is three times the one before
REST_SECONDS = 10.0  # that an outlet has after a failure, whatever else is due for it
LOOK_SECONDS = 0.5  # until a process that stays looks again
SHIFT_SECONDS = 60.0  # then whoever called looks at its own time again
LONGEST_LIFE = 600.0  # seconds of one process
CRASHED = "It crashed; see the log."
REMOVED = "The integration was removed, or takes no cases any more."


def work() -> int:
    """Send what is due, one after the other, for some seconds; how many were tried."""
    moved, ends = 0, monotonic() + SHIFT_SECONDS
    while monotonic() < ends and (mine := _claimed()) is not None:
        hit("push_claim")
        _send(mine)
        moved += 1
    return moved


def serve(idle_seconds: float) -> int:
    """Send what is due and what comes due, until nothing was for so long; how many were tried.

    It ends in any case after a while, so that it never runs an older version than the clock that starts it.
    """
    begun = quiet_since = monotonic()
    moved = work()
    while monotonic() - quiet_since < idle_seconds and monotonic() - begun < LONGEST_LIFE:
        if pushes.is_due():  # asked before a claim, which is a writer
            moved += work()
            quiet_since = monotonic()
        time.sleep(LOOK_SECONDS)
    return moved


def _claimed() -> Push | None:
    """One row; first what was never tried, so that one outlet's failures hold up no other's."""
    with transaction.atomic():
        due = Push.objects.due(Now()).order_by("attempts", "pk")
        mine = due.select_for_update(skip_locked=True, of=("self",)).first()
        if mine is None:
            return None
        until = Now() + timedelta(seconds=settings.LEASE_SECONDS)
        Push.objects.filter(pk=mine.pk).update(attempts=F("attempts") + 1, not_before=until)
    return Push.objects.select_related("case__kind", "integration").get(pk=mine.pk)


def _send(mine: Push) -> None:
    outlet = mine.integration
    if outlet is None or not _takes_cases(outlet):
        _end(mine, PushState.FAILED, REMOVED)
    elif Push.objects.filter(case=mine.case_id, integration=outlet, number__gt=mine.number).exists():
        _end(mine, PushState.OVERTAKEN)
    elif mine.attempts > MOST_ATTEMPTS:
        _end(mine, PushState.FAILED, "Workers were lost over it.")
    elif why := _forbidden(mine, outlet):
        _end(mine, PushState.WITHHELD, why)
    elif not quotas.take(outlet, 1, is_effect=True):
        _wait(mine, outlet)
    else:
        _try(mine, outlet)


def _takes_cases(outlet: Integration) -> bool:
    kind = connectors.get(outlet.connector)
    return bool(kind and kind.takes_cases(outlet.settings))


def _forbidden(mine: Push, outlet: Integration) -> str:
    """Why the case must not go there, as its row stands now; empty when it may."""
    case = Case.objects.get(pk=mine.case_id)
    if case.is_restricted or case.is_covert:
        return "The case is restricted."
    if case.tlp > _max_tlp(outlet):
        return f"The case is {case.get_tlp_display()}; {outlet.name} may be told less."
    if case.alert_count > MOST_ALERTS:
        return f"More than {MOST_ALERTS} alerts are too much for one message."
    return ""


def _max_tlp(outlet: Integration) -> int:
    """What an admin set; else amber, also for a mail server, which may carry more to those whom a person names."""
    return min(integrations.max_tlp(outlet), Tlp.AMBER) if outlet.max_tlp is None else outlet.max_tlp


def _try(mine: Push, outlet: Integration) -> None:
    try:
        why = _push(mine, outlet)
        hit("pushed")
    except Doubt as error:
        integrations.report(outlet, HealthState.FAILING, str(error))
        _end(mine, PushState.FAILED, str(error))  # it may have arrived, and this outlet would not know it again
    except SecopsError as error:
        _later(mine, outlet, str(error), getattr(error, "retry_after", None))
    except Exception:
        logger.exception("Push %s crashed", mine.pk)
        _later(mine, outlet, CRASHED, None)
    else:
        _end(mine, PushState.WITHHELD if why else PushState.SENT, why)
        if not why and outlet.health_state == HealthState.FAILING:
            integrations.report(outlet, HealthState.OK, "It takes cases again.")


def _push(mine: Push, outlet: Integration) -> str:
    """Hand it on; why not, when the case was restricted while this was made ready. Outside of any transaction."""
    connector = integrations.connector_of(outlet)
    with intent.good_until(intent.awake() + settings.LEASE_SECONDS / 2):
        parts = parcel(mine.case)
        if not (why := _forbidden(mine, outlet)):
            connector.push_case(**parts, number=mine.number, key=str(mine.key))  # type: ignore[attr-defined]
    return why


def _later(mine: Push, outlet: Integration, why: str, retry_after: float | None) -> None:
    """Tried again after a growing pause, or given up; the outlet itself rests, too."""
    integrations.report(outlet, HealthState.FAILING, why)
    if mine.attempts >= MOST_ATTEMPTS:
        _end(mine, PushState.FAILED, why)
        return
    wait = min(retry_after or backoff(mine.attempts), LONGEST_WAIT)
    held = Push.objects.filter(pk=mine.pk, state=PushState.DUE, attempts=mine.attempts)
    held.update(not_before=Now() + timedelta(seconds=wait), reason=why[:300])
    quotas.hold(outlet, REST_SECONDS)


def _wait(mine: Push, outlet: Integration) -> None:
    """No calls are left for now, which is no try; nothing else is due for the outlet until there are."""
    until = quotas.next_at(outlet, is_effect=True)
    held = Push.objects.filter(pk=mine.pk, state=PushState.DUE, attempts=mine.attempts)
    held.update(attempts=F("attempts") - 1, not_before=until or Now() + timedelta(seconds=1))
    if until is not None:
        quotas.hold(outlet, (until - timezone.now()).total_seconds())


def backoff(attempts: int) -> float:
    """Seconds before the next try: 10, 30, 90 ... with jitter, so that a herd spreads."""
    return FIRST_PAUSE * float(3 ** (attempts - 1)) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


def _end(mine: Push, state: PushState, why: str = "") -> None:
    """The row and the line on the timeline, together; the case is locked first, as settling does: no ring."""
    with transaction.atomic():
        Case.objects.select_for_update().only("pk").get(pk=mine.case_id)
        held = Push.objects.filter(pk=mine.pk, state=PushState.DUE, attempts=mine.attempts)
        if not held.update(state=state, reason=why[:300], ended_at=Now(), not_before=None):
            return  # another worker took it over after our lease
        if text := _line(mine, state, why):
            refs = {"push": mine.number}
            timeline.record(mine.case_id, text, kind=TimelineEntry.Kind.ENRICHMENT, refs=refs)


def _line(mine: Push, state: PushState, why: str) -> str:
    if state == PushState.OVERTAKEN:
        return ""
    if state == PushState.SENT:
        return f"Pushed to {mine.outlet}{f' as update {mine.number}' if mine.number > 1 else ''}."
    return f"Not pushed to {mine.outlet}: {why}"
