"""The lookup engine: rows are claimed in batches, asked concurrently, and written as answers come."""

import logging
import random
from datetime import timedelta
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from cases.models import Case
from enrichment.choices import LookupState
from enrichment.models import CaseLookup, Lookup
from enrichment.services import pivots
from enrichment.services.calls import Call, Calls, Outcome
from enrichment.services.claims import claim
from enrichment.services.orphans import end_all
from enrichment.services.planning import plan
from enrichment.services.settling import CRASHED, keep, locked, settle, settle_locked
from secops import integrations, quotas
from secops.connectors.base import Connector
from secops.errors import SecopsError
from secops.faultpoints import hit
from secops.http import LONGEST_WAIT
from secops.models import Integration

logger = logging.getLogger(__name__)
AHEAD, FAR_AHEAD = 2, 4  # rounds claimed of each source: on their way and next; more of one that answers quickly
QUICK_SECONDS = 1.0  # a call; four rounds of slow ones would outlast their leases
REST_SECONDS = 0.25  # before an integration with nothing due is looked at again
MOST_ATTEMPTS = 5
SHIFT_SECONDS = 15  # then the next bell goes on; a slow call and a lease on top stay below the queue's timeout


def work() -> int:
    """Answer what is due until nothing is left that may be asked now; how many lookups were moved."""
    with Calls() as calls:
        return _Shift(calls).run()


class _Shift:
    """One process's turn: threads that ask, and this one, which does all the database work.

    Rows are claimed ahead, so that the threads go on while answers are written.
    """

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.dry: dict[int, float] = {}  # integration -> when it may be looked at again
        self.quick: dict[int, bool] = {}  # integration -> did its last answer come quickly?
        self.moved = 0

    def run(self) -> int:
        ends = monotonic() + SHIFT_SECONDS
        while True:
            if monotonic() < ends:
                self._claim()
            if not self.calls:
                return self.moved
            self._write(self.calls.answers())

    def _claim(self) -> None:
        """Of each source some rounds of as many as may be asked at once: none waits while answers are written."""
        now = monotonic()
        resting = [*self.calls.limited(), *(pk for pk, until in self.dry.items() if until > now)]
        due = Lookup.objects.due(Now()).filter(integration__is_enabled=True).exclude(integration__in=resting)
        mine, rooms = self.calls.of_each(), {}
        connectors: dict[int, Connector] = {}
        for source in Integration.objects.filter(pk__in=due.order_by().values("integration")):
            try:
                connector = integrations.connector_of(source)
            except SecopsError as error:  # its connector or the key of its secrets is gone: the others go on
                end_all(Lookup.objects.filter(integration=source, state=LookupState.DUE), str(error))
                continue
            rounds = FAR_AHEAD if self.quick.get(source.pk) else AHEAD
            room = rounds * connector.concurrency - mine[source.pk]
            if room >= connector.concurrency / 2:
                connectors[source.pk], rooms[source] = connector, room
        if not rooms:
            return
        found = claim(rooms)
        for source, room in rooms.items():
            self.calls.add(Call(lookup, connectors[source.pk], source) for lookup in found[source.pk])
            if len(found[source.pk]) < room:
                self.dry[source.pk] = now + REST_SECONDS

    def _write(self, done: list[tuple[Call, Outcome]]) -> None:
        self.moved += len(done)
        self.quick |= {call.source.pk: call.seconds < QUICK_SECONDS for call, _ in done}
        try:
            has_more = _finish(done)
        except Exception:
            logger.exception("Answers could not be written together and are written one by one")
            has_more = False
            for call, outcome in done:
                has_more = _finish_alone(call, outcome) or has_more
        if has_more:
            self.dry.clear()  # answers led to new questions


def _finish(ended: list[tuple[Call, Outcome]]) -> bool:
    """Write a group of answers and bring their cases up to date in the same transaction; were new lookups planned?"""
    for call, outcome in ended:
        if outcome.state == LookupState.DUE and outcome.retry_after is not None:
            quotas.hold(call.source, min(outcome.retry_after, LONGEST_WAIT))
    asked = CaseLookup.objects.filter(lookup__in=[call.lookup.pk for call, _ in ended]).order_by("case_id")
    with transaction.atomic():
        cases = locked(asked.values_list("case_id", flat=True))  # before lookups, as planning does: no ring
        written = put([(call.lookup, outcome) for call, outcome in ended])
        links = list(asked.filter(lookup__in=[lookup.pk for lookup, _ in written]))
        if meanwhile := {link.case_id for link in links} - {case.pk for case in cases}:
            cases += locked(meanwhile)  # planned since, and tied to a lookup of ours
        replan = pivots.follow(written, links)
        settled = [case for case in cases if case.pk not in replan]
        if any(outcome.judgement and outcome.judgement.pivots for _, outcome in written):
            settled = locked({case.pk for case in settled})  # what was told may have changed their rows
        settle_locked(settled)
    for case_id, depth in sorted(replan.items()):
        plan(case_id, depth)
    hit("lookup_done")
    return bool(replan)


def _finish_alone(call: Call, outcome: Outcome) -> bool:
    """One answer; when it is the one that cannot be written, its lookup fails and no other does."""
    try:
        return _finish([(call, outcome)])
    except Exception:
        logger.exception("The answer of lookup %s cannot be written", call.lookup.pk)
        return _finish([(call, Outcome(LookupState.FAILED, reason=CRASHED))])


def put(ended: list[tuple[Lookup, Outcome]]) -> list[tuple[Lookup, Outcome]]:
    """Write ends of lookups that are still claimed under our token; a late answer of an older token changes nothing."""
    rows = Lookup.objects.filter(pk__in=[lookup.pk for lookup, _ in ended], state=LookupState.CLAIMED)
    tokens = dict(rows.order_by("pk").select_for_update(no_key=True).values_list("pk", "token"))
    mine = [(lookup, outcome) for lookup, outcome in ended if tokens.get(lookup.pk) == lookup.token]
    groups: dict[LookupState, list[int]] = {}
    for lookup, outcome in mine:
        if outcome.state in (LookupState.ANSWERED, LookupState.NO_DATA):
            groups.setdefault(outcome.state, []).append(lookup.pk)
        else:
            Lookup.objects.filter(pk=lookup.pk).update(**_unanswered(lookup, outcome))
    for state, pks in groups.items():
        Lookup.objects.filter(pk__in=pks).update(state=state, reason="", lease_until=None, ended_at=Now())
    keep((lookup, outcome.judgement) for lookup, outcome in mine if outcome.state == LookupState.ANSWERED)
    return mine


def _unanswered(lookup: Lookup, outcome: Outcome) -> dict[str, Any]:
    """What to write of a refusal, a fault or a wait: a fault is tried again with a growing pause, five times in all."""
    fields: dict[str, Any] = {"state": outcome.state, "reason": outcome.reason[:300], "lease_until": None}
    if not outcome.is_attempt:
        fields["attempts"] = F("attempts") - 1
    may_again = outcome.state == LookupState.FAILED and outcome.reason != CRASHED
    if may_again and lookup.attempts < MOST_ATTEMPTS:
        fields["state"] = LookupState.DUE
        wait = min(outcome.retry_after or backoff(lookup.attempts), LONGEST_WAIT)
        fields["not_before"] = Now() + timedelta(seconds=wait)
    elif outcome.state != LookupState.DUE:
        fields["ended_at"] = Now()
    return fields


def backoff(attempts: int) -> float:
    """Seconds before the next try: 1, 2, 4, 8 with jitter, so that a herd spreads."""
    return float(2 ** (attempts - 1)) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


@transaction.atomic
def free_expired() -> int:
    """For the clock: a lease ran out, so its worker is gone; the row is due again, or failed after five tries."""
    lost = Lookup.objects.filter(state=LookupState.CLAIMED, lease_until__lt=Now())
    spent = list(lost.filter(attempts__gte=MOST_ATTEMPTS).values_list("pk", flat=True))
    moved = 0
    if spent:
        moved = Lookup.objects.filter(pk__in=spent, state=LookupState.CLAIMED).update(
            state=LookupState.FAILED, reason="Five workers were lost over this.", ended_at=Now(), lease_until=None
        )
        settle(CaseLookup.objects.filter(lookup__in=spent).values_list("case_id", flat=True))
    return moved + lost.filter(Q(attempts__lt=MOST_ATTEMPTS)).update(state=LookupState.DUE, lease_until=None)


@transaction.atomic
def retry(case: Case, lookup_pk: int) -> None:
    """A person wants it asked again: failed, refused and empty answers become due."""
    ended = (LookupState.FAILED, LookupState.REFUSED, LookupState.NO_DATA)
    mine = Lookup.objects.filter(pk=lookup_pk, case_lookups__case=case, state__in=ended)
    if Lookup.objects.filter(pk__in=list(mine.values_list("pk", flat=True))).update(
        state=LookupState.DUE, attempts=0, not_before=None, ended_at=None, reason=""
    ):
        settle(CaseLookup.objects.filter(lookup=lookup_pk).values_list("case_id", flat=True))
