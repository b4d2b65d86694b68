"""What goes wrong beside the plain path: late answers, locked cases, broken integrations, limits while reading back."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.tasks import default_task_backend
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases.models import TimelineEntry
from response.choices import Effect, RunState, StepState
from response.errors import RunbookError, TransitionError
from response.models import Attempt, Runbook, StepRun
from response.services import decisions, invariants, outcomes, recovery, runbooks, runs, steps
from secops.connectors.capabilities.errors import NoEffect, SourceLimited
from secops.models import Integration
from tests.response.conftest import (
    ASK,
    CONFIRM,
    ISOLATE,
    MAIL,
    FakeProduct,
    begin,
    make_due,
    make_runbook,
    say_yes,
    settle_down,
    step_of,
)


def test_a_late_yes_after_a_person_said_no_is_told_on_the_timeline(world, case, analyst, responder):
    run = begin(case, analyst, MAIL)
    step = steps.claim()
    intent = steps.write_intent(step.pk, step.token)
    StepRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    recovery.tick()
    decisions.settle(step.pk, False, reason="nothing in the log", actor=responder)

    steps.send(intent)

    assert step_of(run, "tell").state == StepState.FAILED
    assert len(world.mails) == 1
    told = TimelineEntry.objects.filter(case=case, text__contains="late answer").values_list("text", flat=True)
    assert list(told) == ["Notify by mail: it happened after all, says a late answer. Mail sent to soc@corp.example"]


def test_a_late_answer_of_a_read_is_kept_and_not_told(world, case, analyst):
    begin(case, analyst, CONFIRM)
    step = steps.claim()
    intent = steps.write_intent(step.pk, step.token)
    StepRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    recovery.tick()

    steps.send(intent)

    assert Attempt.objects.get().detail.startswith("A late answer")
    assert not TimelineEntry.objects.filter(case=case, text__contains="late answer").exists()


def test_an_integration_whose_secret_cannot_be_read_fails_the_step_and_says_why(world, case, analyst):
    Integration.objects.update(secrets={"password": "not a sealed secret"})
    run = begin(case, analyst, MAIL)

    steps.work()

    step = step_of(run, "tell")
    assert step.state == StepState.FAILED
    assert "Test EDR cannot be used" in step.reason
    assert invariants.broken() == {}


def test_a_rate_limit_while_reading_back_is_waited_for_and_no_failed_read(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    world.reads = [SourceLimited("later", 40.0)]

    steps.work()
    make_due()
    steps.work_once()

    step = step_of(run, "isolate")
    assert (step.state, step.checks) == (StepState.VERIFYING, 0)
    assert step.not_before > timezone.now() + timedelta(seconds=30)
    assert Integration.objects.get().hold_until is not None


@pytest.mark.parametrize("reads", [[], ["partly"]], ids=["isolated", "partly"])
def test_the_case_is_locked_before_its_devices(world, case, analyst, responder, reads):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    steps.work_once()
    world.reads = list(reads)
    make_due()

    with CaptureQueriesContext(connection) as seen:
        steps.work_once()

    said = [query["sql"] for query in seen]
    touched = next(n for n, sql in enumerate(said) if sql.startswith('UPDATE "cases_casedevice"'))
    own = f'FROM "cases_case" WHERE "cases_case"."id" = {case.pk}'
    assert any(own in sql and "cases_casedevice" not in sql for sql in said[:touched])


def test_cancel_names_a_step_that_waits_to_be_sent_again_and_may_have_happened(world, case, analyst):
    run = begin(case, analyst, MAIL)
    StepRun.objects.update(effect=Effect.KEYED)
    step = steps.claim()
    steps.write_intent(step.pk, step.token)
    outcomes.doubtful(step.pk, step.token, "broke off")
    assert step_of(run, "tell").state == StepState.READY

    runs.cancel(run.pk, actor=analyst)

    run.refresh_from_db()
    assert "1 step(s) were already sent" in run.state_reason
    assert step_of(run, "tell").state == StepState.UNKNOWN


@pytest.mark.parametrize(("knows_keys", "least"), [(True, 0), (False, FakeProduct.settling_seconds)])
def test_a_keyed_step_waits_until_a_late_request_can_be_seen_where_the_product_knows_no_keys(
    world, case, analyst, monkeypatch, knows_keys, least
):
    """Else what landed late would be done a second time: it is looked for, and not there yet."""
    monkeypatch.setattr(FakeProduct, "dedupes_keys", knows_keys)
    run = begin(case, analyst, MAIL)
    StepRun.objects.update(effect=Effect.KEYED)
    step = steps.claim()
    steps.write_intent(step.pk, step.token)
    outcomes.doubtful(step.pk, step.token, "broke off")

    step = step_of(run, "tell")
    wait = (step.not_before - step.state_at).total_seconds()
    assert step.state == StepState.READY
    assert least - 0.1 <= wait < max(least, 4) + 1  # two clocks: of the state, of the wait


def test_a_step_whose_tries_are_spent_is_rung_for_when_its_bell_was_lost(world, case, analyst, enqueued):
    begin(case, analyst, MAIL)
    StepRun.objects.update(attempts=3, state_at=timezone.now() - timedelta(seconds=5))
    default_task_backend.clear()

    recovery.tick()

    assert ("ring_response",) in enqueued()
    assert recovery.is_overdue(4)
    steps.work()
    assert not recovery.is_overdue(4)


@pytest.mark.parametrize(
    "written",
    [
        MAIL | {"params": {"to": "${{ [1, 2] }}", "message": "x"}, "approvals": 1},
        ASK | {"params": {"question": "?", "choices": "${{ [1, [2]] }}"}},
        ISOLATE | {"params": {"device": "${{ 9223372036854775807 }}"}},
    ],
    ids=["receivers", "choices", "device"],
)
def test_a_parameter_of_another_type_fails_the_step_and_nothing_else(world, case, analyst, written):
    run = begin(case, analyst, CONFIRM, written)

    steps.work()

    assert step_of(run, "confirm").state == StepState.SUCCEEDED
    assert step_of(run, written["key"]).state in {StepState.FAILED, StepState.WAITING}


def test_a_device_number_that_no_row_can_have_is_refused_where_it_is_written(db):
    with pytest.raises(RunbookError, match="Step 1, Device"):
        make_runbook(ISOLATE | {"params": {"device": str(10**30)}})


def test_a_version_that_a_newer_one_replaced_starts_no_run(world, case, analyst):
    old = make_runbook(ISOLATE | {"approvals": 0})
    old.runbook.steps.update(approvals=None)
    runbooks.publish(old.runbook, actor=None)

    with pytest.raises(RunbookError, match="v2"):
        runs.start(old.pk, case.pk, request_id=uuid4(), actor=analyst)


def test_a_runbook_that_is_switched_off_starts_no_run(world, case, analyst):
    version = make_runbook(MAIL)
    Runbook.objects.update(is_enabled=False)

    with pytest.raises(RunbookError, match="switched off"):
        runs.start(version.pk, case.pk, request_id=uuid4(), actor=analyst)


@pytest.mark.parametrize("source", ["alert.title", "[alert][0].rule_name", "person.upn"])
def test_an_alert_never_chooses_a_receiver_without_an_approval(db, source):
    with pytest.raises(RunbookError, match="Step 1, To: an alert could choose"):
        make_runbook(MAIL | {"params": {"to": f"${{{{ {source} }}}}", "message": "x"}})


def test_a_receiver_that_somebody_approves_may_come_from_the_case(db):
    params = {"to": "${{ person.upn }}", "message": "${{ alert.title }}"}

    assert make_runbook(MAIL | {"params": params, "approvals": 1}).number == 1


def test_an_answer_after_its_time_is_refused(world, case, analyst):
    run = begin(case, analyst, ASK)
    StepRun.objects.update(deadline=timezone.now() - timedelta(seconds=1))

    with pytest.raises(TransitionError, match="over"):
        decisions.answer(step_of(run, "next").pk, "Go", actor=analyst)


@pytest.mark.slow
def test_an_undo_that_failed_and_is_asked_again_breaks_no_invariant_of_a_cancelled_run(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE, ASK)
    say_yes(step_of(run, "isolate"), responder)
    settle_down()
    runs.cancel(run.pk, actor=analyst)
    say_yes(decisions.undo(step_of(run, "isolate").pk, actor=analyst), responder)
    world.before = [NoEffect("refused")]
    settle_down()
    say_yes(decisions.undo(step_of(run, "isolate").pk, actor=analyst), responder)
    settle_down()

    assert [kind for kind, *_ in world.effects] == ["isolate", "release"]
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert invariants.broken() == {}
