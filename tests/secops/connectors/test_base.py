"""What every connector inherits: settings checked by its form, refusals and waits told apart."""

import pytest
from django import forms
from django.core.exceptions import ValidationError

from secops.connectors.base import BaseUrlField, Connector, Settings, connectors
from secops.connectors.capabilities.catalogue import CAPABILITIES, capabilities_of
from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.http import HttpError
from tests.secops.connectors.fake_http import answer


class Example(Connector):
    slug = "example"
    label = "Example"

    class SettingsForm(forms.Form):
        url = BaseUrlField(initial="https://api.example")
        retries = forms.IntegerField(required=False)


def test_a_missing_setting_takes_its_initial_value_and_the_slash_at_the_end_goes() -> None:
    assert Example.clean({}) == {"url": "https://api.example", "retries": None}
    assert Example.clean({"url": "http://kea:8000/ctrl/"})["url"] == "http://kea:8000/ctrl"


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "https://", "x", "https://a:b@host", "https://host/?q=1", "https://host/#x", "https://[::1", "//host"],
)
def test_what_is_no_base_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Example.clean({"url": url})
    assert list(caught.value.message_dict) == ["url"]


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        Example.clean({"urll": "https://x.example"})
    assert list(caught.value.message_dict) == ["urll"]


def test_the_addresses_of_settings_carry_their_ports() -> None:
    assert Example.addresses({"url": "https://Api.Example/x"}) == ["api.example:443"]
    assert Example.addresses({"url": "http://[::1]:81"}) == ["[::1]:81"]
    assert Example.addresses({"host": "MX", "port": 25}) == ["mx:25"]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 422])
def test_a_refusal_is_a_refusal(status: int) -> None:
    with pytest.raises(SourceRefused):
        Example(Settings()).checked(answer({"error": "secret text"}, status))


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry-After": "17"}, 17.0),
        (429, {"Retry-After": "0"}, 0.0),
        (429, {}, 60.0),
        (503, {"Retry-After": "5"}, 5.0),
        (429, {"Retry-After": "9" * 400}, 86_400.0),
        (429, {"Retry-After": "\u00b2"}, 60.0),  # a digit to isdigit(), no number to float()
    ],
)
def test_later_says_how_much_later(status: int, headers: dict[str, str], wait: float) -> None:
    with pytest.raises(SourceLimited) as caught:
        Example(Settings()).checked(answer({}, status, headers))
    assert caught.value.retry_after == wait


@pytest.mark.parametrize("status", [404, 500, 502, 503])
def test_the_rest_is_an_error_without_the_others_words(status: int) -> None:
    with pytest.raises(HttpError) as caught:
        Example(Settings()).checked(answer({"error": "their words"}, status))
    assert caught.value.status == status
    assert "their words" not in str(caught.value)


def test_every_built_in_connector_can_do_something_and_names_its_secrets() -> None:
    found = {kind.slug: capabilities_of(kind) for kind in connectors}

    assert all(found.values()), found
    assert {name for names in found.values() for name in names} == set(CAPABILITIES)
    assert found["microsoft-graph"] == [
        *("directory", "sign_ins", "posture", "software", "changes", "processes", "file_activity", "find_file"),
        *("hunt", "account"),
    ]
    assert found["defender"] == ["posture", "isolate", "block"]
    assert (found["cisco-ise"], found["arkime"]) == (["quarantine"], ["capture"])
