"""A beaconing host, from the alert to its release, in the lab: every claim of the case is looked at from outside.

The product is asked through its services, as pages do; its work is carried out by `drain`. The hosts are real.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings as DjangoSettings

from cases.choices import DeviceState, EvidenceKind, ObservableKind, Stage, Verdict
from cases.models import Case, CaseDevice, CaseObservable, CustodyEntry, Evidence, TimelineEntry
from cases.services import devices, exports
from cases.services.store import store
from enrichment.models import Examination
from enrichment.services import examinations
from response.choices import RunState, StepState
from response.models import Drill, Run, RunbookVersion, StepChange, StepRun
from response.models.runbooks import Runbook, Step
from response.services import approvals, decisions, drills, runbooks, runs
from response.services.invariants import broken
from secops import integrations
from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.identity import DeviceRecord
from secops.connectors.capabilities.places import Reputation
from secops.models import ApiToken, User
from tests.cases.evidence.conftest import PASSWORD
from tests.cases.evidence.test_exports import check, unpack
from tests.factories import make_user
from tests.lab.lab import MARK, SECRET, Lab, run, until
from tests.owner import unprotected

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]
DEVICE = {"device": "${{ device.id }}"}
BEACON_RULE = 'alert http any any -> any 80 (msg:"Beacon of the lab"; http.uri; content:"/b"; sid:1000001;)\n'
LOOK = {"question": "What did the image show?", "choices": ["A file to look for elsewhere", "Nothing"]}
CONTAIN: list[dict[str, Any]] = [
    {"key": "isolate", "action": "isolate_device", "title": "Isolate the device", "params": DEVICE},
]
RESPOND: list[dict[str, Any]] = [
    {"key": "memory", "action": "acquire_memory", "title": "Acquire memory", "params": DEVICE},
    {"key": "capture", "action": "capture_packets", "title": "Capture", "params": DEVICE | {"rotate_seconds": 30}},
    {
        "key": "quarantine",
        "action": "quarantine_device",
        "title": "Quarantine the device",
        "params": DEVICE,
        "needs": ["memory", "capture"],
    },
    {"key": "triage", "action": "acquire_triage", "title": "Acquire triage", "params": DEVICE, "needs": ["quarantine"]},
    {"key": "disk", "action": "acquire_disk", "title": "Acquire disk", "params": DEVICE, "needs": ["triage"]},
    {"key": "look", "action": "ask_person", "title": "What was found?", "params": LOOK, "needs": ["disk"]},
    {
        "key": "find",
        "action": "find_file",
        "title": "Find the file elsewhere",
        "params": {"sha256": ""},
        "when": "steps.look.answer == 'A file to look for elsewhere'",
        "needs": ["look"],
    },
    {
        "key": "answer",
        "action": "start_runbook",
        "title": "Contain the devices that hold it",
        "for_each": "steps.find.hits",
        "params": {"runbook": "lab-contain", "device": "${{ item.device_id }}"},
        "needs": ["find"],
    },
]


@connectors.register
class BadFiles(Connector):
    """A list of bad files, as a site keeps one: it knows the one that is deleted on the disk of the lab."""

    slug = "lab_bad_files"
    label = "Bad files"
    is_local = True

    def reputation(self, kind: str, value: str) -> Reputation | None:
        is_bad = kind == ObservableKind.HASH_SHA256 and value == hashlib.sha256(SECRET).hexdigest()
        return Reputation(malicious=9, checked=9, name="viewer.bin") if is_bad else None


@pytest.fixture
def house(
    lab: Lab, settings: DjangoSettings, tmp_path: Path, transactional_db: None, admin_user: User, responder: User
) -> Iterator[None]:
    """The integrations, tested; what they may cut off, drilled; both runbooks, each published by a second admin.

    Afterwards the tables are emptied, which the chain of custody refuses on SQLite.
    """
    settings.DATA_DIR = tmp_path / "data"
    settings.NIGHTDESK_INTERNAL_HOSTS = lab.pairs
    if shutil.which("suricata"):
        settings.NIGHTDESK_SURICATA = "suricata"
        settings.NIGHTDESK_SURICATA_RULES = str(tmp_path / "lab.rules")
        (tmp_path / "lab.rules").write_text(BEACON_RULE)
    values = {"inventory": lab.inventory, "known_hosts": lab.known_hosts, "user": "root", "places": "/home /srv /tmp"}
    row = integrations.add("ansible", "Lab", values, {"private_key": (lab.folder / "key").read_text()})
    assert integrations.test(row), row.health_text
    integrations.add("lab_bad_files", "Bad files", {})
    devices.resolve([DeviceRecord(name="kvm1", agent_id="kvm1")])
    for action in ("quarantine_device", "isolate_device"):
        drill(action, responder)
    second = make_user("del", ["admin"])
    _publish("lab-contain", CONTAIN, admin_user, second)
    _publish("lab-respond", RESPOND, admin_user, second)
    yield
    with unprotected():
        CustodyEntry.objects.all()._raw_delete("default")


def _publish(slug: str, steps: list[dict[str, Any]], writer: User, publisher: User) -> RunbookVersion:
    runbook = Runbook.objects.create(slug=slug, title=slug.replace("-", " ").capitalize())
    for order, fields in enumerate(steps, start=1):
        Step.objects.create(runbook=runbook, order=order, **fields)
    runbooks.note_writer(runbook, writer)
    runbook = runbooks.propose(runbook, actor=writer)
    return runbooks.publish(runbook, actor=publisher, accepts=runbooks.warnings_of(runbook))


def drill(action: str, responder: User) -> None:
    """A product is trusted with cutting off once it has shown that, and the way back, on a test device."""
    started = drills.start(action, "kvm1", request_id=uuid4(), actor=responder)
    other = User.objects.filter(username="eve").first() or make_user("eve", ["approver"])
    one = Responding(started, responder, other)
    for key in ("do", "undo"):
        one.approve(key)
        one.done(key)
    assert Drill.objects.get(run=started).state_text == "Passed"


def drain(wait: int = 0) -> None:
    call_command("drain", wait=wait, stdout=StringIO())


def alert(lab: Lab, client: Client) -> Case:
    """Through the door that a sensor uses."""
    _, secret = ApiToken.issue("lab-sensor")
    host = lab.hosts["host1"]
    body = {
        "schema": "nightdesk.alert/1",
        "source": "lab-sensor",
        "source_ref": uuid4().hex,
        "title": "Connection to a known bad address",
        "severity": 3,
        "detected_at": "2026-11-28T08:00:00Z",
        "devices": [{"name": host.name, "agent_id": host.name, "address": host.address}],
        "flow": {"src_ip": host.address, "dst_ip": f"{lab.net}.99", "dst_port": 80, "proto": "tcp"},
    }
    answer = client.post(
        "/api/v1/alerts/", json.dumps(body), "application/json", headers={"Authorization": f"Bearer {secret}"}
    )
    assert answer.status_code == 201, answer.content
    return Case.objects.get(alerts__source="lab-sensor")


class Responding:
    """One run in the hands of an analyst and a responder."""

    def __init__(self, started: Run, analyst: User, responder: User) -> None:
        self.run, self.analyst, self.responder = started, analyst, responder

    def step(self, key: str) -> StepRun:
        return StepRun.objects.get(run=self.run, key=key)

    def done(self, key: str, seconds: int = 60) -> StepRun:
        """The step once it has succeeded; its own words when it does not."""

        def is_over() -> bool:
            drain(wait=5)
            return self.step(key).state not in (StepState.READY, StepState.POLLING, StepState.VERIFYING)

        until(is_over, seconds)
        found = self.step(key)
        assert found.state == StepState.SUCCEEDED, f"{key}: {found.state}. {found.reason}"
        return found

    def approve(self, *keys: str) -> None:
        """What waits for a person now is exactly that."""
        drain()
        waiting = list(StepRun.objects.filter(state=StepState.WAITING))
        assert sorted(one.key for one in waiting) == sorted(keys)
        for one in waiting:
            approvals.approve(one.pk, params_sha256=one.params_sha256, actor=self.responder)

    def undo(self, key: str) -> StepRun:
        undone = decisions.undo(self.step(key).pk, actor=self.analyst)
        return StepRun.objects.get(undoes=self.step(key)) if undone.pk == self.step(key).pk else undone


def ended(step: StepRun) -> datetime:
    return StepChange.objects.get(step=step, new=StepState.SUCCEEDED).at


def state_of(case: Case, name: str) -> str:
    return CaseDevice.objects.get(case=case, device__name__iexact=name).state


def bytes_of(item: Evidence) -> bytes:
    with store().open(item.sha256) as file:
        return file.read()


def the(case: Case, kind: EvidenceKind) -> Evidence:
    return Evidence.objects.get(case=case, kind=kind)


def told(case: Case) -> str:
    return "\n".join(TimelineEntry.objects.filter(case=case).order_by("seq").values_list("text", flat=True))


def test_a_beaconing_host_from_the_alert_to_its_release(
    lab: Lab, house: None, client: Client, analyst: User, responder: User, tmp_path: Path
) -> None:
    host1, host2 = lab.hosts["host1"], lab.hosts["host2"]
    until(lambda: lab.beats(host1) > 0)
    assert host1.answers_ping()
    assert host2.answers_ping()

    case = alert(lab, client)
    drain()
    version = RunbookVersion.objects.get(runbook__slug="lab-respond")
    started = runs.escalate_and_start(version.pk, case.pk, request_id=uuid4(), actor=analyst)
    one = Responding(started, analyst, responder)
    case.refresh_from_db()
    assert case.stage == Stage.RESPONSE

    # what is lost first comes first: the memory is sealed and the capture runs while the door is open
    memory = one.done("memory")
    one.done("capture")
    assert one.step("quarantine").state == StepState.WAITING
    assert MARK in bytes_of(the(case, EvidenceKind.MEMORY))
    assert "its hypervisor kvm1" in the(case, EvidenceKind.MEMORY).note
    assert host1.answers_ping()

    # monitored quarantine, on one approval by another person
    one.approve("quarantine")
    one.done("quarantine")
    heard = lab.beats(host1)
    assert not host1.answers_ping()
    assert not host1.answers_ping(host1.address6)
    assert lab.ssh(host1, "hostname").stdout == "host1\n"

    # evidence: a triage package, and the disk as it is
    one.done("triage")
    one.done("disk")
    image = lab.image.read_bytes()
    disk = the(case, EvidenceKind.DISK)
    assert disk.sealed_at
    assert state_of(case, "host1") == DeviceState.IMAGED
    assert disk.sha256 == hashlib.sha256(image).hexdigest() == hashlib.sha256(bytes_of(disk)).hexdigest()
    assert ended(memory) < ended(one.step("quarantine")) < ended(one.step("disk"))
    assert ended(one.step("capture")) < ended(one.step("quarantine"))

    # the image is opened beside the host: the deleted file is there, and is known to be bad
    examinations.start(disk.pk, actor=analyst)
    drain(wait=10)
    found = Evidence.objects.get(case=case, original=disk)
    assert (found.sha256, bytes_of(found)) == (lab.secret_sha256, SECRET)
    link = CaseObservable.objects.get(case=case, observable__value=lab.secret_sha256)
    assert link.observable.verdict == Verdict.MALICIOUS

    # its hash is hunted; the host that holds it is contained by a run of its own
    decisions.answer(one.step("look").pk, LOOK["choices"][0], actor=responder)
    assert [hit["device"] for hit in one.done("find").data["hits"]] == ["HOST2"]
    drain()
    child = Responding(Run.objects.get(parent=started), analyst, responder)
    assert state_of(case, "host2") == DeviceState.SUSPECTED
    assert host2.answers_ping()
    child.approve("isolate")
    child.done("isolate")
    assert not host2.answers_ping()
    assert lab.ssh(host2, "hostname").stdout == "host2\n"
    assert {Run.objects.get(pk=pk).state for pk in (started.pk, child.run.pk)} == {RunState.SUCCEEDED}

    # release: both doors are opened again by undo, on one approval each
    assert lab.beats(host1) == heard
    undone = [one.undo("quarantine").key, child.undo("isolate").key]
    one.approve(*undone)
    drain(wait=40)
    assert host1.answers_ping()
    assert host2.answers_ping()
    until(lambda: lab.beats(host1) > heard)
    assert {state_of(case, "host1"), state_of(case, "host2")} == {DeviceState.RELEASED}

    # the capture ended with the release; it saw the beacon before the door was closed, and its tries after
    packets = ""
    for item in Evidence.objects.filter(case=case, kind=EvidenceKind.CAPTURE):
        path = lab.folder / f"{item.sha256}.pcap"
        path.write_bytes(bytes_of(item))
        packets += run("tcpdump", "-nttr", str(path)).stdout
    closed = ended(one.step("quarantine")).timestamp()
    sent = [line for line in packets.splitlines() if f"> {lab.net}.99.80:" in line]
    assert [line for line in sent if float(line.split()[0]) < closed and "GET /b" in line]
    assert [line for line in sent if float(line.split()[0]) > closed and "Flags [S]" in line]
    assert host1.inside("pgrep", "tcpdump", check=False) == ""

    # each file of it was read by our own reader and, where it is installed, by Suricata, which knows the beacon
    examined = Examination.objects.filter(evidence__case=case, evidence__kind=EvidenceKind.CAPTURE)
    tools = {"capture", "suricata"} if shutil.which("suricata") else {"capture"}
    assert {row.tool for row in examined} == tools
    assert {(row.state, row.reason) for row in examined} == {("done", "")}
    titles = [item.title for item in Evidence.objects.filter(case=case, kind=EvidenceKind.CAPTURE).order_by("seq")]
    assert " in quarantine, " in titles[-1]
    if "suricata" in tools:
        alerts = TimelineEntry.objects.filter(
            case=case, kind="attacker", text__startswith="Suricata: Beacon of the lab"
        )
        assert min(one.occurred_at for one in alerts if one.occurred_at).timestamp() < closed

    # custody verifies, inside and by the verifier that an export carries; the timeline tells all of it, whole
    call_command("verify_evidence", case.number, stdout=StringIO())
    exported = unpack(exports.export(case.pk, reason="For the court", password=PASSWORD, actor=analyst), tmp_path)
    said, code = check(exported)
    assert code == 0, said
    assert "every file as they were written" in said
    call_command("verify_timeline", case.number, stdout=StringIO())
    story = told(case)
    for words in (
        "sealed as",
        "isolated, verified",
        "Deleted file",
        "Started Lab contain",
        "HOST1: released, verified",
        "HOST2: released",
    ):
        assert words in story, story
    assert broken() == {}
