"""A step for each item of a list: one step per device, a long list waits for a person, and nothing is done twice."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cases.models import Case, CasePerson, Device, Person
from response.actions.isolate_device import IsolateDevice
from response.choices import RunState, StepState
from response.errors import RunbookError
from response.models import Run, StepRun
from response.services import approvals, decisions, invariants, progress, runbooks, runs
from response.views import board
from secops.connectors.capabilities.files import FileHit
from secops.models import User
from tests.factories import make_case, make_user
from tests.response.conftest import ISOLATE, World, begin, make_runbook, say_yes
from tests.response.conftest import settle_down as work

SHA = "a" * 64
FIND = {"key": "find", "action": "find_file", "params": {"sha256": SHA}}
EACH = {
    "key": "others",
    "action": "isolate_device",
    "title": "Isolate",
    "for_each": "steps.find.hits",
    "params": {"device": "${{ item.device_id }}"},
    "cap": 2,
    "on_failure": "continue",
}
TELL = {
    "key": "tell",
    "action": "notify",
    "params": {"to": "soc@corp.example", "message": "${{ steps.others.items.size() }} done"},
}


def hit(number: int) -> FileHit:
    return FileHit(
        sha256=SHA,
        path=f"C:\\Users\\{number}\\a.exe",
        device=f"fin-lt-{number}",
        agent_id=f"agent-{number}",
        first_seen_at=timezone.now(),
        has_run=True,
    )


def say_no(step: StepRun, actor: User) -> StepRun:
    return approvals.reject(step.pk, reason="not this one", actor=actor)


def of(run: Run) -> list[StepRun]:
    """The steps of the list, without the row that stands for it."""
    return list(StepRun.objects.filter(run=run, key="others").exclude(item=""))


def row(run: Run) -> StepRun:
    return StepRun.objects.get(run=run, key="others", item="")


def approve_all_but_a_protected_one(run: Run, actor: User) -> None:
    """Everything is approved, and one device turns out to be never touched."""
    Device.objects.filter(agent_id="agent-1").update(is_protected=True)
    for step in of(run):
        say_yes(step, actor)
    work()
    assert sorted(step.state for step in of(run)) == [StepState.FAILED, StepState.SUCCEEDED]


@pytest.fixture
def two(world: World) -> World:
    world.hits = [hit(1), hit(2)]
    return world


def test_each_hit_is_isolated_on_an_approval_of_its_own(case: Case, two: World, analyst: User, responder: User) -> None:
    run = begin(case, analyst, FIND, EACH, TELL)
    work()

    assert row(run).state == StepState.SUCCEEDED
    assert [step.title for step in of(run)] == ["Isolate: FIN-LT-1", "Isolate: FIN-LT-2"]
    assert {step.state for step in of(run)} == {StepState.WAITING}
    assert two.effects == []

    for step in of(run):
        say_yes(step, responder)
    work()

    assert sorted((kind, agent) for kind, agent, _ in two.effects if agent) == [
        ("isolate", "agent-1"),
        ("isolate", "agent-2"),
    ]
    assert {step.state for step in of(run)} == {StepState.SUCCEEDED}
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED
    assert two.mails[0]["text"].startswith("2 done")
    assert invariants.broken() == {}


@pytest.mark.slow
def test_what_needs_the_list_waits_for_all_of_it(case: Case, two: World, analyst: User, responder: User) -> None:
    run = begin(case, analyst, FIND, EACH, TELL)
    work()
    say_yes(of(run)[0], responder)
    work()
    assert StepRun.objects.get(run=run, key="tell").state == StepState.PENDING

    say_no(of(run)[1], responder)
    work()
    assert StepRun.objects.get(run=run, key="tell").state == StepState.SUCCEEDED
    assert [agent for _, agent, _ in two.effects if agent] == ["agent-1"]


def test_over_the_cap_a_person_reads_the_whole_list_first(
    case: Case, world: World, analyst: User, responder: User
) -> None:
    world.hits = [hit(number) for number in range(4)]
    run = begin(case, analyst, FIND, EACH)
    work()

    waiting = row(run)
    assert (waiting.state, waiting.approvals_needed) == (StepState.WAITING, 1)
    assert [item["name"] for item in waiting.params["items"]] == [f"FIN-LT-{number}" for number in range(4)]
    assert of(run) == []

    say_yes(waiting, responder)
    work()
    assert len(of(run)) == 4
    assert {step.state for step in of(run)} == {StepState.WAITING}
    assert world.effects == []


@pytest.mark.slow
def test_who_decides_on_a_long_list_sees_every_name(
    case: Case, world: World, analyst: User, responder: User, client: Client
) -> None:
    world.hits = [hit(number) for number in range(30)]
    run = begin(case, analyst, FIND, EACH)
    work()

    client.force_login(responder)
    for path in (f"/approvals/{row(run).pk}/", f"/cases/{case.number}/runs/panel/", f"/runs/{run.pk}/"):
        said = client.get(path).content.decode()
        assert "Isolate: 30 times" in said, path
        assert all(f">FIN-LT-{number}<" in said for number in range(30)), path
        assert "Each of them still asks for an approval of its own." in said, path
    assert "items: 30 items" in client.get(f"/approvals/{row(run).pk}/").content.decode()


@pytest.mark.slow
def test_what_asks_nobody_else_says_so_before_the_list_is_approved(
    case: Case, world: World, analyst: User, responder: User
) -> None:
    world.hits = [hit(number) for number in range(4)]
    run = begin(case, analyst, FIND, EACH | {"approvals": 0})
    work()
    plan = board.plan_of(row(run))
    assert plan is not None
    assert "Approving begins all of them." in plan.consequence

    say_yes(row(run), responder)
    work()
    assert len(world.effects) == 4


def test_a_refused_list_begins_none_of_it(case: Case, world: World, analyst: User, responder: User) -> None:
    world.hits = [hit(number) for number in range(4)]
    run = begin(case, analyst, FIND, EACH)
    work()
    say_no(row(run), responder)
    work()

    run.refresh_from_db()
    assert run.is_ended
    assert of(run) == []
    assert invariants.broken() == {}


def test_an_empty_list_is_skipped_and_says_why(case: Case, world: World, analyst: User) -> None:
    written = EACH | {"for_each": "has(steps.find.hits) ? steps.find.hits : []"}
    run = begin(case, analyst, FIND, written)
    work()

    assert row(run).state == StepState.SKIPPED
    assert row(run).reason == "There is nothing to do it for"
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED


@pytest.mark.parametrize(
    ("source", "text"),
    [("steps.find.state", "for_each gives str, not a list"), ("steps.find.nothing", "nothing")],
)
def test_what_is_no_list_fails_the_step_in_words(source: str, text: str, case: Case, two: World, analyst: User) -> None:
    run = begin(case, analyst, FIND, EACH | {"for_each": source})
    work()
    assert row(run).state == StepState.FAILED
    assert text in row(run).reason


def test_a_device_named_twice_is_done_once(case: Case, two: World, analyst: User) -> None:
    run = begin(case, analyst, FIND, EACH | {"for_each": "[steps.find.hits[0], steps.find.hits[0]]"})
    work()
    assert len(of(run)) == 1


@pytest.mark.parametrize(
    ("source", "items"),
    [
        ("[{'device': 'A', 'path': 'p1'}, {'device': 'A', 'path': 'p2'}]", ["A", "A #2"]),
        (f"['{'x' * 130}1', '{'x' * 130}2']", ["x" * 100, f"{'x' * 100} #2"]),
    ],
)
def test_items_that_are_called_the_same_are_not_the_same(
    source: str, items: list[str], case: Case, world: World, analyst: User
) -> None:
    tell = {"action": "notify", "params": {"to": "soc@corp.example", "message": "${{ item }}"}}
    run = begin(case, analyst, EACH | tell | {"for_each": source})
    work()
    assert [step.item for step in of(run)] == items
    assert len(world.mails) == 2


def test_an_item_without_a_value_fails_the_step_in_words(case: Case, world: World, analyst: User) -> None:
    run = begin(case, analyst, EACH | {"for_each": "['', 'a']", "params": {"device": "${{ item }}"}})
    work()
    assert row(run).reason == "for_each gives an item without a value"


def test_more_than_a_person_can_read_is_not_begun(case: Case, world: World, analyst: User) -> None:
    world.hits = [hit(number) for number in range(51)]
    run = begin(case, analyst, FIND, EACH, TELL)
    work()
    assert row(run).reason == "for_each gives 51 items; at most 50 are done"
    run.refresh_from_db()
    assert (run.state, StepRun.objects.get(run=run, key="tell").state) == (RunState.PAUSED, StepState.PENDING)
    assert run.state_reason == "Isolate: failed. Go on, or stop?"  # although the step says to go on


def test_in_a_covert_case_the_list_of_something_noticeable_is_refused_at_once(
    case: Case, two: World, analyst: User
) -> None:
    case.members.create(user=analyst)
    run = begin(case, analyst, FIND, EACH)
    Case.objects.filter(pk=case.pk).update(is_restricted=True, is_covert=True)
    work()
    assert row(run).state == StepState.FAILED
    assert "covert" in row(run).reason
    assert of(run) == []


def test_containment_is_not_called_verified_while_a_hit_failed_or_a_list_waits(
    case: Case, two: World, analyst: User, responder: User, client: Client
) -> None:
    client.force_login(responder)
    path = f"/cases/{case.number}/runs/panel/"
    verified = "Every containment step is verified."
    run = begin(case, analyst, ISOLATE, FIND, EACH | {"cap": 1, "needs": ["find"]})
    say_yes(StepRun.objects.get(run=run, key="isolate"), responder)
    work()
    assert verified not in client.get(path).content.decode()  # the list waits

    say_yes(row(run), responder)
    work()
    approve_all_but_a_protected_one(run, responder)
    assert verified not in client.get(path).content.decode()


@pytest.mark.slow
def test_a_hit_that_a_person_decided_against_stands_in_no_ones_way(
    case: Case, two: World, analyst: User, responder: User, client: Client
) -> None:
    run = begin(case, analyst, ISOLATE, FIND, EACH | {"needs": ["find"]})
    say_yes(StepRun.objects.get(run=run, key="isolate"), responder)
    work()
    for step in of(run):
        say_no(step, responder)
    work()
    client.force_login(responder)
    said = client.get(f"/cases/{case.number}/runs/panel/").content.decode()
    assert "Every containment step is verified." in said
    assert said.count("is not contained.") == 2


def test_a_list_of_the_cases_device_wants_a_device(two: World, analyst: User) -> None:
    with pytest.raises(RunbookError, match="names no device yet"):
        begin(
            make_case(stage="response"),
            analyst,
            EACH | {"for_each": "[device.id]", "params": {"device": "${{ item }}"}},
        )


@pytest.mark.parametrize(
    "change",
    [
        {"when": "case.title.contains('item')"},
        {"for_each": "steps.find.hits.filter(item, item.state != 'isolated')"},
    ],
)
def test_the_word_item_in_quotes_or_as_ones_own_variable_is_no_slip(change: dict[str, Any], db: None) -> None:
    assert runbooks.check(make_runbook(FIND, EACH | change).runbook) == []


def test_an_item_that_is_no_device_of_the_case_fails_alone(
    case: Case, world: World, device: Device, analyst: User
) -> None:
    run = begin(case, analyst, EACH | {"for_each": f"[{device.pk}, 4711]", "params": {"device": "${{ item }}"}})
    work()
    assert {step.item: step.state for step in of(run)} == {
        str(device.pk): StepState.WAITING,
        "4711": StepState.FAILED,
    }


@pytest.mark.slow
def test_a_protected_device_of_the_list_is_refused_and_the_others_go_on(
    case: Case, two: World, analyst: User, responder: User
) -> None:
    run = begin(case, analyst, FIND, EACH)
    work()
    approve_all_but_a_protected_one(run, responder)
    assert [agent for _, agent, _ in two.effects] == ["agent-2"]


@pytest.mark.slow
def test_one_of_the_list_is_undone_by_itself(case: Case, two: World, analyst: User, responder: User) -> None:
    run = begin(case, analyst, FIND, EACH)
    work()
    first, second = of(run)
    for step in (first, second):
        say_yes(step, responder)
    work()
    undo = decisions.undo(first.pk, actor=analyst)
    say_yes(undo, responder)
    work()
    assert [(kind, agent) for kind, agent, _ in two.effects][-1] == ("release", "agent-1")
    assert invariants.broken() == {}


def test_the_people_of_the_case_are_not_said_to_sit_at_a_device_that_a_hunt_found(
    case: Case, two: World, device: Device, analyst: User
) -> None:
    person = Person.objects.create(login="m.okafor", name="Maya Okafor")
    CasePerson.objects.create(case=case, person=person, role="logged_on")
    run = begin(case, analyst, ISOLATE, FIND | {"needs": []}, EACH | {"needs": ["find"]})
    own = StepRun.objects.get(run=run, key="isolate")
    assert "Maya Okafor" in IsolateDevice().plan(progress.call_of(own)).who
    StepRun.objects.filter(pk=own.pk).update(on_failure="continue")
    say_no(own, make_user("rosa", ["responder"]))
    work()
    for step in of(run):
        assert IsolateDevice().plan(progress.call_of(step)).who.startswith("Not known")


def test_a_cancelled_run_takes_the_list_back(case: Case, two: World, analyst: User) -> None:
    run = begin(case, analyst, FIND, EACH)
    work()
    runs.cancel(run.pk, actor=analyst)
    assert {step.state for step in of(run)} == {StepState.CANCELLED}
    assert invariants.broken() == {}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"for_each": "steps.nobody.hits"}, "For each: no step before it is called 'nobody'"),
        ({"for_each": "steps.find.hits["}, "For each"),
        ({"for_each": "item"}, "For each: it reads item"),
        ({"when": "item.x == 1"}, "When: it reads item"),
        ({"for_each": ""}, "Device: it reads item"),
        ({"action": "each", "params": {}}, "there is no action 'each'"),
    ],
)
def test_the_check_names_what_does_not_hold(change: dict[str, Any], text: str, db: None) -> None:
    with pytest.raises(RunbookError, match=text.replace("[", r"\[")):
        make_runbook(FIND, EACH | change)


def test_a_version_without_lists_says_nothing_of_them(db: None) -> None:
    plain = make_runbook(FIND)
    assert not {"for_each", "cap"} & set(plain.body["steps"][0])
    listed = make_runbook(FIND, EACH)
    assert (listed.body["steps"][1]["for_each"], listed.body["steps"][1]["cap"]) == ("steps.find.hits", 2)
    assert runbooks.check(listed.runbook) == []
