"""A process dies or freezes where a test says, once, and nowhere else."""

import os
import signal
import subprocess
import sys

from secops import faultpoints

CODE = "from secops.faultpoints import hit; hit('claim'); hit('send')"


def run(setting: str) -> int:
    env = os.environ | {faultpoints.KILL: setting}
    return subprocess.run([sys.executable, "-c", CODE], env=env, check=False).returncode


def test_without_a_setting_nothing_happens(monkeypatch):
    for setting in faultpoints.SIGNALS:
        monkeypatch.delenv(setting, raising=False)

    for point in faultpoints.POINTS:
        faultpoints.hit(point)


def test_the_named_point_kills_once(tmp_path):
    setting = f"send:{tmp_path / 'once'}"

    assert run(setting) == -signal.SIGKILL
    assert run(setting) == 0


def test_another_point_does_not(tmp_path):
    assert run(f"intent:{tmp_path / 'once'}") == 0
    assert run("send") == 0


def test_a_frozen_process_says_who_it_is_and_goes_on_when_it_is_woken(tmp_path):
    once = tmp_path / "once"
    process = subprocess.Popen([sys.executable, "-c", CODE], env=os.environ | {faultpoints.STOP: f"claim:{once}"})

    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert int(once.read_text()) == process.pid

    process.send_signal(signal.SIGCONT)
    assert process.wait(20) == 0
