"""Commands typed beside a try-out: on the right folder, only where there is something, and to its range alone."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from secops.tryout import beside
from secops.tryout.start import Tryout, TryoutError


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "NIGHTDESK_INTERNAL_HOSTS", "NIGHTDESK_PRACTICE"):
        monkeypatch.setenv(name, "")  # so that what a test writes there is undone after it
        monkeypatch.delenv(name)
    monkeypatch.setenv("NIGHTDESK_DATA", str(tmp_path))


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def prepare(*words: str) -> str:
    return beside.prepare(["manage.py", *words])


def make_try_out(data: Path) -> None:
    (data / "practice").mkdir()
    (data / "practice/ports.json").write_text(json.dumps({"http": 4001, "smtp": 4002}))
    (data / "nightdesk.sqlite3").write_bytes(b"SQLite")


def test_a_folder_without_a_database_is_named_in_one_line_and_left_as_it_was(tmp_path: Path) -> None:
    data = tmp_path / "elsewhere"
    env = os.environ | {"NIGHTDESK_DATA": str(data)}

    done = subprocess.run(
        [sys.executable, beside.ROOT / "manage.py", "signin", "responder"], env=env, capture_output=True, text=True
    )

    assert done.returncode == 2
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert str(data) in done.stderr
    assert not data.exists()


def test_what_begins_a_folder_and_what_is_only_asked_about_goes_through() -> None:
    assert [words for words in ("setup", "quickstart", "migrate", "signin --help") if prepare(*words.split())] == []
    assert prepare("drain")


def test_the_folder_of_a_quickstart_is_the_one_that_its_option_names(tmp_path: Path) -> None:
    for words in (("--data", str(tmp_path / "a")), (f"--data={tmp_path / 'a'}",)):
        os.environ["NIGHTDESK_DATA"] = "other"
        prepare("quickstart", *words)

        assert os.environ["NIGHTDESK_DATA"] == str(tmp_path / "a")


def test_the_ports_of_the_range_are_open_to_commands_while_it_lives_and_no_longer(tmp_path: Path) -> None:
    make_try_out(tmp_path)
    assert prepare("integration", "test", "Kea") == ""
    assert "NIGHTDESK_INTERNAL_HOSTS" not in os.environ

    with beside.hold(tmp_path) or pytest.fail("the lock is free"):
        prepare("integration", "test", "Kea")

    assert os.environ["NIGHTDESK_INTERNAL_HOSTS"].split() == ["127.0.0.1:4001", "127.0.0.1:4002"]


def test_a_second_quickstart_on_a_folder_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    make_try_out(tmp_path)
    with beside.hold(tmp_path) or pytest.fail("the lock is free"):
        before = sorted(tmp_path.rglob("*"))

        with pytest.raises(TryoutError, match="already"):
            Tryout(tmp_path, 0, lambda text: None).start()

    assert sorted(tmp_path.rglob("*")) == before


def test_a_port_that_somebody_listens_on_is_refused_at_once(tmp_path: Path, taken_port: int) -> None:
    data = tmp_path / "new"

    with pytest.raises(TryoutError, match=f"Port {taken_port} cannot be used: address already in use"):
        Tryout(data, taken_port, lambda text: None).start()

    assert not data.exists()


def test_commands_are_printed_so_that_they_work_as_printed(tmp_path: Path) -> None:
    usual, other = Tryout(beside.USUAL, 1, print), Tryout(tmp_path / "a b", 1, print)

    assert usual.typed("signin hr") == "uv run manage.py signin hr"
    assert other.typed("signin hr") == f"NIGHTDESK_DATA='{tmp_path}/a b' uv run manage.py signin hr"
