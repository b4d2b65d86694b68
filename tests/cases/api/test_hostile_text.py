"""Text never rejects an alert: what comes in is repaired, cut and marked, and the bytes received stay."""

import json
from typing import Any

import pytest
from django.test import Client

from cases.models import Alert, AlertPayload, Case, Observable
from cases.services import timeline
from secops.models import ApiToken, User
from tests.cases.api.test_intake import EVE
from tests.hostile import START, TEXT, alert, everywhere

pytestmark = pytest.mark.django_db

SURROGATES = range(0xD800, 0xE000)


@pytest.fixture
def sensor() -> dict[str, str]:
    _, secret = ApiToken.issue("sensor")
    return {"Authorization": f"Bearer {secret}"}


def post(client: Client, url: str, payload: Any, sensor: dict[str, str]) -> Any:
    """As JSON in ASCII, where NUL and half characters travel as escapes."""
    return client.post(url, json.dumps(payload), content_type="application/json", headers=sensor)


def texts(value: Any) -> list[str]:
    """Every text in a piece of JSON, keys too."""
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


def test_an_alert_full_of_hostile_text_is_created_and_repaired(client: Client, sensor: dict[str, str]) -> None:
    answer = post(client, "/api/v1/alerts/", alert(), sensor)

    assert (answer.status_code, answer.json()["status"]) == (201, "created")
    kept = Alert.objects.get()
    assert kept.title.startswith(START)
    assert len(kept.title) <= 300
    assert kept.source_ref != TEXT
    assert len(kept.source_ref) == 64  # too long: its SHA-256
    assert kept.description.startswith(f"{START}\ufffd\ufffd\u202e")
    assert kept.description.endswith(" [cut]")
    assert len(kept.description) <= 65_536
    assert kept.url == ""  # no address of the web
    assert {"url", "tlp", "pap"} <= {problem["field"] for problem in answer.json()["errors"]}
    assert timeline.verify(Case.objects.get()) is None


def test_the_bytes_received_stay_as_they_came(client: Client, sensor: dict[str, str]) -> None:
    payload = alert()

    post(client, "/api/v1/alerts/", payload, sensor)

    assert AlertPayload.objects.get().raw() == json.dumps(payload).encode()


def test_whatever_is_read_back_is_clean_and_short(client: Client, sensor: dict[str, str], analyst: User) -> None:
    number = post(client, "/api/v1/alerts/", alert(), sensor).json()["case"]
    client.force_login(analyst)

    whole = client.get(f"/api/v1/cases/{number}/")

    assert whole.status_code == 200
    told = texts(whole.json())
    assert any(START in text for text in told)
    assert not [text[:80] for text in told if "\0" in text or any(ord(one) in SURROGATES for one in text)]
    assert max(map(len, told)) <= 65_536
    assert all("\0" not in value for value in Observable.objects.values_list("value", flat=True))


@pytest.mark.parametrize(
    "payload",
    [
        {**everywhere(EVE), "timestamp": EVE["timestamp"], "event_type": "alert", "src_ip": "10.1.2.3"},
        everywhere({"what": "nobody knows", "nested": [{"user": "x", "deep": {"host": "y"}}], TEXT[:2_000]: "key"}),
    ],
    ids=["suricata", "unknown to everybody"],
)
def test_a_detectors_own_json_full_of_it_is_created_too(
    client: Client, sensor: dict[str, str], payload: dict[str, Any]
) -> None:
    answer = post(client, "/api/v1/intake/auto/", payload, sensor)

    assert (answer.status_code, answer.json()["status"]) == (201, "created")
    assert "\0" not in Alert.objects.get().title


@pytest.mark.parametrize("field", ["title", "description", "source_ref"])
def test_one_half_of_a_character_alone_becomes_a_sign_of_replacement(
    client: Client, sensor: dict[str, str], field: str
) -> None:
    answer = post(client, "/api/v1/alerts/", alert(**{field: "a\ud800b\0c"}), sensor)

    assert answer.status_code == 201
    assert getattr(Alert.objects.get(), field) == "a\ufffdb\ufffdc"
