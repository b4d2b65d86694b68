"""The range as a process: its ports, its mail, its end and its memory."""

import json
import signal
import smtplib
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests

from tests.secops.practice.conftest import Client, write_company

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_writes_its_ports_and_ends_cleanly(tmp_path: Path, number: int) -> None:
    write_company(tmp_path)
    command = [sys.executable, "-m", "secops.practice.server", "--data", str(tmp_path), "--port", "0"]

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        ports = tmp_path / "practice" / "ports.json"
        for _ in range(100):
            if ports.exists():
                break
            time.sleep(0.1)
        base = f"http://127.0.0.1:{json.loads(ports.read_text())['http']}"
        health = requests.get(f"{base}/control/health", timeout=10).json()
        resident = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)

    assert health["company"] == "Tiny"
    assert process.returncode == 0
    assert errors == b""
    assert not ports.exists()
    assert int(resident) * 4096 < 120_000_000


def test_a_port_that_is_taken_ends_the_start_with_a_sentence(practice: Client, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "secops.practice.server", "--data", str(tmp_path / "other")]

    ended = subprocess.run(
        [*command, "--port", practice.base.rpartition(":")[2]], cwd=ROOT, capture_output=True, timeout=20, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith(b"The practice range cannot start: ")


def test_mail_is_kept_and_counts_as_an_effect(practice: Client) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "desk@tiny.example", "b.ek@tiny.example", "Please call"
    mail.set_content("Line one\n.a line that begins with a dot\n")

    with smtplib.SMTP("127.0.0.1", practice.smtp_port, timeout=10) as smtp:
        smtp.send_message(mail)

    (kept,) = (practice.folder / "mail").glob("*.eml")
    assert "X-Envelope-To: b.ek@tiny.example" in kept.read_text()
    assert ".a line that begins with a dot" in kept.read_text()
    (effect,) = practice.effects()
    assert (effect["method"], effect["comment"], effect["file"]) == ("mail", "Please call", kept.name)


def test_a_company_generated_later_is_seen_without_a_restart(practice: Client) -> None:
    path = practice.folder / "company.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": "Renamed"}))

    assert requests.get(f"{practice.base}/control/health", timeout=10).json()["company"] == "Renamed"


def test_a_huge_body_is_refused(practice: Client) -> None:
    headers = practice.bearer("graph")
    url = f"{practice.base}/graph/v1.0/security/runHuntingQuery"

    answer = requests.post(url, headers=headers, json={"Query": "x" * 1_100_000}, timeout=10)

    assert answer.status_code in (400, 413)
