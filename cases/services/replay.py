"""Rejected payloads, read again: as they came after a detector learnt a format or a sender was let in, as another
detector's, or as a person repaired them."""

import zlib
from collections import Counter
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from cases.intake.base import FieldProblem
from cases.intake.read import AUTO
from cases.intake.recognise import find_detector
from cases.intake.split import TooLargeError, split
from cases.models import RejectedPayload, TimelineEntry
from cases.services import alerts, timeline
from cases.services.alerts import Receipt, Result
from secops.access import May, require
from secops.errors import ConflictError
from secops.models import ApiToken, AuditEntry, User

MAX_BYTES = 10_000_000
MOST_AT_ONCE = 500  # payloads in one request
OWN = "nightdesk"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one payload. `problems`: of the messages that still cannot be read."""

    results: list[Result] = field(default_factory=list)
    problems: tuple[FieldProblem, ...] = ()

    @property
    def is_read(self) -> bool:
        """Could all of it be read?"""
        return bool(self.results) and not self.problems and all(one.status != "rejected" for one in self.results)

    @property
    def text(self) -> str:
        """1 created, 2 rejected."""
        counts = Counter(one.status for one in self.results)
        return ", ".join(f"{number} {status}" for status, number in counts.items()) or "1 rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What came of many: how many were read, were not, and were not tried because one request has its limits."""

    read: int
    failed: int
    left: int


def again(rejected: RejectedPayload, *, actor: User, text: str | None = None, detector: str = "") -> Outcome:
    """Take it in as if it came now, from the same source and with its sender's rights. Safe to repeat.

    `text` is what a person made of it, kept beside the original; without it the latest text is read. `detector`
    stands in for the one that it came to. Raise ConflictError where it was read already.
    """
    require(actor, May.ADMINISTER)
    if rejected.replayed_at:
        raise ConflictError("This payload was read already.")
    if text is not None:
        _keep(rejected, text, actor)
    outcome = _read(rejected, detector or rejected.detector)
    _link(rejected, outcome, actor)
    how = "repaired by hand" if rejected.repaired is not None else "as received"
    chosen = f", as {detector}" if detector and detector != rejected.detector else ""
    AuditEntry.append(f"Replayed {name_of(rejected)}, {how}{chosen}: {outcome.text}", actor=actor)
    return outcome


def all_of(source: str, detector: str, *, actor: User) -> Summary:
    """All that waits of one source, the oldest first."""
    require(actor, May.ADMINISTER)
    waiting = RejectedPayload.objects.visible_to(actor).waiting().filter(source=source, detector=detector)
    number, read = waiting.count(), 0
    tried = list(waiting.order_by("pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    for pk in tried:  # one body at a time in memory
        read += again(RejectedPayload.objects.get(pk=pk), actor=actor).is_read
    return Summary(read=read, failed=len(tried) - read, left=number - len(tried))


def opened(rejected: RejectedPayload, *, actor: User) -> None:
    """Nobody knows whom such a text is about, so who read it stands in the audit log."""
    AuditEntry.append(f"Opened {name_of(rejected)}", actor=actor)


def name_of(rejected: RejectedPayload) -> str:
    return f"rejected payload {rejected.pk} of {rejected.source} ({rejected.detector})"


def _keep(rejected: RejectedPayload, text: str, actor: User) -> None:
    """Not once it was read: what is kept is what was read."""
    fields = {
        "repaired": zlib.compress(text.encode(errors="replace"), 1),
        "repaired_by": actor,
        "repaired_at": timezone.now(),
    }
    if not RejectedPayload.objects.filter(pk=rejected.pk, replayed_at=None).update(**fields):
        raise ConflictError("This payload was read already.")
    for name, value in fields.items():
        setattr(rejected, name, value)


def _read(rejected: RejectedPayload, detector: str) -> Outcome:
    if find_detector(detector) is None:
        detector = AUTO  # also for one that is not installed any more
    try:
        batch = split(rejected.latest(), max_alerts=alerts.MAX_BATCH, max_bytes=MAX_BYTES, may_unwrap=detector != OWN)
    except TooLargeError as error:
        return Outcome(problems=(FieldProblem(field="body", message=str(error)),))
    receipt = alerts.receive(
        batch.messages, detector=detector, source=rejected.source, token=_sender(rejected), is_replay=True
    )
    return Outcome(results=receipt.results, problems=_problems(receipt))


def _sender(rejected: RejectedPayload) -> ApiToken | None:
    """Whose rights hold: else a replay would let a token speak for the source of another."""
    return ApiToken.objects.filter(name=rejected.source, scope=ApiToken.Scope.INTAKE).first()


def _problems(receipt: Receipt) -> tuple[FieldProblem, ...]:
    return tuple(problem for one in receipt.results if one.status == "rejected" for problem in one.errors)


@transaction.atomic
def _link(rejected: RejectedPayload, outcome: Outcome, actor: User) -> None:
    """What came of it; a case whose alert a person wrote at says so on its own timeline."""
    rejected.alerts.add(*{one.alert_pk for one in outcome.results if one.alert_pk})
    if outcome.is_read:
        RejectedPayload.objects.filter(pk=rejected.pk, replayed_at=None).update(replayed_at=timezone.now())
    if rejected.repaired is None:
        return
    created = sorted((one.case_pk, one.alert_pk) for one in outcome.results if one.status == "created" and one.case_pk)
    for case_pk, alert_pk in created:
        text = f"ALR-{alert_pk} could not be read as it came: {actor.display_name} repaired its text by hand."
        timeline.record(case_pk, text, kind=TimelineEntry.Kind.PERSON, actor=actor)
