"""Which lookups a case needs: questions of its kind x subjects x sources, one row each, shared with other cases."""

from collections.abc import Container, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from cases.models import Case
from enrichment.choices import LookupState, SubjectKind
from enrichment.models import CaseLookup, KindQuestion, Lookup
from enrichment.questions.base import Question, Subject, questions
from enrichment.services.settling import settle_locked
from enrichment.services.subjects import bucket_of, key_of, subjects_of
from secops import integrations
from secops.models import Integration
from secops.networks import stays_inside
from secops.taskqueue import ring

MOST_LOOKUPS = 80  # of one case, pivots included
MOST_DEPTH = 2
AGAIN_AFTER = timedelta(minutes=5)  # a shared lookup that failed so long ago is asked again for a new case
NO_ROOM = f"Not asked: a case asks at most {MOST_LOOKUPS} questions."
MANY = (SubjectKind.ADDRESS, SubjectKind.DOMAIN, SubjectKind.HASH, SubjectKind.PAIR)
OWN = "Nightdesk"  # the 'connector' of questions that reason over findings
NOT_SET_UP = "not set up"
UNIQUE = ("question", "connector_name", "subject_key", "bucket")


def plan_due() -> int:
    """Plan every case whose alerts asked for it, oldest first; the duty of the enrichment queue."""
    case_ids = list(Case.objects.filter(is_planning_due=True).order_by("pk").values_list("pk", flat=True)[:50])
    return sum(plan(case_id) for case_id in case_ids)


@transaction.atomic
def plan(case_id: int, depth: int = 0) -> int:
    """Add the lookups that the case has not got yet; 1 when this call took the job, 0 when another did.

    A second alert of the same subject asks nothing twice, also when it comes in another time bucket.
    """
    due = Case.objects.select_related("kind").select_for_update(of=("self",)).filter(is_planning_due=True)
    case = due.filter(pk=case_id).first()
    if case is None:
        return 0
    case.is_planning_due = False  # written when it is settled
    there = list(Lookup.objects.filter(case_lookups__case=case).values_list("state", *UNIQUE[:3]))
    has = {tuple(key) for _, *key in there}
    unheard = _unheard((state, key) for state, _, _, key in there)
    new = [row for row in _wanted(case, unheard) if (row.question, row.connector_name, row.subject_key) not in has]
    if new and depth <= MOST_DEPTH:
        asked = sum(state != LookupState.SKIPPED for state, *_ in there)
        _link(case, _within_bounds(case, new, MOST_LOOKUPS - asked), depth)
    settle_locked([case])
    ring("enrichment")
    return 1


def _within_bounds(case: Case, new: list[Lookup], room: int) -> list[Lookup]:
    """Who and what the device is come before the many observables, which whoever sends alerts can multiply.

    What finds no room is skipped and said: what was not asked must not read as clean.
    """
    due = [row for row in new if row.state == LookupState.DUE]
    by_need = sorted(due, key=lambda row: row.subject_kind in MANY)
    for row in by_need[max(0, room) :]:
        row.state, row.reason, row.ended_at = LookupState.SKIPPED, NO_ROOM, row.created_at
        row.bucket = _own_bucket(case)
    return new


def _own_bucket(case: Case) -> str:
    """A reason of this case is nobody else's answer."""
    return f"skipped:{case.pk}"


def _unheard(asked: Iterable[tuple[str, str]]) -> set[str]:
    """The keys of subjects that every source was asked about, and none knows."""
    states: dict[str, set[str]] = {}
    for state, key in asked:
        states.setdefault(key, set()).add(state)
    heard = {LookupState.DUE, LookupState.CLAIMED, LookupState.ANSWERED}
    return {key for key, found in states.items() if not found & heard}


def _wanted(case: Case, unheard: Container[str]) -> list[Lookup]:
    now, found = timezone.now(), subjects_of(case, unheard)
    sources: dict[str, list[Integration]] = {}
    rows = []
    for question in _questions_of(case):
        if question.capability not in sources:
            sources[question.capability] = integrations.with_capability(question.capability)
        for subject in found:
            if not _fits(question, subject):
                continue
            if question.subject == SubjectKind.CASE:
                rows.append(_row(question, subject, None, case, now))
            nobody: list[Integration | None] = [None] if question.capability else []
            rows += [_row(question, subject, one, case, now) for one in sources[question.capability] or nobody]
    return rows


def _questions_of(case: Case) -> list[type[Question]]:
    chosen = list(KindQuestion.objects.filter(kind=case.kind).values_list("question", flat=True)) if case.kind else []
    return [one for one in questions if one.slug in chosen or not (chosen or one.only_if_named)]


def _fits(question: type[Question], subject: Subject) -> bool:
    return question.subject == subject.kind and (not question.value_kinds or subject.value_kind in question.value_kinds)


def _row(question: type[Question], subject: Subject, source: Integration | None, case: Case, now: datetime) -> Lookup:
    row = Lookup(
        question=question.slug,
        integration=source,
        connector_name=source.name if source else (NOT_SET_UP if question.capability else OWN),
        subject_kind=subject.kind,
        subject=subject.plain(),
        subject_key=key_of(subject),
        bucket=bucket_of(question, subject.at),
        tlp=case.tlp,
        created_at=now,
    )
    if reason := reason_to_skip(question, subject, source, case):
        row.state, row.reason, row.ended_at, row.bucket = LookupState.SKIPPED, reason, now, _own_bucket(case)
    return row


def reason_to_skip(question: type[Question], subject: Subject, source: Integration | None, case: Case) -> str:
    """Why this case must not ask this source, in words; empty when it may. Asked again before anything is sent."""
    if not question.capability:
        return ""
    if source is None:
        return "No source for this is set up. Ask an admin."
    if case.tlp > integrations.max_tlp(source):
        return f"The case is {case.get_tlp_display()}; {source.name} may be told less."
    if not question.leaves_house or integrations.is_inside(source):
        return ""
    if case.is_restricted:
        return "Restricted cases ask inside sources only."
    if subject.value_kind == "ip" and stays_inside(subject.value):
        return "An inside address is not told to outside sources."
    return ""


def _link(case: Case, rows: list[Lookup], depth: int) -> None:
    """Insert what is not there, then tie all to the case: rows of other cases are shared.

    An address stands in an alert itself, so its lease has depth 0 whichever answer led to this round of planning.
    """
    Lookup.objects.bulk_create(sorted(rows, key=_unique), ignore_conflicts=True)  # all in one order: no deadlock
    there = Lookup.objects.filter(subject_key__in={row.subject_key for row in rows})
    pks = {tuple(key): (pk, state) for pk, state, *key in there.values_list("pk", "state", *UNIQUE)}
    found = {pks[_unique(row)][0]: row for row in rows if _unique(row) in pks}
    if failed := [pk for pk, state in pks.values() if pk in found and state == LookupState.FAILED]:
        again = Lookup.objects.filter(pk__in=failed, state=LookupState.FAILED)
        again.filter(ended_at__lt=timezone.now() - AGAIN_AFTER).update(
            state=LookupState.DUE, attempts=0, not_before=None, ended_at=None, reason=""
        )
    CaseLookup.objects.bulk_create(
        [
            CaseLookup(case=case, lookup_id=pk, depth=0 if row.subject_kind == SubjectKind.LEASE else depth)
            for pk, row in found.items()
        ],
        ignore_conflicts=True,
    )


def _unique(row: Lookup) -> tuple[str, ...]:
    return tuple(str(getattr(row, name)) for name in UNIQUE)
