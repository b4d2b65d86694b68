"""A sample of the evidence is run inside, once; what it did becomes findings and clauses of the hunt that follows."""

from typing import Any

import pytest

from cases.choices import CustodyAction, ObservableKind
from cases.models import Case, CustodyEntry, Evidence, Observable
from cases.services import custody, evidence
from response.choices import StepState
from response.models import Hunt
from response.services.invariants import broken
from secops import integrations
from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.detonation import Detonation, Dropped
from secops.connectors.capabilities.errors import Doubt
from secops.models import User
from tests.response.conftest import begin, settle_down, step_of
from tests.response.test_hunts import Field, field, hit, hunt_on

__all__ = ["field"]
RUN = {"key": "run", "action": "detonate", "params": {"evidence": "E-1"}}
SEEN = Detonation(
    state="done",
    score=9.4,
    family="Quietpulse",
    signatures=("Calls one address at a fixed interval",),
    techniques=("T1071.001",),
    dropped=(
        Dropped(path="C:\\Users\\user\\AppData\\Local\\Sync\\sync.dll", sha256="c" * 64),
        Dropped(path="C:\\Windows\\Temp\\good.dll", sha256="d" * 64),
        Dropped(path="*"),
    ),
    addresses=("203.0.113.44", "nonsense"),
    domains=("cdn-metrics.example",),
)


class Sandbox:
    def __init__(self) -> None:
        self.took: list[tuple[str, bytes, str]] = []
        self.wrong: list[Exception] = []
        self.says: list[Detonation] = [Detonation(state="running", text="CAPE: running"), SEEN]


BOX = Sandbox()


@connectors.register
class FakeSandbox(Connector):
    slug = "test_sandbox"
    label = "Test sandbox"
    is_local = True

    def detonate(self, name: str, content: bytes, key: str) -> str:
        BOX.took.append((name, content, key))
        if BOX.wrong:
            raise BOX.wrong.pop(0)
        return "7"

    def detonation(self, handle: str) -> Detonation:
        return BOX.says.pop(0) if len(BOX.says) > 1 else BOX.says[0]


@pytest.fixture
def box(db: None) -> Sandbox:
    BOX.__init__()  # type: ignore[misc]
    integrations.add("test_sandbox", "Sandbox", {})
    return BOX


@pytest.fixture
def sample(case: Case, settings: Any, tmp_path: Any) -> Evidence:
    return evidence.receive(case.pk, [b"MZ sample"], kind="file", title="updater.exe", file_name="updater.exe")


def test_what_it_did_becomes_findings_and_its_kit_is_hunted(
    box: Sandbox, field: Field, sample: Evidence, case: Case, analyst: User
) -> None:
    Observable.objects.create(
        kind="hash_sha256", value="d" * 64, value_key="x", verdict="benign", first_seen_at=case.opened_at
    )
    field.hits = [hit("A-1")]
    hunt = {
        "key": "hunt",
        "action": "hunt",
        "when": "steps.run.is_malicious",
        "params": {"clauses": "${{ steps.run.files }}"},
        "needs": ["run"],
    }

    run = begin(case, analyst, RUN, hunt)
    hunt_on(40)

    step = step_of(run, "run")
    assert step.state == StepState.SUCCEEDED, step.reason
    assert step.result == ("E-1: 9.4 of 10, Quietpulse: Calls one address at a fixed interval. It wrote 3 file(s)")
    assert box.took == [("updater.exe", b"MZ sample", step.key_text)]
    assert Hunt.objects.get().clauses == [
        {"kind": "sha256", "value": sample.sha256},
        {"kind": "sha256", "value": "c" * 64},
    ]
    place = {"kind": "path", "value": "*\\Users\\*\\AppData\\Local\\Sync\\sync.dll"}
    assert place in step.data["traces"]  # it may be where everybody has a file
    assert {one["kind"] for one in step.data["kit"]} <= {"sha256", "similar"}
    assert step.data["network"] == [
        {"kind": "address", "value": "203.0.113.44"},
        {"kind": "domain", "value": "cdn-metrics.example"},
    ]
    verdicts = dict(Observable.objects.filter(links__case=case).values_list("value", "verdict"))
    assert verdicts["c" * 64] == "malicious"
    assert verdicts["cdn-metrics.example"] == ""
    assert [one["device"] for one in step_of(run, "hunt").data["hits"]] == ["A-1"]
    assert broken() == {}


def test_the_chain_says_once_that_a_copy_went_to_the_sandbox(
    box: Sandbox, sample: Evidence, case: Case, analyst: User
) -> None:
    box.wrong = [Doubt("no answer")]

    run = begin(case, analyst, RUN)
    settle_down()

    step = step_of(run, "run")
    assert step.state == StepState.SUCCEEDED
    assert len(box.took) == 2  # by the same key
    assert len({key for _, _, key in box.took}) == 1
    entry = CustodyEntry.objects.get(evidence=sample, action=CustodyAction.EXPORTED)
    assert (entry.details["to"], entry.details["step"]) == ("Sandbox", step.pk)
    assert custody.verify(case.pk) is None


def test_nothing_is_called_malicious_that_did_nothing(
    box: Sandbox, sample: Evidence, case: Case, analyst: User
) -> None:
    box.says = [Detonation(state="done", score=1.2, dropped=(Dropped(path="C:\\a_file.txt", sha256="c" * 64),))]

    run = begin(case, analyst, RUN)
    settle_down()

    assert step_of(run, "run").data["is_malicious"] is False
    assert not Observable.objects.filter(kind=ObservableKind.HASH_SHA256, verdict="malicious").exists()


def test_a_sample_never_goes_outside(
    box: Sandbox, sample: Evidence, case: Case, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSandbox, "is_local", False)

    run = begin(case, analyst, RUN)
    settle_down()

    assert step_of(run, "run").state == StepState.FAILED
    assert "never uploaded" in step_of(run, "run").reason
    assert not box.took


def test_an_item_of_another_case_is_not_found(box: Sandbox, sample: Evidence, case: Case, analyst: User) -> None:
    run = begin(case, analyst, RUN | {"params": {"evidence": "E-2"}})
    settle_down()

    assert "has no item E-2" in step_of(run, "run").reason


def test_a_sandbox_that_cannot_run_it_fails_the_step(box: Sandbox, sample: Evidence, case: Case, analyst: User) -> None:
    box.says = [Detonation(state="failed", text="The sandbox could not run it (failed analysis)")]

    run = begin(case, analyst, RUN)
    settle_down()

    assert step_of(run, "run").state == StepState.FAILED
