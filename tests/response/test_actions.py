"""Each action through the engine, against a product of the tests' own."""

import pytest
from django import forms

from cases.choices import DeviceReason, DeviceState
from cases.models import Case, CaseDevice, CaseObservable
from response.actions.base import Call, actions
from response.actions.notify import ReceiversField
from response.choices import Effect, Risk, StepState
from response.errors import ActionError
from response.services import whole
from secops.connectors.capabilities.files import FileHit
from secops.http import HttpError
from tests.factories import make_device, make_observable, make_person
from tests.response.conftest import CONFIRM, ISOLATE, MAIL, begin, say_yes, settle_down, step_of

SHA256 = "a" * 64
UNNOTICED = {"notify_legal", "notify_hr"}  # what changes something outside and is not noticed by the subject
FIND = {"key": "find", "action": "find_file", "params": {"sha256": ""}}


def hit(device: str, agent_id: str) -> FileHit:
    return FileHit(device=device, agent_id=agent_id, path="C:/x.dll", sha256=SHA256, has_run=True)


def test_every_action_declares_what_the_engine_needs():
    for action in actions:
        assert action.label
        assert action.traces
        assert action.effect in Effect.values
        assert action.risk in Risk.values
        assert not action.undone_by or action.undone_by in actions
        is_unnoticed = action.capability == "capture" or action.slug in UNNOTICED
        assert action.effect == Effect.READ or action.is_noticeable or is_unnoticed


def test_hits_elsewhere_become_suspected_devices_that_are_not_contained(world, case, analyst):
    CaseObservable.objects.create(
        case=case,
        observable=make_observable(SHA256, "hash_sha256", verdict="malicious"),
        role="file",
        first_seen_at=case.opened_at,
    )
    world.hits = [
        hit("fin-lt-0142", "agent-FIN-LT-0142"),
        hit("fin-lt-0150", "agent-150"),
        hit("fin-lt-0150", "agent-150"),
    ]

    run = begin(case, analyst, FIND)
    settle_down()

    assert step_of(run, "find").result == "Found on 1 other device, not contained: FIN-LT-0150"
    part = CaseDevice.objects.get(case=case, device__name="FIN-LT-0150")
    assert (part.reason, part.state) == (DeviceReason.HUNT, DeviceState.SUSPECTED)
    assert step_of(run, "find").data["hits"][0]["device_id"] == part.device_id


def test_without_a_malicious_file_there_is_nothing_to_look_for(world, case, analyst):
    run = begin(case, analyst, FIND)
    settle_down()

    assert "nothing to look for" in step_of(run, "find").result
    assert step_of(run, "find").state == StepState.SUCCEEDED


def test_the_search_waits_while_sources_are_still_asked_about_the_files(world, case, analyst):
    Case.objects.update(enrichment={"pending": 2})
    run = begin(case, analyst, FIND)
    settle_down(3)

    step = step_of(run, "find")
    assert (step.state, step.attempts) == (StepState.READY, 0)
    assert "still being asked" in step.reason
    Case.objects.update(enrichment={"pending": 0})
    settle_down()
    assert step_of(run, "find").state == StepState.SUCCEEDED


def test_confirming_learns_nothing_and_fails_when_the_edr_does_not_know_the_device(world, case, device, analyst):
    device.agent_id = ""
    device.save()

    run = begin(case, analyst, CONFIRM)
    settle_down()

    assert "is not known by the EDR" in step_of(run, "confirm").reason


def test_a_device_without_an_id_is_never_isolated_by_its_address(world, case, device, analyst, responder):
    device.agent_id = ""
    device.save()
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    settle_down()

    assert world.effects == []
    assert "an address is not enough" in step_of(run, "isolate").reason


def test_a_device_of_another_case_is_no_target(world, case, analyst):
    other = make_device("SRV-01")

    run = begin(case, analyst, ISOLATE | {"params": {"device": str(other.pk)}})

    assert step_of(run, "isolate").state == StepState.FAILED
    assert "not part of" in step_of(run, "isolate").reason


def test_a_mail_holds_a_link_and_of_a_restricted_case_nothing_else(world, case, analyst, settings):
    settings.NIGHTDESK_URL = "https://desk.example"
    begin(case, analyst, MAIL)
    Case.objects.update(is_restricted=True)
    case.members.create(user=analyst)
    settle_down()

    (mail,) = world.mails
    assert mail["to"] == ["soc@corp.example"]
    assert f"https://desk.example/cases/CASE-{case.pk}/" in mail["text"]
    assert "Look" not in mail["text"]
    assert case.title not in mail["text"] + mail["subject"]


def test_the_idempotency_key_is_the_same_for_every_attempt(world, case, analyst):
    run = begin(case, analyst, MAIL)

    world.before = [HttpError("no", was_sent=False)]
    settle_down()

    assert [key for *_, key in world.effects] == [step_of(run, "tell").key_text]


@pytest.mark.parametrize("text", ["", "nobody", "a@b.example, nobody", "x@y.example\r\nBcc: z"])
def test_receivers_must_be_addresses(text):
    with pytest.raises(forms.ValidationError):
        ReceiversField().clean(text)


def test_parameters_that_do_not_fit_are_named(case):
    with pytest.raises(ActionError, match="Device: Enter a whole number"):
        actions["isolate_device"].clean({"device": "laptop"}, case)
    with pytest.raises(ActionError, match="no parameter force"):
        actions["isolate_device"].clean({"device": 1, "force": True}, case)


def test_who_is_signed_in_is_said_as_far_as_it_is_known(case, device):

    call = Call(case=case, step_id=1, params={"device": device.pk}, key="k")
    plan = actions["isolate_device"]().plan
    assert plan(call).who == "Not known: no source has said who is signed in"

    device.owner = make_person("m.okafor", department="Finance")
    device.save()
    assert plan(call).who == "Not known. The owner is M.Okafor, Finance"

    case.case_people.create(person=make_person("d.lima", department="Treasury"), role="logged_on")
    assert plan(call).who == "D.Lima, Treasury"


def test_the_whole_case_tells_its_runs(world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    settle_down()

    (said,) = whole.section(case)["runs"]

    (step,) = said["steps"]
    assert (said["state"], said["version"]) == ("succeeded", 1)
    assert step["approvals"][0]["by"] == "bo"
    assert {name: step[name] for name in ("key", "item", "action", "state", "result", "undone_by")} == {
        "key": "isolate",
        "item": "",
        "action": "isolate_device",
        "state": "succeeded",
        "result": "FIN-LT-0142: isolated, verified",
        "undone_by": None,
    }
