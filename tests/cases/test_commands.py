"""ingest, case and verify_timeline, with the exit codes that scripts rely on."""

import gzip
import json
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from cases.models import Alert, Case, TimelineEntry
from cases.services import whole
from tests.cases.messages import own, send

pytestmark = pytest.mark.django_db

SAMPLES = Path(__file__).parents[2].parent / "shared" / "data" / "alerts"
DETECTORS = ("suricata", "wazuh", "windows-events", "microsoft-graph-alerts-v2")


def run(*words: str) -> tuple[str, int]:
    """What a command prints, and its exit code."""
    out = StringIO()
    try:
        call_command(*words, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    return out.getvalue(), 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "alerts.ndjson"
    path.write_text("\n".join(json.dumps(own(source_ref=f"file-{number}")) for number in range(3)))
    return path


def test_ingest_prints_the_list_form_and_exits_0(file: Path) -> None:
    printed, code = run("ingest", str(file), "--json")

    told = json.loads(printed)
    assert code == 0
    assert told["created"] == 3
    assert [result["index"] for result in told["results"]] == [0, 1, 2]
    assert json.loads(run("ingest", str(file), "--json")[0])["repeated"] == 3


def test_ingest_prints_the_list_form_also_for_one_object(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(own()))

    assert len(json.loads(run("ingest", str(tmp_path / "one.json"), "--json")[0])["results"]) == 1


def test_ingest_exits_1_when_something_was_rejected(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"title": ')

    printed, code = run("ingest", str(tmp_path / "bad.json"))

    assert code == 1
    assert "1 rejected" in printed


def test_ingest_reads_gzip(file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "alerts.ndjson.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))

    assert run("ingest", str(packed))[1] == 0
    assert Alert.objects.count() == 3


def test_ingest_of_a_gzip_that_breaks_off_exits_1_and_keeps_what_came_before(file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "cut.gz"
    packed.write_bytes(gzip.compress(file.read_bytes())[:-20])

    assert run("ingest", str(packed))[1] == 1


def test_ingest_of_nothing_that_is_there_is_wrong_use() -> None:
    with pytest.raises(CommandError) as error:
        call_command("ingest", "/no/such/file")
    assert error.value.returncode == 2
    with pytest.raises(CommandError) as error:
        call_command("ingest", "-", "--detector", "no-such")
    assert error.value.returncode == 2


def test_case_prints_what_the_api_gives() -> None:
    send(own())
    case = Case.objects.get()

    printed, code = run("case", case.number, "--json")

    assert code == 0
    assert json.loads(printed) == json.loads(json.dumps(whole.as_json(case)))
    assert case.title in run("case", case.number)[0]


def test_an_unknown_case_is_said() -> None:
    with pytest.raises(CommandError, match="There is no CASE-7"):
        call_command("case", "CASE-7")


def test_whole_timelines_verify() -> None:
    send(own(), own(rule={"id": "other"}))
    send(own())

    printed, code = run("verify_timeline", "--all")

    assert (printed.strip(), code) == ("2 timelines checked, 0 broken", 0)


@pytest.mark.parametrize("change", [{"text": "Nothing happened"}, {"who": "somebody else"}, {"refs": {"alert": 1}}])
def test_a_row_changed_by_hand_is_named(change: dict[str, Any]) -> None:
    send(own())
    send(own())
    entry = TimelineEntry.objects.get(seq=1)
    TimelineEntry.objects.filter(pk=entry.pk).update(**change)

    printed, code = run("verify_timeline", "--all")

    assert code == 1
    assert f"{entry.case.number}: entry 1 (row {entry.pk}) was changed after it was written" in printed
    assert run("verify_timeline", entry.case.number)[1] == 1


@pytest.mark.parametrize("seq", [1, 2], ids=["first", "last"])
def test_a_row_that_was_taken_out_is_noticed(seq: int) -> None:
    send(own())
    send(own())
    TimelineEntry.objects.filter(seq=seq).delete()

    assert run("verify_timeline", "--all")[1] == 1


def test_real_alerts_are_all_taken_once(tmp_path: Path) -> None:
    if not SAMPLES.exists():
        pytest.skip("the samples are not here")
    files = sorted(str(path) for detector in DETECTORS for path in (SAMPLES / detector).rglob("*") if path.is_file())
    good = [name for name in files if not name.endswith("broken.txt")]

    first, code = run("ingest", *good, "--json")
    again, _ = run("ingest", *good, "--json")

    assert code == 0
    assert json.loads(first)["rejected"] == 0
    assert json.loads(first)["created"] == Alert.objects.count() > 100
    assert json.loads(again)["created"] == 0
    assert run("verify_timeline", "--all")[1] == 0
    assert run("ingest", *files)[1] == 1


@pytest.mark.slow
def test_a_command_whose_reader_hangs_up_ends_in_silence() -> None:
    command = [sys.executable, settings.BASE_DIR / "manage.py", "help", "--commands"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as made:
        assert made.stdout
        assert made.stderr
        made.stdout.close()
        assert (made.stderr.read(), made.wait()) == (b"", 128 + signal.SIGPIPE)
