"""Answers of sources as rows, for tests that do not ask any."""

from itertools import count
from typing import Any

from django.utils import timezone

from cases.models import Case
from enrichment.choices import LookupState
from enrichment.models import CaseLookup, Finding, Lookup
from enrichment.questions.base import questions

_number = count(1)


def make_finding(case: Case, question: str, *, source: str = "Source", about: str = "", **fields: Any) -> Finding:
    """An answered lookup of the case, with its finding."""
    now = timezone.now()
    lookup = _lookup(case, question, source, about, state=LookupState.ANSWERED)
    values = {"verdict": "informational", "headline": f"{question} answered", "card": questions[question].card}
    return Finding.objects.create(lookup=lookup, **{"as_of": now} | values | fields)


def make_silence(case: Case, question: str, *, source: str = "Source", why: str = "It did not answer") -> Lookup:
    """A lookup that failed."""
    return _lookup(case, question, source, "", state=LookupState.FAILED, reason=why)


def _lookup(case: Case, question: str, source: str, about: str, **fields: Any) -> Lookup:
    now = timezone.now()
    lookup = Lookup.objects.create(
        question=question,
        connector_name=source,
        subject_kind=questions[question].subject,
        subject={"value": about, "host": {}, "kind": questions[question].subject, "at": now.isoformat()},
        subject_key=f"{next(_number):064}",
        bucket="1",
        tlp=case.tlp,
        created_at=now,
        ended_at=now,
        **fields,
    )
    CaseLookup.objects.create(case=case, lookup=lookup)
    return lookup
