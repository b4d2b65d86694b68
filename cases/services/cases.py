"""What people decide about a case: each decision is one function, one timeline line, one actor."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from cases.choices import Disposition, Stage
from cases.errors import IncompleteError, TransitionError, UndoError
from cases.intake.gate import clean_text
from cases.models import Case, Note, TimelineEntry
from cases.services import timeline
from cases.signals import stage_changed
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import User

UNDO_FOR = timedelta(minutes=10)
MAX_REASON = 10_000  # characters


@transaction.atomic
def take_up(case_id: int, *, actor: User) -> Case:
    """The first human act: from new to triage; a case that is further is left as it is."""
    case = _locked(case_id)
    if case.stage == Stage.NEW:
        case.acknowledged_at = timezone.now()
        _move(case, Stage.TRIAGE, actor, "acknowledged_at")
        _say(case, f"{actor.display_name} began the triage.", actor)
    return case


@transaction.atomic
def assign(case_id: int, assignee: User | None, *, actor: User) -> Case:
    """Give the case to somebody, or to nobody."""
    require(actor, May.WORK)
    if assignee and not Case.objects.visible_to(assignee).filter(pk=case_id).exists():
        raise NotAllowedError(f"{assignee.display_name} may not see this case.")
    case = take_up(case_id, actor=actor)
    was = case.assignee_id
    if was == (assignee.pk if assignee else None):
        return case
    case.assignee = assignee
    _save(case, "assignee")
    text = f"Assigned to {assignee.display_name}." if assignee else "Assigned to nobody."
    _say(case, text, actor, undo="assign", was=was, now=case.assignee_id)
    return case


@transaction.atomic
def escalate(case_id: int, *, actor: User, title: str = "") -> Case:
    """Validate the alert: from triage to response. This is the act that a runbook's automatic part rests on."""
    require(actor, May.WORK)
    case = take_up(case_id, actor=actor)
    if title := clean_text(title).strip()[:300]:
        case.title = title
    _move(case, Stage.RESPONSE, actor, "title")
    _say(case, "Escalated to response.", actor)
    return case


@transaction.atomic
def close(case_id: int, disposition: Disposition | str, reason: str, *, actor: User) -> Case:
    """Close from any stage, with a disposition and a reason."""
    require(actor, May.WORK)
    disposition = Disposition(disposition)
    reason = clean_text(reason).strip()[:MAX_REASON]
    if not reason:
        raise IncompleteError("Closing a case needs a reason.")
    case = _locked(case_id)
    was, now = case.stage, timezone.now()
    case.disposition, case.close_reason, case.closed_at = disposition, reason, now
    case.acknowledged_at = case.acknowledged_at or now
    case.is_unread = False
    _move(case, Stage.CLOSED, actor, "disposition", "close_reason", "closed_at", "acknowledged_at", "is_unread")
    _say(case, f"Closed as {disposition.label.lower()}: {reason}", actor, undo="close", was=was)
    return case


@transaction.atomic
def reopen(case_id: int, *, actor: User) -> Case:
    """Back to triage. Its fingerprint stays away: new alerts go to the case that has it now."""
    require(actor, May.WORK)
    case = _locked(case_id)
    if case.stage != Stage.CLOSED:
        raise TransitionError(f"{case.number} is not closed.")
    case.fingerprint = None
    _open_again(case)
    _move(case, Stage.TRIAGE, actor, "disposition", "close_reason", "closed_at", "fingerprint")
    _say(case, "Opened again.", actor)
    return case


@transaction.atomic
def mark_contained(case_id: int, *, actor: User) -> Case:
    """A person says that every door is closed."""
    require(actor, May.WORK)
    case = _locked(case_id)
    _move(case, Stage.CONTAINED, actor)
    _say(case, "Marked as contained.", actor)
    return case


@transaction.atomic
def note(case_id: int, text: str, *, actor: User) -> Note:
    """Write something down; members of the case may, too."""
    text = clean_text(text).strip()
    if not text:
        raise IncompleteError("A note needs words.")
    case = _locked(case_id)
    if not case.members.filter(user=actor).exists():
        require(actor, May.NOTE)
    if case.stage == Stage.NEW and actor.may(May.WORK):
        case = take_up(case_id, actor=actor)
    written = Note.objects.create(case=case, author=actor, text=text[:20_000])
    _say(case, f"Wrote a note: {text[:200]}{'…' if len(text) > 200 else ''}", actor, note=written.pk)
    return written


def mark_read(case_id: int, *, actor: User) -> None:
    """Somebody who works on cases has seen it. Nothing on the timeline: looking is not an act."""
    require(actor, May.WORK)
    Case.objects.filter(pk=case_id, is_unread=True).update(is_unread=False, updated_at=timezone.now())


@transaction.atomic
def undo(case_id: int, entry_id: int, *, actor: User) -> Case:
    """Take an assignment or a closing back, within ten minutes and while nothing else came of it."""
    require(actor, May.WORK)
    case = _locked(case_id)
    entry = case.timeline.get(pk=entry_id)
    if entry.refs.get("undo") not in _UNDO:
        raise UndoError("Only an assignment or a closing can be taken back.")
    if timezone.now() - entry.at > UNDO_FOR:
        raise UndoError("This can be taken back for ten minutes only.")
    _UNDO[entry.refs["undo"]](case, entry.refs, actor)
    return case


def _undo_assign(case: Case, refs: dict[str, Any], actor: User) -> None:
    if case.assignee_id != refs["now"]:
        raise UndoError("The case was assigned again since.")
    case.assignee = User.objects.filter(pk=refs["was"]).first()
    _save(case, "assignee")
    _say(case, "Took the assignment back.", actor)


def _undo_close(case: Case, refs: dict[str, Any], actor: User) -> None:
    if case.stage != Stage.CLOSED:
        raise UndoError("The case was opened again since.")
    taken = Case.objects.open().filter(fingerprint=case.fingerprint).exists()
    case.fingerprint = None if taken else case.fingerprint
    _open_again(case)
    case.stage = Stage(refs["was"])
    if case.stage == Stage.NEW:  # closing it was the first human act, and is taken back
        case.acknowledged_at = None
    _save(case, "stage", "disposition", "close_reason", "closed_at", "fingerprint", "acknowledged_at")
    _say(case, "Took the closing back.", actor)
    stage_changed.send(None, case_id=case.pk, stage=str(case.stage), actor=actor)


_UNDO = {"assign": _undo_assign, "close": _undo_close}


def _locked(case_id: int) -> Case:
    return Case.objects.select_for_update().get(pk=case_id)


def _open_again(case: Case) -> None:
    case.disposition, case.close_reason, case.closed_at = "", "", None


def _move(case: Case, stage: Stage, actor: User, *fields: str) -> None:
    """Change the stage where the table allows it, and save it with `fields`."""
    if stage not in case.next_stages:
        now, then = Stage(case.stage).label.lower(), stage.label.lower()
        raise TransitionError(f"{case.number} is in the stage {now}; from there it cannot go to {then}.")
    case.stage = stage
    _save(case, "stage", *fields)
    stage_changed.send(None, case_id=case.pk, stage=str(stage), actor=actor)


def _save(case: Case, *fields: str) -> None:
    case.updated_at = timezone.now()
    case.save(update_fields=[*fields, "updated_at"])


def _say(case: Case, text: str, actor: User, **refs: Any) -> None:
    timeline.record(case.pk, text, kind=TimelineEntry.Kind.PERSON, actor=actor, refs=refs)
