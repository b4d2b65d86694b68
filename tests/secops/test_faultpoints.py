"""A process dies where a test says, once, and nowhere else."""

import os
import signal
import subprocess
import sys

from secops import faultpoints


def run(setting: str) -> int:
    code = "from secops.faultpoints import hit; hit('claim'); hit('send')"
    env = os.environ | {faultpoints.SETTING: setting}
    return subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode


def test_without_a_setting_nothing_happens(monkeypatch):
    monkeypatch.delenv(faultpoints.SETTING, raising=False)

    for point in faultpoints.POINTS:
        faultpoints.hit(point)


def test_the_named_point_kills_once(tmp_path):
    setting = f"send:{tmp_path / 'once'}"

    assert run(setting) == -signal.SIGKILL
    assert run(setting) == 0


def test_another_point_does_not(tmp_path):
    assert run(f"intent:{tmp_path / 'once'}") == 0
    assert run("send") == 0
