"""Decisions of people: one verb, one timeline line, one actor."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cases.choices import Disposition, Stage
from cases.errors import IncompleteError, TransitionError, UndoError
from cases.models import Case, CaseMember, TimelineEntry
from cases.services import cases, timeline
from cases.signals import stage_changed
from secops.errors import NotAllowedError
from secops.models import User
from tests.cases.messages import own, send
from tests.factories import make_case, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def case() -> Case:
    send(own())
    return Case.objects.get()


def texts(case: Case) -> list[str]:
    return list(case.timeline.values_list("text", flat=True))


def test_the_first_human_act_takes_the_case_up(case: Case, analyst: User) -> None:
    cases.note(case.pk, "Looking at it", actor=analyst)

    case.refresh_from_db()
    assert case.stage == Stage.TRIAGE
    assert case.acknowledged_at
    assert texts(case)[1:] == ["Ada Lind began the triage.", "Wrote a note: Looking at it"]
    assert timeline.verify(case) is None


def test_looking_is_not_an_act(case: Case, analyst: User) -> None:
    cases.mark_read(case.pk, actor=analyst)

    case.refresh_from_db()
    assert (case.stage, case.is_unread, case.timeline.count()) == (Stage.NEW, False, 1)


def test_escalating_leads_to_response_and_tells_the_floors_above(case: Case, analyst: User) -> None:
    heard: list[str] = []

    def listen(stage: str, **_: object) -> None:
        heard.append(stage)

    stage_changed.connect(listen)
    try:
        cases.escalate(case.pk, actor=analyst, title="Beacon on FIN-LT-0142")
    finally:
        stage_changed.disconnect(listen)

    case.refresh_from_db()
    assert (case.stage, case.title, heard) == (Stage.RESPONSE, "Beacon on FIN-LT-0142", ["triage", "response"])
    with pytest.raises(TransitionError):
        cases.escalate(case.pk, actor=analyst)


def test_a_case_is_contained_only_out_of_response(case: Case, analyst: User) -> None:
    with pytest.raises(TransitionError):
        cases.mark_contained(case.pk, actor=analyst)
    cases.escalate(case.pk, actor=analyst)

    assert cases.mark_contained(case.pk, actor=analyst).stage == Stage.CONTAINED


def test_closing_needs_a_reason(case: Case, analyst: User) -> None:
    with pytest.raises(IncompleteError):
        cases.close(case.pk, Disposition.FALSE_POSITIVE, "  ", actor=analyst)


def test_a_closed_case_opens_again_without_its_fingerprint(case: Case, analyst: User) -> None:
    cases.close(case.pk, Disposition.FALSE_POSITIVE, "The scanner", actor=analyst)
    send(own())

    again = cases.reopen(case.pk, actor=analyst)

    assert (again.stage, again.fingerprint, again.disposition, again.closed_at) == (Stage.TRIAGE, None, "", None)
    assert Case.objects.open().count() == 2


def test_an_assignment_is_taken_back_within_ten_minutes(case: Case, analyst: User, responder: User) -> None:
    cases.assign(case.pk, responder, actor=analyst)
    entry = case.timeline.last()

    assert cases.undo(case.pk, entry.pk, actor=analyst).assignee is None
    with pytest.raises(UndoError):
        cases.undo(case.pk, entry.pk, actor=analyst)


def test_a_closing_is_taken_back_with_its_fingerprint(case: Case, analyst: User) -> None:
    cases.escalate(case.pk, actor=analyst)
    cases.close(case.pk, Disposition.DUPLICATE, "Seen", actor=analyst)

    back = cases.undo(case.pk, case.timeline.last().pk, actor=analyst)

    assert (back.stage, back.fingerprint) == (Stage.RESPONSE, case.fingerprint)
    send(own())
    assert Case.objects.get().alert_count == 2


def test_a_new_case_that_was_closed_by_mistake_is_new_again(case: Case, analyst: User) -> None:
    cases.close(case.pk, Disposition.DUPLICATE, "Wrong row", actor=analyst)

    back = cases.undo(case.pk, case.timeline.last().pk, actor=analyst)

    assert (back.stage, back.acknowledged_at) == (Stage.NEW, None)


def test_a_closing_is_taken_back_without_the_fingerprint_that_another_case_has_by_now(
    case: Case, analyst: User
) -> None:
    cases.close(case.pk, Disposition.DUPLICATE, "Seen", actor=analyst)
    send(own())

    assert cases.undo(case.pk, case.timeline.last().pk, actor=analyst).fingerprint is None


def test_after_ten_minutes_nothing_is_taken_back(case: Case, analyst: User, responder: User) -> None:
    cases.assign(case.pk, responder, actor=analyst)
    entry = case.timeline.last()
    TimelineEntry.objects.filter(pk=entry.pk).update(at=timezone.now() - timedelta(minutes=11))

    with pytest.raises(UndoError):
        cases.undo(case.pk, entry.pk, actor=analyst)


def test_a_restricted_case_is_not_given_to_who_may_not_see_it(analyst: User, responder: User) -> None:
    case = make_case(is_restricted=True)
    CaseMember.objects.create(case=case, user=analyst)

    with pytest.raises(NotAllowedError):
        cases.assign(case.pk, responder, actor=analyst)


@pytest.mark.parametrize("role", ["approver", "admin", "guest", ""])
def test_who_has_no_role_for_it_decides_nothing(case: Case, role: str) -> None:
    user = make_user(roles=[role] if role else [])

    for decide in (
        lambda: cases.assign(case.pk, user, actor=user),
        lambda: cases.escalate(case.pk, actor=user),
        lambda: cases.close(case.pk, Disposition.DUPLICATE, "x", actor=user),
        lambda: cases.mark_read(case.pk, actor=user),
    ):
        with pytest.raises(NotAllowedError):
            decide()
    assert case.timeline.count() == 1


def test_a_guest_writes_notes_in_its_own_cases_only(case: Case) -> None:
    guest = make_user(roles=["guest"])
    with pytest.raises(NotAllowedError):
        cases.note(case.pk, "Hello", actor=guest)

    CaseMember.objects.create(case=case, user=guest)

    assert cases.note(case.pk, "From Legal", actor=guest).author == guest
    case.refresh_from_db()
    assert case.stage == Stage.NEW
