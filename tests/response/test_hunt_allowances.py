"""One approval of a hunt that includes containing up to so many of its hits: which it covers, and which wait."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cases.choices import Stage
from cases.models import Case, Device, TimelineEntry
from response.actions.allowing import allows
from response.actions.hunt import HuntEverywhere
from response.choices import RunState, StepState
from response.errors import ActionError, TransitionError
from response.models import Allowance, AllowanceUse, Drill, Run, StepRun
from response.services import allowances, clock, hunt_asks, invariants, policy, steps, unanswered
from secops.errors import NotAllowedError
from secops.models import Integration, User
from tests.factories import make_device
from tests.racing import at_once
from tests.response.conftest import ISOLATE, World, begin, make_due, make_runbook, say_yes, settle_down, step_of
from tests.response.test_hunts import SHA, Field, field, hit

__all__ = ["field"]
GROUP = "Finance laptops"
PARAMS = {"clauses": [{"kind": "sha256", "value": SHA}], "contain_up_to": 2, "contain_group": GROUP}
HUNT = {"key": "find", "action": "hunt", "params": PARAMS}
ANSWER = {
    "key": "answer",
    "action": "start_runbook",
    "for_each": "steps.find.hits",
    "cap": 9,
    "params": {"runbook": "contain", "device": "${{ item.device_id }}"},
}


@pytest.fixture
def found(field: Field, world: World, db: None) -> list[Device]:
    """Three of the group, in the order in which they are found, and one of another."""
    Integration.objects.filter(connector="test_hunt_two").delete()
    make_runbook(ISOLATE, slug="contain")
    named = {"A-1": GROUP, "A-2": GROUP, "A-3": GROUP, "S-1": "Servers"}
    field.hits = [hit(name) for name in named]
    return [make_device(name, agent_id=f"agent-{name}", group=group) for name, group in named.items()]


def hunt(case: Case, analyst: User, approver: User, **params: Any) -> Run:
    """Approved, carried out, and its hits answered."""
    run = begin(case, analyst, HUNT | {"params": PARAMS | params}, ANSWER)
    say_yes(step_of(run, "find"), approver)
    go_on()
    return run


def begin_unticked(case: Case, analyst: User, approver: User, hits: int) -> Run:
    """Approved and carried out, and no tick has come by since its hits ask for approval."""
    run = begin(case, analyst, HUNT, ANSWER)
    say_yes(step_of(run, "find"), approver)
    while StepRun.objects.filter(action="isolate_device", state=StepState.WAITING).count() < hits:
        make_due()
        assert hunt_asks.work() + steps.work()
    return run


def go_on() -> None:
    """The questions first, then whatever follows from their answers."""
    make_due()
    while hunt_asks.work() + steps.work():
        make_due()
    settle_down()


def isolation(device: Device) -> StepRun:
    return StepRun.objects.get(action="isolate_device", run__device=device)


def told(case: Case) -> str:
    return "\n".join(TimelineEntry.objects.filter(case=case).order_by("seq").values_list("text", flat=True))


def test_up_to_the_number_of_the_group_go_on_it_and_all_others_wait(
    found: list[Device], case: Case, analyst: User, approver: User, world: World
) -> None:
    run = begin(case, analyst, HUNT, ANSWER)
    assert step_of(run, "find").state == StepState.WAITING  # reads only, and a person decides all the same
    go_on()
    assert not Allowance.objects.exists()

    say_yes(step_of(run, "find"), approver)
    go_on()

    states = [isolation(one).state for one in found]
    assert states == [StepState.SUCCEEDED, StepState.SUCCEEDED, StepState.WAITING, StepState.WAITING]
    assert world.isolated == {"agent-A-1": "isolated", "agent-A-2": "isolated"}
    approval = step_of(run, "find").approvals.get()
    first = isolation(found[0])
    assert (first.allowed.allowance.approval, first.allowed.params_sha256) == (approval, first.params_sha256)
    text = told(case)
    assert f"Approval {approval.pk} of Hunt on all devices includes containing up to 2 devices of the group" in text
    assert f"Approved with the hunt by eve (approval {approval.pk}), 2 of 2: Isolate device: A-2" in text
    assert "Isolate device: A-3 waits for its own approval" in text
    assert "does not include it: 2 of 2 were let go" in text
    assert text.count("S-1 is of the group Servers, and it is for Finance laptops") == 1
    assert invariants.broken() == {}

    say_yes(isolation(found[2]), approver)
    settle_down()
    assert world.isolated["agent-A-3"] == "isolated"  # as before


@pytest.mark.slow
def test_the_page_says_it_in_plain_words_and_what_became_of_it(
    found: list[Device], case: Case, analyst: User, approver: User, client: Client
) -> None:
    run = begin(case, analyst, HUNT, ANSWER)
    client.force_login(approver)
    page = reverse("response:approval", args=[step_of(run, "find").pk])
    asked = client.get(page).content.decode()
    assert "Approves hunting for SHA-256 aaaa…aaaa and containing up to 2 devices of the group Finance laptops" in asked
    assert "This one approval lets up to 2 devices of the group Finance laptops lose their network." in asked

    say_yes(step_of(run, "find"), approver)
    go_on()

    assert "0 left" in client.get(page).content.decode()
    used = client.get(reverse("response:approval", args=[isolation(found[0]).pk])).content.decode()
    assert "Approved with the hunt by eve" in used
    client.post(reverse("response:withdraw", args=[step_of(run, "find").pk]), {"next": page})
    assert "<b>Withdrawn</b> by eve" in client.get(page).content.decode()


@pytest.mark.slow
def test_an_approval_of_less_than_the_hunt_would_ask_includes_nothing_and_the_case_reads_so(
    found: list[Device], field: Field, case: Case, analyst: User, approver: User, world: World
) -> None:
    field.devices = 4_120
    run = begin(case, analyst, HUNT, ANSWER)
    say_yes(step_of(run, "find"), approver)
    first = step_of(run, "find").approvals.get()
    assert "if the hunt asks no more than 500 devices" in told(case)
    go_on()

    assert step_of(run, "find").state == StepState.WAITING
    assert f"Approval {first.pk} of Hunt on all devices includes no containment any more: it was of less" in told(case)
    with CaptureQueriesContext(connection) as asked:
        say_yes(step_of(run, "find"), approver)
    went = [one["sql"] for one in asked if "response_allowance" in one["sql"] or "cases_timelineentry" in one["sql"]]
    assert "response_allowance" in went[0]  # the tick's order: its row first, then the case's; else both would wait
    go_on()
    assert [isolation(one).state for one in found[:2]] == [StepState.SUCCEEDED] * 2
    assert told(case).count("if the hunt asks no more") == 1


def test_withdrawn_it_lets_nothing_go_not_even_what_was_not_sent_yet(
    found: list[Device], case: Case, analyst: User, approver: User, world: World
) -> None:
    run = begin_unticked(case, analyst, approver, len(found))
    unanswered.tick()
    assert isolation(found[0]).state == StepState.READY

    with pytest.raises(NotAllowedError):
        allowances.withdraw(step_of(run, "find").pk, actor=analyst)
    allowances.withdraw(step_of(run, "find").pk, actor=approver)
    settle_down()

    assert isolation(found[0]).state == StepState.FAILED
    assert "does not count any more: it was withdrawn" in isolation(found[0]).reason
    assert not world.effects
    with pytest.raises(TransitionError, match="allows nothing"):
        allowances.withdraw(step_of(run, "find").pk, actor=approver)


@pytest.mark.slow
def test_what_must_not_be_trusted_is_as_ever_and_uses_nothing_up(
    found: list[Device], case: Case, analyst: User, approver: User, world: World
) -> None:
    Device.objects.filter(pk=found[0].pk).update(is_critical=True)
    Device.objects.filter(pk=found[1].pk).update(is_protected=True)
    Drill.objects.all().delete()
    hunt(case, analyst, approver)
    assert [isolation(one).state for one in found[:3]] == [StepState.WAITING, StepState.FAILED, StepState.WAITING]
    assert "A-1 is critical, which people decide" in told(case)
    assert "A-3 waits for its own approval. The approval of Hunt on all devices does not include it" in told(case)
    assert "Test EDR has not shown yet" in told(case)
    assert not AllowanceUse.objects.exists()


@pytest.mark.slow
def test_who_wrote_the_runbook_of_the_hits_does_not_approve_them_with_the_hunt(
    found: list[Device], case: Case, analyst: User, approver: User, world: World
) -> None:
    make_runbook(ISOLATE, slug="other", actor=approver)
    run = begin(case, analyst, HUNT, ANSWER | {"params": ANSWER["params"] | {"runbook": "other"}})
    say_yes(step_of(run, "find"), approver)
    go_on()
    assert {isolation(one).state for one in found} == {StepState.WAITING}
    assert "eve, who approved the hunt, may not decide on this step" in told(case)


@pytest.mark.slow
def test_it_counts_for_the_runs_of_its_hunt_alone_and_not_for_ever(
    found: list[Device], case: Case, analyst: User, approver: User, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hunt(case, analyst, approver, contain_up_to=1)
    waiting = isolation(found[1])
    given = Allowance.objects.get()
    AllowanceUse.objects.all().delete()
    assert allowances.why_not(given, waiting, clock.now()) == ""
    assert "it counted until" in allowances.why_not(given, waiting, given.expires_at)
    lone = begin(case, analyst, ISOLATE | {"params": {"device": str(found[1].pk)}})
    assert "it is for the runs that the hunt's own run starts" in allowances.why_not(
        given, step_of(lone, "isolate"), clock.now()
    )
    StepRun.objects.filter(pk=given.hunt_step_id).update(params_sha256="0" * 64)
    given = Allowance.objects.get()
    assert allowances.why_not(given, waiting, clock.now()) == policy.CHANGED


def test_number_and_group_belong_together() -> None:
    with pytest.raises(ActionError, match="belong together"):
        HuntEverywhere.clean({"contain_up_to": 2})
    with pytest.raises(ActionError, match="belong together"):
        HuntEverywhere.clean({"contain_group": GROUP})
    with pytest.raises(ActionError, match=r"^Clauses: .* for clauses that it names"):
        HuntEverywhere.clean(PARAMS | {"clauses": []})  # the case's files of later are none that anybody approved
    assert allows(HuntEverywhere.clean({})) is None
    case = Case(stage=Stage.RESPONSE)
    assert policy.approvals_needed(HuntEverywhere(), HuntEverywhere.clean(PARAMS), case, 0, is_undo=False) == 1


@pytest.mark.django_db(transaction=True)
def test_racing_ticks_let_go_exactly_the_number(
    found: list[Device], case: Case, analyst: User, approver: User, world: World
) -> None:
    begin_unticked(case, analyst, approver, len(found))

    at_once(*[unanswered.tick] * 4)

    assert AllowanceUse.objects.count() == 2
    states = sorted(isolation(one).state for one in found)
    assert states == [StepState.READY, StepState.READY, StepState.WAITING, StepState.WAITING]
    settle_down()
    assert len([kind for kind, *_ in world.effects if kind == "isolate"]) == 2
    assert Run.objects.filter(state=RunState.SUCCEEDED, parent__isnull=False).count() == 2
    assert invariants.broken() == {}
