"""The KQL subset: really evaluated over the tables, and 400 with a position for everything else."""

from typing import Any

import pytest
import requests

from tests.secops.practice.conftest import IDS, NOW, Client, ago

NET = "DeviceNetworkEvents"


def rows(practice: Client, query: str, **more: Any) -> list[dict[str, Any]]:
    answer = practice.hunt(query, **more)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


@pytest.fixture
def practice(shared_practice: Client) -> Client:
    # One range for the whole module: its quota of 45 queries a minute starts anew for each test.
    requests.delete(f"{shared_practice.base}/control/limits", timeout=10)
    return shared_practice


@pytest.mark.parametrize(
    ("test", "count"),
    [
        ('InitiatingProcessFileName == "updater.exe"', 1),
        ("InitiatingProcessFileName =~ 'updater.exe'", 2),
        ("InitiatingProcessFileName != 'updater.exe'", 3),
        ("InitiatingProcessFileName !~ 'updater.exe'", 2),
        ("InitiatingProcessCommandLine contains 'SYNC'", 3),
        ("InitiatingProcessCommandLine has 'sync'", 3),
        ("InitiatingProcessCommandLine has 'syn'", 0),
        ("InitiatingProcessFileName startswith 'UP' and InitiatingProcessFileName endswith '.EXE'", 2),
        (r'InitiatingProcessCommandLine contains @"C:\Tools\up"', 2),
        (r'InitiatingProcessCommandLine contains "\"C:\\Tools\\up"', 2),
        ("RemotePort in (80, 8080)", 1),
        ("RemoteIP in ('203.0.113.9', '198.51.100.4')", 3),
        ("InitiatingProcessFileName in ('UPDATER.EXE')", 0),
        ("InitiatingProcessFileName in~ ('UPDATER.EXE')", 2),
        ("RemotePort > 80", 2),
        ("RemotePort >= 80 and RemotePort <= 80.5", 1),
        ("RemotePort < 80", 0),
        ("RemotePort between (1 .. 100)", 1),
        ("isempty(RemoteIP)", 1),
        ("isnotempty(RemotePort)", 3),
        ("tolower(InitiatingProcessFileName) == 'updater.exe'", 2),
        ("not(RemotePort == 443)", 2),
        ("RemotePort == 80 or RemotePort == 443 and InitiatingProcessFileName == 'updater.exe'", 2),
        ("(RemotePort == 80 or RemotePort == 443) and InitiatingProcessFileName == 'updater.exe'", 1),
        ("Timestamp > ago(90m)", 2),
        ("Timestamp between (datetime(TWO_HOURS_AGO) .. datetime(HOUR_AGO))", 2),
        ("Timestamp < datetime(TODAY 00:00:00)", None),
        ("true", 4),
    ],
)
def test_expressions_mean_what_kusto_means(practice: Client, test: str, count: int | None) -> None:
    times = {"TWO_HOURS_AGO": ago(hours=2), "HOUR_AGO": ago(hours=1), "TODAY": f"{NOW:%Y-%m-%d}"}
    for name, at in times.items():
        test = test.replace(name, at)

    found = rows(practice, f"{NET} | where {test}")

    assert count is None or len(found) == count


def test_rows_older_than_thirty_days_are_not_there(practice: Client) -> None:
    assert rows(practice, f"{NET} | where InitiatingProcessFileName == 'old.exe'") == []
    assert len(rows(practice, NET)) == 4


def test_a_timespan_narrows_what_is_seen(practice: Client) -> None:
    pair = f"{ago(hours=2.5)}/{ago(hours=1.5)}"

    assert len(rows(practice, NET, Timespan="PT90M")) == 2
    assert len(rows(practice, NET, Timespan=pair)) == 1
    assert len(rows(practice, NET, Timespan="P90D")) == 4
    for wrong in ("often", "P", "P1D/0001-01-01T00:00:00Z", "2026-01-01/PT", 7, ""):
        assert practice.hunt(NET, Timespan=wrong).status_code == 400, wrong


def test_project_renames_and_the_schema_follows(practice: Client) -> None:
    answer = practice.hunt(f"{NET} | project Timestamp, peer = RemoteIP, RemotePort | take 1").json()

    assert answer["schema"] == [
        {"name": "Timestamp", "type": "DateTime"},
        {"name": "peer", "type": "String"},
        {"name": "RemotePort", "type": "Int64"},
    ]
    assert answer["results"] == [{"Timestamp": ago(hours=3), "peer": "203.0.113.9", "RemotePort": 443}]


def test_summarize_counts_groups(practice: Client) -> None:
    query = (
        f"{NET} | where isnotempty(RemoteIP) | summarize n = count(), count(), dcount(RemotePort), sum(RemotePort), "
        "first = min(Timestamp), max(Timestamp), make_set(InitiatingProcessFileName) by RemoteIP, DeviceId "
        "| order by n desc"
    )

    first, second = rows(practice, query)

    assert first == {
        "RemoteIP": "203.0.113.9",
        "DeviceId": IDS["LT-1"],
        "n": 2,
        "count_": 2,
        "dcount_RemotePort": 1,
        "sum_RemotePort": 886,
        "first": ago(hours=3),
        "max_Timestamp": ago(hours=2),
        "set_InitiatingProcessFileName": ["Updater.exe", "updater.exe"],
    }
    assert second["n"] == 1


def test_summarize_without_groups_always_has_one_row(practice: Client) -> None:
    assert rows(practice, f"{NET} | where RemotePort == 1 | summarize count()") == [{"count_": 0}]
    assert rows(practice, f"{NET} | where RemotePort == 1 | summarize count() by RemoteIP") == []


def test_order_is_descending_unless_asc_is_said_and_nothing_comes_last(practice: Client) -> None:
    def ports(query: str) -> list[Any]:
        return [row["RemotePort"] for row in rows(practice, query)]

    assert ports(f"{NET} | order by RemotePort") == [443, 443, 80, None]
    assert ports(f"{NET} | order by RemotePort asc, Timestamp desc | take 2") == [None, 80]
    assert ports(f"{NET} | top 1 by Timestamp asc") == [443]
    assert len(ports(f"{NET} | limit 0")) == 0


def test_distinct_keeps_each_row_once(practice: Client) -> None:
    found = rows(practice, f"{NET} | distinct DeviceId, ActionType")

    assert len(found) == 3
    assert list(found[0]) == ["DeviceId", "ActionType"]


def test_a_known_column_without_data_is_empty_and_a_known_table_without_rows_too(practice: Client) -> None:
    assert rows(practice, f"{NET} | take 1 | project InitiatingProcessParentFileName, InitiatingProcessId") == [
        {"InitiatingProcessParentFileName": "", "InitiatingProcessId": None}
    ]
    assert rows(practice, "DeviceRegistryEvents | where RegistryKey has 'Run'") == []


@pytest.mark.parametrize(
    ("query", "word"),  # § stands before the place that must be named
    [
        ("§Nothing", "resolve table"),
        (f"{NET} | §extend a = 1", "extend"),
        (f"{NET} | where §Colour == 'red'", "Colour"),
        (f"{NET} | where RemotePort §== 'x'", "types long and string"),
        (f"{NET} | where RemoteIP §< 'x'", "strings"),
        (f"{NET} | where RemotePort §has 'x'", "types long and string"),
        (f"{NET} | where RemoteIP §has_any ('x')", "has_any"),
        (f"{NET} | where RemoteIP §matches regex 'x'", "matches"),
        (f"{NET} | where §strlen(RemoteIP) > 1", "strlen"),
        (f"{NET} | where §RemoteIP", "true or false"),
        (f"{NET} | where (RemotePort == 1§", "end of the query"),
        (f"{NET} | where RemoteIP == §'x", "unexpected"),
        (f"{NET} | where RemoteIP in (§RemoteIPType)", "constants"),
        (f"{NET} | summarize §avg(RemotePort)", "avg"),
        (f"{NET} | summarize §sum(RemoteIP)", "numbers"),
        (f"{NET} | §summarize n = count(), n = count()", "twice"),
        (f"{NET} | take §many", "whole number"),
        (f"{NET} | project a = §1", "name"),
        (f"{NET} | where Timestamp > ago(§1w)", "unexpected"),
        (f"{NET} | where Timestamp > §ago(999999d)", "calendar"),
        (f"{NET} | where Timestamp > §datetime(2026-13-01)", "date"),
        (f"{NET}§; {NET}", "unexpected"),
        (f"{NET} | order by RemoteIP | §where true", "order by"),
        (f"{NET} | where {'(' * 40}§{'(' * 20}true{')' * 60}", "deeply"),
        (f"{NET} | where RemoteIP == '{'x' * (9_999 - 40)}§{'x' * 50}'", "longer"),
        (f"let a = 1§; {NET}", "unexpected"),
        ("..§/company", "unexpected"),
    ],
)
def test_anything_else_is_refused_with_its_position(practice: Client, query: str, word: str) -> None:
    answer = practice.hunt(query.replace("§", ""))

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["code"] == "BadRequest"
    assert word in error["message"]
    assert error["message"].endswith(f"(position {query.index('§') + 1})"), error["message"]


def test_an_empty_query_is_refused(practice: Client) -> None:
    assert practice.hunt("  ").status_code == 400
