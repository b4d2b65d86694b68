"""Credentials of the range: who asks without them gets the product's own refusal."""

import json

import requests

from secops.practice.products import entra
from secops.practice.products.world import World
from tests.secops.practice.conftest import Client

GRAPH = "https://graph.microsoft.com"


def test_every_answer_says_that_it_is_simulated(shared_practice: Client) -> None:
    for path in ("/", "/kea/", "/rdap/ip/203.0.113.9", "/graph/v1.0/users", "/nowhere"):
        answer = requests.get(shared_practice.base + path, timeout=10)

        assert answer.headers["X-Practice-Range"] == "simulated", path


def test_a_token_opens_the_product_it_was_made_for_and_no_other(shared_practice: Client) -> None:
    token = shared_practice.token(GRAPH).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}

    assert token["expires_in"] == 3600
    assert requests.get(f"{shared_practice.base}/graph/v1.0/users", headers=headers, timeout=10).ok
    refused = requests.get(f"{shared_practice.base}/defender/api/machines", headers=headers, timeout=10)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "Unauthorized"


def test_a_token_older_than_its_hour_opens_nothing(shared_practice: Client) -> None:
    world = World(shared_practice.folder.parent)
    old = entra.issue(world, GRAPH, lifetime=-1)

    url, headers = f"{shared_practice.base}/graph/v1.0/users", {"Authorization": f"Bearer {old}"}
    refused = requests.get(url, headers=headers, timeout=10)

    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert "expired" in refused.json()["error"]["message"]


def test_a_token_with_a_changed_claim_opens_nothing(shared_practice: Client) -> None:
    head, claims, signature = shared_practice.token(GRAPH).json()["access_token"].split(".")
    forged = f"{head}.{claims[:-2]}AA.{signature}"

    url, headers = f"{shared_practice.base}/graph/v1.0/users", {"Authorization": f"Bearer {forged}"}
    refused = requests.get(url, headers=headers, timeout=10)

    assert refused.status_code == 401


def test_entra_refuses_in_its_own_words(shared_practice: Client) -> None:
    wrong_secret = shared_practice.token(GRAPH, client_secret="wrong")
    wrong_client = shared_practice.token(GRAPH, client_id="wrong")
    wrong_resource = shared_practice.token("https://elsewhere.example")
    wrong_grant = shared_practice.token(GRAPH, grant_type="password")
    wrong_tenant = requests.post(f"{shared_practice.base}/login/other/oauth2/v2.0/token", timeout=10)

    assert (wrong_secret.status_code, wrong_secret.json()["error"]) == (401, "invalid_client")
    assert wrong_secret.json()["error_codes"] == [7000215]
    assert (wrong_client.status_code, wrong_client.json()["error"]) == (400, "unauthorized_client")
    assert wrong_resource.json()["error_codes"] == [500011]
    assert wrong_grant.json()["error"] == "unsupported_grant_type"
    assert wrong_tenant.json()["error_codes"] == [90002]


def test_kea_and_virustotal_refuse_who_has_no_key(shared_practice: Client) -> None:
    kea = requests.post(f"{shared_practice.base}/kea/", json={"command": "x"}, auth=("a", "b"), timeout=10)
    missing = requests.get(f"{shared_practice.base}/vt/api/v3/domains/bad.example", timeout=10)
    wrong = requests.get(
        f"{shared_practice.base}/vt/api/v3/domains/bad.example", headers={"x-apikey": "no"}, timeout=10
    )

    assert kea.status_code == 401
    assert kea.headers["WWW-Authenticate"].startswith("Basic")
    assert kea.json() == {"result": 401, "text": "Unauthorized"}
    assert missing.status_code == wrong.status_code == 401
    assert missing.json()["error"]["code"] == "AuthenticationRequiredError"
    assert wrong.json()["error"]["code"] == "WrongCredentialsError"


def test_credentials_stay_the_same_and_are_for_their_owner_only(shared_practice: Client) -> None:
    path = shared_practice.folder / "credentials.json"

    again = World(shared_practice.folder.parent).credentials

    assert again == json.loads(path.read_text())
    assert path.stat().st_mode & 0o077 == 0
