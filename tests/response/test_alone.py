"""An action alone from a case: the same policy as in a runbook, and nobody's choice of a runbook."""

from uuid import uuid4

import pytest
from django.urls import reverse

from cases.choices import Stage
from cases.models import Case, CaseMember, TimelineEntry
from response.choices import RunState, StepState
from response.errors import ActionError, ApprovalError, RunbookError, TransitionError
from response.models import ProtectedDevices, Run, Runbook, StepRun
from response.services import alone, decisions, invariants, runbooks
from secops.errors import NotAllowedError
from tests.factories import make_device
from tests.response.conftest import say_yes, settle_down, step_of

WHY = "Beacons, and nobody answers"


def isolate(case, device, actor, name="fin-lt-0142", request_id=None, reason=WHY):
    return alone.start(
        case,
        "isolate_device",
        {"device": device.pk},
        request_id=request_id or uuid4(),
        actor=actor,
        device_name=name,
        reason=reason,
    )


def test_it_is_a_run_of_one_step_with_the_usual_approval_and_undo(world, case, device, analyst, responder):
    run = isolate(case, device, analyst)
    step = step_of(run, "do")
    assert (step.state, step.approvals_needed) == (StepState.WAITING, 1)
    say_yes(step, responder)
    settle_down()

    run.refresh_from_db()
    assert (run.state, len(world.effects)) == (RunState.SUCCEEDED, 1)
    assert step.params["comment"] == WHY  # for who approves and for the log of the product
    assert TimelineEntry.objects.filter(case=case, text=f"Started Isolate device, alone v1: “{WHY}”").exists()
    say_yes(decisions.undo(step.pk, actor=analyst), responder)
    settle_down()
    assert [kind for kind, *_ in world.effects] == ["isolate", "release"]
    assert invariants.broken() == {}


def test_the_requester_does_not_approve_and_a_double_click_starts_one(world, case, device, responder):
    request_id = uuid4()

    first = isolate(case, device, responder, request_id=request_id)
    second = isolate(case, device, responder, request_id=request_id)

    assert first == second
    assert Run.objects.count() == 1
    with pytest.raises(NotAllowedError, match="You asked for this step"):
        say_yes(step_of(first, "do"), responder)


def test_the_device_is_named_by_hand(world, case, device, analyst):
    with pytest.raises(ApprovalError, match="Type the name of the device, FIN-LT-0142"):
        isolate(case, device, analyst, name="FIN-LT-0150")
    assert not Run.objects.exists()


def test_it_says_why_in_words(world, case, device, analyst):
    with pytest.raises(ApprovalError, match="Write why, in your own words: 10 characters or more"):
        isolate(case, device, analyst, reason="   because  ")
    assert not Run.objects.exists()


def test_a_device_of_another_case_an_expression_and_a_listed_device_are_refused(world, case, device, analyst):
    with pytest.raises(ActionError, match="not part of"):
        isolate(case, make_device("OTHER"), analyst, name="OTHER")
    with pytest.raises(ActionError, match="no expressions"):
        alone.start(case, "find_file", {"sha256": "${{ case.title }}"}, request_id=uuid4(), actor=analyst)
    ProtectedDevices.objects.create(what="a file server", name_pattern="FIN-*")
    with pytest.raises(ActionError, match="do-not-isolate"):
        isolate(case, device, analyst)
    assert not Run.objects.exists()


def test_a_covert_case_offers_and_takes_nothing_that_could_be_noticed(client, world, case, device, analyst):
    Case.objects.filter(pk=case.pk).update(is_covert=True, is_restricted=True)
    CaseMember.objects.create(case=case, user=analyst)
    case.refresh_from_db()

    assert all(not action.is_noticeable for action in alone.offered(case))
    assert "find_file" in {action.slug for action in alone.offered(case)}
    with pytest.raises(ActionError, match="covert"):
        isolate(case, device, analyst)


def test_what_needs_nobody_begins_at_once(world, case, analyst):
    run = alone.start(case, "find_file", {"sha256": "a" * 64}, request_id=uuid4(), actor=analyst)

    settle_down()

    assert step_of(run, "do").state == StepState.SUCCEEDED


def test_a_case_in_triage_an_approver_and_no_action_are_refused(world, case, device, analyst, approver):
    with pytest.raises(NotAllowedError):
        isolate(case, device, approver)
    with pytest.raises(RunbookError):
        alone.start(case, "each", {}, request_id=uuid4(), actor=analyst)
    Case.objects.filter(pk=case.pk).update(stage=Stage.TRIAGE)
    case.refresh_from_db()
    with pytest.raises(TransitionError, match="Escalate"):
        isolate(case, device, analyst)


def test_its_version_is_offered_nowhere(world, case, device, analyst):
    isolate(case, device, analyst)

    assert Runbook.objects.get().is_internal
    assert runbooks.offered(case) == []


def test_the_panel_leads_to_the_form_and_the_form_starts_it(client, world, case, device, analyst):
    client.force_login(analyst)
    url = reverse("response:alone", args=[case.pk])
    assert url in client.get(reverse("response:panel", args=[case.pk])).content.decode()
    assert "?action=isolate_device" in client.get(url).content.decode()
    text = client.get(url, {"action": "isolate_device"}).content.decode()
    assert f'<option value="{device.pk}" selected>FIN-LT-0142</option>' in text  # there is no other
    assert "FIN-LT-0142 loses the network within minutes" in text
    data = {"action": "isolate_device", "device": str(device.pk), "reason": WHY, "request_id": str(uuid4())}

    assert client.post(url, data).status_code == 422  # the name is missing
    answer = client.post(url, data | {"device_name": "FIN-LT-0142"})
    assert WHY in client.get(reverse("response:approval", args=[StepRun.objects.get().pk])).content.decode()

    assert answer.headers["Location"] == reverse("cases:case", args=[case.pk])
    assert step_of(Run.objects.get(), "do").state == StepState.WAITING
    assert client.get(url, {"action": "no_such"}).status_code == 404
