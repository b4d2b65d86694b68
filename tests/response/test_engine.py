"""The run engine from start to end: states, doubt, read-back, undo, recovery."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from cases.choices import DeviceState, Stage
from cases.models import CaseDevice, TimelineEntry
from response.choices import Outcome, RunState, StepState
from response.errors import ApprovalError, RunbookError, TransitionError
from response.models import Attempt, Run, StepRun
from response.services import decisions, invariants, outcomes, recovery, runs, steps
from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceLimited
from secops.errors import NotAllowedError
from secops.http import HttpError
from tests.factories import make_case
from tests.response.conftest import (
    ASK,
    CONFIRM,
    ISOLATE,
    MAIL,
    age_sends,
    begin,
    make_due,
    make_runbook,
    say_yes,
    settle_down,
    step_of,
)

DROPPED = HttpError("edr broke off")
NOT_REACHED = HttpError("edr was not reached", was_sent=False)


def test_a_run_goes_from_asked_to_confirmed_and_says_so_on_the_timeline(world, case, analyst, responder):
    run = begin(case, analyst, CONFIRM, ISOLATE)
    settle_down()
    isolate = step_of(run, "isolate")
    assert isolate.state == StepState.WAITING
    assert world.effects == []

    say_yes(isolate, responder)
    settle_down()

    isolate.refresh_from_db()
    run.refresh_from_db()
    assert (isolate.state, run.state) == (StepState.SUCCEEDED, RunState.SUCCEEDED)
    assert isolate.result == "FIN-LT-0142: isolated, verified"
    assert CaseDevice.objects.get(case=case).state == DeviceState.ISOLATED
    told = [entry.text for entry in TimelineEntry.objects.filter(case=case, kind="run")]
    assert told == [
        "Started Contain v1",
        "Confirm device and owner: FIN-LT-0142 by device id, owner not known",
        "Asked: Isolate device: FIN-LT-0142",
        "Approved: Isolate device: FIN-LT-0142",
        "Sending: Isolate device: FIN-LT-0142",
        "Confirmed: FIN-LT-0142: isolated, verified",
        "Contain v1: succeeded",
    ]
    assert invariants.broken() == {}


def test_the_answer_of_the_product_alone_does_not_confirm(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)

    world.reads = ["pending_isolate", "pending_isolate"]
    steps.work()

    assert step_of(run, "isolate").state == StepState.VERIFYING
    assert CaseDevice.objects.get(case=case).state == DeviceState.SUSPECTED


def test_the_same_form_sent_twice_starts_one_run(world, case, analyst):
    version, request_id = make_runbook(ISOLATE), uuid4()

    first = runs.start(version.pk, case.pk, request_id=request_id, actor=analyst)
    second = runs.start(version.pk, case.pk, request_id=request_id, actor=analyst)

    assert first.pk == second.pk
    assert Run.objects.count() == 1


def test_a_form_of_another_case_does_not_find_that_run(world, case, analyst):
    version, request_id = make_runbook(ISOLATE), uuid4()
    runs.start(version.pk, case.pk, request_id=request_id, actor=analyst)

    with pytest.raises(TransitionError, match="something else"):
        runs.start(version.pk, make_case(stage=Stage.RESPONSE).pk, request_id=request_id, actor=analyst)


def test_a_case_in_triage_starts_no_run(world, case, analyst):
    case.stage = Stage.TRIAGE
    case.save()

    with pytest.raises(TransitionError, match="Escalate"):
        begin(case, analyst, ISOLATE)


def test_a_case_without_a_device_starts_no_run_that_acts_on_one(world, analyst):
    bare = make_case(stage=Stage.TRIAGE)
    version = make_runbook(ISOLATE)

    with pytest.raises(RunbookError, match="names no device yet"):
        runs.escalate_and_start(version.pk, bare.pk, request_id=uuid4(), actor=analyst)

    bare.refresh_from_db()
    assert bare.stage == Stage.TRIAGE


def test_a_dropped_isolation_is_read_back_after_the_settling_time_and_never_sent_twice(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    world.after = [DROPPED]

    steps.work()

    step = step_of(run, "isolate")
    assert step.state == StepState.VERIFYING
    assert step.not_before > timezone.now() + timedelta(seconds=25)
    settle_down()
    assert step_of(run, "isolate").state == StepState.SUCCEEDED
    assert len(world.effects) == 1
    assert invariants.broken() == {}


def test_not_done_is_believed_only_after_the_settling_time(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    world.before = [Doubt("no answer")]
    steps.work()

    make_due()
    steps.work()
    assert step_of(run, "isolate").state == StepState.VERIFYING

    age_sends(60)
    settle_down()
    assert step_of(run, "isolate").state == StepState.SUCCEEDED
    assert [one.outcome for one in Attempt.objects.order_by("token")] == [Outcome.NOT_DONE, Outcome.OK]
    assert len(world.effects) == 1


def test_a_mail_in_doubt_is_never_sent_again_and_waits_for_a_person(world, case, analyst, responder):
    run = begin(case, analyst, MAIL)
    world.after = [DROPPED]

    settle_down()

    step = step_of(run, "tell")
    assert step.state == StepState.UNKNOWN
    run.refresh_from_db()
    assert run.state == RunState.RUNNING
    assert len(world.effects) == 1
    decisions.settle(step.pk, True, reason="it is in my inbox", actor=responder)
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED
    assert Attempt.objects.get().outcome == Outcome.OK
    assert invariants.broken() == {}


def test_it_did_not_happen_closes_the_attempt_as_not_done(world, case, analyst, responder):
    run = begin(case, analyst, MAIL)
    world.before = [DROPPED]
    settle_down()

    decisions.settle(step_of(run, "tell").pk, False, reason="nothing in the log", actor=responder)

    run.refresh_from_db()
    assert (step_of(run, "tell").state, run.state) == (StepState.FAILED, RunState.FAILED)
    assert Attempt.objects.get().outcome == Outcome.NOT_DONE
    assert invariants.broken() == {}


def test_an_analyst_does_not_settle_a_doubt(world, case, analyst):
    run = begin(case, analyst, MAIL)
    world.after = [DROPPED]
    settle_down()

    with pytest.raises(NotAllowedError):
        decisions.settle(step_of(run, "tell").pk, True, reason="surely", actor=analyst)


def test_what_was_not_sent_is_tried_again_and_ends_as_failed(world, case, analyst):
    run = begin(case, analyst, MAIL)
    world.before = [NOT_REACHED] * 5

    settle_down()

    step = step_of(run, "tell")
    assert (step.state, step.attempts) == (StepState.FAILED, 3)
    assert "was not reached" in step.reason
    assert invariants.broken() == {}


def test_later_is_no_attempt(world, case, analyst):
    run = begin(case, analyst, MAIL)
    world.before = [NoEffect("busy", retry_after=5.0)] * 6

    settle_down()

    step = step_of(run, "tell")
    assert (step.state, step.attempts) == (StepState.SUCCEEDED, 1)
    assert len(world.mails) == 1


def test_a_rate_limit_holds_the_product(world, case, analyst):
    run = begin(case, analyst, MAIL)
    world.before = [SourceLimited("later", 60.0)]
    steps.work()

    step = step_of(run, "tell")
    assert step.state == StepState.READY
    assert step.not_before > timezone.now() + timedelta(seconds=50)
    assert step.attempts == 0


def test_partly_isolated_is_no_success(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    world.reads = ["partly"] * 20

    settle_down()

    step = step_of(run, "isolate")
    assert step.state == StepState.UNKNOWN
    assert "not contained" in step.reason
    assert CaseDevice.objects.get(case=case).state == DeviceState.PARTLY_ISOLATED


def test_a_device_that_cannot_be_read_eight_times_is_unknown(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    world.reads = [DROPPED] * 20

    settle_down()

    assert step_of(run, "isolate").state == StepState.UNKNOWN


def test_undo_is_a_step_with_an_approval_of_its_own_and_happens_once(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    settle_down()

    undo = decisions.undo(step_of(run, "isolate").pk, actor=analyst)
    undo.refresh_from_db()
    assert (undo.state, undo.approvals_needed) == (StepState.WAITING, 1)
    with pytest.raises(TransitionError, match="already"):
        decisions.undo(step_of(run, "isolate").pk, actor=responder)
    say_yes(undo, responder)
    settle_down()

    run.refresh_from_db()
    assert (step_of(run, "undo_isolate").state, run.state) == (StepState.SUCCEEDED, RunState.SUCCEEDED)
    assert [kind for kind, *_ in world.effects] == ["isolate", "release"]
    assert CaseDevice.objects.get(case=case).state == DeviceState.RELEASED
    assert invariants.broken() == {}
    with pytest.raises(TransitionError, match="already"):
        decisions.undo(step_of(run, "isolate").pk, actor=analyst)


def test_cancel_takes_back_what_was_not_sent_and_names_what_was(world, case, analyst, responder):
    run = begin(case, analyst, MAIL, ISOLATE, ASK)
    settle_down()

    runs.cancel(run.pk, actor=analyst)

    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert "1 step(s) were already sent" in run.state_reason
    assert {step.state for step in StepRun.objects.filter(run=run)} == {StepState.SUCCEEDED, StepState.CANCELLED}
    assert invariants.broken() == {}


def test_an_analyst_cancels_only_an_own_run(world, case, analyst, responder):
    run = begin(case, responder, ISOLATE)

    with pytest.raises(NotAllowedError):
        runs.cancel(run.pk, actor=analyst)


def test_a_cancel_between_claim_and_intent_sends_nothing(world, case, analyst):
    run = begin(case, analyst, MAIL)
    step = steps.claim()
    runs.cancel(run.pk, actor=analyst)

    steps.carry_out(step.pk, step.token)

    assert world.effects == []
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert invariants.broken() == {}


def test_stop_needs_own_words_and_leaves_what_was_done(world, case, analyst, responder):
    run = begin(case, analyst, MAIL, ISOLATE)
    settle_down()
    with pytest.raises(ApprovalError):
        runs.stop(run.pk, reason=" ", actor=responder)

    runs.stop(run.pk, reason="wrong device", actor=responder)

    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert step_of(run, "isolate").state == StepState.CANCELLED


def test_a_read_that_comes_back_after_the_stop_is_not_tried_again(world, case, analyst, responder):
    run = begin(case, analyst, CONFIRM, MAIL)
    step = steps.claim()
    intent = steps.write_intent(step.pk, step.token)
    runs.stop(run.pk, reason="wrong device", actor=responder)
    run.refresh_from_db()
    assert run.state == RunState.STOPPING

    outcomes.doubtful(intent.step.pk, intent.step.token, "edr broke off")

    run.refresh_from_db()
    assert (step_of(run, "confirm").state, run.state) == (StepState.CANCELLED, RunState.CANCELLED)
    assert invariants.broken() == {}


def test_a_mail_in_doubt_keeps_a_cancelled_run_open(world, case, analyst, responder):
    run = begin(case, analyst, MAIL)
    world.after = [DROPPED]
    settle_down()

    runs.cancel(run.pk, actor=analyst)

    run.refresh_from_db()
    assert run.state == RunState.STOPPING
    with pytest.raises(TransitionError, match="already"):
        runs.cancel(run.pk, actor=analyst)
    decisions.settle(step_of(run, "tell").pk, True, reason="it arrived", actor=responder)
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert invariants.broken() == {}


def test_an_undo_long_after_the_end_is_carried_out(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    settle_down()
    Run.objects.update(deadline=timezone.now() - timedelta(days=3))

    say_yes(decisions.undo(step_of(run, "isolate").pk, actor=analyst), responder)
    settle_down()

    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED
    assert step_of(run, "undo_isolate").state == StepState.SUCCEEDED


def test_a_paused_run_sends_nothing_until_it_is_resumed(world, case, analyst, responder):
    run = begin(case, analyst, MAIL)
    runs.pause(run.pk, actor=responder)
    settle_down()
    assert world.effects == []

    runs.resume(run.pk, actor=responder)
    settle_down()

    assert len(world.effects) == 1


def test_a_worker_that_died_before_the_intent_sent_nothing(world, case, analyst):
    run = begin(case, analyst, MAIL)
    steps.claim()
    StepRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    recovery.tick()
    assert step_of(run, "tell").state == StepState.READY
    settle_down()

    assert len(world.effects) == 1
    assert invariants.broken() == {}


def test_a_worker_that_died_after_the_intent_leaves_a_doubt(world, case, analyst, responder):
    run = begin(case, analyst, MAIL)
    step = steps.claim()
    steps.write_intent(step.pk, step.token)
    StepRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    settle_down()

    assert step_of(run, "tell").state == StepState.UNKNOWN
    assert world.effects == []


def test_a_frozen_worker_sends_nothing_when_it_thaws(world, case, analyst, settings):
    run = begin(case, analyst, MAIL)
    step = steps.claim()
    intent = steps.write_intent(step.pk, step.token)
    settings.PAUSE_HOLE_SECONDS = -1

    steps.send(intent)

    assert world.effects == []
    assert step_of(run, "tell").state == StepState.READY


def test_a_stale_answer_never_overwrites_a_newer_attempt(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    step = steps.claim()
    intent = steps.write_intent(step.pk, step.token)
    StepRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    recovery.tick()
    age_sends(60)
    settle_down()
    assert step_of(run, "isolate").token == 2

    steps.send(intent)

    assert step_of(run, "isolate").state == StepState.SUCCEEDED
    assert Attempt.objects.get(token=1).detail.startswith("A late answer")


def test_a_second_effect_on_the_same_device_waits_for_the_first(world, case, analyst, responder):
    first, second = begin(case, analyst, ISOLATE), begin(case, analyst, ISOLATE)
    for run in (first, second):
        say_yes(step_of(run, "isolate"), responder)
    world.after = [DROPPED]

    steps.work()

    assert {step_of(first, "isolate").state, step_of(second, "isolate").state} == {
        StepState.VERIFYING,
        StepState.READY,
    }
    assert len(world.effects) == 1


def test_a_failed_step_stops_pauses_or_goes_on_as_it_says(world, case, analyst, responder):
    world.unknown = {"agent-FIN-LT-0142"}
    stops = begin(case, analyst, CONFIRM, MAIL)
    asks = begin(case, analyst, CONFIRM | {"on_failure": "ask"}, MAIL)
    goes_on = begin(case, analyst, CONFIRM | {"on_failure": "continue"}, MAIL)

    settle_down()

    for run in (stops, asks, goes_on):
        run.refresh_from_db()
    assert [stops.state, asks.state, goes_on.state] == [RunState.FAILED, RunState.PAUSED, RunState.SUCCEEDED]
    assert step_of(stops, "tell").state == StepState.CANCELLED
    assert "does not know FIN-LT-0142" in step_of(stops, "confirm").reason
    runs.resume(asks.pk, actor=responder)
    settle_down()
    assert step_of(asks, "tell").state == StepState.SUCCEEDED
    assert invariants.broken() == {}


def test_a_condition_that_does_not_hold_skips_the_step(world, case, analyst):
    run = begin(case, analyst, MAIL | {"when": "case.severity > 3"}, ASK)

    assert step_of(run, "tell").state == StepState.SKIPPED
    assert step_of(run, "next").state == StepState.WAITING


def test_a_condition_that_is_not_a_bool_fails_the_step(world, case, analyst):
    run = begin(case, analyst, MAIL | {"when": "case.severity"})

    assert step_of(run, "tell").state == StepState.FAILED


def test_the_responder_answers_with_one_of_the_choices(world, case, analyst):
    run = begin(case, analyst, ASK, MAIL | {"when": "steps.next.answer == 'Go'"})
    with pytest.raises(TransitionError, match="choices"):
        decisions.answer(step_of(run, "next").pk, "Else", actor=analyst)

    decisions.answer(step_of(run, "next").pk, "Go", actor=analyst)
    settle_down()

    assert step_of(run, "next").result == "Ada Lind chose: Go"
    assert step_of(run, "tell").state == StepState.SUCCEEDED


def test_nobody_answers_and_the_step_expires(world, case, analyst):
    run = begin(case, analyst, ISOLATE)
    StepRun.objects.update(deadline=timezone.now() - timedelta(seconds=1))

    recovery.tick()

    step = step_of(run, "isolate")
    assert (step.state, step.reason) == (StepState.EXPIRED, "Nobody answered in time. Nothing was sent")
    run.refresh_from_db()
    assert run.state == RunState.FAILED


def test_a_run_past_its_time_is_stopped(world, case, analyst):
    run = begin(case, analyst, ISOLATE)
    Run.objects.update(deadline=timezone.now() - timedelta(seconds=1))

    recovery.tick()

    run.refresh_from_db()
    assert run.is_ended
    assert invariants.broken() == {}
