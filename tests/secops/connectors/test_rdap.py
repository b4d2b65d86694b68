"""RDAP: owner, abuse contact and date of a registration."""

from datetime import UTC, datetime
from typing import Any

import pytest

from secops.connectors.rdap import Rdap
from secops.http import Answer, HttpError
from tests.secops.connectors.fake_http import FakeHttp, answer, connected

ABUSE = {"roles": ["abuse"], "vcardArray": ["vcard", [["email", {}, "text", "abuse@host.example"]]]}
OWNER = {
    "roles": ["registrant"],
    "vcardArray": [
        "vcard",
        [
            ["version", {}, "text", "4.0"],
            ["fn", {}, "text", "Host Example B.V."],
            ["adr", {"cc": "NL"}, "text", ["", "", "Street", "Town", "", "", ""]],
        ],
    ],
    "entities": [ABUSE],
}
NETWORK = {
    "handle": "NET-7",
    "name": "HOST-NET",
    "entities": [OWNER],
    "events": [
        {"eventAction": "last changed", "eventDate": "2026-02-01T00:00:00Z"},
        {"eventAction": "registration", "eventDate": "2026-01-05T10:00:00Z"},
    ],
}


def rdap(*answers: Answer) -> tuple[Rdap, FakeHttp]:
    script: list[tuple[str, Answer | HttpError]] = [("", one) for one in answers]
    return connected(Rdap, {"url": "https://rdap.test"}, {}, script)


def test_a_network_has_owner_country_date_and_abuse_contact() -> None:
    connector, http = rdap(answer(NETWORK))

    found = connector.registration("ip", "8.8.8.8")

    assert found is not None
    assert (found.handle, found.name, found.owner, found.country) == ("NET-7", "HOST-NET", "Host Example B.V.", "NL")
    assert found.abuse_mail == "abuse@host.example"
    assert found.registered_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert http.calls[0].url == "https://rdap.test/ip/8.8.8.8"


def test_a_bootstrap_service_points_to_the_registry() -> None:
    there = answer({}, 302, {"Location": "https://registry.test/domain/a.example"})
    connector, http = rdap(there, answer({"ldhName": "a.example"}))

    found = connector.registration("domain", "a.example")

    assert found is not None
    assert found.name == "a.example"
    assert [call.url for call in http.calls][-1] == "https://registry.test/domain/a.example"


def test_a_redirect_without_tls_is_not_followed_and_a_circle_ends() -> None:
    connector, http = rdap(answer({}, 302, {"Location": "http://10.0.0.1/"}))
    with pytest.raises(HttpError):
        connector.registration("domain", "a.example")
    assert len(http.calls) == 1

    connector, http = rdap(answer({}, 302, {"Location": "https://rdap.test/again"}))
    with pytest.raises(HttpError):
        connector.registration("domain", "a.example")
    assert len(http.calls) == 3


@pytest.mark.parametrize("value", ["10.0.0.1", "127.0.0.1", "fe80::1", "224.0.0.1", "not an address"])
def test_an_inside_address_is_told_to_nobody(value: str) -> None:
    connector, http = rdap(answer(NETWORK))

    assert connector.registration("ip", value) is None
    assert http.calls == []


def test_an_unknown_domain_has_no_registration() -> None:
    connector, _ = rdap(answer({"errorCode": 404}, 404))

    assert connector.registration("domain", "a.example") is None


@pytest.mark.parametrize("body", [b"x", [], {"entities": [1]}, {"events": [{"eventAction": "registration"}]}])
def test_a_broken_answer_is_an_error(body: Any) -> None:
    connector, _ = rdap(answer(body))

    with pytest.raises(HttpError):
        connector.registration("domain", "a.example")
