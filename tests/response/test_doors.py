"""The three doors on the case's panel, and whether data flows out."""

import re
from typing import Any

import pytest
from django.urls import reverse

from cases.choices import DeviceReason
from cases.models import Case, CaseDevice, CaseObservable, CasePerson, Device, TimelineEntry
from cases.services import evidence
from enrichment.choices import LookupState
from enrichment.models import CaseLookup, Finding, Lookup
from response.choices import StepState
from response.models import StepRun
from response.services import outflow, scope
from response.views.doors import doors_of
from secops.hunting.clauses import read
from tests.cases.evidence.conftest import take
from tests.factories import make_device, make_observable, make_person
from tests.findings import make_finding
from tests.response.conftest import ASK, ISOLATE, begin, say_yes, settle_down, step_of
from tests.response.network import MAC, NETWORK, OWN, Network, add_network
from tests.response.test_containment import DISABLE, IPV4, IPV6, QUARANTINE, REVOKE


@pytest.fixture
def network(world: Any, case: Case, device: Device) -> Network:
    NETWORK.__init__()  # type: ignore[misc]
    add_network()
    Device.objects.filter(pk=device.pk).update(mac=MAC)
    CaseDevice.objects.filter(case=case).update(address=OWN)
    CasePerson.objects.create(case=case, person=make_person("m.okafor", upn="m.okafor@corp.example"), role="logged_on")
    return NETWORK


def words(case: Case) -> list[tuple[str, ...]]:
    return [(line.name, *(door.word for door in line.three)) for line in doors_of(case)]


def do(case: Case, asker: Any, approver: Any, *steps: dict[str, Any]) -> Any:
    run = begin(case, asker, *steps)
    for step in steps:
        settle_down()
        say_yes(step_of(run, step["key"]), approver)
    settle_down()
    return run


def test_isolating_the_device_leaves_the_other_doors_open(client, network, case, analyst, responder):
    do(case, analyst, responder, ISOLATE)

    assert words(case) == [("FIN-LT-0142", "closed", "open", "open")]
    assert "sessions stay open" in doors_of(case)[0].account.why


@pytest.mark.slow
def test_each_door_closes_by_its_own_verified_step(network, case, analyst, responder):
    do(case, analyst, responder, ISOLATE, QUARANTINE, DISABLE)
    half = words(case)
    do(case, analyst, responder, REVOKE)

    assert half == [("FIN-LT-0142", "closed", "closed", "partly")]
    assert words(case) == [("FIN-LT-0142", "closed", "closed", "closed")]


def test_a_step_that_was_only_sent_closes_nothing(network, world, case, analyst, responder):
    world.reads = ["pending_isolate"] * 50
    do(case, analyst, responder, ISOLATE)

    assert words(case)[0][1] == "open"
    assert "not confirmed yet" in doors_of(case)[0].device.why


def test_an_open_path_reads_partly_and_its_name(network, case, analyst, responder):
    network.paths = (IPV4, IPV6)
    do(case, analyst, responder, QUARANTINE)

    assert words(case)[0][2] == "partly"
    assert "Wi-Fi IPv6" in doors_of(case)[0].network.why


def test_releasing_opens_the_door_again(network, case, analyst, responder):
    release = ISOLATE | {"key": "release", "action": "release_device"}
    do(case, analyst, responder, ISOLATE, release)

    assert words(case)[0][1] == "open"


@pytest.mark.slow
def test_a_hit_of_a_hunt_has_its_own_doors_and_its_owners_account(network, case, analyst, responder):
    other = make_device("FIN-LT-0150", owner=make_person("d.lima", upn="d.lima@corp.example"))
    CaseDevice.objects.create(case=case, device=other, reason=DeviceReason.HUNT)
    CaseDevice.objects.create(case=case, device=make_device("FIN-LT-0199"), reason=DeviceReason.HUNT)
    do(case, analyst, responder, ISOLATE, DISABLE, REVOKE)

    assert words(case) == [
        ("FIN-LT-0142", "closed", "open", "closed"),
        ("FIN-LT-0150", "open", "open", "open"),
        ("FIN-LT-0199", "open", "open", "unknown"),
    ]


def test_the_panel_shows_a_line_for_each_device_with_word_and_glyph(client, network, case, analyst, responder):
    client.force_login(analyst)
    before = client.get(reverse("response:panel", args=[case.pk])).content.decode()
    do(case, analyst, responder, ISOLATE)
    text = client.get(reverse("response:panel", args=[case.pk])).content.decode()

    row = re.search(r"<tr><th scope=\"row\" class=\"mono\">FIN-LT-0142</th>(.*?)</tr>", text, re.DOTALL)
    assert "Three doors" not in before
    assert row is not None
    assert re.findall(r"<span>(\w+)</span>", row[1]) == ["closed", "open", "open"]
    assert re.findall(r"#g-(\w+)", row[1]) == ["good", "warn", "warn"]


# --- order of volatility ------------------------------------------------------------------------------------------


def volume(case: Case, **data: Any) -> None:
    lookup = Lookup.objects.create(
        question="volume",
        connector_name="Logs",
        subject_kind="device",
        subject={},
        subject_key=f"{case.pk:064}",
        bucket="b",
        tlp=2,
        state=LookupState.ANSWERED,
        created_at=case.opened_at,
    )
    CaseLookup.objects.create(case=case, lookup=lookup)
    Finding.objects.create(
        lookup=lookup, card="traffic", verdict="suspicious", headline="x", data=data, as_of=case.opened_at
    )


@pytest.mark.parametrize(
    ("data", "is_on", "said"),
    [
        ({"is_unusual": True, "sent_ratio": 9.5}, True, "9.5 times its usual day"),
        ({"is_unusual": True, "sent_ratio": 1.1}, False, "No unusual volume"),
        ({"is_unusual": False, "sent_ratio": 9.5}, False, "No unusual volume"),
        ({"is_unusual": True, "sent_ratio": None}, False, "No unusual volume"),
    ],
)
def test_data_flows_out_when_far_more_than_usual_was_sent(case, data, is_on, said):
    volume(case, **data)

    found = outflow.of(case)
    assert (found.is_on, said in found.reason) == (is_on, True)
    assert scope.of_case(case, {})["case"]["data_flows_out"] is is_on


def test_nobody_knows_is_not_the_same_as_no(case):
    assert outflow.of(case) == outflow.Outflow(
        is_on=False, reason="Whether data flows out is not known: no source told the volume"
    )


def test_the_reason_for_the_order_stands_on_the_timeline(network, case, analyst):
    volume(case, is_unusual=True, sent_ratio=9.5)
    memory_first = ASK | {"when": "!case.data_flows_out"}

    run = begin(case, analyst, memory_first)

    assert step_of(run, "next").state == StepState.SKIPPED
    assert TimelineEntry.objects.filter(case=case, text__contains="9.5 times its usual day").count() == 1


def test_who_lets_a_device_back_reads_what_is_sealed_and_what_is_open(client, network, case, analyst, responder):
    finding = make_finding(case, "hygiene", data={"is_agent_healthy": False})
    Lookup.objects.filter(finding=finding).update(subject={"host": {"name": "FIN-LT-0142"}})
    run = begin(case, analyst, ISOLATE | {"key": "release", "action": "release_device"})
    settle_down()
    step = step_of(run, "release")
    client.force_login(responder)
    page = client.get(reverse("response:approval", args=[step.pk])).content.decode()

    assert "No: no disk or memory image of FIN-LT-0142 is sealed" in page
    assert "By approving you say that it is." in page
    assert "No, as of" in page

    image = take(case, b"an image", actor=analyst, kind="disk")
    evidence.seal(image.pk, actor=analyst)
    disk = begin(case, analyst, {"key": "disk", "action": "acquire_disk", "params": {"device": "${{ device.id }}"}})
    StepRun.objects.filter(run=disk).update(state=StepState.SUCCEEDED, data={"evidence": [image.number]})
    CaseDevice.objects.create(case=case, device=make_device("FIN-LT-0150"), reason=DeviceReason.HUNT)
    page = client.get(reverse("response:approval", args=[step.pk])).content.decode()

    assert f"Yes: {image.number}." in page
    assert "Not everywhere: 1 other device of the case is not contained." in page


@pytest.mark.parametrize(
    ("program", "kinds"), [("C:\\ProgramData\\hlp\\hlp32.exe", 2), ("C:\\Windows\\System32\\reg.exe", 1)]
)
def test_what_a_person_calls_malicious_is_hunted_and_windows_own_programs_are_not(case, program, kinds):
    key, sha = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\hlp32", "a" * 64
    for kind, value, role in (
        ("registry_value", key, "registry"),
        ("process", program, "process"),
        ("hash_sha256", sha, "process"),
        ("hash_sha256", "b" * 64, "file"),
    ):
        seen = {"role": role, "first_seen_at": case.opened_at}
        CaseObservable.objects.create(case=case, observable=make_observable(value, kind), **seen)

    changes = scope.of_case(case, {})["case"]["changes"]

    assert changes == [{"kind": "registry_key", "value": key}, {"kind": "sha256", "value": sha}][:kinds]
    assert len(read(changes)) == kinds
