"""The pages of suppression: reached from the queue and from an alert, weighed with and without JavaScript."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cases.models import Alert, Case, Suppression
from cases.services import suppressions
from secops.models import User
from tests.cases.messages import own, send
from tests.factories import make_kind, make_user
from tests.hostile import START, TEXT

pytestmark = pytest.mark.django_db
ADD = "/suppressions/add/"


@pytest.fixture
def at(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_from_an_alert_to_a_rule_in_force_to_its_alerts_and_back_into_the_queue(at: Client) -> None:
    send(own(), own(title="Another", rule={"id": "r8"}))
    alert = Alert.objects.order_by("pk")[0]
    assert f"{ADD}?alert={alert.number}" in text(at.get(f"/alerts/{alert.number}/"))
    assert "/suppressions/" in text(at.get("/queue/"))

    form = text(at.get(f"{ADD}?alert={alert.number}"))
    assert all(f'value="{value}"' in form for value in ("r7", "acme-ids", "FIN-LT-0142"))
    assert "Would have suppressed 1 of 2 alerts of the last 7 days, of 1 kind; none of them was escalated." in form
    written = at.post(ADD, {"rule_id": "r7", "reason": "Our scanner", "days": "30", "write": "1"}, follow=True)
    rule = Suppression.objects.get()
    assert "In force" in text(written)
    send(own())
    page = f"/suppressions/{rule.pk}/"
    shown = text(at.get(page))
    assert "Let in 1 alert of the last 7 days" in shown
    late = Alert.objects.get(suppressed_as__suppression=rule)
    assert f"Suppressed by SUP-{rule.pk}" in text(at.get(f"/alerts/{late.number}/"))
    assert "1 alerts went into 1 cases" in text(at.post(f"{page}let-in/", follow=True))
    ended = text(at.post(f"{page}end/", follow=True))
    assert "Over" in ended
    assert "Let in" not in ended
    assert "0 in force" in text(at.get("/suppressions/"))
    assert "Was suppressed by" in text(at.get(f"/alerts/{late.number}/"))


def test_a_preview_writes_nothing_and_is_a_part_for_htmx_and_a_page_without_it(at: Client) -> None:
    send(own())
    Case.objects.update(stage="response")
    values = {"rule_id": "r7", "days": "7"}

    part = at.post(ADD, values, headers={"HX-Request": "true"})
    page = at.post(ADD, values)

    assert text(part).startswith('<div id="weight"')
    for answer in (part, page):
        assert answer.status_code == 200
        assert "Would have suppressed 1 of 1 alerts" in text(answer)
        assert "1 of them was escalated" in text(answer)
        assert f"/cases/{Case.objects.get().number}/" in text(answer)
    assert not Suppression.objects.exists()
    assert 'value="r7"' in text(page)


def test_what_is_missing_is_said(at: Client) -> None:
    nothing = at.post(ADD, {"reason": "why", "days": "7", "write": "1"})
    no_reason = at.post(ADD, {"title": "x", "reason": " ", "days": "7", "write": "1"})
    wrong = at.post(ADD, {"network": "10.0.0.0/99", "days": "7"})

    assert (nothing.status_code, no_reason.status_code) == (422, 422)
    assert "Say at least one property" in text(nothing)
    assert "Say in a sentence why" in text(no_reason)
    assert "neither an address nor a network" in text(wrong)
    assert not Suppression.objects.exists()


def test_no_rule_is_made_of_an_alert_that_not_everybody_may_see(at: Client, analyst: User) -> None:
    analyst.groups.add(team := make_user("t", ["team"]).groups.get())
    make_kind("insider", name="Insider kind", is_restricted=True, group=team)
    send(own(kind="insider", title="quetzal"))
    alert = Alert.objects.get()

    assert "Suppress like this" not in text(at.get(f"/alerts/{alert.number}/"))
    form = text(at.get(f"{ADD}?alert={alert.number}"))
    assert "acme-ids" not in form
    assert "Insider kind" not in form


def test_hostile_text_is_only_text(at: Client, analyst: User) -> None:
    values = {"title": TEXT[:250], "observable": TEXT[:900], "device": START, "person": START, "source": START[:50]}
    tried = at.post(ADD, dict.fromkeys(values, START) | {"source": START[:50], "days": "7"})
    rule = suppressions.write(values, TEXT, timezone.now() + timedelta(days=1), actor=analyst)

    pages = [at.get("/suppressions/"), at.get(f"/suppressions/{rule.pk}/"), at.get(f"{ADD}?rule={rule.number}"), tried]

    assert [page.status_code for page in pages] == [200] * 4
    assert all("<script>alert" not in text(page) and "<img src=x" not in text(page) for page in pages)
