"""Suspected insider from the mandate to its ending: Legal first, mails without a name, and the two ways out."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from cases.choices import Disposition, Stage
from cases.errors import IncompleteError, TransitionError
from cases.models import AlertKind, Case, CaseDevice, CaseMember, CasePerson
from cases.services import covert as covert_service
from cases.services import shipped as kinds
from enrichment.choices import LookupState
from enrichment.models import CaseLookup, Finding, Lookup
from response.choices import RunState, StepState
from response.models import LegalRelease, Run, StepRun
from response.services import decisions, mandates, releases, runbooks, runs, shipped
from secops.errors import NotAllowedError
from secops.models import User
from tests.factories import make_case, make_device, make_person, make_user
from tests.response.conftest import World, begin, settle_down, step_of

HR = {"key": "hr", "action": "notify_hr", "params": {}}
LEGAL = {"key": "legal", "action": "notify_legal", "params": {}}
SECRET = "Ines Rocha copies contracts"


def guest(case: Case, name: str, team: str, **fields: str) -> User:
    found = make_user(name, ["guest"], **({"email": f"{name}@corp.example"} | fields))
    found.groups.add(Group.objects.get_or_create(name=team)[0])
    CaseMember.objects.create(case=case, user=found)
    return User.objects.get(pk=found.pk)


@pytest.fixture
def kind(db: None) -> AlertKind:
    kinds.install()
    shipped.install()
    return AlertKind.objects.get(slug="removable-media")


@pytest.fixture
def covert(kind: AlertKind) -> Case:
    case = make_case(
        **{"kind": kind, "group": kind.group, "title": SECRET, "person_name": "Ines Rocha", "stage": Stage.RESPONSE},
        is_restricted=True,
        is_covert=True,
    )
    CaseDevice.objects.create(case=case, device=make_device("SAL-LT-0077"))
    CasePerson.objects.create(case=case, person=make_person("i.rocha", name="Ines Rocha"), role="owner")
    return case


@pytest.fixture
def ada(covert: Case, analyst: User) -> User:
    assert covert.group is not None
    analyst.groups.add(covert.group)
    return User.objects.get(pk=analyst.pk)


@pytest.fixture
def legal(covert: Case) -> User:
    return guest(covert, "lea", "legal", first_name="Lea")


def answered(case: Case, **data: object) -> Lookup:
    """The three months of files are in."""
    now = timezone.now()
    lookup = Lookup.objects.create(
        question="file_use",
        connector_name="Logs",
        subject_kind="person",
        subject={"kind": "person", "at": now.isoformat(), "value": "i.rocha", "value_kind": "", "host": {}},
        subject_key=f"{case.pk:064}",
        bucket="b",
        tlp=case.tlp,
        created_at=now,
        state=LookupState.ANSWERED if data else LookupState.DUE,
        ended_at=now if data else None,
    )
    CaseLookup.objects.create(case=case, lookup=lookup)
    if data:
        Finding.objects.create(
            lookup=lookup, card="files", verdict="suspicious", headline="Since 19 Oct 145 files", data=data, as_of=now
        )
    return lookup


def started(case: Case, actor: User) -> Run:
    (version,) = runbooks.offered(case)
    assert version.runbook.slug == "suspected-insider"
    return runs.start(version.pk, case.pk, request_id=uuid4(), actor=actor)


def mandated(case: Case, asker: User, giver: User) -> None:
    mandates.ask(case.pk, "Section 26", "Her files", 14, states_no_conflict=True, actor=asker)
    asked = mandates.asked_for(case)
    assert asked is not None
    mandates.authorise(case.pk, words_sha256=asked.words_sha256, states_no_conflict=True, actor=giver)


def states(run: Run) -> dict[str, str]:
    return {step.key: step.state for step in StepRun.objects.filter(run=run)}


def test_the_whole_way_to_the_question(world: World, covert: Case, ada: User, legal: User) -> None:
    guest(covert, "hal", "hr")
    answered(covert, is_unusual=True, shares=["\\\\FS\\projects"])
    run = started(covert, ada)
    settle_down()
    assert states(run)["mandate"] == StepState.POLLING
    assert world.mails == []

    mandated(covert, ada, legal)
    settle_down()
    assert states(run) | {"next": ""} == {
        **{"mandate": StepState.SUCCEEDED, "legal": StepState.SUCCEEDED, "release": StepState.POLLING},
        **{"hr": StepState.PENDING, "files": StepState.SUCCEEDED, "capture": StepState.FAILED, "next": ""},
    }
    assert [mail["to"] for mail in world.mails] == [["lea@corp.example"]]
    assert step_of(run, "files").result == "Since 19 Oct 145 files"

    releases.decide(covert.pk, "The works council agrees", is_released=True, actor=legal)
    settle_down()
    assert [mail["to"] for mail in world.mails] == [["lea@corp.example"], ["hal@corp.example"]]
    step = step_of(run, "next")
    assert step.state == StepState.WAITING
    decisions.answer(step.pk, "This person", actor=ada)
    settle_down()

    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED


def test_hr_hears_nothing_when_legal_says_no(world: World, covert: Case, ada: User, legal: User) -> None:
    guest(covert, "hal", "hr")
    answered(covert, is_unusual=False, shares=[])
    mandated(covert, ada, legal)
    releases.decide(covert.pk, "Nothing to tell yet", is_released=False, actor=legal)

    run = started(covert, ada)
    settle_down()

    assert states(run)["hr"] == StepState.SKIPPED
    assert states(run)["next"] == StepState.WAITING
    assert [mail["to"] for mail in world.mails] == [["lea@corp.example"]]


def test_a_mail_names_nobody_and_no_case(world: World, covert: Case, ada: User, legal: User) -> None:
    begin(covert, ada, LEGAL)
    settle_down()

    (mail,) = world.mails
    assert mail["text"].split("\n")[0].endswith("/guest/")
    for word in ("Ines", "Rocha", "contracts", "SAL-LT", "CASE", covert.number, "Lea"):
        assert word not in f"{mail['subject']} {mail['text']}"


def test_hr_is_refused_before_legal_whatever_the_runbook_says(world: World, covert: Case, ada: User) -> None:
    guest(covert, "hal", "hr")

    run = begin(covert, ada, HR)
    settle_down()

    assert step_of(run, "hr").state == StepState.FAILED
    assert "Legal first" in step_of(run, "hr").reason
    assert world.mails == []


def test_nobody_of_legal_means_a_named_next_step(world: World, covert: Case, ada: User) -> None:
    make_user("ole", ["guest"], email="ole@corp.example").groups.add(Group.objects.get(name="legal"))  # not a member

    run = begin(covert, ada, LEGAL)
    settle_down()

    assert "Name one under Need to know" in step_of(run, "legal").reason
    assert world.mails == []


def test_the_subject_in_legal_gets_no_mail(world: World, covert: Case, ada: User, legal: User) -> None:
    guest(covert, "i.rocha", "legal")

    begin(covert, ada, LEGAL)
    settle_down()

    assert [mail["to"] for mail in world.mails] == [["lea@corp.example"]]


def test_only_legal_of_the_case_decides_on_their_own_page(covert: Case, ada: User, legal: User, client: Client) -> None:
    hal = guest(covert, "hal", "hr")
    for who in (ada, hal):
        with pytest.raises(NotAllowedError, match="from Legal"):
            releases.decide(covert.pk, "Why not", is_released=True, actor=who)
    client.force_login(legal)
    own = f"/guest/CASE-{covert.pk}/"
    assert "HR may be told</button>" in client.get(own).content.decode()

    said = {"decision": "release", "reason": "Agreed"}
    assert client.post(f"/cases/CASE-{covert.pk}/need-to-know/release/", said).headers["Location"] == own

    assert LegalRelease.objects.get().is_released
    assert SECRET not in client.get("/guest/").content.decode()
    assert f"CASE-{covert.pk}" in client.get("/guest/").content.decode()


def test_hr_opens_the_case_only_while_legal_lets_them(covert: Case, legal: User, client: Client) -> None:
    hal = guest(covert, "hal", "hr")
    own, note = f"/guest/CASE-{covert.pk}/", f"/cases/CASE-{covert.pk}/note/"

    def reached() -> tuple[int, int, bool]:
        client.force_login(hal)
        opened, noted = client.get(own).status_code, client.post(note, {"text": "Seen", "next": own}).status_code
        return opened, noted, f"CASE-{covert.pk}" in client.get("/guest/").content.decode()

    assert reached() == (404, 404, False)
    releases.decide(covert.pk, "The works council agrees", is_released=True, actor=legal)
    assert reached() == (200, 302, True)
    releases.decide(covert.pk, "Not any more", is_released=False, actor=legal)
    assert reached() == (404, 404, False)


def test_a_role_does_not_open_hr_s_membership_and_legal_s_does(covert: Case) -> None:
    both = guest(covert, "lou", "legal")
    both.groups.add(Group.objects.get_or_create(name="hr")[0])
    assert Case.objects.visible_to(User.objects.get(pk=both.pk)).exists()

    sam = guest(covert, "sam", "hr")
    sam.groups.add(Group.objects.get_or_create(name="analyst")[0])
    assert not Case.objects.visible_to(User.objects.get(pk=sam.pk)).exists()


def test_files_are_waited_for_and_a_source_that_failed_is_said(world: World, covert: Case, ada: User) -> None:
    lookup = answered(covert)
    run = begin(covert, ada, {"key": "files", "action": "analyse_file_use", "params": {}})
    settle_down(3)
    assert step_of(run, "files").state == StepState.POLLING

    Lookup.objects.filter(pk=lookup.pk).update(
        state=LookupState.FAILED, reason="The log folder is not there", ended_at=timezone.now()
    )
    settle_down()

    assert step_of(run, "files").state == StepState.FAILED
    assert "The log folder is not there" in step_of(run, "files").reason


def test_when_somebody_else_drove_the_device_an_approver_opens_it(covert: Case, ada: User, approver: User) -> None:
    with pytest.raises(NotAllowedError):
        covert_service.uncover(covert.pk, "A remote tool was found", actor=ada)

    covert_service.uncover(covert.pk, "A remote tool was found", actor=approver)

    covert.refresh_from_db()
    assert (covert.is_covert, covert.is_restricted) == (False, True)
    assert {one.runbook.slug for one in runbooks.offered(covert)} == {"contain-device", "suspected-insider"}
    assert covert.timeline.filter(text__contains="A remote tool was found", user=approver).exists()
    with pytest.raises(TransitionError, match="not covert"):
        covert_service.uncover(covert.pk, "A remote tool was found", actor=approver)


def test_unfounded_is_closed_and_kept_until_a_day(covert: Case, ada: User) -> None:
    day = timezone.now().date() + timedelta(days=180)
    with pytest.raises(IncompleteError, match="lies ahead"):
        covert_service.close_unfounded(covert.pk, "Her own customers' files", timezone.now().date(), actor=ada)

    covert_service.close_unfounded(covert.pk, "Her own customers' files", day, actor=ada)

    covert.refresh_from_db()
    assert (covert.stage, covert.disposition) == (Stage.CLOSED, Disposition.FALSE_POSITIVE)
    assert f"{day:%d %b %Y}" in covert.close_reason
    assert covert.is_covert  # also its ending is nobody else's business


def test_a_way_out_wants_a_reason(covert: Case, approver: User) -> None:
    with pytest.raises(IncompleteError, match="a sentence"):
        covert_service.uncover(covert.pk, "No.", actor=approver)


def test_who_may_not_name_anybody_is_told_who_may(client: Client, covert: Case, ada: User) -> None:
    page = f"/cases/CASE-{covert.pk}/need-to-know/"
    client.force_login(ada)
    nobody = client.get(page).content.decode()
    lead = make_user("inge", ["responder"], first_name="Inge", last_name="Leader")
    make_user("rosa", ["responder"], first_name="Rosa", last_name="Ponder")  # not of the team
    assert covert.group is not None
    lead.groups.add(covert.group)

    told = client.get(page).content.decode()

    assert f"nobody may now: it takes a responder in the team “{covert.group.name}”" in nobody
    assert "Who may: Inge Leader." in told
    assert "Ponder" not in told
    client.force_login(lead)
    assert "Who may:" not in client.get(page).content.decode()
