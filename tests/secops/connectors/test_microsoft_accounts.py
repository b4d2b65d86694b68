"""Accounts through Graph: closed, opened, signed out; and which failure leaves which doubt."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceRefused
from secops.connectors.microsoft_graph import MicrosoftGraph
from secops.http import Answer, HttpError
from tests.secops.connectors.conftest import Range
from tests.secops.connectors.fake_http import FakeHttp, answer, connected

VALUES = {"tenant": "t", "client_id": "c", "login_url": "https://login.test", "api_url": "https://graph.test"}
TOKEN = ("login.test", answer({"access_token": "tok", "expires_in": 3600}))


def graph(*answers: tuple[str, Answer | HttpError]) -> tuple[MicrosoftGraph, FakeHttp]:
    return connected(MicrosoftGraph, VALUES, {"client_secret": "s"}, [TOKEN, *answers])


@pytest.fixture
def real(attached: Callable[..., Any], practice: Range) -> MicrosoftGraph:
    values = practice.entra | {"api_url": f"{practice.base}/graph"}
    return cast(MicrosoftGraph, attached(MicrosoftGraph, values, {"client_secret": practice.keys["client_secret"]}))


def test_an_account_is_closed_signed_out_and_opened(real: MicrosoftGraph) -> None:
    account = "p.moura@brightwater.example"

    assert real.account_state(account).is_enabled is True
    real.disable_account(account)
    real.disable_account(account)
    real.revoke_sessions(account)
    closed = real.account_state(account)
    real.enable_account(account)

    assert closed.is_enabled is False
    assert closed.sessions_revoked_at.endswith("Z")
    assert real.account_state(account).is_enabled is True


def test_an_administrator_is_refused_and_nothing_was_done(real: MicrosoftGraph, practice: Range) -> None:
    people = practice.running.world.records("people")
    boss = next(one["upn"] for one in people if one["is_privileged"])

    with pytest.raises(NoEffect, match="administrator"):
        real.disable_account(boss)
    assert real.account_state(boss).is_enabled is True


def test_an_unknown_account_is_said(real: MicrosoftGraph) -> None:
    with pytest.raises(NoEffect):
        real.disable_account("nobody@brightwater.example")
    with pytest.raises(SourceRefused):
        real.account_state("nobody@brightwater.example")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer({}, 403), NoEffect),
        (answer({}, 429), NoEffect),
        (answer({}, 503), Doubt),
        (HttpError("broke off"), Doubt),
        (HttpError("not reached", was_sent=False), HttpError),
    ],
)
def test_a_failure_leaves_no_more_doubt_than_there_is(said: Answer | HttpError, expected: type[Exception]) -> None:
    connector, http = graph(("users/", said))

    with pytest.raises(expected):
        connector.disable_account("a@b.example")
    assert [call.options["fresh"] for call in http.asked("users/")] == [True]


def test_a_name_from_outside_stays_one_part_of_the_path() -> None:
    connector, http = graph(("users/", answer(b"", 204)))

    connector.disable_account("../devices/1?x=@b.example")

    assert http.calls[-1].url == "https://graph.test/v1.0/users/..%2Fdevices%2F1%3Fx%3D@b.example"


def test_a_token_that_ended_early_is_fetched_anew() -> None:
    connector, http = graph(("users/", answer({}, 401)))

    with pytest.raises(NoEffect) as caught:
        connector.revoke_sessions("a@b.example")
    with pytest.raises(NoEffect):
        connector.revoke_sessions("a@b.example")

    assert caught.value.retry_after == 1.0
    assert len(http.asked("login.test")) == 2
