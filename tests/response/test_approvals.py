"""Four eyes, bound to what was seen; and the rules that are asked again just before every effect."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from cases.models import Case, CaseDevice
from response.choices import Decision, RunState, StepState
from response.errors import ApprovalError, OwnApprovalError, RunbookError
from response.models import Approval, KillSwitch, RunbookVersion, StepChange, StepRun
from response.models.runbooks import body_hash
from response.services import approvals, invariants, runs, steps
from secops.errors import NotAllowedError
from tests.factories import make_device, make_user
from tests.response.conftest import CONFIRM, ISOLATE, MAIL, begin, make_due, make_runbook, say_yes, settle_down, step_of


def make_covert(case: Case) -> None:
    Case.objects.filter(pk=case.pk).update(is_restricted=True, is_covert=True)


def test_the_requester_cannot_approve_and_is_told_why(world, case, responder):
    run = begin(case, responder, ISOLATE)

    with pytest.raises(OwnApprovalError, match="You asked for this step"):
        say_yes(step_of(run, "isolate"), responder)


def test_the_author_of_the_version_cannot_approve(world, case, analyst):
    responder = make_user("both", ["responder", "admin"])
    version = make_runbook(ISOLATE, actor=responder)
    run = runs.start(version.pk, case.pk, request_id=uuid4(), actor=analyst)

    with pytest.raises(OwnApprovalError, match="You wrote"):
        say_yes(step_of(run, "isolate"), responder)


def test_an_analyst_does_not_approve(world, case, analyst):
    run = begin(case, analyst, ISOLATE)

    with pytest.raises(NotAllowedError):
        say_yes(step_of(run, "isolate"), make_user("other", ["analyst"]))


def test_who_cannot_see_the_case_does_not_approve(world, case, analyst, approver):
    run = begin(case, analyst, ISOLATE)
    Case.objects.update(is_restricted=True)

    with pytest.raises(NotAllowedError, match="see this case"):
        say_yes(step_of(run, "isolate"), approver)


def test_an_approval_of_other_parameters_does_not_count(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)

    with pytest.raises(ApprovalError, match="differ"):
        approvals.approve(step_of(run, "isolate").pk, params_sha256="0" * 64, actor=responder)


def test_parameters_changed_after_the_approval_are_never_sent(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    step = say_yes(step_of(run, "isolate"), responder)
    other = make_device("SRV-DC-01")
    CaseDevice.objects.create(case=case, device=other)
    StepRun.objects.filter(pk=step.pk).update(params={"device": other.pk, "comment": ""})

    settle_down()

    assert world.effects == []
    step.refresh_from_db()
    assert step.state == StepState.FAILED
    assert "differ from what was approved" in step.reason


def test_also_with_a_hash_that_fits_the_changed_parameters(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    step = say_yes(step_of(run, "isolate"), responder)
    params = {"device": make_device("SRV-DC-01").pk, "comment": ""}
    StepRun.objects.filter(pk=step.pk).update(params=params, params_sha256=body_hash(params))

    settle_down()

    assert world.effects == []
    assert step_of(run, "isolate").state == StepState.FAILED


def test_a_rejection_needs_own_words_and_ends_the_step(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    step = step_of(run, "isolate")
    with pytest.raises(ApprovalError, match="own words"):
        approvals.reject(step.pk, reason=" ", actor=responder)

    approvals.reject(step.pk, reason="Payment run first", actor=responder)

    step.refresh_from_db()
    run.refresh_from_db()
    assert (step.state, run.state) == (StepState.REJECTED, RunState.FAILED)
    assert "Payment run first" in step.reason
    assert invariants.broken() == {}


def test_who_comes_second_reads_who_decided(world, case, analyst, responder, approver):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)

    with pytest.raises(ApprovalError, match="approved by Bo Mars at"):
        say_yes(step_of(run, "isolate"), approver)


def test_an_expired_request_cannot_be_approved(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    StepRun.objects.update(deadline=timezone.now() - timedelta(seconds=1))

    with pytest.raises(ApprovalError, match="over"):
        say_yes(step_of(run, "isolate"), responder)


def test_an_approval_that_expired_before_the_send_does_not_count(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    settle_down()

    assert world.effects == []
    assert "does not count any more" in step_of(run, "isolate").reason


@pytest.mark.parametrize("who", ["analyst", "responder"])
def test_a_user_disabled_after_the_approval_stops_the_send(world, case, analyst, responder, who):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    user = {"analyst": analyst, "responder": responder}[who]
    user.is_active = False
    user.save()

    settle_down()

    assert world.effects == []
    assert step_of(run, "isolate").state == StepState.FAILED


def test_a_critical_device_waits_for_two_persons(world, case, device, analyst, responder, approver):
    device.is_critical = True
    device.save()
    run = begin(case, analyst, ISOLATE)
    step = say_yes(step_of(run, "isolate"), responder)
    assert (step.approvals_needed, step.state) == (2, StepState.WAITING)
    with pytest.raises(ApprovalError, match="decided on this step already"):
        say_yes(step, responder)

    say_yes(step, approver)
    settle_down()

    assert step_of(run, "isolate").state == StepState.SUCCEEDED
    assert invariants.broken() == {}


def test_the_database_refuses_an_approval_by_the_requester(world, case, analyst):
    step = step_of(begin(case, analyst, ISOLATE), "isolate")

    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.create(
            step=step,
            params_sha256=step.params_sha256,
            decided_by=analyst,
            requested_by=analyst,
            decision=Decision.APPROVED,
            decided_at=timezone.now(),
            expires_at=timezone.now(),
        )


@pytest.mark.parametrize("written", [ISOLATE, MAIL], ids=["isolate", "mail"])
def test_a_covert_case_refuses_at_intent_what_could_be_noticed(world, case, analyst, responder, written):
    run = begin(case, analyst, written)
    step = StepRun.objects.get(run=run)
    if step.state == StepState.WAITING:
        say_yes(step, responder)
    case.members.create(user=analyst)
    case.members.create(user=responder)
    make_covert(case)

    settle_down()

    step.refresh_from_db()
    assert world.effects == []
    assert step.state == StepState.FAILED
    assert "could be noticed by the subject" in step.reason


def test_a_covert_case_still_reads(world, case, analyst):
    make_covert(case)
    case.members.create(user=analyst)

    run = begin(case, analyst, CONFIRM)
    settle_down()

    assert step_of(run, "confirm").state == StepState.SUCCEEDED


def test_a_protected_device_is_never_touched(world, case, device, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    device.is_protected = True
    device.save()

    settle_down()

    assert world.effects == []
    assert "never touched" in step_of(run, "isolate").reason


def test_the_kill_switch_holds_every_effect_and_counts_no_attempt(world, case, analyst):
    KillSwitch.objects.create(pk=1, is_on=True, reason="drill")
    run = begin(case, analyst, MAIL)
    for _ in range(5):
        make_due()
        steps.work_once()

    step = step_of(run, "tell")
    assert world.effects == []
    assert (step.state, step.attempts) == (StepState.READY, 0)
    assert "kill switch is on: drill" in step.reason
    KillSwitch.objects.update(is_on=False)
    settle_down()
    assert step_of(run, "tell").state == StepState.SUCCEEDED


def test_a_version_changed_by_hand_is_not_carried_out(world, case, analyst, responder):
    run = begin(case, analyst, MAIL)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE response_runbookversion SET body = '{\"steps\": []}'")

    settle_down()

    assert world.effects == []
    assert "was changed after it was published" in step_of(run, "tell").reason


def test_a_published_version_cannot_be_changed_or_deleted(world, case):
    version = make_runbook(MAIL)
    version.note = "other"

    for wrong in (version.save, version.delete, RunbookVersion.objects.all().delete):
        with pytest.raises(RunbookError):
            wrong()
    with pytest.raises(RunbookError):
        RunbookVersion.objects.update(note="other")


def test_a_change_rewritten_by_hand_breaks_its_chain(world, case, analyst):
    begin(case, analyst, MAIL)
    settle_down()
    assert invariants.broken() == {}

    StepChange.objects.filter(new=StepState.SENDING).update(text="nothing to see")

    assert list(invariants.broken()) == ["I6"]


def test_a_step_whose_state_was_set_by_hand_is_found(world, case, analyst):
    begin(case, analyst, ISOLATE)

    StepRun.objects.update(state=StepState.FAILED)

    assert "I6" in invariants.broken()
    assert "I12" in invariants.broken()
