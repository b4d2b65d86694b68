"""The gate of a covert case: who asks, who authorises, what speaks against it, and what the engine makes of it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from cases.choices import Stage
from cases.models import Case, CaseMember, CasePerson
from cases.services import members
from response.actions.ask_person import AskPerson
from response.actions.base import Action, Call, Done, actions
from response.choices import Effect, Phase, Risk, StepState
from response.errors import MandateError
from response.models import Mandate
from response.services import mandates, policy
from secops.errors import NotAllowedError
from secops.models import User
from tests.factories import make_case, make_person, make_user
from tests.response.conftest import begin, settle_down, step_of


class Acquire(Action):
    """As an acquisition is: nothing is noticed, and a covert case wants a mandate for it."""

    slug = "test_acquire"
    label = "Acquire for a test"
    phase = Phase.CONTAINMENT
    risk = Risk.READ
    effect = Effect.KEYED
    is_noticeable = False
    needs_mandate = True
    traces = "None."

    def do(self, call: Call) -> Done:
        return Done(text="Acquired")


@pytest.fixture(autouse=True)
def acquiring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(actions._plugins, Acquire.slug, Acquire)


ACQUIRE = {"key": "get", "action": "test_acquire", "params": {}}


@pytest.fixture
def covert(db: None) -> Case:
    team = Group.objects.create(name="insider")
    case = make_case(stage=Stage.RESPONSE, is_restricted=True, is_covert=True, group=team)
    CasePerson.objects.create(case=case, person=make_person("i.rocha", manager_login="a.boss"), role="owner")
    return case


@pytest.fixture
def ada(covert: Case, analyst: User) -> User:
    analyst.groups.add(covert.group)
    return User.objects.get(pk=analyst.pk)


@pytest.fixture
def legal(covert: Case) -> User:
    found = make_user("lea", ["guest"])
    found.groups.add(Group.objects.get_or_create(name="legal")[0])
    CaseMember.objects.create(case=covert, user=found)
    return User.objects.get(pk=found.pk)


def ask(case: Case, actor: User, *, days: int = 14, states: bool = True) -> Mandate:
    return mandates.ask(case.pk, "Section 26", "Her laptop, 90 days", days, states_no_conflict=states, actor=actor)


def give(case: Case, actor: User, *, states: bool = True, sha256: str = "") -> Mandate:
    asked = mandates.asked_for(case)
    sha256 = sha256 or (asked.words_sha256 if asked else "")
    return mandates.authorise(case.pk, words_sha256=sha256, states_no_conflict=states, actor=actor)


def test_nothing_is_acquired_before_the_mandate(covert: Case, ada: User) -> None:
    run = begin(covert, ada, ACQUIRE)
    settle_down()

    step = step_of(run, "get")
    assert step.state == StepState.FAILED
    assert mandates.MISSING in step.reason
    assert not step.tries.filter(sent_at__isnull=False).exists()


def test_asked_for_is_not_given(covert: Case, ada: User) -> None:
    ask(covert, ada)

    assert mandates.MISSING in policy.refusal(Acquire(), covert, {})


def test_with_a_mandate_it_is_acquired(covert: Case, ada: User, legal: User) -> None:
    ask(covert, ada)
    give(covert, legal)

    run = begin(covert, ada, ACQUIRE)
    settle_down()

    assert step_of(run, "get").state == StepState.SUCCEEDED
    told = " ".join(covert.timeline.values_list("text", flat=True))
    assert "Asked for a mandate" in told
    assert "Authorised the mandate" in told


def test_a_case_in_the_open_needs_none(case: Case) -> None:
    assert policy.refusal(Acquire(), case, {}) == ""


def test_what_acquires_nothing_needs_none(covert: Case) -> None:
    assert policy.refusal(AskPerson(), covert, {}) == ""


def test_it_ends_with_its_day_and_with_a_word(covert: Case, ada: User, legal: User) -> None:
    ask(covert, ada)
    give(covert, legal)
    assert mandates.in_force(covert) is not None
    Mandate.objects.update(valid_until=timezone.now() - timedelta(minutes=1))
    assert mandates.in_force(covert) is None
    Mandate.objects.update(valid_until=timezone.now() + timedelta(days=1))

    mandates.revoke(covert.pk, "The works council objects", actor=legal)

    assert mandates.MISSING in policy.refusal(Acquire(), covert, {})


@pytest.mark.parametrize("is_given", [True, False], ids=["given", "asked for"])
def test_the_one_before_a_renewal_does_not_come_back(covert: Case, ada: User, legal: User, is_given: bool) -> None:
    ask(covert, ada, days=90)
    give(covert, legal)
    ask(covert, ada)
    if is_given:
        give(covert, legal)

    mandates.revoke(covert.pk, "The works council objects", actor=legal)

    assert (mandates.in_force(covert), mandates.asked_for(covert)) == (None, None)
    assert Mandate.objects.filter(case=covert, revoked_by=legal).count() == 2
    assert "Revoked the mandate" in covert.timeline.latest("seq").text
    with pytest.raises(MandateError, match="no mandate to take back"):
        mandates.revoke(covert.pk, "Once more", actor=legal)


def test_who_asks_does_not_authorise(covert: Case, responder: User) -> None:
    ask(covert, responder)

    with pytest.raises(NotAllowedError, match="another person"):
        give(covert, responder)


def test_only_an_approver_or_legal_of_the_case_authorises(covert: Case, ada: User, approver: User) -> None:
    outside = make_user("ole", ["guest"])
    outside.groups.add(Group.objects.get_or_create(name="legal")[0])
    ask(covert, make_user("flo", ["analyst"]))

    for who in (ada, User.objects.get(pk=outside.pk)):
        with pytest.raises(NotAllowedError, match="approver, or a member"):
            give(covert, who)
    assert give(covert, approver).authorised_by == approver


def test_what_was_asked_for_anew_must_be_read_again(covert: Case, ada: User, legal: User) -> None:
    first = ask(covert, ada)
    ask(covert, ada, days=30)

    with pytest.raises(MandateError, match="Read it again"):
        give(covert, legal, sha256=first.words_sha256)


def test_without_the_statement_nothing_is_asked_or_given(covert: Case, ada: User, legal: User) -> None:
    with pytest.raises(MandateError, match="conflict of interest"):
        ask(covert, ada, states=False)
    ask(covert, ada)
    with pytest.raises(MandateError, match="conflict of interest"):
        give(covert, legal, states=False)


@pytest.mark.parametrize("name", ["i.rocha", "I.Rocha", "a.boss"])
def test_the_subject_and_their_manager_have_a_conflict(covert: Case, ada: User, name: str) -> None:
    ask(covert, ada)
    concerned = make_user(name, ["approver"])

    with pytest.raises(NotAllowedError, match="about, or their manager"):
        give(covert, concerned)


def test_a_mandate_falls_when_its_authoriser_turns_out_to_be_concerned(covert: Case, ada: User, legal: User) -> None:
    ask(covert, ada)
    give(covert, legal)
    assert policy.refusal(Acquire(), covert, {}) == ""

    CasePerson.objects.create(case=covert, person=make_person("lea"), role="logged_on")

    assert "does not count" in policy.refusal(Acquire(), covert, {})


@pytest.mark.parametrize("days", [0, 91])
def test_no_mandate_is_for_ever(covert: Case, ada: User, days: int) -> None:
    with pytest.raises(MandateError, match="1 to 90 days"):
        ask(covert, ada, days=days)


def test_an_open_case_takes_no_mandate(case: Case, analyst: User) -> None:
    with pytest.raises(MandateError, match="not covert"):
        ask(case, analyst)


def test_the_panel_says_whether_there_is_one(covert: Case, ada: User, legal: User, client: Client) -> None:
    client.force_login(ada)
    panel = f"/cases/CASE-{covert.pk}/runs/panel/"
    assert "No mandate: nothing is acquired" in client.get(panel).content.decode()

    ask(covert, ada)
    give(covert, legal)

    assert "Mandate until" in client.get(panel).content.decode()


def test_the_whole_is_done_on_the_pages(covert: Case, ada: User, legal: User, client: Client) -> None:
    page = f"/cases/CASE-{covert.pk}/need-to-know/"
    client.force_login(ada)
    said = {"legal_basis": "Section 26", "scope": "Her laptop", "days": "14", "states_no_conflict": "on"}
    assert client.post(f"{page}ask_mandate/", said | {"states_no_conflict": ""}).status_code == 400
    assert client.post(f"{page}ask_mandate/", said).headers["Location"] == page
    asked = mandates.asked_for(covert)
    assert asked is not None
    assert "Earlier mandates" not in client.get(page).content.decode()

    client.force_login(legal)
    own = f"/guest/CASE-{covert.pk}/"
    assert "Her laptop" in client.get(own).content.decode()
    given = client.post(f"{page}authorise_mandate/", {"words_sha256": asked.words_sha256, "states_no_conflict": "on"})

    assert given.headers["Location"] == own
    assert mandates.in_force(covert) == asked


def test_a_member_is_added_and_taken_off_by_name(covert: Case, responder: User) -> None:
    friend = make_user("fay", ["analyst"])
    assert not Case.objects.visible_to(friend).exists()

    members.add(covert.pk, friend, actor=responder)
    members.add(covert.pk, friend, actor=responder)
    assert Case.objects.visible_to(friend).get() == covert
    members.remove(covert.pk, friend, actor=responder)

    assert not Case.objects.visible_to(friend).exists()
    assert covert.timeline.filter(text__contains="by name").count() == 2


def test_whom_it_is_about_is_neither_added_nor_let_in(covert: Case, responder: User) -> None:
    manager = make_user("a.boss", ["admin"])
    with pytest.raises(NotAllowedError, match="about, or their manager"):
        members.add(covert.pk, manager, actor=responder)

    CaseMember.objects.create(case=covert, user=manager)
    manager.groups.add(covert.group)

    assert not Case.objects.visible_to(User.objects.get(pk=manager.pk)).exists()


@pytest.mark.parametrize(
    ("username", "email", "known_as"),
    [
        ("i.rocha", "", {"login": "i.rocha"}),
        ("I.Rocha", "", {"login": "", "upn": "i.rocha@corp.example"}),
        ("ines", "I.Rocha@corp.example", {"login": "", "upn": "i.rocha@corp.example"}),
        ("a.boss", "", {"login": "i.rocha", "manager_login": "a.boss"}),
        ("I.Rocha@corp.example", "", {"login": "i.rocha"}),
        ("ines", "I.Rocha@corp.example", {"login": "i.rocha"}),
        ("a.boss@corp.example", "", {"login": "i.rocha", "manager_login": "a.boss"}),
    ],
)
def test_a_subject_is_known_by_any_of_their_names(
    db: None, username: str, email: str, known_as: dict[str, str]
) -> None:
    user, case = make_user(username, ["admin"], email=email), make_case(is_restricted=True)
    CaseMember.objects.create(case=case, user=user)
    assert Case.objects.visible_to(user).exists()

    CasePerson.objects.create(case=case, person=make_person(**known_as), role="actor")

    assert not Case.objects.visible_to(user).exists()


def test_a_victim_or_receiver_is_not_kept_out(db: None) -> None:
    user, case = make_user("hr.lady", ["analyst"]), make_case(is_restricted=True)
    CaseMember.objects.create(case=case, user=user)
    CasePerson.objects.create(case=case, person=make_person("hr.lady"), role="recipient")

    assert Case.objects.visible_to(user).get() == case


def test_who_looked_is_shown_to_those_who_may(covert: Case, ada: User, client: Client) -> None:
    client.force_login(ada)
    page = f"/cases/CASE-{covert.pk}/"

    client.get(page)
    client.get(f"{page}runs/panel/")

    sitting = covert.readings.get()
    assert (sitting.user, sitting.last_at) == (ada, sitting.first_at)  # two pages at once are one sitting
    assert "Ada Lind" in client.get(f"{page}need-to-know/").content.decode()
    covert.readings.update(last_at=timezone.now() - timedelta(minutes=3))
    client.get(page)
    assert covert.readings.get().last_at > sitting.last_at - timedelta(seconds=5)
    covert.readings.update(last_at=timezone.now() - timedelta(minutes=30))
    client.get(page)
    assert covert.readings.count() == 2


def test_nobody_is_watched_in_an_open_case(case: Case, analyst: User, client: Client) -> None:
    client.force_login(analyst)

    client.get(f"/cases/CASE-{case.pk}/")

    assert not case.readings.exists()
