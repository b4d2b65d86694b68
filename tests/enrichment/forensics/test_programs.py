"""Programs of others beside the evidence: how they are held, what they leave, and what is said when there is none."""

import hashlib
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cases.models import Case, CaseObservable, CustodyEntry, Evidence, TimelineEntry
from enrichment.forensics import programs
from enrichment.forensics.programs import Job, run
from enrichment.forensics.runner import ExaminationError, StoppedError
from enrichment.models import Examination
from enrichment.services import examinations, outsiders
from tests.cases.evidence.conftest import take
from tests.enrichment.forensics import material

TRIES = """
{evidence} > evidence; cat {secret} > secret; echo x > {secret}; cp {secret} copied; ln -s {secret} link
echo x > /tmp/nightdesk-outside-{pid}; id -u > user; env > environment
/usr/bin/python3 -I -c "{reach}"
ls > listed; echo "version 7.1"; echo done > out.txt
"""


REACH = """
import ctypes, os, socket
def reach(what):
    try:
        what()
    except OSError as error:
        print(type(error).__name__, end=' ')
    else:
        print('passed', end=' ')
def to(family, kind, place):
    one = socket.socket(family, kind)
    one.connect(place)
    one.send(b'x')
def call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)
def detach():
    if os.fork() == 0:
        try:
            os.setsid()
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.wait()[1]):
        raise PermissionError
reach(lambda: to(socket.AF_UNIX, socket.SOCK_STREAM, {unix!r}))
reach(lambda: to(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', {tcp})))
reach(lambda: to(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', {udp})))
reach(lambda: os.kill({pid}, 0))
reach(lambda: os.kill(os.getpid(), 0))
reach(lambda: os.setpgid(0, 0))
reach(lambda: call('unshare', 0x10000000))
reach(lambda: call('ptrace', 16, {pid}, None, None))
reach(detach)
"""


class Listening:
    """Somebody who hears whoever speaks to this machine, in the three ways that there are."""

    def __init__(self, folder: Path) -> None:
        self.unix = folder / "spoken.sock"
        self.heard = [socket.socket(socket.AF_UNIX), socket.socket(), socket.socket(type=socket.SOCK_DGRAM)]
        for one, place in zip(self.heard, (str(self.unix), ("127.0.0.1", 0), ("127.0.0.1", 0)), strict=True):
            one.bind(place)
            if one.type == socket.SOCK_STREAM:
                one.listen()
        self.unix.chmod(0o666)

    @property
    def places(self) -> dict[str, Any]:
        return {"unix": str(self.unix), "tcp": self.heard[1].getsockname()[1], "udp": self.heard[2].getsockname()[1]}

    def spoken_to(self) -> int:
        """How many of them have something to hear; then they are closed."""
        ready = len(select.select(self.heard, [], [], 0.2)[0])
        for one in self.heard:
            one.close()
        return ready


def sh(script: str, *, feed: bool = True) -> Job:
    return Job(command=["/bin/bash", "do.sh", "{file}"], files={"do.sh": script.encode()}, feed=feed, output="out.txt")


@pytest.mark.parametrize(("feed", "evidence"), [(True, 'cat "$1"'), (False, 'cat <&"${1##*/}"')])
def test_it_reads_the_evidence_and_its_own_program_and_nothing_else(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, feed: bool, evidence: str
) -> None:
    secret, item, kept = open_folder / "secret", open_folder / "item", dict[str, str]()
    for path, text in ((secret, "correct horse"), (item, "packets" * 90_000)):
        path.write_text(text)
    secret.chmod(0o666)
    item.chmod(0o400)  # as the store has it
    keep_files(monkeypatch, kept)
    monkeypatch.setenv("NIGHTDESK_SECRET_KEY", "correct horse")
    listening = Listening(open_folder)
    reach = REACH.format(**listening.places, pid=os.getpid())
    subprocess.run([sys.executable, "-c", reach.partition("reach(lambda: os.kill")[0]], check=True)
    assert listening.spoken_to() == 3, "what follows proves nothing where nobody is heard"
    listening.unix.unlink()
    listening = Listening(open_folder)
    reach = REACH.format(**listening.places, pid=os.getpid())
    script = TRIES.format(secret=secret, pid=os.getpid(), evidence=evidence, reach=reach)

    with item.open("rb") as file, run(sh(script, feed=feed), file, seconds=20, goes_on=lambda: True) as ran:
        assert ran.output.read() == b"done\n"

    assert ran.is_whole
    assert [one.partition(":")[0] for one in ran.guards] == [
        f"The program itself. {what}" for what in ("Network", "User", "Files")
    ]
    assert kept["evidence"] == item.read_text()
    assert (kept["secret"], kept["copied"], kept["link"], secret.read_text()) == ("", "", "", "correct horse")
    assert not Path(f"/tmp/nightdesk-outside-{os.getpid()}").exists()
    assert ran.said.count("PermissionError") == 9
    assert "passed" not in ran.said
    assert listening.spoken_to() == 0
    assert "horse" not in kept["environment"]
    if os.geteuid() == 0:
        assert kept["user"] == "65534\n"


def keep_files(monkeypatch: pytest.MonkeyPatch, kept: dict[str, str]) -> None:
    """What it left in its folder, before that is gone."""
    ended = programs._ended

    def looked(job: Job, folder: Path, *rest: Any) -> Any:
        found = ended(job, folder, *rest)
        for name in ("evidence", "secret", "copied", "link", "user", "environment"):
            path = folder / name
            kept[name] = path.read_text() if path.is_file() else ""
        return found

    monkeypatch.setattr(programs, "_ended", looked)


def test_what_leaves_nothing_ends_with_its_last_words(tmp_path: Path) -> None:
    item = tmp_path / "item"
    item.write_text("x")
    with (
        item.open("rb") as file,
        pytest.raises(ExaminationError, match=r"left nothing\. no such rule"),
        run(sh("echo no such rule >&2; exit 4"), file, seconds=20, goes_on=lambda: True),
    ):
        pass


def test_it_is_ended_when_somebody_else_has_the_examination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = tmp_path / "item"
    item.write_text("x")
    monkeypatch.setattr(programs, "LOOK_SECONDS", 0.1)
    with (
        item.open("rb") as file,
        pytest.raises(StoppedError),
        run(sh("sleep 60"), file, seconds=60, goes_on=lambda: False),
    ):
        pass


def test_it_is_ended_when_it_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = tmp_path / "item"
    item.write_text("x")
    monkeypatch.setattr(programs, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(programs, "MOST_FOLDER", 2**20)
    with (
        item.open("rb") as file,
        pytest.raises(ExaminationError, match="It was ended: it wrote more than 1 MiB"),
        run(
            sh("mkdir a; head -c 600000 /dev/urandom > a/1; cp a/1 a/2; sleep 60"),
            file,
            seconds=60,
            goes_on=lambda: True,
        ),
    ):
        pass


def test_without_a_network_namespace_nothing_runs(tmp_path: Path) -> None:
    """In a namespace where no other may be made: the same answer as on a system that permits none."""
    asked = {"command": ["/bin/true"], "may_read": [], "folder": str(tmp_path), "file": 0, "feed": False}
    asked |= {"seconds": 9, "memory": 2**30, "output": 2**20}
    code = (
        "import os, runpy, sys; from enrichment.forensics import lockdown; "
        f"lockdown.confine(read=['/'], write=['/']); runpy.run_path({str(programs.OUTSIDE)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(asked), capture_output=True, text=True)

    assert done.returncode == 3
    assert done.stderr == (
        "PermissionError: this system permits no network namespace, so no program of others may read evidence"
    )
    assert not (tmp_path / "guards.json").exists()


@pytest.fixture
def packets(case: Case, tmp_path: Path) -> Evidence:
    return take(case, material.capture(tmp_path).read_bytes(), kind="capture", title="Packets")


def limits(item: Evidence) -> list[str]:
    found: list[str] = Examination.objects.get(evidence=item, tool="capture").result["limits"]
    return found


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "Suricata has not read it: NIGHTDESK_SURICATA does not say where it is."),
        (
            "/opt/none/suricata",
            "Suricata has not read it: it is not installed (NIGHTDESK_SURICATA is /opt/none/suricata).",
        ),
    ],
)
def test_without_suricata_the_examination_says_so(packets: Evidence, settings: Any, command: str, said: str) -> None:
    settings.NIGHTDESK_SURICATA = command
    assert len(examinations.start(packets.pk)) == 1
    examinations.carry_out_due()

    assert limits(packets).count(said) == 1


def test_a_program_opens_what_was_installed_with_it_and_never_a_home_the_store_or_the_system(
    settings: Any, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = open_folder / "data"
    opened = {}
    for place in ("suricata", "bin/suricata", "tools/bin/suricata", "data/tools/bin/suricata"):
        path = open_folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o755)
        settings.NIGHTDESK_SURICATA = str(path)
        opened[place] = outsiders.job(outsiders.ForensicTool.SURICATA).may_read[1:]

    alone = {place: [str(open_folder / place)] for place in opened}
    assert opened == alone | {
        "tools/bin/suricata": [*alone["tools/bin/suricata"], str(open_folder / "tools")],
    }
    for place in ("/suricata", "/bin/suricata-of-none", "/opt/bin/suricata", "/home/ann/bin/suricata"):
        monkeypatch.setattr(outsiders, "place_of", str)
        settings.NIGHTDESK_SURICATA = place
        assert set(outsiders.job(outsiders.ForensicTool.SURICATA).may_read[2:]) <= {"/usr"}


AT, HERE, THERE = "2026-09-21T14:13:20.000000+0000", "10.0.0.5", "93.184.216.34"
SHA256 = hashlib.sha256(b"abc").hexdigest()
ENDS = {"timestamp": AT, "src_ip": HERE, "src_port": 50_000, "dest_ip": THERE, "dest_port": 443}
BEACON = {
    **{"signature_id": 4, "signature": "Beacon of <b>Cobalt</b>", "category": "C2", "severity": 1},
    "metadata": {"mitre_technique_id": ["T1071"]},
}
FILE = {"filename": "/a.bin", "state": "CLOSED", "size": 3, "sha256": SHA256}
RECORDS: list[Any] = [
    ENDS | {"event_type": "alert", "alert": BEACON},
    ENDS | {"event_type": "alert", "alert": {"signature_id": "DROP"}},
    [1, 2],
    ENDS | {"event_type": "fileinfo", "fileinfo": FILE},
    {"timestamp": "x", "event_type": "tls", "tls": {"sni": "c2.evil.example"}},
    {"event_type": "dns", "dns": {"type": "query", "rrname": "10.0.0.1"}},
]


def test_what_a_program_writes_is_foreign_and_becomes_findings_only_where_it_fits(
    case: Case, packets: Evidence, settings: Any, open_folder: Path
) -> None:
    """The records are in Suricata's form; the lab has the real one read real packets."""
    command = open_folder / "bin" / "suricata"
    command.parent.mkdir()
    lines = "\n".join(json.dumps(one) for one in RECORDS)
    command.write_text(f"#!/bin/bash\ncat > eve.json <<'END'\n{lines}\nEND\n")
    command.chmod(0o755)
    settings.NIGHTDESK_SURICATA = str(command)

    assert [one.tool for one in examinations.start(packets.pk)] == ["capture", "suricata"]
    examinations.carry_out_due()

    found = Examination.objects.get(evidence=packets, tool="suricata")
    assert (found.state, found.reason) == ("done", "")
    assert found.result["tool"] == "Suricata"
    (alert,) = found.result["notable"]
    assert (alert["name"], alert["why"]) == ("Beacon of <b>Cobalt</b>", ["Suricata alert", "T1071"])
    assert "2 records of Suricata could not be read." in found.result["limits"]
    links = CaseObservable.objects.filter(case=case, found_in=packets)
    assert {"93.184.216.34", "c2.evil.example", SHA256} <= {one.observable.value for one in links}
    event = TimelineEntry.objects.get(kind="attacker", text__startswith="Suricata: ")
    assert "(rule 1:4), 10.0.0.5:50000 to 93.184.216.34:443, 1 time" in event.text
    assert CustodyEntry.objects.filter(evidence=packets, action="viewed").count() == 2
    assert not any("has not read it" in text for text in limits(packets))
