"""A hunt through Defender's hunting: against the practice range's tables, and query by query against its language."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest

from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.capabilities.hunting import Hunted, Scope
from secops.connectors.microsoft_graph import MicrosoftGraph
from secops.connectors.microsoft_search import SearchQuestions
from secops.hunting import sigma
from secops.hunting.clauses import read
from secops.hunting.conditions import ONE, Both, Condition, Either, Empty, Kind, Not, Number, Query, Regex, Text, holds
from secops.practice.kql.query import run
from secops.practice.kql.table_files import Tables
from tests.secops.connectors.conftest import Range

MONTH = timedelta(days=30)


@pytest.fixture
def graph(attached: Callable[..., Any], practice: Range) -> Iterator[MicrosoftGraph]:
    values = practice.entra | {"api_url": f"{practice.base}/graph"}
    connector = attached(MicrosoftGraph, values, {"client_secret": practice.keys["client_secret"]})
    yield cast(MicrosoftGraph, connector)
    connector.http.request("DELETE", f"{practice.base}/control/limits")


def hunted(graph: MicrosoftGraph, practice: Range, kind: str, value: str, asked: Kind, **scope: str) -> Hunted:
    (clause,) = read([{"kind": kind, "value": value}])
    (query,) = [one for one in clause.queries() if one.kind == asked]
    end = practice.anchor + timedelta(minutes=1)
    return graph.hunt_for(query, Scope(**scope), end - timedelta(days=7), end, 50)


def test_a_file_is_found_on_both_devices_and_where_it_ran(graph: MicrosoftGraph, practice: Range) -> None:
    story = practice.story("bad_address")

    written = hunted(graph, practice, "sha256", story["sha256"], Kind.FILE)
    ran = hunted(graph, practice, "sha256", story["sha256"], Kind.PROCESS)
    in_finance = hunted(graph, practice, "file_name", "updater.exe", Kind.FILE, group="Finance")

    assert {hit.device for hit in written.hits} == {"FIN-LT-0142", "FIN-LT-0150"}
    assert {(hit.device, hit.has_run) for hit in ran.hits} == {("FIN-LT-0142", True), ("FIN-LT-0150", True)}
    assert all(hit.agent_id and hit.first_seen_at and hit.what.endswith("updater.exe") for hit in written.hits)
    assert {hit.device for hit in in_finance.hits} >= {"FIN-LT-0142", "FIN-LT-0150"}


def test_a_path_a_key_a_command_and_an_address_are_found(graph: MicrosoftGraph, practice: Range) -> None:
    paths = hunted(graph, practice, "path", "C:\\Users\\*\\OneDriveSync\\*.dll", Kind.FILE)
    keys = hunted(
        graph, practice, "registry_key", "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\hlp32", Kind.REGISTRY
    )
    commands = hunted(graph, practice, "command_line", "sync.dll,Start", Kind.PROCESS)
    talked = hunted(graph, practice, "address", "203.0.113.44", Kind.NETWORK)
    named = hunted(graph, practice, "domain", "cdn-metrics.example", Kind.NETWORK)

    assert [(hit.device, hit.what.rsplit("\\", 1)[-1]) for hit in paths.hits] == [("FIN-LT-0142", "sync.dll")]
    assert [hit.device for hit in keys.hits] == ["ENG-WS-0210"]
    assert keys.hits[0].what.endswith("\\Run\\hlp32")
    assert {hit.device for hit in commands.hits} == {"FIN-LT-0142"}
    assert [hit.device for hit in talked.hits] == ["FIN-LT-0142"]
    assert talked.hits[0].count > 100
    assert [hit.device for hit in named.hits] == ["FIN-LT-0142"]


def test_a_sigma_rule_is_asked_of_hunting(graph: MicrosoftGraph, practice: Range) -> None:
    text = (
        "title: T\nlogsource: {category: registry_set, product: windows}\ndetection:\n"
        "  s: {TargetObject|contains: '\\CurrentVersion\\Run\\', Details|contains: '\\ProgramData\\'}\n  condition: s\n"
    )
    end = practice.anchor + timedelta(minutes=1)

    found = graph.hunt_for(sigma.read(text).queries[0], Scope(), end - timedelta(days=2), end, 50)

    assert [hit.device for hit in found.hits] == ["ENG-WS-0210"]


def test_the_load_and_the_window_that_is_kept_are_said(graph: MicrosoftGraph, practice: Range) -> None:
    end = practice.anchor + timedelta(minutes=1)

    everywhere = graph.hunt_load(Scope(), end - timedelta(days=90), end)
    finance = graph.hunt_load(Scope(group="Finance"), end - timedelta(days=7), end)
    query = Query(kind=Kind.PROCESS, condition=Text("image", ("x.exe",)))
    asked = graph.hunt_for(query, Scope(), end - timedelta(days=90), end, 5)

    assert everywhere.devices > finance.devices > 5
    assert asked.covers_from is not None
    assert timedelta(days=29) < end - asked.covers_from < timedelta(days=31)
    with pytest.raises(SourceRefused, match="30 days"):
        graph.hunt_for(query, Scope(), end - timedelta(days=90), end - timedelta(days=60), 5)
    with pytest.raises(SourceRefused, match="no device group"):
        graph.hunt_for(query, Scope(group="Nowhere"), end - MONTH, end, 5)


class Local(SearchQuestions):
    """The questions over tables in a folder, in the range's own language."""

    def __init__(self, folder: Path) -> None:
        self.tables = Tables(folder)

    def hunt(self, query: str) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        rows = run(query, self.tables, now=now, start=now - MONTH, end=now)["results"]
        return [json.loads(bytes(row)) for row in rows]


KEYS = ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Run", "HKEY_LOCAL_MACHINE\\SOFTWARE\\Run\\Sub", "HKEY_LOCAL_MACHINE\\SOFTWARE")
EVENTS = [
    {"RegistryKey": key, "RegistryValueName": name, "RegistryValueData": data}
    for key, name, data in product(KEYS, ("Run", "a\\b", "", 'q"x'), ("1", ""))
]
CONDITIONS: list[Condition] = [
    Text("key", ("", "\\Run\\", "")),
    Text("key", ("", "\\Run")),
    Text("key", ("", "Run", "")),
    Text("key", ("HKLM\\SOFTWARE\\Run\\a\\b",)),
    Text("key", ("HKEY_LOCAL_MACHINE\\SOFTWARE\\R", "")),
    Text("key", ("", "SOFTWARE\\Run\\S", "")),
    Text("key", ("", "Run\\a\\b")),
    Text("key", ("", 'q"', "")),
    Text("key", ("HKEY_LOCAL_MACHINE", "SOFT", "\\Run")),
    Text("key", ("", "Sub\\", "")),
    Not(Text("key", ("", "\\Run\\", ""))),
    Both((Text("key", ("", "Run")), Empty("value"))),
    Either((Text("value", ("1",), is_cased=True), Text("key", ("", "\\Sub")))),
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_the_query_says_what_the_condition_says_of_keys_in_two_columns(tmp_path: Path, condition: Condition) -> None:
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    rows = [
        {"Timestamp": at, "DeviceId": str(number), "DeviceName": f"d{number}.x", "ActionType": "RegistryValueSet"}
        | event
        for number, event in enumerate(EVENTS)
    ]
    (tmp_path / "DeviceRegistryEvents.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    wanted = {
        f"D{number}"
        for number, one in enumerate(EVENTS)
        if holds(
            _long(condition),
            {
                "key": "\\".join(part for part in (one["RegistryKey"], one["RegistryValueName"]) if part),
                "value": one["RegistryValueData"],
            },
        )
    }

    now = datetime.now(UTC)
    found = Local(tmp_path).hunt_for(Query(kind=Kind.REGISTRY, condition=condition), Scope(), now - MONTH, now, 99)

    assert {hit.device for hit in found.hits} == wanted


def _long(condition: Condition) -> Condition:
    if isinstance(condition, Text):
        return Text(condition.field, tuple(one.replace("HKLM", "HKEY_LOCAL_MACHINE") for one in condition.pieces))
    return condition


@pytest.mark.parametrize(
    ("kind", "condition", "why"),
    [
        (Kind.PROCESS, Regex("image", "a"), "Regular"),
        (Kind.PROCESS, Text("image", ("a" + ONE,)), "one character"),
        (Kind.PROCESS, Text("imphash", ("a",)), "imphash"),
        (Kind.PROCESS, Text("image", ("", "A"), is_cased=True), "case"),
        (Kind.PROCESS, Not(Text("image", ("a", "b"))), "several wildcards"),
        (Kind.REGISTRY, Text("key", ("HKCU\\Software", "")), "root"),
        (Kind.REGISTRY, Text("action", ("RenameKey",)), "action"),
        (Kind.EVENT, Number("event", "==", 4688), "no table"),
        (Kind.PROCESS, Either((Text("image", ("x" * 200,)),) * 60), "longer"),
    ],
    ids=str,
)
def test_what_the_language_cannot_say_is_refused(tmp_path: Path, kind: Kind, condition: Condition, why: str) -> None:
    now = datetime.now(UTC)
    with pytest.raises(SourceRefused, match=why):
        Local(tmp_path).hunt_for(Query(kind=kind, condition=condition), Scope(), now - MONTH, now, 9)
