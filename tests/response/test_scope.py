"""What expressions may read is looked for when a step reads it."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.models import Case
from response.services import scope
from tests.response.conftest import ISOLATE, begin

DERIVED = ("data_flows_out", "indicators", "files", "changes")


def read_by(case: Case, analyst: Any, written: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """What a step with these expressions may read of the case, and the number of queries that took."""
    run = begin(case, analyst, ISOLATE)
    with CaptureQueriesContext(connection) as seen:
        data = scope.of_run(run, written)["case"]
    return data, len(seen)


def test_a_step_that_names_nothing_of_the_case_looks_for_nothing(world, case, analyst) -> None:
    few, queries = read_by(case, analyst, ISOLATE)
    assert not few.keys() & set(DERIVED)

    whole = {"when": "case == null", "params": {}}
    everything, more = read_by(case, analyst, whole)
    assert everything.keys() >= set(DERIVED)
    assert queries < more - len(DERIVED) + 1  # one for each, at least


def test_what_the_runs_above_acquired_is_looked_for_only_where_it_is_named(world, case, analyst) -> None:
    run = begin(case, analyst, ISOLATE)
    with CaptureQueriesContext(connection) as unnamed:
        assert scope.of_run(run, ISOLATE)["device"]["acquired"] == []
    with CaptureQueriesContext(connection) as named:
        assert scope.of_run(run, {"when": "size(device.acquired) == 0"})["device"]["acquired"] == []
    assert not any("evidence" in one["sql"] for one in (*unnamed, *named))  # nothing stands above it


@pytest.mark.parametrize("name", DERIVED)
@pytest.mark.parametrize(
    "written",
    [{"when": "!case.%s"}, {"for_each": "case.%s"}, {"params": {"x": ["${{ case.%s }}"]}}, {"when": "case['%s'] == 1"}],
    ids=["when", "for_each", "params", "by a string"],
)
def test_what_a_step_names_is_there(world, case, analyst, name: str, written: dict[str, Any]) -> None:
    filled = json.loads(json.dumps(written).replace("%s", name))
    assert name in read_by(case, analyst, filled)[0]
