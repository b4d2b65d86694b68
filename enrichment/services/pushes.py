"""Complete cases that outlets are to be told of: written down in the transaction that completes the case, sent later
by another process, so that nothing that answers a case ever waits for an outlet."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from cases.models import Case
from enrichment.choices import PushState
from enrichment.models import Push
from secops import integrations
from secops.chain import canonical
from secops.models import AuditEntry, Integration, User

UPDATE_SECONDS = 60  # between two pushes of one case: a storm of alerts is one update, not a thousand


def note(cases: Iterable[Case]) -> None:
    """Of cases that this transaction has locked and settled, those that are complete are due for every outlet.

    A restricted case gets no row. What an outlet was told of this state it is not told again.
    """
    complete = [case for case in cases if is_complete(case) and not case.is_restricted]
    if not complete:
        return
    outlets = integrations.outlets()
    latest = _latest(complete, outlets) if outlets else {}
    Push.objects.bulk_create(
        filter(None, (_next(case, one, latest.get((case.pk, one.pk))) for one in outlets for case in complete))
    )


def is_complete(case: Case) -> bool:
    """Every lookup has ended, and no alert waits to be planned."""
    return bool(case.enrichment) and not case.enrichment.get("pending") and not case.is_planning_due


def _latest(cases: list[Case], outlets: list[Integration]) -> dict[tuple[int, int], Push]:
    """The last push of each case to each outlet, by their ids; one question for all."""
    mine = Push.objects.filter(case__in=cases, integration__in=outlets)
    newer = mine.filter(case=OuterRef("case"), integration=OuterRef("integration"), number__gt=OuterRef("number"))
    return {(one.case_id, one.integration_id): one for one in mine.filter(~Exists(newer)) if one.integration_id}


def _next(case: Case, outlet: Integration, last: Push | None) -> Push | None:
    """The row that tells the outlet of this state; None where it was told, or will be by the row that waits."""
    digest = _digest(case)
    if last and last.digest == digest:
        return None
    if last and Push.objects.filter(pk=last.pk, state=PushState.DUE, attempts=0).update(digest=digest):
        return None  # what is sent is read when it is sent
    until = last.ended_at + timedelta(seconds=UPDATE_SECONDS) if last and last.ended_at else None
    return Push(
        case=case,
        integration=outlet,
        outlet=outlet.name,
        number=last.number + 1 if last else 1,
        digest=digest,
        not_before=until,
        noted_at=timezone.now(),
    )


def _digest(case: Case) -> str:
    """Of what a push is about: the alerts and the answers, not who works on it."""
    counts = {name: n for name, n in case.enrichment.items() if name != "seconds"}
    return hashlib.sha256(canonical([case.alert_count, case.cards, counts, case.risk_score])).hexdigest()


@transaction.atomic
def again(rows: Iterable[Push], *, actor: User) -> int:
    """An admin wants those tried again that were given up or withheld; how many were. What forbade it is asked anew."""
    ended = Push.objects.filter(pk__in=[row.pk for row in rows], state__in=(PushState.FAILED, PushState.WITHHELD))
    names = sorted(set(ended.values_list("outlet", flat=True)))
    count = ended.update(state=PushState.DUE, attempts=0, not_before=None, ended_at=None, reason="")
    if count:
        AuditEntry.append(f"Had {count} given up pushes to {', '.join(names)} tried again", actor=actor)
    return count


def is_due() -> bool:
    """For the clock, every second; first a look into an index that is empty where no outlet is set up."""
    return Push.objects.filter(state=PushState.DUE).exists() and Push.objects.due(Now()).exists()


def left() -> dict[str, Any]:
    """How many wait to be sent, and when the next comes due."""
    times = list(Push.objects.sendable().order_by(F("not_before").asc(nulls_first=True)).values_list("not_before"))
    return {"pushes": len(times), "next_at": (times[0][0] or timezone.now()) if times else None}
