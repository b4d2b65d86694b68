"""A covert case is silent: for every action that is registered and every URL that exists, towards everybody else.

tests/test_access.py and tests/test_leaks.py ask each role about each URL of a restricted case; here the case is covert,
whom it is about and their manager hold every role, team and membership, and what is left of a page is compared with
what it was before the case existed.
"""

import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cases.choices import Circle, Stage
from cases.models import Alert, Case, CaseDevice, CaseMember, CasePerson
from enrichment.models import Lookup
from response.actions.base import Action, actions
from response.choices import StepState
from response.models import Attempt, OnCall, Page, Run, StepRun
from response.models.runbooks import body_hash
from response.services import approvals, clock, paging, policy, steps
from secops import integrations
from secops.access import RoleName
from secops.errors import NotAllowedError
from secops.models import ApiToken, AuditEntry, User
from tests.enrichment.conftest import ANSWERS
from tests.factories import make_case, make_device, make_person, make_user
from tests.house import CANARY, ROLES, House, build
from tests.response.conftest import CONFIRM, WORLD, begin, settle_down
from tests.test_access import DOORS, OF_A_CASE, READ, is_sent_to_sign_in, sent

CONCERNED = ("subject", "manager")
READERS = ("analyst", "responder", "admin", "guest of the case", "subject")  # of the open case
EVERYBODY = ("anonymous", *ROLES, "guest of the case", *CONCERNED)
SLUGS = sorted(action.slug for action in actions)
NOTICEABLE = [slug for slug in SLUGS if actions[slug].is_noticeable]
INVENTORY = ("device", "person")  # belongs to the house, not to a case
LISTS = [
    "/queue/",
    "/queue/?stage=all",
    "/queue/?stage=all&assignee=none",
    f"/queue/?stage=all&q={CANARY}",
    "/approvals/",
    "/approvals/waiting/",
    "/metrics/?days=90",
    "/metrics.csv?chart=alerts_by_hour",
    "/approvals/standing/",
    "/guest/",
    "/sources/",
    "/sources/rejected/",
]
BESIDES = ("cases:case", "cases:seen", "cases:observables", "response:panel", "response:circle")  # speak of others
# what differs between two looks at the same page: secrets, and how long ago something was
VOLATILE = re.compile(
    r'(csrfmiddlewaretoken" value="|x-csrftoken": "|nonce="|name="(since|loaded|request_id)" value=")[^"]*"'
    r"|<time.*?</time>|\b(\d+ [smhd] ?)+\b(ago)?|(just )?\bnow\b|\d\d:\d\d(:\d\d)?"
)


# --- actions: nothing noticeable is sent, whoever asks for it ---------------------------------------------------------
@pytest.fixture
def covert(db: None) -> Case:
    case = make_case(stage=Stage.RESPONSE, is_restricted=True, is_covert=True)
    CaseDevice.objects.create(case=case, device=make_device())
    return case


@pytest.fixture
def insider(covert: Case, analyst: User) -> User:
    CaseMember.objects.create(case=covert, user=analyst)
    return analyst


def swapped_in(run: Run, action: type[Action]) -> StepRun:
    """The run's step as if the runbook had named this action, approved and due."""
    StepRun.objects.filter(run=run).update(
        action=action.slug, effect=action.effect, risk=action.risk, params={}, params_sha256=body_hash({}), lane="x"
    )
    step = StepRun.objects.get(run=run)
    assert step.state == StepState.READY
    return step


@pytest.mark.parametrize("slug", SLUGS)
def test_every_action_says_itself_whether_it_is_noticed_and_what_it_leaves(slug: str) -> None:
    said = {name for kind in actions[slug].__mro__ if kind is not Action for name in vars(kind)}

    assert {"is_noticeable", "traces"} <= said  # not left to the base class
    assert actions[slug].traces.endswith(".")


@pytest.mark.parametrize("slug", NOTICEABLE)
def test_what_the_subject_could_notice_is_refused_just_before_the_send(slug: str, covert: Case, insider: User) -> None:
    ANSWERS.calls = []
    integrations.add("asked-source", "A source that can do everything", {})
    run = begin(covert, insider, CONFIRM)
    step = swapped_in(run, actions[slug])

    settle_down()

    step.refresh_from_db()
    assert step.state == StepState.FAILED
    assert "could be noticed by the subject" in step.reason
    assert not Attempt.objects.filter(step=step, sent_at__isnull=False).exists()
    assert ANSWERS.calls == []


@pytest.mark.parametrize("slug", SLUGS)
def test_the_engine_refuses_by_what_the_action_declares(slug: str, covert: Case) -> None:
    refused = policy.refusal(actions[slug](), covert, {})

    assert ("could be noticed" in refused) == actions[slug].is_noticeable
    assert "could be noticed" not in policy.refusal(actions[slug](), make_case(), {})  # only because it is covert


def test_there_is_something_to_refuse() -> None:
    assert {"isolate_device", "release_device", "notify"} <= set(NOTICEABLE)


# --- pages: every URL that exists, for everybody else -----------------------------------------------------------------
def make_covert(house: House) -> None:
    """Covert, about a person; they and their manager were given every role, the team, a name and an admin's desk."""
    case = Case.objects.get(pk=house.restricted.case)
    Case.objects.filter(pk=case.pk).update(is_covert=True)
    subject = make_person("subject", manager_login="manager", name=CANARY)
    CasePerson.objects.create(case=case, person=subject, role="owner")


def hire(house: House) -> None:
    for name in CONCERNED:
        user = make_user(name, list(RoleName), is_staff=True, is_superuser=True)
        house.people[name] = user


def join(house: House) -> None:
    case = Case.objects.get(pk=house.restricted.case)
    for name in CONCERNED:
        assert case.group is not None
        user = house.people[name]
        user.groups.add(case.group, Group.objects.get_or_create(name=Circle.LEGAL)[0])
        CaseMember.objects.create(case=case, user=user)
        house.people[name] = User.objects.get(pk=user.pk)


@pytest.fixture
def house(db: None, unrendered: None) -> House:
    found = build()
    hire(found)
    make_covert(found)
    join(found)
    return found


def text_of(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.parametrize("who", ["subject", pytest.param("manager", marks=pytest.mark.slow)])
def test_whom_it_is_about_finds_it_nowhere(house: House, who: str) -> None:
    client, number = house.client(who), f"CASE-{house.restricted.case}"

    for name in OF_A_CASE:
        if DOORS[name].get == "case":
            response = client.get(house.restricted.url(DOORS[name].path))
            assert response.status_code == 404, name
            assert CANARY not in text_of(response), name
        if DOORS[name].post is not None:
            response = sent(client, house, name, restricted=True)
            assert response.status_code in (403, 404), name
            assert CANARY not in text_of(response), name
    for path in [house.open.url(DOORS[name].path) for name in READ] + LISTS:
        if CANARY not in path:  # a search gives back what was asked
            html = text_of(client.get(path))
            assert CANARY not in html, path
            assert number not in html, path


@pytest.mark.parametrize(
    "who", ["subject", *(pytest.param(one, marks=pytest.mark.slow) for one in ("manager", "admin"))]
)
def test_no_page_of_the_administration_tells_of_it(house: House, who: str) -> None:
    client, number = house.client(who), f"CASE-{house.restricted.case}"
    member = house.client("member")
    for name in ("response:report_json", "response:report_pdf"):
        member.get(house.restricted.url(DOORS[name].path))  # what a member takes away is not told to admins

    for model in admin.site._registry:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        if model._meta.model_name in INVENTORY:
            continue
        pages = [reverse(f"{base}_changelist")]
        pages += [reverse(f"{base}_change", args=[pk]) for pk in model._base_manager.values_list("pk", flat=True)]
        for path in pages:
            html = text_of(client.get(path))
            assert CANARY not in html, path
            assert number not in html, path
    assert not AuditEntry.objects.filter(text__contains=number).exists()


def test_every_page_is_what_it_would_be_without_the_case(db: None, unrendered: None) -> None:
    """Titles, counts, badges, search, order: rendered before the case came, and again after."""
    house = build(only_open=True)
    hire(house)
    Case.objects.update(is_unread=False)  # as it is once somebody has looked
    besides = [house.open.url(DOORS[name].path) for name in BESIDES]
    asked = [(who, path) for who in EVERYBODY for path in (LISTS + besides if who in READERS else LISTS)]
    clients = {who: house.client(who) for who in (*EVERYBODY, "member")}
    before = {(who, path): told(clients[who], path) for who, path in asked}

    house.add_restricted()
    make_covert(house)
    join(house)

    after = {(who, path): told(clients[who], path) for who, path in asked}
    changed = {one: (before[one], after[one]) for one in asked if before[one] != after[one]}
    assert {one: _difference(*both) for one, both in changed.items()} == {}
    assert told(clients["member"], "/queue/") != before["analyst", "/queue/"]


def _difference(before: tuple[int, str], after: tuple[int, str]) -> tuple[str, str]:
    """Where the two begin to differ, for whoever reads the failure."""
    at = next((number for number, (old, new) in enumerate(zip(before[1], after[1], strict=False)) if old != new), 0)
    return before[1][max(at - 60, 0) : at + 60], after[1][max(at - 60, 0) : at + 60]


def told(client: Client, path: str) -> tuple[int, str]:
    response = client.get(path)
    return response.status_code, VOLATILE.sub("", text_of(response))


@pytest.mark.parametrize("who", CONCERNED)
def test_no_token_of_theirs_reads_it(house: House, who: str) -> None:
    client = Client()
    for scope, user in ((ApiToken.Scope.READ, house.people[who]), (ApiToken.Scope.INTAKE, None)):
        _, secret = ApiToken.issue(f"acme-{scope}", scope=scope, user=user)
        for path in ("/api/v1/cases/CASE-{case}/", "/api/v1/alerts/ALR-{alert}/"):
            response = client.get(house.restricted.url(path), headers={"Authorization": f"Bearer {secret}"})
            assert f"Beacon {CANARY}" not in text_of(response)
            assert f"CASE-{house.restricted.case}" not in text_of(response)


@pytest.mark.parametrize("model", [Case, Alert, Run, StepRun], ids=lambda model: model.__name__)
def test_no_query_of_theirs_holds_a_row_of_it(house: House, model: Any) -> None:
    for who in CONCERNED:
        mine = set(model.objects.visible_to(house.people[who]).values_list("pk", flat=True))
        member = set(model.objects.visible_to(house.people["member"]).values_list("pk", flat=True))
        assert member - mine, who  # the team sees more
        assert mine < member


# --- what leaves: mails, calls, logs ----------------------------------------------------------------------------------
def test_nobody_outside_is_called_and_no_call_tells_a_word(house: House) -> None:
    for order, name in enumerate(("subject", "responder", "member"), start=1):
        User.objects.filter(pk=house.people[name].pk).update(email=f"{name}@corp.example")
        OnCall.objects.create(order=order, person=User.objects.get(pk=house.people[name].pk))
    WORLD.mails = []
    step = StepRun.objects.get(pk=house.restricted.step)
    Page.objects.bulk_create(
        Page(step=step, person=house.people[name], at=clock.now(), not_before=clock.now())  # SQLite's has milliseconds
        for name in ("subject", "responder", "member")
    )

    while paging.work():
        pass

    said = list(Page.objects.values_list("person__username", "state", "result"))
    assert [mail["to"] for mail in WORLD.mails] == [["member@corp.example"]], said
    assert CANARY not in repr(WORLD.mails)


def test_the_log_says_nothing_of_it(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Lookup.objects.update(not_before=timezone.now() - timedelta(minutes=1))
    member, subject = house.client("member"), house.client("subject")
    for name in OF_A_CASE:
        if DOORS[name].get == "case":
            member.get(house.restricted.url(DOORS[name].path))
        else:
            sent(subject, house, name, restricted=True)
    steps.work()

    told_in_sql = [record for record in caplog.records if record.name.startswith("django.db")]
    assert [record.getMessage() for record in caplog.records if CANARY in record.getMessage()] == [
        record.getMessage() for record in told_in_sql if CANARY in record.getMessage()
    ]


def test_a_visitor_is_only_ever_sent_to_sign_in(house: House) -> None:
    client = Client()

    for name in OF_A_CASE:
        if DOORS[name].get == "case":
            here, nowhere = (client.get(house.restricted.url(DOORS[name].path)) for _ in range(2))
            assert is_sent_to_sign_in(here) or here.status_code in (401, 403), name
            assert here.status_code == nowhere.status_code


def test_approving_it_is_nothing_for_whom_it_is_about(house: House) -> None:
    step = StepRun.objects.get(pk=house.restricted.step)

    assert not [user for user in policy.deciders(step) if user.get_username() in CONCERNED]
    with pytest.raises(NotAllowedError, match="cannot see this case"):
        approvals.approve(step.pk, params_sha256=step.params_sha256, actor=house.people["subject"])
