"""The pages of sources and of what could not be read: numbers for all who see cases, texts for admins only."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases.forms.sources import MAX_TEXT
from cases.models import Alert, RejectedPayload, Source
from cases.services import silence
from cases.views import rejected as views
from secops.models import AuditEntry, User
from tests.cases.messages import own
from tests.cases.services.test_replay import reject, without_title
from tests.factories import make_case, make_kind, make_user

pytestmark = pytest.mark.django_db

LIST = "/sources/rejected/"
HOSTILE = '<script>alert(1)</script>\u202eevil\u200b " onfocus="x" </textarea></pre>{{ 7|add:1 }}'


@pytest.fixture
def admin(admin_user: User, client: Client) -> Client:
    client.force_login(admin_user)
    return client


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


def url(rejected: RejectedPayload) -> str:
    return f"{LIST}{rejected.pk}/"


def test_an_analyst_sees_how_the_sources_stand_but_no_text(analyst: User, client: Client) -> None:
    client.force_login(analyst)
    reject(without_title(title2="quetzal"))
    Source.objects.create(
        name="gone", detector="cef", first_at=timezone.now(), heard_at=timezone.now() - timedelta(days=3)
    )

    text = page(client, "/sources/")

    assert ">Live<" in text
    assert ">Quiet<" in text
    assert "nothing for 3 d" in text
    assert LIST not in text
    assert "Change<" not in text
    for path in (LIST, url(RejectedPayload.objects.get())):
        assert client.get(path).status_code in (403, 404)


def test_the_page_asks_the_same_number_of_questions_however_many_sources(admin: Client) -> None:
    def ask(number: int) -> int:
        for place in range(number):
            at = timezone.now()
            Source.objects.create(name=f"s{number}-{place}", detector="cef", first_at=at, heard_at=at)
        with CaptureQueriesContext(connection) as asked:
            page(admin, "/sources/")
        return len(asked)

    page(admin, "/sources/")  # what is asked once

    assert ask(1) == ask(20)


def test_a_silent_source_links_its_case_where_the_reader_may_see_it(analyst: User, client: Client) -> None:
    client.force_login(analyst)
    at = timezone.now() - timedelta(days=1)
    source = Source.objects.create(name="gone", detector="cef", first_at=at, heard_at=at, watch="hours", hours=4)
    silence.check(timezone.now())
    source.refresh_from_db()
    case = source.silent_case
    assert case is not None

    assert f'href="/cases/{case.number}/"' in page(client, "/sources/")
    assert "Silent" in page(client, f"/cases/{case.number}/timeline/") or case.title in page(client, "/queue/")
    hidden = make_case(is_restricted=True, group=Group.objects.create(name="others"))
    Source.objects.filter(pk=source.pk).update(silent_case=hidden)
    assert hidden.number not in page(client, "/sources/")


def test_an_admin_sets_when_a_source_counts_as_silent(admin: Client) -> None:
    at = timezone.now()
    source = Source.objects.create(name="acme", detector="cef", first_at=at, heard_at=at)
    path = f"/sources/{source.pk}/"

    assert "Too little is known" in page(admin, path)
    assert admin.post(path, {"watch": "hours"}).status_code == 422
    assert admin.post(path, {"watch": "hours", "hours": "0"}).status_code == 422
    assert admin.post(path, {"watch": "hours", "hours": "8"}).status_code == 302
    assert "After 8 h" in page(admin, "/sources/")


def test_the_list_names_reason_field_source_and_detector(admin: Client) -> None:
    reject(without_title(), source="one")
    reject(b"{", source="two", detector="suricata")

    text = page(admin, LIST)
    assert all(word in text for word in (">title<", ">two<", "suricata", "not JSON"))
    assert "Replay all" not in text
    one = page(admin, f"{LIST}?source=one&detector=nightdesk")
    assert ">two<" not in one
    assert "Replay all of this source" in one


def test_opening_a_payload_stands_in_the_audit_log(admin: Client) -> None:
    rejected = reject(without_title())

    page(admin, url(rejected))

    said = AuditEntry.objects.latest("seq")
    assert (said.who, said.text) == ("dee", f"Opened rejected payload {rejected.pk} of sensor (nightdesk)")


def test_a_form_that_is_wrong_shows_the_text_and_is_audited_too(admin: Client) -> None:
    rejected = reject(without_title())

    assert admin.post(url(rejected), {"detector": "no such"}).status_code == 422

    assert AuditEntry.objects.latest("seq").text.startswith(f"Opened rejected payload {rejected.pk} ")


def test_hostile_text_is_only_ever_text(admin: Client) -> None:
    payload = without_title(description=HOSTILE) | {HOSTILE: 1}
    rejected = reject(json.dumps(payload, ensure_ascii=False).encode())
    RejectedPayload.objects.update(source=HOSTILE[:60], problems=[{"field": HOSTILE, "message": HOSTILE}])

    for text in (page(admin, url(rejected)), page(admin, LIST)):
        assert "<script>alert" not in text
        assert "</textarea></pre>" not in text
        assert "{{ 7" not in text or "{{ 7|add:1 }}" in text  # shown, never carried out
        assert "\u202e" not in text
        assert "⟨U+202E⟩" in text
    assert "\\u202eevil\\u200b" in page(admin, url(rejected))  # in the form, as JSON writes it


def test_a_repair_keeps_what_cannot_be_seen(admin: Client) -> None:
    payload = without_title(description="in\u202evisible")
    rejected = reject(json.dumps(payload, ensure_ascii=False).encode())
    text = admin.get(url(rejected)).context["form"]["text"].value()

    admin.post(url(rejected), {"detector": "nightdesk", "text": text.replace("{", '{"title": "Mended", ', 1)})

    assert Alert.objects.get().description == "in\u202evisible"


def test_bytes_that_are_no_text_are_shown_and_replayed_as_they_came(admin: Client) -> None:
    rejected = reject(b'{"name": "caf\xe9 \x00", "id": 1}')
    text = page(admin, url(rejected))
    shown_text = admin.get(url(rejected)).context["form"]["text"].value()

    assert "Not all of it is UTF-8" in text
    assert admin.post(url(rejected), {"detector": "auto", "text": shown_text}).status_code == 302
    rejected.refresh_from_db()
    assert rejected.repaired is None
    assert Alert.objects.get().payload.raw() == rejected.raw()


def test_what_is_long_is_cut_with_its_size_and_can_only_be_replayed(admin: Client) -> None:
    rejected = reject(json.dumps({"name": "x" * (MAX_TEXT + 500)}).encode())

    text = page(admin, url(rejected))

    assert "the first 200\u202f000 of 200\u202f512 characters" in text
    assert "<textarea" not in text
    assert len(text) < views.SHOWN + 50_000
    assert admin.post(url(rejected), {"detector": "auto", "text": "{}"}).status_code == 302
    assert Alert.objects.get().payload.size == rejected.size


def test_a_repair_in_the_browser_leaves_the_list_and_is_linked_to_its_alert(admin: Client) -> None:
    payload = without_title()
    rejected = reject(payload)

    still = admin.post(url(rejected), {"detector": "nightdesk", "text": '{"title": "Half'})
    assert still.status_code == 422
    assert "Still not read: 1 rejected" in still.content.decode()
    assert "Half" in still.content.decode()

    mended = json.dumps(payload | {"title": "Mended"}, indent=1).replace("\n", "\r\n")
    answer = admin.post(url(rejected), {"detector": "nightdesk", "text": mended}, follow=True)
    text, alert = answer.content.decode(), Alert.objects.get()
    assert "Read: 1 created." in text
    assert f'href="/alerts/{alert.number}/"' in text
    assert "As repaired" in text
    assert "As received" in text
    assert url(rejected) not in page(admin, LIST)
    assert url(rejected) in page(admin, f"{LIST}?show=read")
    assert "<form class" not in page(admin, url(rejected))


def test_what_became_restricted_is_gone_for_who_may_not_see_it(admin: Client) -> None:
    make_kind("insider", is_restricted=True, group=Group.objects.create(name="insiders"))
    rejected = reject(without_title(kind="insider"))

    answer = admin.post(url(rejected), {"detector": "nightdesk", "text": json.dumps(own(kind="insider"))}, follow=True)

    assert answer.redirect_chain == [(LIST, 302)]
    assert "ALR-" not in answer.content.decode()
    assert admin.get(url(rejected)).status_code == 404
    assert url(rejected) not in page(admin, f"{LIST}?show=read")


def test_all_of_a_source_are_replayed_with_one_click(admin: Client) -> None:
    for _ in range(2):
        reject({"name": "Odd", "id": 1}, detector="nightdesk")
    RejectedPayload.objects.update(detector="auto")
    reject(b"{", detector="auto")

    answer = admin.post(f"{LIST}replay/", {"source": "sensor", "detector": "auto"}, follow=True)

    assert "2 of 3 could be read." in answer.content.decode()
    assert RejectedPayload.objects.waiting().count() == 1


@pytest.mark.parametrize("roles", [["analyst"], ["responder"], ["approver"], ["guest"], []])
def test_no_other_role_repairs_or_replays(client: Client, roles: list[str]) -> None:
    rejected: Any = reject(without_title())
    client.force_login(make_user("eve", roles))

    assert client.post(url(rejected), {"detector": "auto"}).status_code == 403
    assert client.post(f"{LIST}replay/", {"source": "sensor", "detector": "nightdesk"}).status_code == 403
    assert not Alert.objects.exists()
