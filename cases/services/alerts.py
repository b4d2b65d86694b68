"""The door: messages in, alerts and cases out. One code path, always a batch, about a dozen statements for it
(PERFORMANCE.md part 4)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import DatabaseError, IntegrityError, OperationalError, transaction
from django.utils import timezone

from cases.intake.base import FieldProblem
from cases.intake.messages import Message
from cases.services import entering, hearing, records, senders
from cases.services.drafts import Draft, drafted
from cases.services.reading import Read, read_all
from cases.signals import planning_due
from secops.models import ApiToken

MAX_BATCH = 1_000  # messages in one transaction
WORTH_A_LOOK = 20  # messages from which on it is looked up whether their bytes came before
TRIES = 6  # of a batch that meets another one
DEADLOCK = "40P01"  # PostgreSQL's word


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one message: created, repeated, suppressed, ignored or rejected. An alert that a rule kept out is
    created when it comes again and none does any more."""

    index: int
    status: str
    alert_pk: int | None = None
    case_pk: int | None = None
    is_restricted: bool = False  # the case: who may not see it must not learn its number
    errors: tuple[FieldProblem, ...] = ()
    rule: int | None = None  # the rule that suppressed it


@dataclass(slots=True)
class Receipt:
    """What became of a batch, message by message."""

    results: list[Result] = field(default_factory=list)

    def number(self, status: str) -> int:
        """How many messages ended so."""
        return sum(result.status == status for result in self.results)


def receive(
    messages: Sequence[Message],
    *,
    detector: str,
    source: str,
    token: ApiToken | None = None,
    received_at: datetime | None = None,
    is_replay: bool = False,
    is_told: bool = False,
    may_suppress: bool = True,
) -> Receipt:
    """Take messages in: each becomes an alert once, joins or opens its case, and the case is due for planning.

    `detector` is the format, or `auto`; `source` is the sender where the alert names none, and where it is empty too,
    the detector's slug. At most MAX_BATCH messages go into one transaction; more are several. Nothing is raised for
    a bad message: it is kept, and its result says why. With `is_replay` the messages come out of where such are kept:
    nothing is kept twice, and no source has spoken. With `is_told` a person told it and waits for the answer: no source
    has spoken either, no rule suppresses it, and it joins no other case. Without `may_suppress` no rule suppresses it,
    and that is all.
    """
    at = received_at or timezone.now()
    receipt = Receipt()
    for start in range(0, len(messages), MAX_BATCH):
        part = messages[start : start + MAX_BATCH]
        seen = _seen(part, detector, source)
        reads = read_all([one for one in part if one.body not in seen], detector=detector, source=source, at=at)
        is_sent = not (is_replay or is_told)
        suppresses = may_suppress and not is_told
        results = (
            _taken(reads, token, at, keeps_rejected=is_sent, may_suppress=suppresses, is_told=is_told) if reads else []
        )
        if is_sent:
            hearing.hear(_heard(reads, results, token) | _heard_again(seen), at)
        receipt.results += _in_order(part, seen, results, start)
    return receipt


def _seen(messages: Sequence[Message], detector: str, source: str) -> dict[bytes, records.Seen]:
    """The messages of a batch whose bytes came before; for a few it is cheaper to read them."""
    if len(messages) < WORTH_A_LOOK:
        return {}
    found = records.seen(message.body for message in messages if message.payload is not None)
    return {body: one for body, one in found.items() if one.is_meant(detector, source)}


def _in_order(
    messages: Sequence[Message], seen: dict[bytes, records.Seen], results: list[Result], start: int
) -> list[Result]:
    """The results in the order of the messages, numbered through."""
    if seen:
        rest = iter(results)
        results = [
            _repeated(seen[message.body]) if message.body in seen else next(rest) for message in messages
        ] + list(rest)
    elif not start:
        return results
    return [replace(result, index=index) for index, result in enumerate(results, start=start)]


def _heard(reads: list[Read], results: list[Result], token: ApiToken | None) -> set[hearing.Key]:
    """Who spoke. What is refused speaks for the token that sent it, and nothing here tells of a restricted case."""
    return {
        (token.name if token and result.status == "rejected" else read.source, read.detector)
        for read, result in zip(reads, results, strict=True)
        if not result.is_restricted
    }


def _heard_again(seen: dict[bytes, records.Seen]) -> set[hearing.Key]:
    return {(one.source, one.detector) for one in seen.values() if not one.is_restricted}


def _repeated(old: records.Seen) -> Result:
    return Result(
        index=0,
        status="repeated",
        alert_pk=old.pk,
        case_pk=old.case_pk,
        is_restricted=old.is_restricted,
        errors=old.errors(),
    )


def _taken(
    reads: list[Read], token: ApiToken | None, at: datetime, *, keeps_rejected: bool, may_suppress: bool, is_told: bool
) -> list[Result]:
    """Write a batch; when another one took the same reference, fingerprint or device meanwhile, do it again."""
    for tries_left in range(TRIES - 1, -1, -1):
        try:
            with transaction.atomic():
                results = _write(reads, token, at, may_suppress=may_suppress, is_told=is_told)
                if keeps_rejected:
                    _keep(reads, results, token, at)
                return results
        except (IntegrityError, OperationalError) as error:
            if not tries_left or not is_race(error):
                raise
    raise AssertionError("a batch ends or raises")


def _keep(reads: list[Read], results: list[Result], token: ApiToken | None, at: datetime) -> None:
    bad = [(read, result.errors) for read, result in zip(reads, results, strict=True) if result.status == "rejected"]
    if bad:
        records.keep(bad, source=token.name if token else "", at=at)


def is_race(error: DatabaseError) -> bool:
    """Did another transaction come in between, so that the same again will do?"""
    return isinstance(error, IntegrityError) or getattr(error.__cause__, "sqlstate", "") == DEADLOCK


def _write(
    reads: list[Read], token: ApiToken | None, at: datetime, *, may_suppress: bool, is_told: bool
) -> list[Result]:
    alerts = [read for read in reads if read.alert]
    refused = senders.refused({read.source for read in alerts}, token, at=at)
    alerts = [read for read in alerts if read.source not in refused]
    known = records.known(alerts)
    first: dict[tuple[str, str], Read] = {}
    repeats = [read for read in alerts if read.key in known or first.setdefault(read.key, read) is not read]
    drafts = {
        draft.read.key: draft
        for draft in drafted(list(first.values()), at=at, may_suppress=may_suppress, is_told=is_told)
    }
    pairs = [(known[read.key], read) for read in repeats if read.key in known]
    kept_out = {old.pk for old, _ in pairs if old.case_pk is None}
    waiting = entering.locked(kept_out) if kept_out else {}  # mostly none, and to ask for none costs as much
    records.follow(pairs, at)
    for read in repeats:
        if read.key in drafts:
            records.fold(drafts[read.key], read)
    entered = entering.enter_again(pairs, waiting, at, may_suppress=may_suppress) if waiting else []
    cases = records.create(list(drafts.values()), at)
    restricted = {case.pk for case in cases if case.is_restricted}
    results = [_result(read, refused, known, drafts, restricted) for read in reads]
    if due := dict.fromkeys(case.pk for case in (*entered, *cases)):
        planning_due.send(None, case_ids=list(due))
    return results


def _result(
    read: Read,
    refused: dict[str, str],
    known: dict[tuple[str, str], records.Known],
    drafts: dict[tuple[str, str], Draft],
    restricted: set[int],
) -> Result:
    errors = tuple(read.problems)
    if read.is_ignored:
        return Result(index=read.index, status="ignored", errors=errors)
    if read.alert is None:
        return Result(index=read.index, status="rejected", errors=errors)
    if reason := refused.get(read.source):
        problem = FieldProblem(field="source", message=reason)
        return Result(index=read.index, status="rejected", errors=(problem,))
    if old := known.get(read.key):
        return Result(
            index=read.index,
            status="created" if old.entered_with is read else "repeated",
            alert_pk=old.pk,
            case_pk=old.case_pk,
            is_restricted=old.is_restricted,
            errors=errors,
        )
    draft = drafts[read.key]
    news = "suppressed" if draft.suppression else "created"
    return Result(
        index=read.index,
        status=news if draft.read is read else "repeated",
        alert_pk=draft.pk,
        case_pk=draft.case_id or None,
        is_restricted=draft.case_id in restricted,
        errors=errors,
        rule=draft.suppression or None,
    )
