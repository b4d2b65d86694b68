"""Lookups that nobody can answer any more: their source was removed, switched off or cannot be opened."""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from enrichment.choices import LookupState, SubjectKind
from enrichment.models import CaseLookup, Lookup
from enrichment.questions.base import questions
from enrichment.services.settling import settle

GONE = "The source was removed or switched off. Ask again when it is back."


def end_orphans() -> int:
    """For the clock: a due row that no worker would claim must not keep its case waiting; how many were ended."""
    own = [question.slug for question in questions if question.subject == SubjectKind.CASE]
    nobodys = Q(integration__isnull=True) & ~Q(question__in=own)
    return end_all(Lookup.objects.filter(nobodys | Q(integration__is_enabled=False), state=LookupState.DUE), GONE)


def end_all(rows: QuerySet[Lookup], reason: str) -> int:
    """End these due rows as failed, so that a person may ask again, and bring their cases up to date."""
    pks = list(rows.values_list("pk", flat=True))
    if not pks:
        return 0
    with transaction.atomic():
        due = Lookup.objects.filter(pk__in=pks, state=LookupState.DUE).order_by("pk").select_for_update(no_key=True)
        pks = [row.pk for row in due]
        Lookup.objects.filter(pk__in=pks).update(state=LookupState.FAILED, reason=reason[:300], ended_at=Now())
        settle(CaseLookup.objects.filter(lookup__in=pks).values_list("case_id", flat=True))
    return len(pks)
