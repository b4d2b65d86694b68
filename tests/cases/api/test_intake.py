"""The intake door over HTTP, in the words of CONTRACTS.md part 1."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from cases.models import Alert, Case, RejectedPayload
from cases.services import suppressions
from secops.models import ApiToken, User
from tests.cases.messages import own
from tests.factories import make_kind

pytestmark = pytest.mark.django_db

ALERTS = "/api/v1/alerts/"
EVE = {
    "timestamp": "2026-11-01T10:00:00.000000+0000",
    "flow_id": 1,
    "event_type": "alert",
    "src_ip": "10.1.2.3",
    "src_port": 50_000,
    "dest_ip": "203.0.113.9",
    "dest_port": 443,
    "proto": "TCP",
    "alert": {"action": "allowed", "gid": 1, "signature_id": 1, "rev": 1, "signature": "TEST one", "severity": 2},
}


@pytest.fixture
def sensor() -> dict[str, str]:
    _, secret = ApiToken.issue("sensor")
    return {"Authorization": f"Bearer {secret}"}


def post(client: Client, url: str, body: Any, headers: dict[str, str]) -> Any:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(url, data, content_type="application/json", headers=headers)


def test_one_alert_is_201_and_then_200(client: Client, sensor: dict[str, str]) -> None:
    payload = own()

    first, again = post(client, ALERTS, payload, sensor), post(client, ALERTS, payload, sensor)

    assert (first.status_code, again.status_code) == (201, 200)
    alert, case = Alert.objects.get().number, Case.objects.get().number
    assert first.json() == {"index": 0, "status": "created", "alert": alert, "case": case, "errors": []}
    assert again.json() == first.json() | {"status": "repeated"}


def test_a_suppressed_alert_is_201_without_a_case_and_names_its_rule(
    client: Client, sensor: dict[str, str], analyst: User
) -> None:
    week = timezone.now() + timedelta(days=7)
    rule = suppressions.write({"source": "acme-ids"}, "Our scanner", week, actor=analyst)
    payload = own()

    first, again = post(client, ALERTS, payload, sensor), post(client, ALERTS, payload, sensor)
    listed = post(client, ALERTS, [own(), own(source_ref="x", source="acme-edr")], sensor)

    alert = Alert.objects.get(source_ref=payload["source_ref"]).number
    answer = {"index": 0, "status": "suppressed", "alert": alert, "case": None, "errors": [], "rule": rule.number}
    assert (first.status_code, first.json()) == (201, answer)
    assert (again.status_code, again.json()["status"], again.json()["case"]) == (200, "repeated", None)
    counts = {name: listed.json()[name] for name in ("created", "suppressed")}
    assert (listed.status_code, counts) == (207, {"created": 1, "suppressed": 1})
    assert client.get(f"/api/v1/alerts/{alert}/", headers=sensor).json()["case"] is None


def test_a_missing_field_is_400_and_named(client: Client, sensor: dict[str, str]) -> None:
    payload = own()
    del payload["title"]

    answer = post(client, ALERTS, payload, sensor)

    assert answer.status_code == 400
    assert answer.json()["status"] == "rejected"
    assert [error["field"] for error in answer.json()["errors"]] == ["title"]
    assert RejectedPayload.objects.get().source == "sensor"


def test_an_unknown_field_is_400_and_named(client: Client, sensor: dict[str, str]) -> None:
    answer = post(client, ALERTS, own(colour="blue"), sensor)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "colour"


def test_without_a_source_the_tokens_name_is_the_sender(client: Client, sensor: dict[str, str]) -> None:
    payload = own()
    del payload["source"]

    assert post(client, ALERTS, payload, sensor).status_code == 201
    assert Alert.objects.get().source == "sensor"


@pytest.mark.parametrize("joined", [",", "\n"], ids=["list", "ndjson"])
def test_several_alerts_are_207_with_a_result_each(client: Client, sensor: dict[str, str], joined: str) -> None:
    good, bad = own(), own(severity=9)
    body = joined.join(json.dumps(one) for one in (good, bad, good))

    answer = post(client, ALERTS, f"[{body}]" if joined == "," else body, sensor)

    assert answer.status_code == 207
    counts = {name: answer.json()[name] for name in ("created", "repeated", "suppressed", "ignored", "rejected")}
    assert counts == {"created": 1, "repeated": 1, "suppressed": 0, "ignored": 0, "rejected": 1}
    assert [result["index"] for result in answer.json()["results"]] == [0, 1, 2]


def test_a_list_of_one_is_answered_as_a_list_even_when_rejected(client: Client, sensor: dict[str, str]) -> None:
    answer = post(client, ALERTS, [{"title": "nothing else"}], sensor)

    assert answer.status_code == 207
    assert answer.json()["rejected"] == 1


def test_more_than_a_thousand_alerts_are_413_and_nothing_is_taken(client: Client, sensor: dict[str, str]) -> None:
    answer = post(client, ALERTS, [own() for _ in range(1_001)], sensor)

    assert answer.status_code == 413
    assert not Alert.objects.exists()
    assert not RejectedPayload.objects.exists()


def test_more_than_ten_megabytes_are_413(client: Client, sensor: dict[str, str]) -> None:
    assert post(client, ALERTS, b'{"title": "' + b"x" * 10_000_001 + b'"}', sensor).status_code == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[" * 100_000, b"1" * 5_000, b"null", b'"text"'],
    ids=["empty", "cut off", "nan", "twice", "deep", "digits", "null", "text"],
)
def test_what_is_no_alert_is_answered_and_kept(client: Client, sensor: dict[str, str], body: bytes) -> None:
    answer = post(client, ALERTS, body, sensor)

    assert answer.status_code in {207, 400}
    result = answer.json() if answer.status_code == 400 else answer.json()["results"][0]
    assert result["status"] == "rejected"
    assert result["errors"][0]["field"]
    assert RejectedPayload.objects.count() == 1


def test_a_detectors_own_json_is_taken(client: Client, sensor: dict[str, str]) -> None:
    answer = post(client, "/api/v1/intake/suricata/", EVE, sensor)

    assert answer.status_code == 201
    alert = Alert.objects.get()
    assert (alert.detector, alert.source, alert.title, alert.dst_ip) == (
        "suricata",
        "sensor",
        "TEST one",
        "203.0.113.9",
    )


def test_auto_finds_the_detector(client: Client, sensor: dict[str, str]) -> None:
    post(client, "/api/v1/intake/auto/", EVE, sensor)

    assert Alert.objects.get().detector == "suricata"


def test_auto_never_rejects_a_readable_object(client: Client, sensor: dict[str, str]) -> None:
    answer = post(client, "/api/v1/intake/auto/", {"what": "nobody knows", "ip": "203.0.113.9"}, sensor)

    assert answer.status_code == 201
    assert Alert.objects.get().detector == "generic"


def test_a_message_that_is_no_alert_is_ignored(client: Client, sensor: dict[str, str]) -> None:
    answer = post(client, "/api/v1/intake/suricata/", EVE | {"event_type": "flow"}, sensor)

    assert (answer.status_code, answer.json()["status"]) == (200, "ignored")


def test_an_unknown_detector_is_404(client: Client, sensor: dict[str, str]) -> None:
    assert post(client, "/api/v1/intake/no-such-thing/", EVE, sensor).status_code == 404


def test_the_number_of_a_restricted_case_is_not_told(client: Client, sensor: dict[str, str]) -> None:
    make_kind("secret", is_restricted=True, group=Group.objects.create(name="insider"), order=1)

    answer = post(client, ALERTS, own(), sensor)

    assert answer.status_code == 201
    assert answer.json()["case"] is None
    assert Case.objects.get().is_restricted


def test_without_a_token_nothing_is_taken(client: Client) -> None:
    assert post(client, ALERTS, own(), {}).status_code in {401, 403}
    assert post(client, ALERTS, own(), {"Authorization": "Bearer nd_wrong"}).status_code == 401
    assert not Alert.objects.exists()


def test_a_session_or_a_reading_token_may_not_send(client: Client, analyst: User) -> None:
    _, secret = ApiToken.issue("reader", scope=ApiToken.Scope.READ, user=analyst)
    client.force_login(analyst)

    assert post(client, ALERTS, own(), {}).status_code == 403
    assert post(client, ALERTS, own(), {"Authorization": f"Bearer {secret}"}).status_code == 403


def test_a_sender_reads_back_its_own_alerts_only(client: Client, sensor: dict[str, str]) -> None:
    url = f"/api/v1/alerts/{post(client, ALERTS, own(), sensor).json()['alert']}/"
    _, other = ApiToken.issue("other")

    own_answer = client.get(url, headers=sensor)

    assert own_answer.status_code == 200
    assert own_answer.json()["title"] == "Connection to an address on a list"
    assert client.get(url, headers={"Authorization": f"Bearer {other}"}).status_code == 404
    assert client.get("/api/v1/alerts/ALR-999999/", headers=sensor).status_code == 404


def test_a_case_is_read_by_who_may_see_it(
    client: Client, sensor: dict[str, str], analyst: User, stranger: User
) -> None:
    number = post(client, ALERTS, own(), sensor).json()["case"]
    url = f"/api/v1/cases/{number}/"

    assert client.get(url, headers=sensor).status_code == 403
    client.force_login(stranger)
    assert client.get(url).status_code == 404
    client.force_login(analyst)
    whole = client.get(url).json()

    assert whole["id"] == number
    assert set(whole) >= {
        *("id", "title", "kind", "stage", "disposition", "severity", "tlp", "pap", "restricted", "covert", "risk"),
        *("enrichment", "answers", "alerts", "observables", "devices", "people", "runs", "evidence", "timeline"),
    }
    assert whole["timeline"][0].keys() == {"id", "at", "who", "text"}
    assert whole["tlp"] == "amber"


def test_a_restricted_case_is_404_for_others(client: Client, sensor: dict[str, str], analyst: User) -> None:
    make_kind("secret", is_restricted=True, group=Group.objects.create(name="insider"), order=1)
    post(client, ALERTS, own(), sensor)
    case, alert = Case.objects.get(), Alert.objects.get()
    client.force_login(analyst)

    assert client.get(f"/api/v1/cases/{case.number}/").status_code == 404
    assert client.get(f"/api/v1/alerts/{alert.number}/").status_code == 404
