"""Whoever lets something happen proves that it is them; the record says how; holding back needs no proof."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from cases.choices import Circle
from cases.models import Case, CaseMember, TimelineEntry
from cases.services import covert, exports, retention
from response.choices import StepState
from response.errors import OwnApprovalError
from response.models import Approval, KillSwitch, MajorIncident, Override, StandingApproval, StepRun
from response.services import approvals, blast, incidents, mandates, releases, runbooks, standing
from secops import codes, factors
from secops.models import AuditEntry, Factor, User
from secops.proofs import Proof, ProofError, ProvedBy
from tests.cases.evidence.conftest import PASSWORD, take
from tests.factories import make_user
from tests.response.conftest import CONFIRM, ISOLATE, World, begin, make_runbook, step_of
from tests.response.test_admin import save
from tests.secops.test_stepup import app_of, code_now, wrong_code

REASON = "Nobody else picks up the phone"


@pytest.fixture
def step(world: World, case: Case, analyst: User) -> StepRun:
    return step_of(begin(case, analyst, ISOLATE), "isolate")


@pytest.fixture
def client(client: Client, responder: User) -> Client:
    client.force_login(responder)
    return client


def press(client: Client, step: StepRun, what: str = "approve", **data: Any) -> Any:
    where = reverse(f"response:{what}", args=[step.pk])
    page = reverse("response:approval", args=[step.pk])
    return client.post(where, {"params_sha256": step.params_sha256, "next": page} | data)


def state_of(step: StepRun) -> str:
    return StepRun.objects.get(pk=step.pk).state


def told() -> str:
    return TimelineEntry.objects.filter(text__startswith="Approved").get().text


def test_who_has_no_factor_approves_as_before_and_the_record_says_so(client: Client, step: StepRun) -> None:
    assert press(client, step).status_code == 302

    assert state_of(step) == StepState.READY
    assert told().endswith(", proved by password only")
    assert Approval.objects.get().proved_by == ProvedBy.PASSWORD


def test_a_code_in_the_same_form_is_enough_and_the_record_names_it(
    client: Client, step: StepRun, responder: User
) -> None:
    app_of(responder)
    page = client.get(reverse("response:approval", args=[step.pk])).content.decode()
    assert 'name="code"' in page

    assert press(client, step, code=code_now()).status_code == 302

    given = Approval.objects.get()
    assert (given.proved_by, timezone.now() - given.auth_at < timedelta(minutes=1)) == (ProvedBy.CODE, True)
    assert told().endswith(", proved by code of an app")
    assert "code of an app" in client.get(reverse("response:approval", args=[step.pk])).content.decode()


def test_without_a_proof_nothing_is_approved_and_the_page_asks_and_leads_back(
    client: Client, step: StepRun, responder: User
) -> None:
    app_of(responder)

    asked = press(client, step)

    page = asked.content.decode()
    assert (asked.status_code, state_of(step)) == (403, StepState.WAITING)
    assert 'name="code"' in page
    assert f'name="next" value="/approvals/{step.pk}/"' in page
    back = client.post("/accounts/reauth/", {"code": code_now(), "next": f"/approvals/{step.pk}/"})
    assert back.headers["Location"] == f"/approvals/{step.pk}/"
    assert 'name="code"' not in client.get(back.headers["Location"]).content.decode()
    press(client, step)
    assert state_of(step) == StepState.READY


def test_htmx_is_led_to_the_question(client: Client, step: StepRun, responder: User) -> None:
    app_of(responder)
    where = reverse("response:approve", args=[step.pk])

    form = {"params_sha256": step.params_sha256, "next": "/cases/CASE-1/"}
    answer = client.post(where, form, headers={"HX-Request": "true"})

    assert answer.headers["HX-Redirect"] == "/accounts/reauth/?next=%2Fcases%2FCASE-1%2F"


def test_the_panel_of_the_case_leads_to_the_page_that_asks(client: Client, step: StepRun, responder: User) -> None:
    panel = reverse("response:panel", args=[step.run.case_id])
    button = f'form="approve-{step.pk}"'
    assert button in client.get(panel).content.decode()

    app_of(responder)

    page = client.get(panel).content.decode()
    assert button not in page
    assert f'href="/approvals/{step.pk}/">' in page


@pytest.mark.parametrize(("code", "words"), [("wrong", "4 tries are left"), ("used", "This code was used already")])
def test_a_code_that_proves_nothing_approves_nothing(
    client: Client, step: StepRun, responder: User, code: str, words: str
) -> None:
    app_of(responder)
    Factor.objects.update(counter=codes.interval() + 1 if code == "used" else 0)

    answer = press(client, step, code=code_now() if code == "used" else wrong_code())

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert state_of(step) == StepState.WAITING


def test_where_a_factor_is_required_who_has_none_is_told_where_to_get_one(
    client: Client, step: StepRun, settings: Settings
) -> None:
    settings.STEPUP = "required"

    page = client.get(reverse("response:approval", args=[step.pk])).content.decode()
    answer = press(client, step)

    assert 'href="/me/security/">Add one under Security' in page
    assert '<button class="btn approve" disabled>' in page
    assert (answer.status_code, state_of(step)) == (403, StepState.WAITING)
    assert "Add one under Security" in answer.content.decode()


def test_a_proof_approves_nothing_once_its_factor_was_reset(
    client: Client, step: StepRun, responder: User, settings: Settings
) -> None:
    settings.STEPUP = "required"
    app_of(responder)
    client.post("/accounts/reauth/", {"code": code_now()})

    factors.reset(responder, actor=None)

    assert (press(client, step).status_code, state_of(step)) == (403, StepState.WAITING)


def test_rejecting_needs_no_proof(client: Client, step: StepRun, responder: User, settings: Settings) -> None:
    settings.STEPUP = "required"
    app_of(responder)

    assert press(client, step, "reject", reason="Not this one").status_code == 302

    assert state_of(step) == StepState.REJECTED
    assert Approval.objects.get().proved_by == ProvedBy.PASSWORD


def test_who_comes_from_no_session_approves_only_where_nothing_is_asked(step: StepRun, responder: User) -> None:
    app_of(responder)

    with pytest.raises(ProofError, match="which an API token cannot give"):
        approvals.approve(step.pk, params_sha256=step.params_sha256, actor=responder)

    assert state_of(step) == StepState.WAITING


def test_who_may_not_decide_is_told_that_first(step: StepRun, analyst: User, settings: Settings) -> None:
    settings.STEPUP = "required"
    asker = make_user("asker", ["responder"])
    StepRun.objects.filter(pk=step.pk).update(requested_by=asker)

    with pytest.raises(OwnApprovalError, match="You asked for this step"):
        approvals.approve(step.pk, params_sha256=step.params_sha256, actor=asker)


def test_breaking_the_glass_needs_a_proof_too(client: Client, step: StepRun, responder: User) -> None:
    app_of(responder)

    assert press(client, step, "break_glass", reason=REASON).status_code == 403
    assert press(client, step, "break_glass", reason=REASON, code=code_now()).status_code == 302

    assert Override.objects.get().by == responder
    entry = TimelineEntry.objects.get(text__startswith="Break-glass")
    assert "proved by code of an app. To be reviewed" in entry.text


type Act = Callable[[], object]


def _standing(case: Case, actor: User) -> Act:
    one = StandingApproval.objects.create(
        title="Night", action="isolate_device", device_group="Laptops", expires_at=timezone.now() + timedelta(days=7)
    )
    return lambda: standing.sign(one.pk, bounds_sha256=one.bounds_sha256, actor=actor)


def _propose(case: Case, actor: User) -> Act:
    return lambda: incidents.propose("Ransomware", cap=50, hours=4, actor=actor)


def _sign(case: Case, actor: User) -> Act:
    other, at = make_user("proposer", ["approver"]), timezone.now()
    found = MajorIncident.objects.create(reason="Ransomware", cap=50, hours=1, proposed_by=other, proposed_at=at)
    return lambda: incidents.sign(found.pk, actor=actor)


def _over_cap(case: Case, actor: User) -> Act:
    step = step_of(begin(case, make_user("asker", ["analyst"]), ISOLATE), "isolate")
    StepRun.objects.filter(pk=step.pk).update(state=StepState.READY, data={incidents.OVER_CAP: True})
    return lambda: blast.let_go(step.pk, reason=REASON, actor=actor)


def _mandate(case: Case, actor: User) -> Act:
    Case.objects.filter(pk=case.pk).update(is_restricted=True, is_covert=True)
    asker = make_user("asker", ["analyst"])
    words = mandates.ask(case.pk, "A law", "A laptop", 14, states_no_conflict=True, actor=asker).words_sha256
    return lambda: mandates.authorise(case.pk, words_sha256=words, states_no_conflict=True, actor=actor)


def _uncover(case: Case, actor: User) -> Act:
    Case.objects.filter(pk=case.pk).update(is_restricted=True, is_covert=True)
    return lambda: covert.uncover(case.pk, REASON, actor=actor)


def _release(case: Case, actor: User) -> Act:
    Case.objects.filter(pk=case.pk).update(is_restricted=True)
    return lambda: releases.decide(case.pk, "They may know", is_released=True, actor=actor)


def _publish(case: Case, actor: User) -> Act:
    runbook, writer = make_runbook(CONFIRM).runbook, make_user("writer", ["admin"])
    runbook.steps.update(title="Other")
    actor.groups.set(make_user("publisher", ["admin"]).groups.all())
    runbooks.propose(runbook, actor=writer)
    return lambda: runbooks.publish(runbook, actor=actor)


def _lift_hold(case: Case, actor: User) -> Act:
    analyst = make_user("asker", ["analyst"])
    item = retention.set_hold(take(case, b"MZ", actor=analyst).pk, "Court order", actor=analyst)
    return lambda: retention.lift_hold(item.pk, "Settled", actor=actor)


def _destroy(case: Case, actor: User) -> Act:
    analyst = make_user("asker", ["analyst"])
    item = retention.ask_destruction(take(case, b"MZ", actor=analyst).pk, "Done", actor=analyst)
    return lambda: retention.destroy(item.pk, actor=actor)


ACTS = [_standing, _propose, _sign, _over_cap, _mandate, _uncover, _release, _publish, _lift_hold, _destroy]


@pytest.mark.parametrize("prepare", ACTS, ids=lambda one: one.__name__)
def test_whatever_lets_something_happen_needs_a_proof_and_writes_it_down(
    world: World, case: Case, prepare: Callable[[Case, User], Act], settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    actor = make_user("legal", ["approver", Circle.LEGAL])
    CaseMember.objects.create(case=case, user=actor)
    factor, act = app_of(actor), prepare(case, actor)

    with pytest.raises(ProofError):
        act()
    actor.proof = Proof(by=ProvedBy.CODE, at=timezone.now(), factor=factor.pk)
    act()

    said = [*AuditEntry.objects.values_list("text", flat=True), *TimelineEntry.objects.values_list("text", flat=True)]
    assert sum("proved by code of an app" in text for text in said) == 1


def test_the_kill_switch_goes_on_without_a_proof_and_not_off(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)
    app_of(admin_user)
    client.post(reverse("admin:response_killswitch_add"), {"is_on": "on", "reason": "Drill"})
    page = reverse("admin:response_killswitch_change", args=[KillSwitch.objects.get(is_on=True).pk])

    assert client.post(page, {"reason": "Over"}).status_code == 403
    assert KillSwitch.objects.get().is_on
    client.post("/accounts/reauth/", {"code": code_now()})
    client.post(page, {"reason": "Over"})

    assert not KillSwitch.objects.get().is_on
    assert AuditEntry.objects.filter(text="Kill switch off, proved by code of an app: Over").exists()


def test_a_draft_is_saved_before_its_publisher_is_asked(client: Client, admin_user: User, settings: Settings) -> None:
    settings.PUBLISH_ALONE = True
    client.force_login(admin_user)
    app_of(admin_user)
    runbook = make_runbook(CONFIRM).runbook
    page = reverse("admin:response_runbook_change", args=[runbook.pk])

    answer = save(client, runbook, **{"steps-0-title": "Other", "_publish": "1"})

    assert answer.redirect_chain == [(f"/accounts/reauth/?next={page.replace('/', '%2F')}", 302)]
    assert (runbook.steps.get().title, runbook.versions.count()) == ("Other", 1)
    assert client.post(reverse("admin:response_runbook_publish", args=[runbook.pk])).status_code == 403


def test_nothing_of_a_restricted_case_leaves_without_a_proof(
    client: Client, case: Case, analyst: User, settings: Settings, tmp_path: Path, unrendered: None
) -> None:
    settings.DATA_DIR = tmp_path
    item = take(case, b"MZ", actor=analyst)
    app_of(analyst)
    client.force_login(analyst)
    report, ready = f"/cases/{case.number}/report", reverse("cases:evidence_export", args=[case.pk])
    fetched = [lambda: client.get(f"{report}.json"), lambda: client.get(f"{report}.pdf")]
    fetched += [lambda: client.post(f"{report}.pdf"), lambda: client.post(ready, {"reason": "For the court"})]
    assert [one().status_code for one in fetched] == [200] * 4

    Case.objects.filter(pk=case.pk).update(is_restricted=True)
    CaseMember.objects.create(case=case, user=analyst)

    assert [one().status_code for one in fetched] == [403] * 4
    with pytest.raises(ProofError):
        exports.view(item.pk, "Look", actor=analyst)
    with pytest.raises(ProofError):
        exports.export(case.pk, reason="x", password=PASSWORD, actor=analyst)
    client.post("/accounts/reauth/", {"code": code_now()})
    assert [one().status_code for one in fetched] == [200] * 4


def test_taking_back_needs_no_proof(case: Case) -> None:
    actor = make_user("legal", ["approver", Circle.LEGAL])
    CaseMember.objects.create(case=case, user=actor)
    Case.objects.filter(pk=case.pk).update(is_restricted=True)
    app_of(actor)

    assert not releases.decide(case.pk, "Not yet", is_released=False, actor=actor).is_released
