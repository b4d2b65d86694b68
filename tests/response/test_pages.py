"""The panel, the run's page, approvals: each for each role, with and without HTMX."""

from uuid import uuid4

import pytest
from django.urls import reverse

from cases.choices import Stage
from cases.models import Case
from response.choices import StepState
from response.models import KindRunbook, Run, StepRun
from response.services import decisions
from secops.http import HttpError
from tests.factories import make_kind, make_user
from tests.response.conftest import ASK, CONFIRM, ISOLATE, MAIL, begin, make_runbook, say_yes, settle_down, step_of

HTMX = {"HX-Request": "true", "HX-Target": "run-panel"}


def page(client, user, name, *args, headers=None):
    client.force_login(user)
    return client.get(reverse(f"response:{name}", args=args), headers=headers or {})


def send(client, user, name, pk, headers=None, **data):
    client.force_login(user)
    return client.post(reverse(f"response:{name}", args=[pk]), data, headers=headers or {})


def test_the_requester_sees_why_they_cannot_approve(client, world, case, responder):
    begin(case, responder, ISOLATE)

    text = page(client, responder, "panel", case.pk, headers=HTMX).content.decode()

    assert "You asked for this step, so another person decides." in text
    assert "btn approve" not in text
    assert "<html" not in text


def test_another_responder_sees_the_violet_box_and_approves_from_the_panel(client, world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    step = step_of(run, "isolate")
    text = page(client, responder, "panel", case.pk, headers=HTMX).content.decode()
    assert "ask-box" in text
    assert step.params_sha256 in text

    answer = send(client, responder, "approve", step.pk, headers=HTMX, params_sha256=step.params_sha256)

    assert answer.status_code == 200
    assert 'id="run-panel"' in answer.content.decode()
    step.refresh_from_db()
    assert step.state == StepState.READY


def test_a_refused_approval_says_why_with_status_403(client, world, case, responder):
    run = begin(case, responder, ISOLATE)
    step = step_of(run, "isolate")

    answer = send(client, responder, "approve", step.pk, headers=HTMX, params_sha256=step.params_sha256)

    assert answer.status_code == 403
    assert "another person decides" in answer.content.decode()


def test_the_panel_polls_only_while_a_run_goes_on(client, world, case, analyst):
    run = begin(case, analyst, MAIL)
    assert "every 2s" in page(client, analyst, "panel", case.pk, headers=HTMX).content.decode()

    settle_down()

    run.refresh_from_db()
    assert run.is_ended
    assert "every 2s" not in page(client, analyst, "panel", case.pk, headers=HTMX).content.decode()


def test_escalate_and_run_starts_once_for_one_form(client, world, case, analyst):
    case.stage = Stage.TRIAGE
    case.save()
    version = make_runbook(ISOLATE)
    data = {"request_id": str(uuid4()), "runbook": version.pk, "escalate": "1"}

    for _ in range(2):
        answer = send(client, analyst, "start", case.pk, **data)
        assert answer.status_code == 302

    case.refresh_from_db()
    assert case.stage == Stage.RESPONSE
    assert Run.objects.count() == 1


def test_an_incomplete_start_form_is_refused(client, world, case, analyst):
    answer = send(client, analyst, "start", case.pk, request_id="x", runbook="1")

    assert answer.status_code == 400
    assert Run.objects.count() == 0


def test_the_suggestion_names_the_steps_that_ask(client, world, case, analyst):
    version = make_runbook(CONFIRM, ISOLATE)
    case.kind = make_kind()
    case.stage = Stage.TRIAGE
    case.save()
    KindRunbook.objects.create(kind=case.kind, runbook=version.runbook)

    text = page(client, analyst, "suggest", case.pk, headers={"HX-Request": "true"}).content.decode()

    assert "Escalate and run" in text
    assert "1 approval" in text
    assert "<html" not in text


def test_the_approval_page_says_all_that_a_decision_needs(client, world, case, analyst, responder, approver):
    run = begin(case, analyst, ISOLATE | {"on_failure": "continue"})
    step = step_of(run, "isolate")

    text = page(client, responder, "approval", step.pk).content.decode()

    for said in (
        "Isolate FIN-LT-0142",
        "loses the network",
        "Not known: no source has said who is signed in",
        "Release, one approval",
        f"Until {step.deadline:%H:%M} UTC",
        "eve",
        "stays online, not contained. The step expires and the run goes on without it",
        "Ada Lind",
        "One approval, not by who asked or who wrote the runbook",
        "Not contained",
        "btn approve",
    ):
        assert said in text, said


def test_a_decided_approval_has_no_buttons_and_says_who(client, world, case, analyst, responder, approver):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)

    text = page(client, approver, "approval", step_of(run, "isolate").pk).content.decode()

    assert "Approved by Bo Mars" in text
    assert "btn approve" not in text


def test_rejecting_on_the_phone_page_leads_back_to_it(client, world, case, analyst, responder):
    step = step_of(begin(case, analyst, ISOLATE), "isolate")
    where = reverse("response:approval", args=[step.pk])

    answer = send(client, responder, "reject", step.pk, reason="Payment run first", next=where)

    assert (answer.status_code, answer.url) == (302, where)
    assert "Payment run first" in client.get(where).content.decode()


def test_a_next_that_leads_elsewhere_is_not_followed(client, world, case, analyst, responder):
    step = step_of(begin(case, analyst, ISOLATE), "isolate")

    answer = send(client, responder, "reject", step.pk, reason="Payment run", next="https://evil.example/")

    assert answer.url == reverse("cases:case", args=[case.pk])


def test_the_list_shows_mine_and_those_of_others(client, world, case, analyst, responder):
    begin(case, analyst, ISOLATE)
    begin(case, responder, ISOLATE)

    text = page(client, responder, "approvals").content.decode()

    assert "Mine 1 · Others 1" in text
    assert page(client, responder, "approvals_waiting").content == b"1"
    assert page(client, analyst, "approvals_waiting").content == b""


def test_unknown_offers_two_choices_to_a_responder_only(client, world, case, analyst, responder):

    run = begin(case, analyst, MAIL)
    world.after = [HttpError("edr broke off")]
    settle_down()

    text = page(client, responder, "panel", case.pk, headers=HTMX).content.decode()
    assert "It happened" in text
    assert "It did not" in text
    assert "Send again" not in text
    assert "It happened" not in page(client, analyst, "panel", case.pk, headers=HTMX).content.decode()
    send(client, responder, "settle", step_of(run, "tell").pk, reason="it arrived", happened="yes")
    assert step_of(run, "tell").state == StepState.SUCCEEDED


@pytest.mark.slow
def test_a_step_that_waits_for_a_doubt_at_the_same_target_says_so(client, world, case, analyst, responder):
    first, second = begin(case, analyst, ISOLATE), begin(case, analyst, ISOLATE)
    world.reads = [HttpError("edr broke off")] * 20
    say_yes(step_of(first, "isolate"), responder)
    settle_down()
    say_yes(step_of(second, "isolate"), responder)
    settle_down()

    text = page(client, responder, "panel", case.pk, headers=HTMX).content.decode()

    assert step_of(second, "isolate").state == StepState.READY
    assert f"Waits for run {first.pk}: Isolate device: FIN-LT-0142, “may have happened”" in text


def test_the_question_is_answered_and_the_undo_asked_in_the_panel(client, world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE, ASK)
    say_yes(step_of(run, "isolate"), responder)
    settle_down()
    assert "And now?" in page(client, analyst, "panel", case.pk, headers=HTMX).content.decode()

    send(client, analyst, "answer", step_of(run, "next").pk, choice="Go")
    send(client, analyst, "undo", step_of(run, "isolate").pk)
    settle_down()

    assert step_of(run, "undo_isolate").state == StepState.WAITING


@pytest.mark.parametrize("what", ["pause", "stop", "cancel"])
def test_steering_buttons_work(client, world, case, analyst, responder, what):
    run = begin(case, analyst, ISOLATE)

    answer = send(client, responder, what, run.pk, headers=HTMX, reason="wrong device")

    assert answer.status_code == 200
    run.refresh_from_db()
    assert run.state == {"pause": "paused", "stop": "cancelled", "cancel": "cancelled"}[what]


def test_the_run_page_shows_inputs_and_results(client, world, case, analyst):
    run = begin(case, analyst, CONFIRM)
    settle_down()

    text = page(client, analyst, "run", run.pk).content.decode()

    assert "FIN-LT-0142 by device id" in text
    assert "device: FIN-LT-0142" in text
    assert "Test EDR" in text


@pytest.mark.slow
def test_a_release_is_approved_by_what_it_takes_back_and_not_by_what_spoke_for_isolating(
    client, world, case, analyst, responder
):
    Case.objects.update(risk_score=90, risk={"reasons": [{"points": 30, "text": "It beacons"}]})
    run = begin(case, analyst, ISOLATE)
    assert "It beacons" in page(client, responder, "approval", step_of(run, "isolate").pk).content.decode()
    say_yes(step_of(run, "isolate"), responder)
    settle_down()
    send(client, analyst, "undo", step_of(run, "isolate").pk)
    settle_down()

    text = page(client, responder, "approval", step_of(run, "undo_isolate").pk).content.decode()

    assert "It takes back “Isolate device: FIN-LT-0142”" in text
    assert "It beacons" not in text
    assert "device: FIN-LT-0142" in text


@pytest.mark.parametrize("name", ["panel", "suggest", "run", "approval", "approve", "reject", "settle", "undo", "stop"])
def test_a_hidden_case_is_not_found_anywhere(client, world, case, analyst, responder, name):
    run = begin(case, analyst, ISOLATE)
    Case.objects.update(is_restricted=True)
    pk = {"panel": case.pk, "suggest": case.pk, "run": run.pk, "stop": run.pk}.get(name) or StepRun.objects.get().pk
    client.force_login(responder)
    act = client.get if name in {"panel", "suggest", "run", "approval"} else client.post

    assert act(reverse(f"response:{name}", args=[pk])).status_code == 404


@pytest.mark.parametrize(
    "name", ["approve", "reject", "settle", "answer", "undo", "pause", "resume", "stop", "cancel", "start"]
)
def test_a_get_changes_nothing(client, world, case, analyst, name):
    run = begin(case, analyst, ISOLATE)
    pk = {"start": case.pk}.get(name) or (
        run.pk if name in {"pause", "resume", "stop", "cancel"} else StepRun.objects.get().pk
    )
    client.force_login(analyst)

    assert client.get(reverse(f"response:{name}", args=[pk])).status_code == 405


def test_a_stranger_and_nobody_see_nothing(client, world, case, analyst, stranger):
    run = begin(case, analyst, ISOLATE)
    assert page(client, stranger, "panel", case.pk).status_code == 404
    assert "Isolate" not in page(client, make_user("x"), "approvals").content.decode()
    client.logout()

    assert client.get(reverse("response:run", args=[run.pk])).status_code == 302


def test_foreign_text_in_a_step_stays_text(client, world, case, device, analyst, responder):
    device.name = "<script>alert(1)</script>"
    device.save()
    run = begin(case, analyst, ISOLATE)

    for name, pk in (("panel", case.pk), ("approval", step_of(run, "isolate").pk), ("run", run.pk)):
        text = page(client, responder, name, pk).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_no_page_has_inline_script_or_style(client, world, case, analyst, responder):
    run = begin(case, analyst, ISOLATE)

    for name, args in (
        ("panel", [case.pk]),
        ("approval", [step_of(run, "isolate").pk]),
        ("approvals", []),
        ("run", [run.pk]),
    ):
        text = page(client, responder, name, *args).content.decode()
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick" not in text


def test_the_page_of_an_approval_follows_its_step_to_the_end(world, case, analyst, responder, client):
    step = step_of(begin(case, analyst, ISOLATE), "isolate")
    client.force_login(responder)

    def is_followed() -> bool:
        return f'hx-get="/approvals/{step.pk}/"' in client.get(f"/approvals/{step.pk}/").content.decode()

    def bar() -> bool:
        update = client.get(f"/approvals/{step.pk}/", headers={"HX-Request": "true"}).content.decode()
        return 'id="approval-bar" hx-swap-oob="true"' in update

    assert is_followed()
    assert not bar()  # a reason that is being typed stays
    say_yes(step, responder)
    assert is_followed()
    assert bar()  # whoever else has the page open is asked no more
    settle_down()
    assert not is_followed()
    assert bar()


def test_a_question_stands_above_the_page_on_a_phone_and_leads_to_its_step(world, case, analyst, client):
    step = step_of(begin(case, analyst, ASK | {"help_text": "Go: close the case."}), "next")
    client.force_login(analyst)

    def panel() -> str:
        return client.get(f"/cases/{case.number}/runs/panel/").content.decode()

    assert f'<a class="needs" href="#step-{step.pk}">' in panel()
    assert f'id="step-{step.pk}"' in panel()
    assert "Go: close the case." in panel()
    decisions.answer(step.pk, "Go", actor=analyst)
    settle_down()
    assert 'class="needs"' not in panel()
    assert "Go: close the case." in panel()  # what the answer asks for is read after it, too
