"""Undo: of a run as a whole, newest first, and of a step that is undone by itself later."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from cases.models import CaseDevice, TimelineEntry
from cases.services import cases
from response.choices import RunState, StepState
from response.errors import ApprovalError, TransitionError
from response.formats import yaml
from response.models import Attempt, Run, Runbook, Step, StepRun
from response.services import approvals, closing, decisions, drafts, invariants, runbooks, runs, steps
from secops.errors import NotAllowedError
from secops.http import HttpError
from tests.factories import make_device, make_user
from tests.response.conftest import ASK, ISOLATE, MAIL, begin, make_due, make_runbook, say_yes, settle_down, step_of

TEMPORARY = ISOLATE | {"undo_after": 3_600}


@pytest.fixture
def second(case):
    device = make_device("FIN-LT-0150")
    CaseDevice.objects.create(case=case, device=device)
    return device


@pytest.fixture
def three(world, case, second, analyst, responder):
    """Two devices isolated one after the other, and a mail."""
    other = {"key": "other", "action": "isolate_device", "params": {"device": second.pk}}
    run = begin(case, analyst, ISOLATE, MAIL, other)
    for key in ("isolate", "other"):
        say_yes(step_of(run, key), responder)
        settle_down()
    return run


@pytest.fixture
def temporary(world, case, analyst, responder):
    run = begin(case, analyst, TEMPORARY)
    say_yes(step_of(run, "isolate"), responder)
    read_back()
    return run


def read_back():
    """Sent and confirmed, without skipping the waits of other steps."""
    steps.work()
    StepRun.objects.filter(state=StepState.VERIFYING).update(not_before=timezone.now() - timedelta(seconds=1))
    steps.work()


def undo_of(run, key):
    return StepRun.objects.get(undoes=step_of(run, key))


def test_a_whole_run_is_undone_newest_first_each_on_an_approval_of_its_own(three, world, case, analyst, responder):
    decisions.undo_all(three.pk, actor=analyst)

    newest, oldest = undo_of(three, "other"), undo_of(three, "isolate")
    assert (newest.state, newest.approvals_needed) == (StepState.WAITING, 1)
    assert oldest.state == StepState.PENDING  # nobody is asked before the first is released
    say_yes(newest, responder)
    settle_down()
    say_yes(undo_of(three, "isolate"), responder)
    settle_down()

    released = [agent for kind, agent, _ in world.effects if kind == "release"]
    assert released == ["agent-FIN-LT-0150", "agent-FIN-LT-0142"]
    three.refresh_from_db()
    assert three.state == RunState.SUCCEEDED
    told = TimelineEntry.objects.get(case=case, text__startswith="Undo of ").text
    assert told == (
        "Undo of Contain v1 asked for, newest first: Isolate device: FIN-LT-0150, Isolate device: FIN-LT-0142. "
        "Stays: Notify by mail."
    )
    assert invariants.broken() == {}


@pytest.mark.slow
def test_the_rest_goes_on_when_one_of_them_is_refused(three, world, analyst, responder):
    decisions.undo_all(three.pk, actor=analyst)

    approvals.reject(undo_of(three, "other").pk, reason="still bad", actor=responder)

    assert undo_of(three, "isolate").state == StepState.WAITING


@pytest.mark.slow
def test_nothing_is_undone_twice(three, analyst, responder):
    one = decisions.undo(step_of(three, "other").pk, actor=analyst)

    asked = decisions.undo_all(three.pk, actor=analyst)

    assert [row.undoes for row in asked] == [step_of(three, "isolate")]
    assert undo_of(three, "other") == one
    with pytest.raises(TransitionError, match="Nothing of this run"):
        decisions.undo_all(three.pk, actor=analyst)


def test_a_run_that_goes_on_is_stopped_first(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE, ASK)
    say_yes(step_of(run, "isolate"), responder)
    settle_down()
    with pytest.raises(TransitionError, match="Stop it first"):
        decisions.undo_all(run.pk, actor=analyst)

    runs.stop(run.pk, reason="wrong device", actor=responder)
    decisions.undo_all(run.pk, actor=analyst)

    assert undo_of(run, "isolate").state == StepState.WAITING


def test_an_approver_asks_for_no_undo(three, approver):
    with pytest.raises(NotAllowedError):
        decisions.undo_all(three.pk, actor=approver)


@pytest.mark.slow
def test_the_panel_lists_what_is_undone_and_what_stays(client, three, case, analyst):
    client.force_login(analyst)

    text = client.get(reverse("response:panel", args=[case.pk])).content.decode()

    assert text.index("Release <span") < text.index("(Isolate device: FIN-LT-0142)")
    assert text.index("(Isolate device: FIN-LT-0150)") < text.index("(Isolate device: FIN-LT-0142)")
    assert "Stays as it is: Notify by mail." in text
    client.post(reverse("response:undo_all", args=[three.pk]))
    assert undo_of(three, "other").state == StepState.WAITING


def test_a_step_is_undone_by_itself_at_its_time_and_asks_nobody_again(temporary, world, case, analyst):
    undo = undo_of(temporary, "isolate")
    assert (undo.state, undo.approvals_needed) == (StepState.READY, 0)
    assert 3_500 < (undo.not_before - timezone.now()).total_seconds() <= 3_600
    steps.work()
    assert [kind for kind, *_ in world.effects] == ["isolate"]
    assert TimelineEntry.objects.filter(case=case, text__contains="follows by itself at").exists()

    settle_down()

    assert [kind for kind, *_ in world.effects] == ["isolate", "release"]
    temporary.refresh_from_db()
    assert temporary.state == RunState.SUCCEEDED
    assert invariants.broken() == {}


@pytest.mark.slow
def test_what_another_run_did_again_since_is_not_undone_by_itself(temporary, world, case, analyst, responder):
    again = begin(case, analyst, ISOLATE)
    say_yes(step_of(again, "isolate"), responder)
    read_back()

    settle_down()

    undo = undo_of(temporary, "isolate")
    assert undo.state == StepState.FAILED
    assert undo.reason.startswith("Isolate device was done again since by another step")
    assert [kind for kind, *_ in world.effects] == ["isolate", "isolate"]
    assert invariants.broken() == {}


def test_it_is_said_before_the_approval_and_while_it_waits(client, world, case, analyst, responder):
    run = begin(case, analyst, TEMPORARY)
    client.force_login(responder)
    asked = client.get(reverse("response:approval", args=[step_of(run, "isolate").pk])).content.decode()
    assert "Undone by itself after 1 h" in asked
    say_yes(step_of(run, "isolate"), responder)
    read_back()

    text = client.get(reverse("response:panel", args=[case.pk])).content.decode()

    assert "Undone by itself at" in text
    assert "Extend by 4 h" in text
    assert "every 2s" not in text  # nothing moves for an hour


def test_whoever_works_on_the_case_extends_it(client, temporary, world, case, analyst, approver):
    undo = undo_of(temporary, "isolate")
    client.force_login(analyst)

    client.post(reverse("response:extend", args=[undo.pk]), {"hours": "4"})

    moved = undo_of(temporary, "isolate")
    assert moved.not_before == undo.not_before + timedelta(hours=4)
    assert moved.deadline > moved.not_before
    assert Run.objects.get().deadline > moved.deadline
    assert TimelineEntry.objects.get(case=case, text__contains="moved to").user == analyst
    with pytest.raises(TransitionError, match="offered"):
        decisions.extend(undo.pk, 1_000, actor=analyst)
    with pytest.raises(NotAllowedError):
        decisions.extend(undo.pk, 4, actor=approver)


def test_it_can_be_asked_for_earlier_then_with_an_approval(temporary, world, analyst, responder):
    by_itself = undo_of(temporary, "isolate")

    now = decisions.undo(step_of(temporary, "isolate").pk, actor=analyst)

    by_itself.refresh_from_db()
    assert (by_itself.state, by_itself.undoes) == (StepState.CANCELLED, None)
    assert (now.state, now.approvals_needed) == (StepState.WAITING, 1)
    say_yes(now, responder)
    settle_down()
    assert [kind for kind, *_ in world.effects] == ["isolate", "release"]
    assert invariants.broken() == {}


def test_what_is_under_way_is_not_extended(temporary, analyst):
    make_due()
    undo = steps.claim()

    with pytest.raises(TransitionError, match="does not wait"):
        decisions.extend(undo.pk, 4, actor=analyst)


def test_a_mail_cannot_be_undone_after_a_time(db):
    problems = runbooks.check(_draft(MAIL | {"undo_after": 600}))

    assert [str(one) for one in problems] == ["Step 1, Undo after: Notify by mail cannot be undone."]


def test_tries_and_waits_are_data_of_the_step(world, case, analyst):
    run = begin(case, analyst, MAIL | {"max_attempts": 2, "backoff_seconds": 400})
    world.before = [HttpError("not reached", was_sent=False)] * 2
    steps.work()

    step = step_of(run, "tell")
    assert (step.attempts, step.max_attempts) == (1, 2)
    assert 290 < (step.not_before - timezone.now()).total_seconds() < 510
    settle_down()
    assert (step_of(run, "tell").state, step_of(run, "tell").attempts) == (StepState.FAILED, 2)


def test_they_travel_as_text_and_are_left_out_where_they_are_usual(db):
    version = make_runbook(TEMPORARY | {"max_attempts": 5, "backoff_seconds": 30}, MAIL, slug="temporary")
    text = yaml.write(version.body)

    assert text.count("undo_after: 3600") == text.count("max_attempts: 5") == text.count("backoff_seconds: 30") == 1
    drafts.take(text, "file", actor=None)
    assert drafts.text_of(version.runbook) == text
    assert runbooks.frozen(version.runbook) == version.body


def test_the_editor_keeps_them(client, db):
    client.force_login(make_user("dee", ["admin"]))
    runbook = make_runbook(TEMPORARY).runbook

    text = client.get(reverse("admin:response_runbook_change", args=[runbook.pk])).content.decode()

    assert 'name="steps-0-undo_after" value="3600"' in text


def _draft(*written):
    runbook = Runbook.objects.create(slug="draft", title="Draft")
    for order, fields in enumerate(written, start=1):
        Step.objects.create(runbook=runbook, order=order, **fields)
    return runbook


def test_a_closed_case_gives_back_what_it_holds_and_takes_nothing_again(temporary, case, analyst, responder, client):
    cases.close(case.pk, "true_positive", "Done with it", actor=analyst)
    client.force_login(analyst)
    assert "FIN-LT-0142 still isolated" in client.get(f"/cases/{case.number}/").content.decode()
    undo = decisions.undo(step_of(temporary, "isolate").pk, actor=analyst)
    say_yes(undo, responder)
    read_back()
    assert CaseDevice.objects.get().state == "released"

    again = f"/steps/{undo.pk}/undo/"
    assert again not in client.get(f"/cases/{case.number}/runs/panel/").content.decode()
    with pytest.raises(TransitionError, match=f"{case.number} is closed: open it again first"):
        decisions.undo(undo.pk, actor=analyst)

    cases.reopen(case.pk, actor=analyst)
    assert again in client.get(f"/cases/{case.number}/runs/panel/").content.decode()
    assert decisions.undo(undo.pk, actor=analyst).state == StepState.WAITING


def test_a_closed_case_begins_nothing_more_whatever_was_approved(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE | {"on_failure": "continue"}, MAIL)
    say_yes(step_of(run, "isolate"), responder)
    cases.close(case.pk, "false_positive", "A drill of their own", actor=analyst)

    settle_down()

    isolate = step_of(run, "isolate")
    assert (isolate.state, isolate.reason) == (StepState.FAILED, f"{case.number} is closed: open it again first.")
    assert [kind for kind, _, _ in world.effects] == ["mail"]  # what only tells goes on


def test_a_step_that_opens_in_a_closed_case_asks_nobody(world, case, analyst, responder, client):
    run = begin(case, analyst, ASK, ISOLATE)
    cases.close(case.pk, "false_positive", "A drill of their own", actor=analyst)
    decisions.answer(step_of(run, "next").pk, "Go", actor=analyst)
    settle_down()
    assert step_of(run, "isolate").state == StepState.FAILED
    assert not world.effects


def test_an_approval_that_waits_says_that_its_case_was_closed(world, case, analyst, responder, client):
    run = begin(case, analyst, ISOLATE)
    cases.close(case.pk, "false_positive", "A drill of their own", actor=analyst)
    client.force_login(responder)
    page = client.get(reverse("response:approval", args=[step_of(run, "isolate").pk])).content.decode()
    assert f"{case.number} is closed: open it again first." in page


def test_what_waits_in_a_closed_case_is_taken_back_and_nobody_is_asked_for_it(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    cases.close(case.pk, "false_positive", "A drill of their own", actor=analyst)

    settle_down()

    assert step_of(run, "isolate").state == StepState.CANCELLED
    run.refresh_from_db()
    assert (run.state, run.state_reason) == (RunState.CANCELLED, f"{case.number} was closed")
    with pytest.raises(ApprovalError):
        say_yes(step_of(run, "isolate"), responder)
    assert invariants.broken() == {}


def test_a_closed_case_starts_no_further_run(world, case, second, analyst):
    make_runbook(ISOLATE, slug="contain")
    answer = {"key": "answer", "action": "start_runbook", "params": {"runbook": "contain", "device": second.pk}}
    run = begin(case, analyst, answer)
    cases.close(case.pk, "false_positive", "A drill of their own", actor=analyst)
    steps.work()
    assert f"{case.number} is closed, so no run starts" in step_of(run, "answer").result
    assert not Run.objects.filter(parent=run).exists()


def test_what_may_have_been_sent_is_learnt_before_the_run_of_a_closed_case_stops(world, case, analyst):
    run = begin(case, analyst, MAIL, ASK)
    mail = step_of(run, "tell")
    StepRun.objects.filter(pk=mail.pk).update(state=StepState.READY, not_before=timezone.now() + timedelta(hours=1))
    Attempt.objects.create(
        step=mail, token=1, worker="w", claimed_at=timezone.now(), sent_at=timezone.now(), outcome="doubt"
    )
    cases.close(case.pk, "false_positive", "A drill of their own", actor=analyst)

    assert not closing.stop_runs()
    Run.objects.filter(pk=run.pk).update(state=RunState.PAUSED)  # nothing of it is sent again now
    assert closing.stop_runs()

    assert step_of(run, "tell").state == StepState.UNKNOWN
    assert closing.stop_runs() == 0
