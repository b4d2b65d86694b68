"""Drill before trust: off until cut off, verified and given back on a test device of the group."""

from uuid import uuid4

import pytest
from django.urls import reverse

from cases.choices import DeviceState, Stage
from cases.models import Case, CaseDevice, Device, TimelineEntry
from response.actions.base import actions
from response.choices import StepState
from response.errors import ActionError, RunbookError
from response.models import Drill, Run, Runbook, RunbookVersion, StepRun
from response.services import decisions, drills, internal, invariants, rehearsal, runbooks
from secops import integrations
from secops.errors import NotAllowedError
from secops.models import AuditEntry, Integration
from tests.factories import make_case, make_device, make_user
from tests.response.conftest import ISOLATE, begin, make_runbook, say_yes, settle_down, step_of

GROUP = "Finance laptops"
UNTRIED = f"Test EDR has not shown yet that it can do this to devices of the group {GROUP} and undo it"


@pytest.fixture
def untried(world, device):
    """Nothing is drilled, and the case's device has a group."""
    Drill.objects.all().delete()
    Device.objects.filter(pk=device.pk).update(group=GROUP)
    return world


@pytest.fixture
def test_device(db):
    return make_device("TEST-LT-01", group=GROUP)


def drill(actor, approver, name="test-lt-01"):
    run = drills.start("isolate_device", name, request_id=uuid4(), actor=actor)
    settle_down()
    for key in ("do", "undo"):
        say_yes(step_of(run, key), approver)
        settle_down()
    return run


def test_without_a_drill_nothing_is_sent_and_the_page_said_so_before(
    client, untried, case, analyst, responder, approver
):
    run = begin(case, analyst, ISOLATE)
    client.force_login(responder)
    text = client.get(reverse("response:approval", args=[step_of(run, "isolate").pk])).content.decode()
    assert f"This will be refused when it is due: {UNTRIED}" in text

    say_yes(step_of(run, "isolate"), responder)
    settle_down()

    step = step_of(run, "isolate")
    assert step.state == StepState.FAILED
    assert step.reason.startswith(UNTRIED)
    assert untried.effects == []
    assert invariants.broken() == {}


def test_a_drill_is_a_case_of_its_own_and_switches_the_group_on(
    untried, test_device, case, analyst, responder, approver
):
    run = drill(responder, approver)

    assert [kind for kind, *_ in untried.effects] == ["isolate", "release"]
    found = Drill.objects.get()
    assert (found.device_group, found.device, found.by) == (GROUP, test_device, responder)
    assert found.isolated_at <= found.verified_at <= found.released_at
    assert run.case.title == "Drill: Isolate device by Test EDR on TEST-LT-01"
    assert run.case.stage == Stage.RESPONSE
    passed = "Drill passed: Test EDR may isolate device for Finance laptops"
    assert TimelineEntry.objects.filter(case=run.case, text=passed).exists()
    assert AuditEntry.objects.filter(text__startswith=passed).exists()
    assert CaseDevice.objects.get(case=run.case).state == DeviceState.RELEASED

    real = begin(case, analyst, ISOLATE)
    say_yes(step_of(real, "isolate"), approver)
    settle_down()
    assert step_of(real, "isolate").state == StepState.SUCCEEDED
    assert invariants.broken() == {}


@pytest.mark.slow
def test_a_drill_counts_for_its_group_only(untried, test_device, responder, approver, analyst):
    drill(responder, approver)
    other = make_case(stage=Stage.RESPONSE)
    CaseDevice.objects.create(case=other, device=make_device("BRANCH-01", group="Branch"))

    run = begin(other, analyst, ISOLATE)

    assert "group Branch" in drills.problem(actions["isolate_device"](), other, step_of(run, "isolate").params)


def test_a_device_that_was_not_given_back_is_no_drill(untried, test_device, case, analyst, responder, approver):
    run = drills.start("isolate_device", "TEST-LT-01", request_id=uuid4(), actor=responder)
    settle_down()
    say_yes(step_of(run, "do"), approver)
    settle_down()

    assert Drill.objects.get().state_text == "Not given back yet"
    assert drills.problem(actions["isolate_device"](), case, {"device": CaseDevice.objects.get(case=case).device_id})


@pytest.mark.parametrize("key", ["do", "undo"])
def test_a_drill_does_not_pass_on_a_person_s_word(untried, test_device, case, responder, approver, key):
    run = drills.start("isolate_device", "TEST-LT-01", request_id=uuid4(), actor=responder)
    settle_down()
    if key == "undo":
        say_yes(step_of(run, "do"), approver)
        settle_down()
    say_yes(step_of(run, key), approver)
    StepRun.objects.filter(run=run, key=key).update(state=StepState.UNKNOWN, connector="Test EDR")

    decisions.settle(step_of(run, key).pk, True, reason="I looked at it", actor=responder)
    settle_down()
    if key == "do":
        say_yes(step_of(run, "undo"), approver)
        settle_down()

    assert {step_of(run, one).state for one in ("do", "undo")} == {StepState.SUCCEEDED}
    assert Drill.objects.get().released_at is None
    assert UNTRIED in drills.problem(
        actions["isolate_device"](), case, {"device": CaseDevice.objects.get(case=case).device_id}
    )


def test_what_was_isolated_is_released_whatever_became_of_the_drill(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    settle_down()
    Drill.objects.all().delete()

    say_yes(decisions.undo(step_of(run, "isolate").pk, actor=analyst), responder)
    settle_down()

    assert [kind for kind, *_ in world.effects] == ["isolate", "release"]


def test_the_same_form_starts_one_drill_and_an_analyst_none(untried, test_device, analyst, responder):
    request_id = uuid4()

    first = drills.start("isolate_device", "TEST-LT-01", request_id=request_id, actor=responder)
    second = drills.start("isolate_device", "TEST-LT-01", request_id=request_id, actor=responder)

    assert first == second
    assert Drill.objects.count() == 1
    with pytest.raises(NotAllowedError):
        drills.start("isolate_device", "TEST-LT-01", request_id=uuid4(), actor=analyst)


def test_a_name_that_two_devices_have_is_refused(untried, responder):
    make_device("TWIN", agent_id="a1")
    make_device("TWIN", agent_id="a2")

    with pytest.raises(ActionError, match="Several devices are called TWIN"):
        drills.start("isolate_device", "twin", request_id=uuid4(), actor=responder)
    with pytest.raises(RunbookError):
        drills.start("notify", "twin", request_id=uuid4(), actor=responder)
    assert not Case.objects.filter(title__startswith="Drill").exists()


def test_the_range_comes_drilled_and_says_that_it_is_simulated(world, case):
    Drill.objects.all().delete()
    real = integrations.add("test_edr", "Real EDR", {})
    Integration.objects.filter(name="Test EDR").update(is_simulated=True)

    drills.record_range()
    drills.record_range()

    found = Drill.objects.get(integration__name="Test EDR", action="isolate_device")
    assert (found.group_text, found.state_text, found.by) == ("all groups", "Simulated", None)
    assert not Drill.objects.filter(integration=real).exists()


def test_a_dry_run_fails_where_nothing_is_drilled(untried, case):
    runbook = make_runbook(ISOLATE).runbook

    told = rehearsal.rehearse(runbook, runbooks.frozen(runbook), case)

    assert told.steps[0].verdict == "fail"
    assert told.steps[0].why.startswith(UNTRIED)


def test_versions_of_our_own_are_made_once_and_offered_and_edited_nowhere(client, world, device):
    steps = [internal.step("do", "isolate_device", {"device": device.pk})]

    assert internal.version_of("drill-x", "Drill", steps) == internal.version_of("drill-x", "Drill", steps)
    assert RunbookVersion.objects.count() == 1
    make_runbook(ISOLATE, slug="people-wrote-it")
    with pytest.raises(RunbookError, match="people-wrote-it"):
        internal.version_of("people-wrote-it", "Drill", steps)

    client.force_login(make_user("dee", ["admin"]))
    text = client.get(reverse("admin:response_runbook_changelist")).content.decode()
    assert "people-wrote-it" in text
    assert "drill-x" not in text
    own = Runbook.objects.get(slug="drill-x")
    assert client.get(reverse("admin:response_runbook_change", args=[own.pk])).status_code == 302


def test_the_page_shows_what_is_off_and_starts_a_drill(client, untried, test_device, responder):
    client.force_login(responder)
    text = client.get(reverse("response:drills")).content.decode()
    assert f"<td>{GROUP}</td>" in text
    assert "Off: no drill" in text

    answer = client.post(
        reverse("response:drills"),
        {"action": "isolate_device", "device": "TEST-LT-01", "request_id": str(uuid4())},
    )

    run = Run.objects.get()
    assert answer.headers["Location"] == reverse("cases:case", args=[run.case_id])
    assert "Not finished" in client.get(reverse("response:drills")).content.decode()
    client.force_login(make_user("dee", ["admin"]))
    assert GROUP in client.get(reverse("admin:response_drill_changelist")).content.decode()
