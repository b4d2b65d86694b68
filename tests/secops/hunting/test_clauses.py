"""What people write as a clause, and the questions that it becomes."""

import pytest

from secops.hunting.clauses import ClauseError, ClauseKind, read
from secops.hunting.conditions import Kind, holds


def finds(kind: str, value: str, asked: Kind, **event: str) -> bool:
    (clause,) = read([{"kind": kind, "value": value}])
    return any(holds(query.condition, event) for query in clause.queries() if query.kind == asked)


@pytest.mark.parametrize(
    ("kind", "value", "asked", "event", "is_hit"),
    [
        ("sha256", "AB" * 32, Kind.FILE, {"sha256": "ab" * 32}, True),
        ("path", "*\\AppData\\*\\updater.dll", Kind.FILE, {"path": "C:\\U\\AppData\\x\\Updater.DLL"}, True),
        ("path", "*\\AppData\\*\\updater.dll", Kind.FILE, {"path": "C:\\U\\updater.dll"}, False),
        ("file_name", "updater.dll", Kind.FILE, {"path": "C:\\U\\updater.dll"}, True),
        ("file_name", "updater.dll", Kind.FILE, {"path": "C:\\U\\myupdater.dll"}, False),
        ("process", "updater.exe", Kind.PROCESS, {"image": "C:\\updater.exe"}, True),
        ("process", "C:\\U\\*.exe", Kind.PROCESS, {"image": "c:\\u\\a.exe"}, True),
        ("command_line", "-enc ", Kind.PROCESS, {"command_line": "powershell -ENC abc"}, True),
        ("registry_key", "HKCU\\Software\\Run", Kind.REGISTRY, {"key": "HKU\\S-1-5-21-7\\Software\\Run\\x"}, True),
        ("registry_key", "HKCU\\Software\\Run", Kind.REGISTRY, {"key": "HKU\\S-1-5-21-7\\Software\\RunOnce\\x"}, False),
        ("address", "203[.]0.113.44", Kind.NETWORK, {"peer": "203.0.113.44"}, True),
        ("domain", "CDN-metrics[.]example", Kind.NETWORK, {"peer_name": "a.cdn-metrics.example"}, True),
        ("domain", "cdn-metrics.example", Kind.NETWORK, {"peer_name": "notcdn-metrics.example"}, False),
    ],
)
def test_a_clause_finds_what_it_names_and_nothing_beside(
    kind: str, value: str, asked: Kind, event: dict[str, str], is_hit: bool
) -> None:
    assert finds(kind, value, asked, **event) is is_hit


@pytest.mark.parametrize(
    "given",
    [
        [],
        "sha256",
        [{"kind": "sha256", "value": "abc"}],
        [{"kind": "nonsense", "value": "abcd"}],
        [{"kind": "path", "value": "*.*"}],
        [{"kind": "path", "value": "C:\\*\\a*"}],
        [{"kind": "file_name", "value": "a\\updater.dll"}],
        [{"kind": "address", "value": "example.com"}],
        [{"kind": "domain", "value": "nodots"}],
        [{"kind": "domain", "value": 7}],
        [{"kind": "path", "value": "C:\\evil\u202eexe.dll"}],
        [{"kind": "sigma", "value": "title: x"}],
        [{"kind": "file_name", "value": f"updater{number}.dll"} for number in range(31)],
    ],
)
def test_what_would_find_everything_or_nothing_is_refused(given: object) -> None:
    with pytest.raises(ClauseError):
        read(given)


def test_equal_clauses_are_one_and_a_hash_reads_short() -> None:
    found = read([{"kind": "sha256", "value": "AB" * 32}, {"kind": "sha256", "value": "ab" * 32}])

    assert [one.title for one in found] == ["SHA-256 abab…abab"]
    assert found[0].kind == ClauseKind.SHA256
