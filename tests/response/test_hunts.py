"""Hunts: every source asked once, hits that become devices, caps, workers that die, and what cannot be answered."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cases.choices import DeviceReason, DeviceState
from cases.models import Case, CaseDevice, CaseObservable, TimelineEntry
from response.actions.hunt import HuntEverywhere
from response.choices import AskState, HuntState, RunState, StepState
from response.errors import RunbookError, TransitionError
from response.forms.steps import StepForm
from response.models import Approval, Hunt, HuntAsk, HuntHit, OnCall, Page, Run, Step, StepRun
from response.services import hunt_asks, hunts, recovery, runs, steps, unanswered
from response.services.invariants import broken
from response.views.board import step_card
from secops import integrations
from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.connectors.capabilities.hunting import Hunted, HuntLoad, Scope
from secops.connectors.capabilities.hunting import HuntHit as Found
from secops.errors import NotAllowedError
from secops.http import HttpError
from secops.hunting.conditions import Kind, Query
from secops.models import Integration, User
from tests.factories import make_observable, make_user
from tests.response.conftest import begin, make_due, make_runbook, say_yes, settle_down, step_of

SHA = "a" * 64
HUNT = {"key": "hunt", "action": "hunt", "params": {"clauses": [{"kind": "sha256", "value": SHA}]}}


class Field:
    """What the hunted world holds, and what goes wrong in it: errors are raised one after another, by source."""

    def __init__(self) -> None:
        self.devices = 40
        self.hits: list[Found] = []
        self.wrong: dict[str, list[BaseException]] = {}
        self.asked: list[tuple[str, Query, Scope]] = []
        self.more: dict[str, Any] = {}

    def take(self, name: str) -> None:
        if self.wrong.get(name):
            raise self.wrong[name].pop(0)


FIELD = Field()


class Hunting(Connector):
    label = "Test hunting"
    is_local = True

    def hunt_load(self, scope: Scope, start: datetime, end: datetime) -> HuntLoad:
        FIELD.take("load")
        return HuntLoad(devices=FIELD.devices, covers_from=start)

    def hunt_for(self, query: Query, scope: Scope, start: datetime, end: datetime, limit: int) -> Hunted:
        FIELD.take(self.slug)
        FIELD.asked.append((self.slug, query, scope))
        hits = [one for one in FIELD.hits if query.kind == Kind.FILE]
        return Hunted(hits=hits, **FIELD.more)


@connectors.register
class HuntingOne(Hunting):
    slug = "test_hunt_one"


@connectors.register
class HuntingTwo(Hunting):
    slug = "test_hunt_two"
    is_local = False


def hit(name: str, **more: Any) -> Found:
    return Found(**{"device": name, "agent_id": f"agent-{name}", "what": "C:\\x.dll"} | more)


@pytest.fixture
def field(db: None) -> Field:
    FIELD.__init__()  # type: ignore[misc]
    integrations.add("test_hunt_one", "One", {})
    integrations.add("test_hunt_two", "Two", {})
    return FIELD


def hunt_on(rounds: int = 20) -> None:
    """Ask and poll until nothing moves, skipping the waits."""
    for _ in range(rounds):
        HuntAsk.objects.filter(not_before__isnull=False).update(not_before=timezone.now() - timedelta(seconds=1))
        make_due()
        if not hunt_asks.work() + steps.work() + recovery.tick():
            return


def test_every_source_is_asked_once_and_hits_join_the_case(field: Field, case: Case, analyst: User) -> None:
    field.hits = [
        hit("FIN-LT-0142"),
        hit("FIN-LT-0150", has_run=True),
        hit("FIN-LT-0150", what="D:\\y.dll"),
        hit("A-1"),
    ]

    run = begin(case, analyst, HUNT)
    hunt_on()

    step = step_of(run, "hunt")
    assert (step.state, step.result) == (
        StepState.SUCCEEDED,
        "Found on 2 other devices, not contained: A-1, FIN-LT-0150",
    )
    assert sorted((name, query.kind) for name, query, _ in field.asked) == [
        ("test_hunt_one", Kind.FILE),
        ("test_hunt_one", Kind.PROCESS),
        ("test_hunt_two", Kind.FILE),
        ("test_hunt_two", Kind.PROCESS),
    ]
    found = {part.device.name: part for part in CaseDevice.objects.filter(case=case).select_related("device")}
    assert set(found) == {"FIN-LT-0142", "FIN-LT-0150", "A-1"}
    assert (found["A-1"].reason, found["A-1"].state) == (DeviceReason.HUNT, DeviceState.SUSPECTED)
    hits = {one["device"]: one for one in step.data["hits"]}
    assert hits["FIN-LT-0150"]["device_id"] == found["FIN-LT-0150"].device_id
    assert (hits["FIN-LT-0150"]["has_run"], hits["FIN-LT-0150"]["sha256"]) == (True, SHA)
    hunt = Hunt.objects.get()
    assert (hunt.state, hunt.devices) == (HuntState.DONE, 40)
    assert HuntHit.objects.filter(is_own=True, device__name="FIN-LT-0142").count() == 2  # said by both
    assert broken() == {}


def test_hits_stream_in_before_the_last_source_has_answered(field: Field, case: Case, analyst: User) -> None:
    field.hits = [hit("A-1")]
    run = begin(case, analyst, HUNT)
    assert steps.work_once()

    while HuntAsk.objects.filter(source="One", state=AskState.DUE).exists():
        assert hunt_asks.ask_one()
    HuntAsk.objects.filter(source="Two").update(not_before=timezone.now() + timedelta(hours=1))
    make_due()
    steps.work()

    assert CaseDevice.objects.filter(case=case, device__name="A-1").exists()
    step = step_of(run, "hunt")
    assert (step.state, step.reason) == (StepState.POLLING, "1 of 2 sources answered, 1 hit")


def test_a_hit_of_a_worker_that_dies_is_written_once(field: Field, case: Case, analyst: User) -> None:
    field.hits = [hit("A-1")]
    field.wrong["test_hunt_one"] = [KeyboardInterrupt()]
    begin(case, analyst, HUNT)
    steps.work()

    with pytest.raises(KeyboardInterrupt):
        hunt_asks.ask_one()
    ask = HuntAsk.objects.get(state=AskState.ASKING)
    while hunt_asks.ask_one():
        pass
    assert Hunt.objects.get().is_running
    HuntAsk.objects.filter(pk=ask.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert hunt_asks.is_due(timezone.now())
    hunt_on()

    ask.refresh_from_db()
    assert (ask.state, ask.attempts) == (AskState.ANSWERED, 2)
    assert HuntHit.objects.filter(source="One").count() == 1
    assert TimelineEntry.objects.filter(case=case, text__startswith="Device A-1 belongs").count() == 1


def test_a_late_answer_of_a_lost_worker_is_not_taken(field: Field, case: Case, analyst: User) -> None:
    field.hits = [hit("A-1")]
    begin(case, analyst, HUNT)
    steps.work()
    late = hunt_asks._claimed()
    assert late is not None
    HuntAsk.objects.filter(pk=late.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    hunt_on()
    written = HuntHit.objects.count()

    hunt_asks._write(late, Hunted(hits=[hit("GHOST-1")]))

    assert HuntHit.objects.count() == written
    assert not CaseDevice.objects.filter(device__name="GHOST-1").exists()


def test_a_question_whose_workers_always_die_fails_after_three(field: Field, case: Case, analyst: User) -> None:
    field.wrong["test_hunt_one"] = [KeyboardInterrupt() for _ in range(6)]
    run = begin(case, analyst, HUNT)
    steps.work()

    for _ in range(12):
        try:
            hunt_on()
        except KeyboardInterrupt:
            HuntAsk.objects.filter(state=AskState.ASKING).update(lease_until=timezone.now() - timedelta(seconds=1))

    assert set(HuntAsk.objects.filter(source="One").values_list("state", flat=True)) == {AskState.FAILED}
    step = step_of(run, "hunt")
    assert step.state == StepState.SUCCEEDED
    assert "Not answered by One: The worker ended without an answer (3 tries)" in step.result


def test_a_source_that_refuses_or_fails_is_said_and_never_read_as_no_hit(
    field: Field, case: Case, analyst: User
) -> None:
    field.wrong["test_hunt_one"] = [SourceRefused("It does not keep hashes.") for _ in range(2)]
    field.wrong["test_hunt_two"] = [HttpError("two.test does not answer") for _ in range(6)]

    run = begin(case, analyst, HUNT)
    hunt_on()

    step = step_of(run, "hunt")
    assert step.state == StepState.FAILED
    assert "No source could answer. One: It does not keep hashes; Two: two.test does not answer" in step.reason
    assert Hunt.objects.get().state == HuntState.FAILED
    assert "no other device" not in step.reason


def test_a_source_that_says_later_is_asked_later_and_loses_no_try(field: Field, case: Case, analyst: User) -> None:
    field.wrong["test_hunt_one"] = [SourceLimited("45 calls a minute", 20.0)]
    begin(case, analyst, HUNT)
    steps.work()

    assert hunt_asks.ask_one()

    ask = HuntAsk.objects.order_by("pk")[0]
    assert (ask.state, ask.attempts) == (AskState.DUE, 0)
    assert ask.not_before is not None
    assert ask.not_before > timezone.now() + timedelta(seconds=15)
    held = Integration.objects.get(name="One").hold_until
    assert held is not None
    assert held > timezone.now() + timedelta(seconds=15)
    Integration.objects.update(hold_until=None)
    hunt_on()
    assert Hunt.objects.get().state == HuntState.DONE


def test_over_the_cap_a_person_decides_with_the_number_that_was_found(
    field: Field, case: Case, analyst: User, approver: User
) -> None:
    field.devices = 4_120

    run = begin(case, analyst, HUNT)
    settle_down()

    step = step_of(run, "hunt")
    assert (step.state, step.params["devices"], step.approvals_needed) == (StepState.WAITING, 4_120, 1)
    assert step.reason == "4120 devices: more than 500 need an approval"
    assert not field.asked
    assert not Hunt.objects.exists()
    assert broken() == {}
    say_yes(step, approver)
    hunt_on()
    assert step_of(run, "hunt").state == StepState.SUCCEEDED
    assert Hunt.objects.get().devices == 4_120
    assert broken() == {}


def test_what_grew_since_it_was_approved_is_asked_again(
    field: Field, case: Case, analyst: User, approver: User
) -> None:
    field.devices = 600
    run = begin(case, analyst, HUNT)
    settle_down()
    say_yes(step_of(run, "hunt"), approver)
    field.devices = 90_000

    settle_down()

    step = step_of(run, "hunt")
    assert (step.state, step.params["devices"]) == (StepState.WAITING, 90_000)
    assert not field.asked


@pytest.mark.slow
def test_who_approved_fewer_devices_is_asked_about_more_and_may_approve_them(
    client: Client, field: Field, case: Case, analyst: User, approver: User
) -> None:
    OnCall.objects.create(order=1, person=approver)
    client.force_login(approver)
    field.devices = 600
    run = begin(case, analyst, HUNT)
    settle_down(3)
    Page.objects.all().delete()  # whom a page called about the step is not called again
    say_yes(step_of(run, "hunt"), approver)
    field.devices = 90_000
    make_due()
    steps.work()
    step = step_of(run, "hunt")
    assert (step.state, step.params["devices"]) == (StepState.WAITING, 90_000)

    assert unanswered.left_to_call(step) == [approver]
    assert step_card(step, approver).may_decide
    assert client.get(reverse("response:approvals_waiting")).content.decode() == "1"
    say_yes(step, approver)
    hunt_on()

    assert step_of(run, "hunt").state == StepState.SUCCEEDED
    assert Approval.objects.filter(step=step, decided_by=approver).count() == 2
    assert broken() == {}


def test_a_step_may_ask_for_less_and_never_allow_itself_more(
    field: Field, case: Case, analyst: User, settings: Any
) -> None:
    settings.NIGHTDESK_HUNT_DEVICES = 30
    run = begin(case, analyst, HUNT | {"params": HUNT["params"] | {"cap": 10_000}})  # type: ignore[operator]

    settle_down()

    assert step_of(run, "hunt").state == StepState.WAITING


def test_a_number_that_no_source_gives_is_asked_about_too(field: Field, case: Case, analyst: User) -> None:
    field.wrong["load"] = [HttpError("one.test does not answer")]

    run = begin(case, analyst, HUNT)
    settle_down()

    assert step_of(run, "hunt").state == StepState.WAITING
    assert "Not every source says" in step_of(run, "hunt").reason


def test_a_restricted_case_asks_inside_sources_only(field: Field, case: Case, analyst: User) -> None:
    run = begin(case, analyst, HUNT)
    Case.objects.filter(pk=case.pk).update(is_restricted=True, is_covert=True)
    case.members.create(user=analyst)

    hunt_on()

    assert {name for name, _, _ in field.asked} == {"test_hunt_one"}
    assert "Not answered by Two: Restricted cases ask inside sources only" in step_of(run, "hunt").result


def test_a_case_that_becomes_restricted_meanwhile_is_not_told_outside(field: Field, case: Case, analyst: User) -> None:
    begin(case, analyst, HUNT)
    steps.work()
    Case.objects.filter(pk=case.pk).update(is_restricted=True)
    case.members.create(user=analyst)

    hunt_on()

    assert {name for name, _, _ in field.asked} == {"test_hunt_one"}


def test_without_clauses_the_case_s_malicious_files_are_hunted(field: Field, case: Case, analyst: User) -> None:
    bare = {"key": "hunt", "action": "hunt", "params": {"clauses": ""}}
    run = begin(case, analyst, bare)
    hunt_on()
    assert "nothing to look for" in step_of(run, "hunt").result
    assert step_of(run, "hunt").data["hits"] == []
    bad = make_observable(SHA, "hash_sha256", verdict="malicious")
    CaseObservable.objects.create(case=case, observable=bad, role="file", first_seen_at=case.opened_at)

    again = begin(case, analyst, bare)
    hunt_on()

    assert step_of(again, "hunt").state == StepState.SUCCEEDED
    assert Hunt.objects.get().clauses == [{"kind": "sha256", "value": SHA}]


def test_a_clause_that_would_find_everything_fails_the_step_with_its_reason(
    field: Field, case: Case, analyst: User
) -> None:
    run = begin(case, analyst, HUNT | {"params": {"clauses": "${{ [{'kind': 'path', 'value': '*'}] }}"}})

    assert step_of(run, "hunt").state == StepState.FAILED
    assert "nearly everything" in step_of(run, "hunt").reason


def test_clauses_are_written_as_lines_too_and_the_editor_keeps_a_list(field: Field, case: Case, analyst: User) -> None:
    run = begin(case, analyst, HUNT | {"params": {"clauses": "file_name updater.dll\n\nsha256 " + SHA}})
    written = step_of(run, "hunt").params["clauses"]
    assert written == [{"kind": "file_name", "value": "updater.dll"}, {"kind": "sha256", "value": SHA}]
    step = Step.objects.get(key="hunt")
    step.params = {"clauses": written}
    step.save()
    shown = str(StepForm(instance=step)["p_clauses"].value())

    as_list = HuntEverywhere.clean({"clauses": shown})

    assert as_list["clauses"] == written
    problem = HuntEverywhere.Params({"clauses": "nonsense"})
    assert "no kind of clause" in str(problem.errors["clauses"])


def test_an_address_without_a_device_is_said_and_is_no_device_of_the_case(
    field: Field, case: Case, analyst: User
) -> None:
    field.hits = [Found(device="", address="10.0.0.9", what="C:\\x")]

    run = begin(case, analyst, HUNT)
    hunt_on()

    assert "at 1 address that no device is known for" in step_of(run, "hunt").result
    assert CaseDevice.objects.filter(case=case).count() == 1


def test_a_program_that_everybody_has_does_not_bury_the_case(
    field: Field, case: Case, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hunt_asks, "MOST_DEVICES", 3)
    field.hits = [hit(f"PC-{number}") for number in range(9)]

    run = begin(case, analyst, HUNT)
    hunt_on()

    assert CaseDevice.objects.filter(case=case, reason=DeviceReason.HUNT).count() == 3
    assert len(step_of(run, "hunt").data["hits"]) == 3
    assert HuntHit.objects.filter(source="One").count() == 9
    assert "Found on 9 other devices" in step_of(run, "hunt").result


def test_hits_are_answered_by_child_runs_and_a_child_s_hunt_starts_none(
    field: Field, case: Case, analyst: User
) -> None:
    field.hits = [hit("FIN-LT-0142"), hit("A-1"), hit("A-2")]
    answer = {
        "key": "answer",
        "action": "start_runbook",
        "for_each": "steps.hunt.hits",
        "params": {"runbook": "hunted", "device": "${{ item.device_id }}"},
        "needs": ["hunt"],
    }
    version = make_runbook(HUNT, answer, slug="hunted")

    runs.start(version.pk, case.pk, request_id=uuid4(), actor=analyst)
    hunt_on(60)

    acts_on = sorted(Run.objects.exclude(device=None).values_list("device__name", flat=True))
    assert acts_on == ["A-1", "A-2"]
    assert set(Run.objects.values_list("state", flat=True)) == {RunState.SUCCEEDED}
    assert Hunt.objects.count() == 3
    said = {run.device.name: step_of(run, "hunt").result for run in Run.objects.exclude(device=None) if run.device}
    assert said == {  # no device is another one to its own run
        "A-1": "Found on 1 other device, not contained: A-2",
        "A-2": "Found on 1 other device, not contained: A-1",
    }
    assert broken() == {}


def test_a_stopped_hunt_asks_nothing_more_and_keeps_what_it_found(field: Field, case: Case, analyst: User) -> None:
    field.hits = [hit("A-1")]
    run = begin(case, analyst, HUNT)
    steps.work()
    hunt_asks.ask_one()
    hunt_asks.ask_one()
    found = HuntHit.objects.count()

    hunts.stop(Hunt.objects.get().pk, actor=analyst)
    hunt_on()

    assert step_of(run, "hunt").reason == "The hunt was stopped"
    assert HuntHit.objects.count() == found
    assert len(field.asked) == 2
    with pytest.raises(TransitionError):
        hunts.stop(Hunt.objects.get().pk, actor=analyst)


def test_a_cancelled_run_ends_its_hunt_too(field: Field, case: Case, responder: User) -> None:
    run = begin(case, responder, HUNT)
    steps.work()

    runs.cancel(run.pk, actor=responder)
    hunt_on()

    assert Hunt.objects.get().state == HuntState.STOPPED
    assert step_of(run, "hunt").state == StepState.CANCELLED
    assert not field.asked


def test_what_failed_is_asked_again_and_its_hits_join_too(field: Field, case: Case, analyst: User) -> None:
    field.wrong["test_hunt_two"] = [SourceRefused("No licence.") for _ in range(2)]
    begin(case, analyst, HUNT)
    hunt_on()
    field.hits = [hit("A-1")]
    hunt = Hunt.objects.get()

    hunts.retry(hunt.pk, actor=analyst)
    hunt_on()

    hunt.refresh_from_db()
    assert hunt.state == HuntState.DONE
    assert CaseDevice.objects.filter(case=case, device__name="A-1", reason=DeviceReason.HUNT).exists()
    with pytest.raises(TransitionError):
        hunts.retry(hunt.pk, actor=analyst)


def by_hand(case: Case, actor: User, **params: Any) -> Run:
    given = {"clauses": [{"kind": "sha256", "value": SHA}]} | params
    return hunts.start(case.pk, given, request_id=uuid4(), actor=actor)


def test_a_person_starts_a_hunt_from_the_case(field: Field, case: Case, analyst: User, approver: User) -> None:
    request = uuid4()
    given = {"clauses": [{"kind": "sha256", "value": SHA}], "group": "Finance"}

    run = hunts.start(case.pk, given, request_id=request, actor=analyst)
    assert hunts.start(case.pk, given, request_id=request, actor=analyst).pk == run.pk
    hunt_on()

    assert StepRun.objects.get(run=run).state == StepState.SUCCEEDED
    assert {scope.group for _, _, scope in field.asked} == {"Finance"}
    assert by_hand(case, analyst, group="Finance").version_id == run.version_id
    with pytest.raises(NotAllowedError):
        by_hand(case, approver)
    with pytest.raises(RunbookError, match="fill"):
        by_hand(case, analyst, clauses=[{"kind": "path", "value": "${{ case.title }}"}])
    Case.objects.filter(pk=case.pk).update(is_restricted=True)
    with pytest.raises(NotAllowedError):
        by_hand(case, analyst)


def test_others_neither_see_nor_stop_the_hunt_of_a_restricted_case(
    field: Field, case: Case, analyst: User, responder: User
) -> None:
    begin(case, analyst, HUNT)
    steps.work()
    Case.objects.filter(pk=case.pk).update(is_restricted=True)
    hunt = Hunt.objects.get()

    assert not Hunt.objects.visible_to(responder).exists()
    with pytest.raises(NotAllowedError):
        hunts.stop(hunt.pk, actor=responder)
    with pytest.raises(NotAllowedError):
        hunts.retry(hunt.pk, actor=make_user("zoe", ["responder"]))
