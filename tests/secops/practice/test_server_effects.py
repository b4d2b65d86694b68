"""Accounts of Graph and indicators of Defender in the range: effects, refusals, and what is read back."""

from typing import Any

import pytest
import requests

from tests.secops.practice.conftest import SHA256, Client


def graph(practice: Client, method: str, path: str, **parts: Any) -> requests.Response:
    url = f"{practice.base}/graph/v1.0/{path}"
    return requests.request(method, url, headers=practice.bearer("graph"), timeout=10, **parts)


def defender(practice: Client, method: str, path: str, **parts: Any) -> requests.Response:
    url = f"{practice.base}/defender/api/{path}"
    return requests.request(method, url, headers=practice.bearer("defender"), timeout=10, **parts)


def account(practice: Client) -> dict[str, Any]:
    found: dict[str, Any] = graph(
        practice,
        "GET",
        "users/b.ek@tiny.example",
        params={"$select": "accountEnabled,signInSessionsValidFromDateTime"},
    ).json()
    return found


def test_an_account_is_closed_and_opened_again(practice: Client) -> None:
    closed = graph(practice, "PATCH", "users/b.ek@tiny.example", json={"accountEnabled": False})
    state = account(practice)["accountEnabled"]
    graph(practice, "PATCH", "users/b.ek@tiny.example", json={"accountEnabled": True})

    assert (closed.status_code, closed.content, state) == (204, b"", False)
    assert account(practice)["accountEnabled"] is True
    assert [one["method"] for one in practice.effects()] == ["disable_account", "enable_account"]


def test_revoked_sessions_count_from_now(practice: Client) -> None:
    assert account(practice)["signInSessionsValidFromDateTime"] is None

    answer = graph(practice, "POST", "users/b.ek@tiny.example/revokeSignInSessions")

    assert answer.json()["value"] is True
    assert account(practice)["signInSessionsValidFromDateTime"].endswith("Z")


def test_an_administrator_is_not_touched_without_a_role(practice: Client) -> None:
    closed = graph(practice, "PATCH", "users/a.boss@tiny.example", json={"accountEnabled": False})
    revoked = graph(practice, "POST", "users/a.boss@tiny.example/revokeSignInSessions")

    assert (closed.status_code, revoked.status_code) == (403, 403)
    assert closed.json()["error"]["code"] == "Authorization_RequestDenied"
    assert practice.effects() == []


@pytest.mark.parametrize("body", [{"accountEnabled": "no"}, {"displayName": "X"}, {}])
def test_nothing_else_of_a_user_is_changed(practice: Client, body: dict[str, Any]) -> None:
    assert graph(practice, "PATCH", "users/b.ek@tiny.example", json=body).status_code == 400


def indicator(value: str, kind: str, **more: Any) -> dict[str, Any]:
    usual = {"action": "Block", "title": "Nightdesk: CASE-1", "description": "CASE-1 [key]"}
    return {"indicatorValue": value, "indicatorType": kind} | usual | more


def test_an_indicator_is_made_once_listed_and_deleted(practice: Client) -> None:
    first = defender(practice, "POST", "indicators", json=indicator("203.0.113.9", "IpAddress"))
    again = defender(practice, "POST", "indicators", json=indicator("203.0.113.9", "IpAddress", severity="High"))
    other = defender(practice, "POST", "indicators", json=indicator(SHA256, "FileSha256"))
    filtered = defender(practice, "GET", "indicators", params={"$filter": "indicatorValue eq '203.0.113.9'"}).json()

    assert first.status_code == again.status_code == other.status_code == 200
    assert first.json()["id"] == again.json()["id"]
    assert [one["severity"] for one in filtered["value"]] == ["High"]
    assert defender(practice, "DELETE", f"indicators/{first.json()['id']}").status_code == 204
    assert defender(practice, "DELETE", f"indicators/{first.json()['id']}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        indicator("203.0.113.0/24", "IpAddress"),
        indicator("10.9.0.1", "IpAddress"),
        indicator("abc", "FileSha256"),
        indicator("bad.example", "DomainName", title=""),
        indicator("bad.example", "Domain"),
        indicator("bad.example", "DomainName", action="Destroy"),
    ],
)
def test_what_the_service_does_not_take_is_refused(practice: Client, body: dict[str, Any]) -> None:
    assert defender(practice, "POST", "indicators", json=body).status_code == 400
    assert practice.effects() == []
