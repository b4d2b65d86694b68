"""`manage.py integration`: the admin page for scripts."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from secops import integrations
from secops.models import Integration

pytestmark = pytest.mark.django_db
VT = ("integration", "add", "virustotal", "VT", "--set", "url=https://vt.example", "--secret", "api_key")


def run(*words: str, monkeypatch: pytest.MonkeyPatch | None = None, stdin: str = "") -> str:
    if monkeypatch:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def code(*words: str, **more: Any) -> int:
    with pytest.raises(CommandError) as caught:
        run(*words, **more)
    return caught.value.returncode


def test_a_secret_comes_from_standard_input_and_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = run(*VT, monkeypatch=monkeypatch, stdin="k3y\n")

    made = Integration.objects.get()
    assert "k3y" not in printed + str(made.secrets)
    assert integrations.connector_of(made).secret("api_key") == "k3y"


def test_the_list_says_name_connector_capabilities_and_health() -> None:
    run("integration", "add", "iptocc", "Countries")

    (row,) = json.loads(run("integration", "list", "--json"))

    assert {name: row[name] for name in ("name", "connector", "capabilities", "health")} == {
        "name": "Countries",
        "connector": "iptocc",
        "capabilities": ["locate"],
        "health": "unknown",
    }
    assert "Countries" in run("integration", "list")


def test_a_test_tells_how_it_went() -> None:
    run("integration", "add", "iptocc", "Countries")
    run("integration", "add", "mmdb", "Files", "--set", "path=/no/such/place")

    assert "answers" in run("integration", "test", "Countries")
    assert code("integration", "test", "Files") == 1
    assert Integration.objects.get(name="Files").health_state == "failing"


def test_removing_removes() -> None:
    run("integration", "add", "iptocc", "Countries")
    run("integration", "remove", "Countries")

    assert not Integration.objects.exists()
    assert code("integration", "remove", "Countries") == 1


def test_wrong_use_and_what_is_not_so_have_their_own_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code("integration", "add", "nope", "X") == 2
    assert code("integration", "add", "iptocc", "X", "--set", "novalue") == 2
    assert code("integration", "add", "virustotal", "X", "--set", "api_key=k3y") == 2
    assert code("integration", "add", "virustotal", "X", "--secret", "other") == 2
    assert code(*VT, monkeypatch=monkeypatch, stdin="") == 2
    assert code("integration", "add", "iptocc", "X", "--set", "colour=red") == 1
    assert not Integration.objects.exists()
