"""`manage.py bench`: what it prints, how it ends; the figures that no clock is in are judged here."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from secops.tryout.processes import manage


@pytest.fixture
def bench(tmp_path: Path):
    env = os.environ | {"NIGHTDESK_DATA": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "secops.settings"}
    env.pop("DATABASE_URL", None)  # here always in a file of its own

    def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(manage("bench", *arguments), env=env, check=False, capture_output=True, text=True)

    return ask


@pytest.mark.slow
def test_what_has_no_clock_meets_its_target(bench):
    ended = bench("queue_queries", "page_weight", "--repeat", "1", "--json", "--check")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    answer = json.loads(ended.stdout.splitlines()[-1])
    assert [(one["name"], one["ok"], one["ratio"]) for one in answer["results"]] == [
        ("queue_queries", True, None),
        ("page_weight", True, None),
    ]
    assert answer["machine"]["database"] == "sqlite"


def test_an_unknown_bench_is_named_and_ends_with_two(bench):
    ended = bench("no_such_bench")
    assert ended.returncode == 2
    assert "no_such_bench" in ended.stderr
