"""CAPE against the practice range: a sample handed over once, waited for, its report read; and broken answers."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceLimited, SourceRefused
from secops.connectors.cape import Cape
from secops.http import HttpError
from secops.practice.products import cape as product
from secops.practice.week.programs import BEACON
from tests.secops.connectors.conftest import Range
from tests.secops.connectors.fake_http import answer, connected

VALUES = {"url": "https://cape.test", "route": "none"}
SEARCH = ("search/sha256", answer({"error": False, "data": []}))


@pytest.fixture
def sandbox(attached: Callable[..., Any], practice: Range) -> Cape:
    made = attached(
        Cape, {"url": f"{practice.base}/cape", "calls_per_minute": 120}, {"token": practice.keys["cape_token"]}
    )
    return cast(Cape, made)


def test_a_sample_is_handed_over_once_and_reported(
    sandbox: Cape, monkeypatch: pytest.MonkeyPatch, practice: Range
) -> None:
    assert sandbox.test() == "CAPE 2.4-CAPE."

    handle = sandbox.detonate("updater.exe", BEACON.content, "key-1")

    assert sandbox.detonate("updater.exe", BEACON.content, "key-1") == handle
    assert sandbox.detonate("updater.exe", BEACON.content, "key-2") != handle
    assert sandbox.detonation(handle).state in {"queued", "running"}
    monkeypatch.setattr(product, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(product, "RUNNING_SECONDS", 0.0)
    monkeypatch.setattr(product, "PENDING_SECONDS", 0.0)
    found = sandbox.detonation(handle)
    assert (found.state, found.score) == ("done", 10.0)
    assert found.family
    assert [one.path.rsplit("\\", 1)[-1] for one in found.dropped] == ["sync.dll"]
    assert len(found.dropped[0].sha256) == 64
    assert (found.addresses, found.domains) == (("203.0.113.44",), ("cdn-metrics.example",))
    assert "T1053.005" in found.techniques
    assert found.signatures == ("Calls one address at a fixed interval",)


def test_a_file_that_does_nothing_is_reported_so(sandbox: Cape, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPORT_SECONDS", "RUNNING_SECONDS", "PENDING_SECONDS"):
        monkeypatch.setattr(product, name, 0.0)

    found = sandbox.detonation(sandbox.detonate("a.txt", b"hello", "key-3"))

    assert (found.state, found.score, found.dropped, found.domains) == ("done", 0.0, (), ())


def test_what_the_sandbox_does_not_take_or_know_is_a_definite_no(sandbox: Cape, practice: Range, attached: Any) -> None:
    with pytest.raises(NoEffect, match="Empty file"):
        sandbox.detonate("a", b"", "key-4")
    with pytest.raises(SourceRefused, match="not found"):
        sandbox.detonation("99999")
    other = attached(Cape, {"url": f"{practice.base}/cape"}, {"token": "wrong"})
    with pytest.raises(NoEffect, match="401"):
        other.detonate("a", b"x", "key-5")


@pytest.mark.parametrize(
    ("after", "error"),
    [
        (answer({}, 429, {"Retry-After": "30"}), NoEffect),
        (answer({}, 503), Doubt),
        (answer({"error": [], "data": {}}), Doubt),
        (answer({"error": True, "error_value": "banned"}), NoEffect),
        (HttpError("cape.test broke off"), Doubt),
        (HttpError("cape.test cannot be reached", was_sent=False), HttpError),
    ],
    ids=str,
)
def test_an_answer_says_whether_the_sample_was_taken(after: Any, error: type[Exception]) -> None:
    connector, _ = connected(Cape, VALUES, {"token": "t"}, [SEARCH, ("create/file", after)])

    with pytest.raises(error):
        connector.detonate("a.exe", b"MZ", "key")


def test_a_report_full_of_nonsense_is_read_as_far_as_it_goes() -> None:
    report = {
        "malscore": "high",
        "dropped": [7, {"guest_paths": "x"}],
        "network": [],
        "signatures": {"a": 1},
        "ttps": [{}],
    }
    said = [("view", answer({"error": False, "data": {"status": "reported"}})), ("report", answer(report))]
    connector, _ = connected(Cape, VALUES, {}, said)

    found = connector.detonation("1")

    assert (found.state, found.score, found.dropped, found.techniques) == ("done", None, (), ())


def test_later_holds_the_integration() -> None:
    connector, _ = connected(Cape, VALUES, {}, [("view", answer({}, 429, {"Retry-After": "12"}))])

    with pytest.raises(SourceLimited) as caught:
        connector.detonation("1")

    assert caught.value.retry_after == 12
