"""Nobody answers at night: the rota is called in turn, then what two persons allowed ahead lets a step go."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from cases.choices import Stage
from cases.models import Case, CaseDevice, CaseMember, Device, TimelineEntry
from response.choices import PageState, RunState, StepState
from response.errors import ApprovalError
from response.models import Approval, KillSwitch, OnCall, Override, Page, Run, StandingApproval, StepRun
from response.services import clock, invariants, overrides, paging, recovery, standing, steps
from response.services.rota import on_call
from secops import integrations
from secops.errors import NotAllowedError
from secops.models import Integration, User
from tests.factories import make_case, make_device, make_user
from tests.response.conftest import ISOLATE, World, begin, say_yes, step_of

NIGHT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # a Tuesday
GROUP = "Finance laptops"

type Moved = Callable[..., None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, db: None) -> Moved:
    """Moves the database's clock, as all of response reads it."""
    real, start = clock.now, clock.now()
    shift = {"by": NIGHT - start}
    monkeypatch.setattr(clock, "now", lambda: real() + shift["by"])

    def move(**delta: float) -> None:
        shift["by"] += timedelta(**delta)

    return move


@pytest.fixture
def rota(db: None) -> list[User]:
    """Nia, then Omar, each with a mail address."""
    people = [make_user(name, ["responder"], email=f"{name}@corp.example") for name in ("nia", "omar")]
    for order, person in enumerate(people, start=1):
        OnCall.objects.create(order=order, person=person)
    return people


@pytest.fixture
def case(device: Device) -> Case:
    Device.objects.filter(pk=device.pk).update(group=GROUP)
    case = make_case(stage=Stage.RESPONSE, risk_score=91)
    CaseDevice.objects.create(case=case, device=device)
    return case


def allow(*signers: User, **bounds: Any) -> StandingApproval:
    """Signed by these."""
    found = StandingApproval.objects.create(
        **{
            "title": "Night: Finance laptops",
            "action": "isolate_device",
            "device_group": GROUP,
            "min_risk": 80,
            "cap": 2,
            "starts": time(22),
            "ends": time(6),
            "expires_at": NIGHT + timedelta(days=30),
        }
        | bounds
    )
    for one in signers:
        standing.sign(found.pk, bounds_sha256=found.bounds_sha256, actor=one)
    return found


@pytest.fixture
def signers(db: None) -> tuple[User, User]:
    return make_user("sam", ["approver"]), make_user("tess", ["responder"])


def share(case: Case, *people: User) -> None:
    """Only these may see it."""
    Case.objects.filter(pk=case.pk).update(is_restricted=True)
    for one in people:
        CaseMember.objects.create(case=case, user=one)


def story(case: Case) -> list[str]:
    return list(TimelineEntry.objects.filter(case=case).order_by("seq").values_list("text", flat=True))


def a_while(move: Moved, **delta: float) -> None:
    """Time passes, the clock ticks and workers work, until nothing moves."""
    move(**delta)
    for _ in range(10):
        if not recovery.tick() + paging.work() + steps.work():
            return
        move(seconds=2)


def begin_at_night(case: Case, analyst: User, *written: dict[str, Any]) -> Run:
    run = begin(case, analyst, *(written or (ISOLATE,)))
    assert step_of(run, "isolate").state == StepState.WAITING
    return run


def test_the_rota_is_called_in_turn_then_the_standing_approval_contains(
    world: World, at: Moved, rota: list[User], signers: tuple[User, User], case: Case, analyst: User
) -> None:
    allow(*signers)
    run = begin_at_night(case, analyst)

    a_while(at)
    assert [mail["to"] for mail in world.mails] == [["nia@corp.example"]]
    a_while(at, minutes=4)
    assert len(world.mails) == 1
    a_while(at, minutes=2)
    assert [mail["to"] for mail in world.mails] == [["nia@corp.example"], ["omar@corp.example"]]
    assert step_of(run, "isolate").state == StepState.WAITING
    a_while(at, minutes=6)

    step = step_of(run, "isolate")
    assert step.state == StepState.SUCCEEDED, step.reason
    assert [kind for kind, *_ in world.effects if kind == "isolate"] == ["isolate"]
    told = {tuple(mail["to"]) for mail in world.mails[2:]}
    assert told == {("nia@corp.example",), ("omar@corp.example",)}  # the signers have no address
    text = "\n".join(story(case))
    assert "Called nia (Test EDR): Isolate device: FIN-LT-0142 waits for approval until 02:30 UTC" in text
    assert "Nobody answered. Standing approval “Night: Finance laptops”, signed by sam and tess, lets it go" in text
    assert "sam could not be called: no mail address and no pager is set up" in text
    assert "Confirmed:" in text
    assert not invariants.broken()


def test_a_device_outside_the_bounds_is_not_touched_and_the_case_says_why(
    world: World, at: Moved, rota: list[User], signers: tuple[User, User], analyst: User
) -> None:
    allow(*signers)
    server = make_device("FIN-SRV-01", group="Servers")
    case = make_case(stage=Stage.RESPONSE, risk_score=99)
    CaseDevice.objects.create(case=case, device=server)
    run = begin_at_night(case, analyst)

    for minutes in (0, 6, 6, 6, 15):
        a_while(at, minutes=minutes)

    assert step_of(run, "isolate").state == StepState.EXPIRED
    assert "isolate" not in [kind for kind, *_ in world.effects]
    text = "\n".join(story(case))
    assert text.count("Nobody on call is left to ask") == 1
    assert "FIN-SRV-01 is of the group Servers, and it is for Finance laptops" in text
    assert "Nobody answered in time. Nothing was sent" in text
    assert not invariants.broken()


@pytest.mark.parametrize(
    ("bounds", "why"),
    [
        ({"min_risk": 95}, "the risk is 91, and it wants 95"),
        ({"starts": time(22), "ends": time(1)}, "it holds every day 22:00 to 01:00 UTC"),
        ({"weekdays": "67"}, "it holds Sat, Sun"),
        ({"expires_at": NIGHT + timedelta(minutes=10)}, "it expired on 24 Nov 2026"),
    ],
)
def test_each_bound_holds(
    bounds: dict[str, Any],
    why: str,
    world: World,
    at: Moved,
    signers: tuple[User, User],
    case: Case,
    analyst: User,
) -> None:
    allow(*signers, **bounds)
    at(minutes=11)
    begin_at_night(case, analyst)

    a_while(at, minutes=6)

    assert why in "\n".join(story(case))
    assert not world.effects


def test_a_critical_device_is_for_people(
    world: World, at: Moved, signers: tuple[User, User], case: Case, device: Device, analyst: User
) -> None:
    Device.objects.filter(pk=device.pk).update(is_critical=True)
    allow(*signers)
    begin_at_night(case, analyst)
    a_while(at, minutes=6)
    assert "FIN-LT-0142 is critical, which people decide" in "\n".join(story(case))


def test_the_cap_counts_the_uses_of_a_day(
    world: World, at: Moved, signers: tuple[User, User], case: Case, analyst: User
) -> None:
    found = allow(*signers, cap=1)
    first = begin_at_night(case, analyst)
    a_while(at, minutes=6)
    assert step_of(first, "isolate").state == StepState.SUCCEEDED

    other = make_case(stage=Stage.RESPONSE, risk_score=91)
    CaseDevice.objects.create(case=other, device=make_device("FIN-LT-0150", group=GROUP))
    second = begin_at_night(other, analyst)
    a_while(at, minutes=6)
    assert step_of(second, "isolate").state == StepState.WAITING
    assert "it was used 1 times in 24 hours, and 1 is its cap" in "\n".join(story(other))
    assert Override.objects.filter(standing=found).count() == 1


@pytest.mark.slow
def test_what_was_allowed_ahead_counts_as_long_as_the_hour_s_cap_holds_its_step(
    world: World,
    at: Moved,
    signers: tuple[User, User],
    case: Case,
    analyst: User,
    approver: User,
    settings: Settings,
) -> None:
    settings.ISOLATIONS_PER_HOUR = 1
    allow(*signers)
    other = make_case(stage=Stage.RESPONSE)
    CaseDevice.objects.create(case=other, device=make_device("FIN-LT-0150", group=GROUP))
    say_yes(step_of(begin_at_night(other, analyst), "isolate"), approver)
    a_while(at)
    run = begin_at_night(case, analyst)

    a_while(at, minutes=6)
    assert Override.objects.filter(step__run=run).exists()
    a_while(at, minutes=40)
    step = step_of(run, "isolate")
    assert (step.state, "1 is the cap" in step.reason) == (StepState.READY, True), step.reason
    a_while(at, minutes=16)

    assert step_of(run, "isolate").state == StepState.SUCCEEDED
    assert not invariants.broken()


def test_one_signature_or_a_changed_bound_lets_nothing_go(
    world: World, at: Moved, signers: tuple[User, User], case: Case, analyst: User
) -> None:
    found = allow(signers[0])
    with pytest.raises(ApprovalError, match="You have signed it already"):
        standing.sign(found.pk, bounds_sha256=found.bounds_sha256, actor=signers[0])
    begin_at_night(case, analyst)
    a_while(at, minutes=6)
    assert "1 of 2 signatures are missing" in "\n".join(story(case))

    standing.sign(found.pk, bounds_sha256=found.bounds_sha256, actor=signers[1])
    assert standing.state_of(found, clock.now()) == ""
    StandingApproval.objects.filter(pk=found.pk).update(cap=50)
    found.refresh_from_db()
    assert standing.state_of(found, clock.now()) == "2 of 2 signatures are missing"
    with pytest.raises(ApprovalError, match="Its bounds were changed"):
        standing.sign(found.pk, bounds_sha256="0" * 64, actor=signers[1])


def test_who_signed_does_not_ask_for_the_step(world: World, at: Moved, signers: tuple[User, User], case: Case) -> None:
    allow(*signers)
    begin_at_night(case, signers[1])
    a_while(at, minutes=6)
    assert "tess, who signed it, may not decide on this step" in "\n".join(story(case))
    assert not world.effects


def test_revoked_between_use_and_send_nothing_is_sent(
    world: World, at: Moved, signers: tuple[User, User], case: Case, analyst: User
) -> None:
    found = allow(*signers)
    run = begin_at_night(case, analyst)
    at(minutes=6)
    recovery.tick()
    assert step_of(run, "isolate").state == StepState.READY
    standing.revoke(found.pk, actor=signers[0])

    a_while(at, minutes=6)

    step = step_of(run, "isolate")
    assert (step.state, world.effects) == (StepState.FAILED, [])
    assert "does not cover it any more: it was revoked" in step.reason


def test_changed_parameters_void_it(
    world: World, at: Moved, signers: tuple[User, User], case: Case, analyst: User
) -> None:
    allow(*signers)
    run = begin_at_night(case, analyst)
    at(minutes=6)
    recovery.tick()
    other = {"device": make_device("FIN-LT-0999", group=GROUP).pk, "comment": ""}
    StepRun.objects.filter(run=run).update(params=other)

    a_while(at, minutes=6)

    assert step_of(run, "isolate").state == StepState.FAILED
    assert not world.effects


def test_two_ticks_at_once_use_it_once(
    world: World, at: Moved, signers: tuple[User, User], case: Case, analyst: User
) -> None:
    allow(*signers)
    begin_at_night(case, analyst)
    at(minutes=6)
    for _ in range(3):
        recovery.tick()
    assert Override.objects.count() == 1


def test_somebody_who_answers_ends_the_calling(
    world: World, at: Moved, rota: list[User], signers: tuple[User, User], case: Case, analyst: User
) -> None:
    allow(*signers)
    run = begin_at_night(case, analyst)
    a_while(at)
    say_yes(step_of(run, "isolate"), rota[0])

    a_while(at, minutes=6)

    assert step_of(run, "isolate").state == StepState.SUCCEEDED
    assert (len(world.mails), Override.objects.count()) == (1, 0)


def test_at_once_means_before_anybody_is_called(
    world: World, at: Moved, rota: list[User], signers: tuple[User, User], case: Case, analyst: User
) -> None:
    allow(*signers, is_after_rota=False)
    run = begin_at_night(case, analyst)
    a_while(at)
    assert step_of(run, "isolate").state == StepState.SUCCEEDED
    assert not Page.objects.filter(reason="asked").exists()


@pytest.mark.parametrize(("said", "state"), [("continue", RunState.SUCCEEDED), ("stop", RunState.FAILED)])
def test_what_the_step_declares_for_silence(
    said: str, state: RunState, world: World, at: Moved, case: Case, analyst: User
) -> None:
    run = begin_at_night(case, analyst, ISOLATE | {"if_unanswered": said, "on_failure": "ask"})
    a_while(at, minutes=31)
    run.refresh_from_db()
    assert (step_of(run, "isolate").state, run.state) == (StepState.EXPIRED, state)


def test_a_milder_step_can_follow_silence(world: World, at: Moved, case: Case, analyst: User) -> None:
    mild = {
        "key": "tell",
        "action": "notify",
        "params": {"to": "soc@corp.example", "message": "Not contained"},
        "when": "steps.isolate.state == 'expired'",
    }
    run = begin_at_night(case, analyst, ISOLATE | {"if_unanswered": "continue"}, mild)
    a_while(at, minutes=31)
    assert step_of(run, "tell").state == StepState.SUCCEEDED


def test_a_page_that_cannot_be_sent_is_tried_again_and_then_said(
    world: World, at: Moved, rota: list[User], case: Case, analyst: User
) -> None:
    from secops.http import HttpError

    world.before = [HttpError("mail.corp.example cannot be reached", was_sent=False)] * 3
    begin_at_night(case, analyst)
    for _ in range(4):
        a_while(at, minutes=1)
    first = Page.objects.get(person=rota[0])
    assert (first.state, first.attempts) == (PageState.FAILED, 3)
    assert "nia could not be called: Test EDR: mail.corp.example cannot be reached" in "\n".join(story(case))


def test_a_restricted_case_names_nothing_and_calls_only_its_people(
    world: World, at: Moved, rota: list[User], case: Case, analyst: User
) -> None:
    share(case, analyst, rota[1])
    begin_at_night(case, analyst)
    a_while(at)
    assert [mail["to"] for mail in world.mails] == [["omar@corp.example"]]
    text = f"{world.mails[0]['subject']} {world.mails[0]['text']}"
    assert "FIN-LT" not in text
    assert "solate" not in text
    assert f"/approvals/{StepRun.objects.get().pk}/" in text


def test_who_lost_sight_of_the_case_is_not_called(
    world: World, at: Moved, rota: list[User], case: Case, analyst: User
) -> None:
    begin_at_night(case, analyst)
    recovery.tick()
    share(case, analyst)
    a_while(at)
    assert (world.mails, Page.objects.get().result) == ([], "May not see the case any more")


def test_a_mail_says_no_more_than_its_integration_may_be_told(
    world: World, at: Moved, rota: list[User], case: Case, analyst: User
) -> None:
    Case.objects.filter(pk=case.pk).update(tlp=4)
    Integration.objects.update(max_tlp=2)
    begin_at_night(case, analyst)
    a_while(at)
    assert "look at a step" in world.mails[0]["text"]
    assert "FIN-LT" not in world.mails[0]["text"]


@pytest.mark.slow
def test_a_long_rota_leaves_time_for_what_was_allowed(
    world: World, at: Moved, signers: tuple[User, User], case: Case, analyst: User
) -> None:
    for number in range(8):
        OnCall.objects.create(order=number, person=make_user(f"on{number}", ["responder"], email=f"{number}@c.example"))
    allow(*signers)
    run = begin_at_night(case, analyst)
    for _ in range(30):
        a_while(at, minutes=1)
    assert Page.objects.filter(reason="asked").count() == 8
    assert step_of(run, "isolate").state == StepState.SUCCEEDED


def test_people_have_their_minutes_also_when_nobody_is_on_call(
    world: World, at: Moved, signers: tuple[User, User], case: Case, analyst: User
) -> None:
    allow(*signers)
    run = begin_at_night(case, analyst)
    a_while(at, minutes=4)
    assert step_of(run, "isolate").state == StepState.WAITING
    a_while(at, minutes=2)
    assert step_of(run, "isolate").state == StepState.SUCCEEDED
    assert "Nobody is on call. Standing approval" in "\n".join(story(case))


def test_nothing_is_used_up_while_nothing_may_be_sent(
    world: World, at: Moved, signers: tuple[User, User], case: Case, analyst: User
) -> None:
    allow(*signers)
    KillSwitch.objects.create(pk=1, is_on=True, reason="Drill")
    begin_at_night(case, analyst)
    a_while(at, minutes=6)
    assert not Override.objects.exists()


def test_who_signed_does_not_review_and_an_edit_does_not_undo_a_revoke(
    client: Client, world: World, at: Moved, signers: tuple[User, User], case: Case, analyst: User, admin_user: User
) -> None:
    found = allow(*signers)
    begin_at_night(case, analyst)
    a_while(at, minutes=6)
    with pytest.raises(NotAllowedError, match="another person reviews it"):
        overrides.review(Override.objects.get().pk, text="I was right", actor=signers[0])

    standing.revoke(found.pk, actor=signers[0])
    client.force_login(admin_user)
    page = client.post(f"/admin/response/standingapproval/{found.pk}/change/", {"title": "Again"})
    assert page.status_code == 403
    found.refresh_from_db()
    assert found.revoked_at is not None


def test_an_admin_writes_rota_and_bounds_that_two_others_sign(
    client: Client, admin_user: User, signers: tuple[User, User]
) -> None:
    client.force_login(admin_user)
    hours = {"weekdays": "", "starts": "22:00", "ends": "06:00", "zone": "Europe/Lisbon"}
    on_call = client.post("/admin/response/oncall/add/", {"order": "1", "person": signers[0].pk} | hours)
    bounds = {"title": "Night", "action": "isolate_device", "device_group": GROUP, "min_risk": "80", "cap": "2"}
    until = {"is_after_rota": "on", "expires_at_0": "2099-01-01", "expires_at_1": "00:00:00"}
    written = client.post("/admin/response/standingapproval/add/", bounds | until | hours)

    assert (on_call.status_code, written.status_code) == (302, 302)
    assert OnCall.objects.get().hours_text == "every day 22:00 to 06:00 Europe/Lisbon"
    found = StandingApproval.objects.get()
    for one in signers:
        client.force_login(one)
        client.post(f"/approvals/standing/{found.pk}/sign/", {"bounds_sha256": found.bounds_sha256})
    assert standing.state_of(found, clock.now()) == ""

    client.force_login(admin_user)
    changed = client.post(f"/admin/response/standingapproval/{found.pk}/change/", bounds | until | hours | {"cap": "9"})
    found.refresh_from_db()
    assert (changed.status_code, found.cap) == (302, 9)
    assert standing.state_of(found, clock.now()) == "2 of 2 signatures are missing"


def test_the_page_of_what_is_allowed_is_for_those_who_see_cases(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    assert client.get("/approvals/standing/").status_code == 403


def test_break_glass_has_the_same_deadline_and_the_same_sight(
    world: World, at: Moved, case: Case, responder: User
) -> None:
    why = "Ransom notes appear and nobody picks up"
    run = begin_at_night(case, responder)
    step = step_of(run, "isolate")
    overrides.break_glass(step.pk, reason=why, params_sha256=step.params_sha256, actor=responder)
    share(case)
    a_while(at)
    assert (step_of(run, "isolate").state, world.effects) == (StepState.FAILED, [])

    other = make_case(stage=Stage.RESPONSE)
    CaseDevice.objects.create(case=other, device=make_device("FIN-LT-0151"))
    late = step_of(begin_at_night(other, responder), "isolate")
    at(minutes=31)
    with pytest.raises(ApprovalError, match="The time for this decision is over"):
        overrides.break_glass(late.pk, reason=why, params_sha256=late.params_sha256, actor=responder)


def test_a_server_that_hangs_holds_up_one_shift_only(
    world: World, at: Moved, rota: list[User], case: Case, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "SHIFT_SECONDS", 0.0)
    begin_at_night(case, analyst)
    recovery.tick()
    assert paging.work() == 0


def test_break_glass_goes_alone_and_is_reviewed_by_another(
    world: World, at: Moved, rota: list[User], case: Case, responder: User, analyst: User
) -> None:
    run = begin_at_night(case, responder)
    step = step_of(run, "isolate")
    with pytest.raises(ApprovalError, match="Say why nobody else"):
        overrides.break_glass(step.pk, reason="because", params_sha256=step.params_sha256, actor=responder)
    with pytest.raises(NotAllowedError):
        overrides.break_glass(step.pk, reason="x" * 30, params_sha256=step.params_sha256, actor=analyst)
    why = "Ransom notes appear on the share and nobody picks up"
    overrides.break_glass(step.pk, reason=why, params_sha256=step.params_sha256, actor=responder)

    a_while(at)

    assert step_of(run, "isolate").state == StepState.SUCCEEDED
    assert not Approval.objects.exists()
    assert {tuple(mail["to"]) for mail in world.mails} == {("nia@corp.example",), ("omar@corp.example",)}
    found = Override.objects.get()
    with pytest.raises(NotAllowedError, match="another person reviews it"):
        overrides.review(found.pk, text="I was right", actor=responder)
    overrides.review(found.pk, text="Right, the phone tree was out of date", actor=rota[0])
    with pytest.raises(ApprovalError, match="was reviewed"):
        overrides.review(found.pk, text="Me too", actor=rota[1])
    assert f"Break-glass: Isolate device: FIN-LT-0142. “{why}”. To be reviewed" in story(case)
    assert not invariants.broken()


def test_a_protected_device_stays_so_whoever_breaks_the_glass(
    world: World, at: Moved, case: Case, device: Device, responder: User
) -> None:
    run = begin_at_night(case, responder)
    Device.objects.filter(pk=device.pk).update(is_protected=True)
    step = step_of(run, "isolate")
    overrides.break_glass(step.pk, reason="Nobody picks up", params_sha256=step.params_sha256, actor=responder)
    a_while(at)
    assert (step_of(run, "isolate").state, world.effects) == (StepState.FAILED, [])


def test_hours_over_midnight_belong_to_the_day_they_start() -> None:
    friday_night = OnCall(weekdays="5", starts=time(22), ends=time(6), zone="Europe/Lisbon")
    friday = datetime(2026, 11, 27, tzinfo=UTC)
    assert friday_night.covers(friday + timedelta(hours=23))
    assert friday_night.covers(friday + timedelta(hours=29))
    assert not friday_night.covers(friday + timedelta(hours=5))
    assert not friday_night.covers(friday + timedelta(hours=30))
    assert OnCall().covers(friday)


def test_the_rota_calls_each_person_once_in_order(rota: list[User]) -> None:
    OnCall.objects.create(order=0, person=rota[1], weekdays="1")
    OnCall.objects.create(order=9, person=rota[0])
    assert on_call(NIGHT) == rota
    assert on_call(NIGHT - timedelta(days=1)) == rota[::-1]


@pytest.mark.slow
def test_the_pages_in_words(
    client: Client, world: World, at: Moved, rota: list[User], signers: tuple[User, User], case: Case, analyst: User
) -> None:
    found = allow(*signers, starts=None, ends=None, expires_at=datetime.now(UTC) + timedelta(days=30))
    run = begin_at_night(case, analyst)
    a_while(at)
    client.force_login(rota[1])
    page = client.get(f"/approvals/{step_of(run, 'isolate').pk}/").content.decode()
    assert "Called nia 02:00 UTC (Test EDR)" in page
    assert "Next: omar at 02:05 UTC" in page
    assert "the standing approval “Night: Finance laptops” lets it go" in page

    for minutes in (6, 6):
        a_while(at, minutes=minutes)
    listed = client.get("/approvals/").content.decode()
    assert "Was it right?" in listed
    answer = client.post(f"/approvals/reviews/{Override.objects.get().pk}/", {"text": "Right so"})
    assert answer.status_code == 302
    assert "Was it right?" not in client.get("/approvals/").content.decode()

    allowed = client.get("/approvals/standing/").content.decode()
    assert "sam, tess" in allowed
    assert "every day" in allowed
    client.force_login(signers[0])
    assert client.post(f"/approvals/standing/{found.pk}/revoke/").status_code == 302
    assert "Nothing is allowed ahead" in client.get("/approvals/standing/").content.decode()


def test_who_may_not_see_the_case_reads_nothing_of_its_review(
    client: Client, world: World, at: Moved, signers: tuple[User, User], case: Case, analyst: User, rota: list[User]
) -> None:
    share(case, analyst, *signers)
    allow(*signers)
    begin_at_night(case, analyst)
    a_while(at, minutes=6)
    found = Override.objects.get()
    client.force_login(rota[0])
    assert "FIN-LT-0142" not in client.get("/approvals/").content.decode()
    assert "FIN-LT-0142" not in client.get("/approvals/standing/").content.decode()
    assert client.post(f"/approvals/reviews/{found.pk}/", {"text": "Right so"}).status_code == 404


def test_the_pager_is_called_with_a_signed_message(
    at: Moved, case: Case, analyst: User, settings: Settings, received: tuple[int, list[tuple[Any, bytes]]]
) -> None:
    port, messages = received
    settings.NIGHTDESK_INTERNAL_HOSTS = (f"127.0.0.1:{port}",)
    integrations.add("pager", "Pager", {"url": f"http://127.0.0.1:{port}/call"}, {"key": "s3cret"})
    OnCall.objects.create(person=make_user("nia", ["responder"]))
    begin_at_night(case, analyst)

    a_while(at)

    assert Page.objects.get().result == "Pager"
    (headers, body) = messages[0]
    signed = f"{headers['X-Nightdesk-Timestamp']}.".encode() + body
    assert headers["X-Nightdesk-Signature"] == f"sha256={hmac.new(b's3cret', signed, hashlib.sha256).hexdigest()}"
    assert headers["Idempotency-Key"] == f"page-{Page.objects.get().pk}"
    message = json.loads(body)
    assert (message["schema"], message["person"]) == ("nightdesk.page/1", "nia")
    assert message["url"].endswith(f"/approvals/{StepRun.objects.get().pk}/")


@pytest.fixture
def received() -> Iterator[tuple[int, list[tuple[Any, bytes]]]]:
    """A receiver of webhooks: its port, and what it got."""
    messages: list[tuple[Any, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, messages
    server.shutdown()
    server.server_close()
