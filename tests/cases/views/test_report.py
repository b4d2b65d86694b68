"""A case opened by hand: what a person was told becomes an alert, restricted from the first moment where wanted."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from cases.choices import Stage
from cases.models import Alert, AlertKind, Case, Suppression, TimelineEntry
from cases.services import senders
from secops.models import ApiToken, User
from tests.cases.messages import own
from tests.factories import make_person, make_user

TOLD = {
    "title": "A colleague saw a stick in a server",
    "description": "By phone, from facility management.",
    "severity": "3",
    "device": "FS-01",
    "person": "j.weil",
    "observables": "evil[.]example\n203.0.113[.]9\nhxxps://evil[.]example/a\nmallory@evil.example",
    "seen_at": "2026-11-24 14:03",
}


@pytest.fixture
def page(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def opened(page: Client, **changed: Any) -> Any:
    return page.post("/cases/new/", {"request_id": str(uuid4())} | TOLD | changed)


def test_it_is_an_alert_like_any_other_and_theirs_from_the_start(page: Client, analyst: User) -> None:
    assert opened(page).status_code == 302

    case = Case.objects.get()
    assert (case.title, case.severity, case.stage, case.assignee) == (TOLD["title"], 3, Stage.TRIAGE, analyst)
    assert (case.is_planning_due, case.is_restricted, case.is_unread) == (True, False, False)
    assert (case.device_name, case.person_name) == ("FS-01", "j.weil")
    alert = Alert.objects.get()
    assert (alert.source, alert.rule_name, alert.description) == (
        "by-hand",
        "Reported by a person",
        TOLD["description"],
    )
    assert f"{alert.detected_at:%Y-%m-%d %H:%M}" == TOLD["seen_at"]
    found = set(case.links.values_list("observable__kind", "observable__value"))
    assert found >= {
        ("domain", "evil.example"),
        ("ip", "203.0.113.9"),
        ("url", "https://evil.example/a"),
        ("email", "mallory@evil.example"),
    }
    assert TimelineEntry.objects.filter(text="Opened by Ada Lind.").exists()


def test_two_reports_of_the_same_words_are_two_cases_and_a_double_click_is_one(page: Client) -> None:
    request_id = str(uuid4())
    first = opened(page, request_id=request_id)
    assert opened(page, request_id=request_id).headers["Location"] == first.headers["Location"]
    opened(page)
    assert Case.objects.count() == 2


def test_restricted_nobody_else_ever_sees_it(page: Client, analyst: User, responder: User) -> None:
    opened(page, is_restricted="on")
    case = Case.objects.get()
    assert case.is_restricted
    assert set(Case.objects.visible_to(analyst)) == {case}
    assert not Case.objects.visible_to(responder).exists()
    assert not Alert.objects.visible_to(responder).exists()
    assert TimelineEntry.objects.filter(text="Opened by Ada Lind, restricted from the start.").exists()


def test_of_a_kind_that_is_born_restricted_who_told_it_stays_a_member(page: Client, analyst: User) -> None:
    team = Group.objects.create(name="insider")
    AlertKind.objects.create(slug="insider", name="Insider", is_restricted=True, is_covert=True, group=team)
    opened(page, kind="insider")
    case = Case.objects.get()
    assert (case.is_restricted, case.is_covert, case.kind and case.kind.slug) == (True, True, "insider")
    assert set(Case.objects.visible_to(analyst)) == {case}


def test_whom_it_is_about_opens_it_and_is_told_that_they_may_not_see_it(page: Client, analyst: User) -> None:
    make_person(analyst.username)
    answer = opened(page, person=analyst.username, is_restricted="on")
    assert answer.headers["Location"] == "/queue/"
    assert Case.objects.count() == 1
    assert not Case.objects.visible_to(analyst).exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"title": " "}, "This field is required."),
        ({"observables": "evil.example\nnot one of them"}, "Line 2: neither an address"),
        ({"observables": "\n".join(f"h{n}.example" for n in range(101))}, "At most 100 lines."),
        ({"seen_at": "2999-01-01"}, "That lies ahead."),
        ({"seen_at": "soon"}, "Enter a valid date/time."),
        ({"kind": "no-such"}, "Select a valid choice"),
        ({"severity": "9"}, "Select a valid choice"),
        ({"request_id": "x"}, ""),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_opened(page: Client, changed: dict[str, str], said: str) -> None:
    answer = opened(page, **changed)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert TOLD["description"] in answer.content.decode()  # what was typed stays
    assert not Case.objects.exists()


def test_it_joins_no_case_of_others_however_its_kind_groups(page: Client, responder: User) -> None:
    kind = AlertKind.objects.create(slug="by-person", name="By person", group_by=["person"])
    opened(page, kind=kind.slug)
    first = Case.objects.get()
    Case.objects.filter(pk=first.pk).update(stage=Stage.CONTAINED, assignee=responder, is_restricted=True)

    opened(page, kind=kind.slug)

    first.refresh_from_db()
    assert (first.stage, first.assignee, first.alert_count) == (Stage.CONTAINED, responder, 1)
    assert Case.objects.count() == 2


def test_no_token_speaks_for_people_or_reads_what_they_told(page: Client, client: Client) -> None:
    opened(page, is_restricted="on")
    for sources in ([], ["by-hand"]):
        token, secret = ApiToken.issue(f"sensor {sources}", sources=sources)
        sent = client.post(
            "/api/v1/alerts/",
            own(source="by-hand"),
            content_type="application/json",
            headers={"authorization": f"Bearer {secret}"},
        )
        assert sent.status_code == 400
        assert not Alert.objects.filter(senders.of(token)).exists()
    assert Alert.objects.count() == 1


def test_no_rule_suppresses_what_a_person_told(page: Client, analyst: User) -> None:
    end = timezone.now() + timedelta(days=7)
    Suppression.objects.create(title="stick", reason="Noise", owner=analyst, written_at=timezone.now(), expires_at=end)
    assert opened(page).status_code == 302
    assert Case.objects.count() == 1


def test_hostile_text_is_text(page: Client) -> None:
    opened(page, title="<script>alert(1)</script>", description="{{7*7}} \u202e", device="<b>x</b>")
    case = Case.objects.get()
    text = page.get(f"/cases/{case.number}/").content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_only_those_who_work_on_cases_find_it(client: Client, db: None) -> None:
    client.force_login(make_user("eve", ["approver"]))
    assert "/cases/new/" not in client.get("/queue/").content.decode()
    assert client.get("/cases/new/").status_code == 403
