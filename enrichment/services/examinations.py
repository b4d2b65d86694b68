"""Examinations: forensic tools are asked for, claimed with a lease, and run beside the image."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from cases.choices import EvidenceKind, ObservableKind, Verdict
from cases.errors import EvidenceError
from cases.intake.gate import mend
from cases.models import Case, Evidence, Observable
from cases.services import custody, evidence
from cases.services.store import store
from enrichment.choices import ExaminationState, ForensicTool
from enrichment.forensics import programs
from enrichment.forensics.runner import ExaminationError, StoppedError, examine
from enrichment.models import Examination
from enrichment.services import discoveries, outsiders
from secops.access import May, require
from secops.errors import SecopsError
from secops.faultpoints import hit
from secops.models import User
from secops.s3 import StoreAwayError

logger = logging.getLogger(__name__)
TOOLS = {
    EvidenceKind.DISK: ForensicTool.DISK,
    EvidenceKind.MEMORY: ForensicTool.MEMORY,
    EvidenceKind.CAPTURE: ForensicTool.CAPTURE,
    EvidenceKind.TRIAGE: ForensicTool.PACKAGE,
    EvidenceKind.LOGS: ForensicTool.PACKAGE,
    EvidenceKind.MAIL: ForensicTool.PACKAGE,
    EvidenceKind.FILE: ForensicTool.PACKAGE,
    EvidenceKind.DOCUMENT: ForensicTool.PACKAGE,
}
OF_OTHERS = {  # programs that read the item, too, where the site has them
    ForensicTool.CAPTURE: ForensicTool.SURICATA,
    ForensicTool.MEMORY: ForensicTool.VOLATILITY,
}
MOST_ATTEMPTS = 3
AWAY_SECONDS = 300  # between two tries while the evidence store is away
MOST_KNOWN = 2_000  # values of the case that a tool is told
MOST_RULES = 5_000_000  # characters of one rule file
CHUNK = 2**20
SHIPPED = Path(__file__).resolve().parents[1] / "forensics" / "rules"
KNOWN_KINDS = (ObservableKind.IP, ObservableKind.DOMAIN, ObservableKind.URL, ObservableKind.HASH_SHA256)
LOST = f"{MOST_ATTEMPTS} workers were lost over this."
CHANGED = "Its file is not what was received: verify it."


@transaction.atomic
def start(
    evidence_id: int, *, actor: User | None = None, who: str = custody.MACHINE, usual: Iterable[str] = ()
) -> list[Examination]:
    """Ask for the tools that fit the item; safe to repeat. One that failed is asked for again when a person asks.

    `usual` are destinations that whoever asks knows to be no news.
    """
    if actor:
        require(actor, May.WORK)
    item = custody.locked(evidence_id)
    tool = TOOLS.get(EvidenceKind(item.kind))
    if tool is None or not item.is_here:
        why = "has no file that could be examined" if tool is None else "is not whole in the store: verify it first"
        raise EvidenceError(f"{item.number} {why}.")
    other = OF_OTHERS.get(tool)
    tools = [tool] if other is None or outsiders.missing(other) else [tool, other]
    name = actor.display_name if actor else who
    asked = {"asked_at": timezone.now(), "asked_by": name[:150]}
    told = [_ask(item, one, asked | {"usual": list(usual)}, is_again=actor is not None) for one in tools]
    if any(is_news for _, is_news in told):
        custody.say(item, f"Forensic tools are to read {item.number}.", actor, who)
    return [Examination.objects.get(pk=pk) for pk, _ in told]


def _ask(item: Evidence, tool: ForensicTool, asked: dict[str, Any], *, is_again: bool) -> tuple[int, bool]:
    """Which row it is, and whether it became due just now."""
    found, is_new = Examination.objects.get_or_create(evidence=item, tool=tool, defaults=asked)
    ended = Examination.objects.filter(pk=found.pk, state__in=(ExaminationState.FAILED, ExaminationState.REFUSED))
    due = {"state": ExaminationState.DUE, "attempts": 0, "reason": "", "ended_at": None}
    fields = {name: asked[name] for name in ("asked_at", "asked_by")}
    return found.pk, is_new or (is_again and bool(ended.update(**due, **fields)))


def can_be_examined(item: Evidence) -> bool:
    return item.is_here and item.kind in TOOLS


def of_case(case: Case) -> QuerySet[Examination]:
    return Examination.objects.filter(evidence__case=case).select_related("evidence").order_by("evidence", "pk")


def carry_out_due() -> int:
    """In the foreground, until none is due; how many were carried out."""
    moved = 0
    while carry_out_one():
        moved += 1
    return moved


def carry_out_one() -> bool:
    """Claim the oldest that is due and see it through; False when none is. The tool runs outside of any transaction."""
    mine = _claim()
    if mine is None:
        return False
    hit("examination_claim")
    try:
        _carry_out(mine)
    except StoppedError:
        logger.warning("Examination %s was taken over by another worker", mine.pk)
    except StoreAwayError as error:
        _later(mine, str(error))
    except SecopsError as error:
        discoveries.give_up(mine, ExaminationState.FAILED, str(error))
    except Exception:
        logger.exception("Examination %s crashed", mine.pk)
        discoveries.give_up(mine, ExaminationState.FAILED, "The examination crashed; see the log.")
    return True


def _later(mine: Examination, why: str) -> None:
    """The store is away, which is no try of ours: the claim is nobody's and ends in a while, so it is due again."""
    until = Now() + timedelta(seconds=AWAY_SECONDS)
    discoveries.held(mine).update(attempts=F("attempts") - 1, lease_until=until, reason=mend(why)[0][:500])


def _claim() -> Examination | None:
    with transaction.atomic():
        due = Examination.objects.filter(state=ExaminationState.DUE).order_by("pk")
        mine = due.select_for_update(skip_locked=True, of=("self",)).first()
        if mine is None:
            return None
        Examination.objects.filter(pk=mine.pk).update(
            state=ExaminationState.CLAIMED,
            reason="",
            token=F("token") + 1,
            attempts=F("attempts") + 1,
            started_at=Now(),
            lease_until=Now() + timedelta(seconds=settings.LEASE_SECONDS),
        )
    return Examination.objects.select_related("evidence", "evidence__case").get(pk=mine.pk)


def _carry_out(mine: Examination) -> None:
    item = mine.evidence
    if not can_be_examined(item):
        discoveries.give_up(mine, ExaminationState.REFUSED, f"{item.number} is not whole in the store.")
        return
    lease = _Lease(mine)
    try:
        file = store().local(item.sha256, lease.keep)
    except FileNotFoundError:
        evidence.verify(item.pk, is_routine=True)
        raise ExaminationError(CHANGED) from None
    with file:
        _read(mine, item, file, lease)


def _read(mine: Examination, item: Evidence, file: BinaryIO, lease: "_Lease") -> None:
    tool = ForensicTool(mine.tool)
    if tool in OF_OTHERS.values():
        with _ran(tool, file, lease) as (output, told):
            _report(mine, item, file, output, lease, told)
        return
    scans = tool != ForensicTool.CAPTURE  # rules speak of contents, a capture is read for who and where
    other = OF_OTHERS.get(tool)
    told = {"rules": rules() if scans else [], "limits": [outsiders.missing(other)] if other else []}
    _report(mine, item, file, file, lease, told)


@contextmanager
def _ran(tool: ForensicTool, file: BinaryIO, lease: "_Lease") -> Iterator[tuple[BinaryIO, dict[str, Any]]]:
    """What a program of others wrote of the item, and what a reader must know of how it did."""
    with programs.run(outsiders.job(tool), file, seconds=settings.EXAMINE_SECONDS, goes_on=lease) as ran:
        hit("program_ran")
        limits = outsiders.notes(tool)
        if not ran.is_whole:
            limits.append(f"{tool.name.capitalize()} did not come to its end: {programs.last_words(ran.said)}")
        yield ran.output, {"rules": [], "limits": limits, "guards": ran.guards, "version": outsiders.version(ran.said)}


def _report(
    mine: Examination, item: Evidence, file: BinaryIO, read: BinaryIO, lease: "_Lease", told: dict[str, Any]
) -> None:
    """Let our own tool read, the item itself or what was written of it, and write down what it reports."""
    told = told | {"known": known(item.case), "seconds": settings.EXAMINE_SECONDS, "goes_on": lease}
    told["limits"] = [text for text in told["limits"] if text]
    with examine(mine.tool, read, **told) as answer:
        hit("examination_read")
        found = answer.report.sha256 if read is file else None
        if found is None and (answer.report.carried or read is not file):  # nothing comes out of unknown bytes
            found = _digest(file, lease)
        if found not in {None, item.sha256}:
            evidence.verify(item.pk, is_routine=True)
            raise ExaminationError(CHANGED)
        discoveries.write(mine, answer)
    hit("examination_done")


def _digest(file: BinaryIO, lease: "_Lease") -> str:
    """SHA-256 of what the tool read; StoppedError when another worker has taken over meanwhile."""
    passed = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(CHUNK):
        lease.keep()
        passed.update(chunk)
    return passed.hexdigest()


class _Lease:
    """Renewed while the tool reads; gone when another worker has taken the row over."""

    def __init__(self, mine: Examination) -> None:
        self._mine, self._next_at = mine, monotonic() + settings.LEASE_SECONDS / 4

    def keep(self) -> None:
        """Between two pieces; StoppedError when another worker has it."""
        if not self():
            raise StoppedError

    def __call__(self) -> bool:
        if monotonic() < self._next_at:
            return True
        self._next_at = monotonic() + settings.LEASE_SECONDS / 4
        until = Now() + timedelta(seconds=settings.LEASE_SECONDS)
        return bool(discoveries.held(self._mine).update(lease_until=until))


def free_expired() -> int:
    """For the clock: a lease ran out, so its worker is gone; the row is due again, or failed after three."""
    lost = Examination.objects.filter(state=ExaminationState.CLAIMED, lease_until__lt=Now())
    spent = list(lost.filter(attempts__gte=MOST_ATTEMPTS).select_related("evidence"))
    for row in spent:
        discoveries.give_up(row, ExaminationState.FAILED, LOST)
    free = lost.filter(attempts__lt=MOST_ATTEMPTS)
    if not free.exists():  # asked every second: only then is it a writer
        return len(spent)
    return len(spent) + free.update(state=ExaminationState.DUE, lease_until=None)


def is_due() -> bool:
    return Examination.objects.filter(state=ExaminationState.DUE).exists()


def rules() -> list[tuple[str, str]]:
    """The shipped YARA rules and those of the site's folder: (name, text)."""
    folders = [SHIPPED, *([Path(settings.NIGHTDESK_YARA_DIR)] if settings.NIGHTDESK_YARA_DIR else [])]
    return [
        (path.name, path.read_text("utf-8", errors="replace")[:MOST_RULES])
        for folder in folders
        for path in sorted([*folder.glob("*.yar"), *folder.glob("*.yara")])
    ]


def known(case: Case) -> Iterable[str]:
    """What alerts named in the case, or what was judged bad; not what a tool itself added to it."""
    of_case = Observable.objects.filter(links__case=case, kind__in=KNOWN_KINDS, is_noise=False)
    bad = Q(is_indicator=True) | Q(verdict__in=[Verdict.MALICIOUS, Verdict.SUSPICIOUS])
    values = of_case.filter(Q(sightings__alert__case=case) | bad).order_by("pk").values_list("value", flat=True)
    return {value.lower() for value in values.distinct()[:MOST_KNOWN]}
