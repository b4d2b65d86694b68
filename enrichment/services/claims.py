"""Claiming lookups: due rows of every source that has room, within its rate limit and what its cases still allow."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from cases.models import Case
from enrichment.choices import LookupState
from enrichment.models import CaseLookup, Lookup, LookupQuerySet
from enrichment.questions.base import Subject, questions
from enrichment.services.planning import reason_to_skip
from enrichment.services.settling import settle
from secops import quotas
from secops.faultpoints import hit
from secops.models import Integration


def claim(rooms: Mapping[Integration, int]) -> dict[int, list[Lookup]]:
    """Take due rows, up to so many of each integration, in one transaction; by the integration's id.

    Token and attempts count here. What a limit forbids stays due.
    """
    with transaction.atomic():
        found = _still_allowed(_due(rooms))
        allowed = quotas.take_each({source: len(rows) for source, rows in found.items() if rows})
        mine = {source.pk: rows[: allowed.get(source.pk, 0)] for source, rows in found.items()}
        Lookup.objects.filter(pk__in=[row.pk for rows in mine.values() for row in rows]).update(
            state=LookupState.CLAIMED,
            token=F("token") + 1,
            attempts=F("attempts") + 1,
            lease_until=Now() + timedelta(seconds=settings.LEASE_SECONDS),
        )
    for rows in mine.values():
        for row in rows:
            row.token, row.attempts = row.token + 1, row.attempts + 1
    hit("lookup_claim")
    return mine


def _due(rooms: Mapping[Integration, int]) -> dict[Integration, list[Lookup]]:
    """The oldest rows of each, locked. One question serves all, unless some have so many that others are not seen."""
    found: dict[int, list[Lookup]] = {source.pk: [] for source in rooms}
    most = sum(rooms.values())
    rows = _locked(Lookup.objects.filter(integration__in=found), most)
    for row in rows:
        found[row.integration_id].append(row)  # type: ignore[index]
    for source, room in rooms.items():
        if len(rows) == most and len(found[source.pk]) < room:
            found[source.pk] = _locked(Lookup.objects.filter(integration=source), room)
    return {source: found[source.pk][:room] for source, room in rooms.items()}


def _locked(rows: LookupQuerySet, most: int) -> list[Lookup]:
    due = rows.due(Now()).order_by("pk").select_for_update(skip_locked=True, of=("self",), no_key=True)
    return list(due[:most])


def _still_allowed(found: Mapping[Integration, list[Lookup]]) -> dict[Integration, list[Lookup]]:
    """Without those that no case which asks may send any more: since planning a TLP rose, or a case was restricted."""
    asking = _asking(row for rows in found.values() for row in rows)
    forbidden: dict[int, str] = {}
    for source, rows in found.items():
        for row in rows:
            question, cases = questions.get(row.question), asking.get(row.pk, [])
            if question and cases:
                subject = Subject.from_plain(row.subject)
                reasons = [reason_to_skip(question, subject, source, case) for case in cases]
                if all(reasons):
                    forbidden[row.pk] = reasons[0]
    for pk, reason in forbidden.items():
        Lookup.objects.filter(pk=pk).update(state=LookupState.SKIPPED, reason=reason[:300], ended_at=Now())
    if forbidden:
        settle({case.pk for pk in forbidden for case in asking[pk]})
    return {source: [row for row in rows if row.pk not in forbidden] for source, rows in found.items()}


def _asking(rows: Iterable[Lookup]) -> dict[int, list[Case]]:
    """The cases of each lookup, with what decides whether they may ask."""
    asking: dict[int, list[Case]] = {}
    links = CaseLookup.objects.filter(lookup__in=[row.pk for row in rows]).select_related("case")
    for link in links.only("lookup", "case__tlp", "case__is_restricted"):
        asking.setdefault(link.lookup_id, []).append(link.case)
    return asking
