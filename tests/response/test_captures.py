"""Packets are captured until release: each file is evidence once, and what is new in it joins the case."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.utils import timezone

from cases.choices import EvidenceKind, Stage
from cases.errors import StoreFullError
from cases.models import Case, CaseDevice, CaseObservable, CustodyEntry, Device, Evidence, TimelineEntry
from cases.services import inspection, partials
from cases.services.folder import FolderStore
from cases.services.store import store
from enrichment.models import Examination
from enrichment.services import examinations
from response.choices import CaptureState, StepState
from response.models import Capture, CaptureSegment, Mandate, StepRun
from response.services import (
    captures,
    decisions,
    fetching,
    invariants,
    mandates,
    peers,
    recovery,
    segments,
    steps,
    undoing,
)
from response.services.report import actions as report_actions
from response.views import board
from response.views.doors import watched
from secops import integrations
from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.connectors.capabilities.traffic import PeerTotal
from secops.http import HttpError
from secops.models import User
from secops.s3 import StoreAwayError
from secops.wording import amount, clock
from tests.factories import make_case, make_observable
from tests.response import network as network_of_tests
from tests.response.conftest import ISOLATE, begin, say_yes, settle_down, step_of
from tests.response.network import BEGAN, MAC, NETWORK, OWN, FakeNetwork, Network, add_network
from tests.response.test_containment import CAPTURE, LIFT, QUARANTINE
from tests.secops.connectors.test_warninglists import put

RELEASE = {"key": "release", "action": "release_device", "params": {"device": "${{ device.id }}"}}
STOP = {"key": "stop", "action": "stop_capture", "params": {"device": "${{ device.id }}"}}
BAD, NEW = "203.0.113.44", "203.0.113.198"


@connectors.register
class FakeFlows(Connector):
    """The device's own past: it spoke to 198.51.100.1 before."""

    slug = "test_flows"
    label = "Test flows"

    def peers(self, host: Any, start: Any, end: Any, *, inbound: bool = False) -> list[PeerTotal]:
        at = timezone.now()
        fields = {"peer_name": "", "port": 443, "connections": 1, "bytes_out": 1, "bytes_in": 1, "is_internal": False}
        return [PeerTotal(peer="198.51.100.1", first_at=at, last_at=at, **fields)]  # type: ignore[arg-type]

    def connections(self, *_: Any) -> list[Any]:
        return []

    def volumes(self, *_: Any, **__: Any) -> list[Any]:
        return []

    def fan_out(self, *_: Any) -> list[Any]:
        return []

    def talkers(self, *_: Any) -> list[str]:
        return []

    def flow_window(self) -> None:
        return None


@pytest.fixture
def network(world: Any, case: Case, device: Device, settings: Any, tmp_path: Any) -> Network:
    settings.DATA_DIR = tmp_path / "data"
    NETWORK.__init__()  # type: ignore[misc]
    add_network()
    integrations.add("test_flows", "Flows", {})
    Device.objects.filter(pk=device.pk).update(mac=MAC)
    CaseDevice.objects.filter(case=case).update(address=OWN)
    return NETWORK


@pytest.fixture
def capture(network: Network, case: Case, analyst: Any) -> Capture:
    """One that runs; nothing is kept yet."""
    begin(case, analyst, CAPTURE)
    settle_down()
    return Capture.objects.get()


@pytest.fixture(autouse=True)
def nothing_is_broken(db: None) -> Any:
    yield
    assert invariants.broken() == {}


def collect(rounds: int = 10) -> None:
    """As if the waits were over, until nothing moves."""
    for _ in range(rounds):
        Capture.objects.live().update(next_at=timezone.now() - timedelta(seconds=1))
        captures.work()


def story(case: Case) -> list[str]:
    return list(TimelineEntry.objects.filter(case=case).order_by("seq").values_list("text", flat=True))


def test_each_finished_file_is_sealed_evidence_that_says_where_it_is_from(network, capture, case):
    network.add_segment(BAD)
    collect()
    network.add_segment(BAD)
    collect()

    first, second = Evidence.objects.order_by("seq")
    acquired = CustodyEntry.objects.get(evidence=first, action="acquired")
    assert (first.kind, first.state, second.state) == (EvidenceKind.CAPTURE, "sealed", "sealed")
    assert first.title == "Packet capture of FIN-LT-0142, 2026-11-28 14:00:00 to 14:05:00 UTC"
    assert acquired.who == "Network"
    assert acquired.details["acquired_from"] == f"FIN-LT-0142 ({MAC} {OWN}) at sensor LIS-2"
    assert (acquired.details["tool"], acquired.details["tool_version"]) == ("tcpdump", "4.99")
    assert f"step {capture.step.title}" in acquired.details["authority"]
    assert network.fetched == ["part-0", "part-1"]
    assert list(inspection.problems(case)) == []


def test_what_the_device_never_spoke_to_before_joins_the_case(network, capture, case):
    CaseObservable.objects.create(
        case=case, observable=make_observable(BAD), role="destination", first_seen_at=case.opened_at
    )
    network.add_segment(BAD, NEW, "198.51.100.1", "10.20.0.10", "8.8.8.8")
    collect()

    (line,) = [text for text in story(case) if text.startswith("New destinations")]
    assert line == f"New destinations in the packets of FIN-LT-0142 (E-1): {NEW} 443/tcp"
    assert CaseObservable.objects.filter(case=case, observable__value=NEW, role="destination").count() == 1
    assert not CaseObservable.objects.filter(observable__value="198.51.100.1").exists()
    assert CaptureSegment.objects.get().new_peers == 1


@pytest.mark.slow
def test_a_destination_is_new_once(network, capture, case):
    network.add_segment(NEW)
    network.add_segment(NEW)
    collect()

    assert len([text for text in story(case) if text.startswith("New destinations")]) == 1
    assert [one.new_peers for one in CaptureSegment.objects.all()] == [1, 0]


def test_without_any_source_of_flows_everything_outside_is_new(network, capture, monkeypatch):
    monkeypatch.setattr(peers, "with_capability", lambda name: [])
    network.add_segment("198.51.100.1")
    collect()

    assert CaptureSegment.objects.get().new_peers == 1


def test_each_file_is_read_by_the_forensic_reader_and_its_names_join_the_case(network, capture, case, tmp_path):
    put(tmp_path / "lists", "search", "hostname", [".google.com"])
    integrations.add("warninglists", "Lists", {"path": str(tmp_path / "lists")})
    network.add_segment("93.184.216.34", "198.51.100.1", names=["c2.evil.example", "www.google.com"])
    collect()
    (asked,) = Examination.objects.all()
    assert (asked.asked_by, asked.usual) == ("Network", ["198.51.100.1"])

    assert examinations.carry_out_due() == 1

    asked.refresh_from_db()
    assert asked.state == "done", asked.reason
    link = CaseObservable.objects.get(case=case, observable__value="c2.evil.example")
    assert (link.role, link.found_in, link.first_seen_at) == ("destination", Evidence.objects.get(), BEGAN)
    linked = CaseObservable.objects.filter(case=case, found_in__isnull=False).values_list(
        "observable__value", flat=True
    )
    assert set(linked) == {"c2.evil.example", "93.184.216.34"}
    (line,) = [text for text in story(case) if text.startswith("E-1 examined")]
    assert "New destinations: c2.evil.example (DNS, since 14:00:00); 1 everybody's by the warning lists" in line
    case.refresh_from_db()
    assert case.is_planning_due  # the sources are asked about it


@pytest.mark.slow
def test_what_was_captured_in_quarantine_says_so(network, case, analyst, responder):
    run = begin(case, analyst, CAPTURE, QUARANTINE)
    settle_down()
    network.add_segment(BAD)
    collect()
    say_yes(step_of(run, "quarantine"), responder)
    settle_down()
    at = timezone.now()
    network.add_segment(BAD)
    segment, data = network.segments[1]
    network.segments[1] = (replace(segment, started_at=at, ended_at=at), data)
    collect()

    first, second = Evidence.objects.order_by("seq")
    assert "quarantine" not in first.title
    assert second.title.startswith("Packet capture of FIN-LT-0142 in quarantine, ")


def test_a_file_without_packets_is_remembered_and_no_evidence(network, capture):
    network.add_segment()
    collect()

    assert Evidence.objects.count() == 0
    assert CaptureSegment.objects.get().packets == 0
    assert network.fetched == ["part-0"]


@pytest.mark.parametrize("point", ["segment_fetched", "segment_kept"])
def test_a_worker_that_dies_keeps_each_file_once(network, capture, case, monkeypatch, point):
    network.add_segment(BAD)
    deaths = [point]

    def die(here: str) -> None:
        if here in deaths:
            deaths.remove(here)
            raise SystemExit

    monkeypatch.setattr(segments, "hit", die)
    collect(1)  # it is fetched
    Capture.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(SystemExit):
        captures.work()
    assert captures.work() == 0  # the lease of the dead one still holds
    collect()

    assert CaptureSegment.objects.count() == Evidence.objects.count() == 1
    assert list(inspection.problems(case)) == []


def test_while_a_worker_is_at_a_file_no_other_one_touches_it(network, capture, monkeypatch):
    network.add_segment(BAD)
    of_file = peers.of_file

    def slow(*args: Any) -> Any:
        monkeypatch.setattr(peers, "of_file", of_file)
        collect(1)  # another one, meanwhile
        assert CaptureSegment.objects.count() == 0
        return of_file(*args)

    monkeypatch.setattr(peers, "of_file", slow)
    collect(2)

    assert CaptureSegment.objects.count() == Evidence.objects.count() == 1
    assert network.fetched == ["part-0"]


def test_who_comes_second_with_a_file_writes_nothing(network, capture, monkeypatch):
    network.add_segment(BAD)

    def written_meanwhile(one: Capture, *_: Any) -> peers.Peers:
        CaptureSegment.objects.create(capture=one, name="part-0", at=timezone.now())
        return peers.Peers()

    monkeypatch.setattr(peers, "of_file", written_meanwhile)
    collect(3)

    assert (CaptureSegment.objects.count(), Evidence.objects.count()) == (1, 0)


@pytest.mark.slow
def test_a_large_file_comes_in_pieces_and_another_process_goes_on(network, capture, case, monkeypatch):
    monkeypatch.setattr(fetching, "SLICE_SECONDS", 0.0)
    network.piece = 300
    segment = network.add_segment(BAD, NEW)
    shown = []
    for look in range(10):
        partials._forget_what_is_gone()
        partials._seen.clear()  # as a process that has seen none of it
        collect(1)
        capture.refresh_from_db()
        shown.append(capture.done_bytes)
        if look == 1:
            assert watched(case) == [
                f"FIN-LT-0142: packets at LIS-2 since {clock(capture.started_at)}, until release, "
                f"0 files, the next: 600 B of {amount(segment.size)}."
            ]

    assert shown[:3] == [300, 600, 900]
    assert (capture.done_bytes, capture.failures) == (0, 0)
    assert len(network.fetched) == -(-segment.size // 300)
    kept = Evidence.objects.get()
    assert kept.sha256 == hashlib.sha256(network.segments[0][1]).hexdigest()
    assert kept.state == "sealed"
    assert not list(store().tmp.iterdir())


def test_a_fetch_that_breaks_off_goes_on_where_it_was_and_costs_no_try(network, capture, monkeypatch):
    network.piece = 100
    network.add_segment(BAD)
    network.breaks = [200, 200, 0]
    collect(2)
    capture.refresh_from_db()
    assert (capture.done_bytes, capture.failures, capture.reason) == (400, 0, "broke off")
    collect(1)
    capture.refresh_from_db()
    assert (capture.done_bytes, capture.failures) == (400, 1)
    collect(2)

    assert Evidence.objects.get().state == "sealed"
    assert network.offsets == [0, 200, 400, 400]


def test_more_than_the_sensor_said_is_not_taken(network, capture):
    network.add_segment(BAD)
    segment, data = network.segments[0]
    network.segments[0] = (segment, data + b"more")
    collect(segments.TRIES + 1)

    assert CaptureSegment.objects.get().problem == "The sensor sent more bytes than it said."
    assert not list(store().tmp.iterdir())


def test_a_sensor_that_ends_without_a_byte_is_not_asked_again_at_once(network, capture, monkeypatch):
    network.add_segment(BAD)
    monkeypatch.setattr(FakeNetwork, "fetch_segment", lambda *_: iter(()))
    collect(1)

    capture.refresh_from_db()
    assert capture.failures == 1
    assert capture.next_at > timezone.now() + timedelta(seconds=segments.RETRY_SECONDS - 5)
    assert captures.work() == 0


def test_a_file_that_another_worker_has_loses_no_try(network, capture):
    network.add_segment(BAD)
    collect(1)
    Capture.objects.update(failures=3)
    with partials.partial(f"packet capture {capture.pk}: part-0"):
        collect(segments.TRIES + 1)

    capture.refresh_from_db()
    assert (capture.failures, CaptureSegment.objects.count()) == (3, 0)


@pytest.fixture
def remade(network: Network) -> Network:
    """As at Arkime: the sensor makes a file anew at each request, and knows no size of it."""
    network.add_segment(BAD)
    segment, data = network.segments[0]
    network.segments[0] = (replace(segment, size=0), data)
    return network


def test_a_file_without_a_size_is_fetched_whole_outside_of_the_queues(remade, capture):
    collect(1)
    capture.refresh_from_db()
    assert (capture.is_apart, remade.fetched) == (True, [])
    assert (captures.is_due_apart(), captures.work()) == (True, 0)

    call_command("packets", stdout=StringIO())

    capture.refresh_from_db()
    assert (capture.is_apart, Evidence.objects.get().state) == (False, "sealed")
    assert not captures.is_due_apart()


def test_a_file_without_a_size_begins_again_when_its_fetch_broke_off(remade, capture):
    remade.piece = 200
    remade.breaks = [400]
    for _ in range(3):
        collect(1)
        captures.work_apart()

    assert remade.offsets == [0, 0]
    assert Evidence.objects.get().sha256 == hashlib.sha256(remade.segments[0][1]).hexdigest()


def test_who_ends_the_capture_does_not_wait_for_a_file_that_comes_whole(remade, capture, monkeypatch):
    remade.piece = 200
    collect(1)

    def asked(_: float) -> None:
        Capture.objects.filter(pk=capture.pk).ask_to_stop("Released", timezone.now())

    monkeypatch.setattr(network_of_tests.time, "sleep", asked)
    monkeypatch.setattr(segments, "HOLD_SECONDS", 0.0)
    captures.work_apart()

    capture.refresh_from_db()
    assert (capture.state, capture.is_apart, Evidence.objects.count()) == ("stopping", False, 0)
    monkeypatch.undo()
    for _ in range(4):
        collect(2)
        captures.work_apart()
    capture.refresh_from_db()
    assert (capture.state, CaptureSegment.objects.count()) == ("stopped", 2)


def test_who_ends_the_capture_does_not_wait_for_the_process_that_is_at_another(remade, capture):
    collect(1)
    Capture.objects.filter(pk=capture.pk).ask_to_stop("Released", timezone.now())
    captures.work()

    capture.refresh_from_db()
    assert (remade.stopped, capture.state, remade.fetched) == (True, "stopping", [])


def test_a_mandate_that_ends_does_not_wait_for_the_process_that_is_at_another(remade, capture, mandate):
    collect(1)
    is_over(mandate)
    captures.work()

    capture.refresh_from_db()
    assert (remade.stopped, capture.state, remade.fetched) == (True, "stopped", [])


def test_a_file_that_comes_whole_is_discarded_when_its_mandate_ends(remade, capture, mandate, monkeypatch):
    remade.piece = 200
    collect(1)
    monkeypatch.setattr(network_of_tests.time, "sleep", lambda _: is_over(mandate))
    monkeypatch.setattr(segments, "HOLD_SECONDS", 0.0)
    captures.work_apart()
    monkeypatch.undo()
    assert not list(store().tmp.iterdir())
    collect(3)

    capture.refresh_from_db()
    assert (capture.state, Evidence.objects.count()) == ("stopped", 0)


def test_a_large_file_is_read_outside_of_the_queues(network, capture, monkeypatch):
    monkeypatch.setattr(fetching, "APART_BYTES", 100)
    network.add_segment(BAD)
    collect(2)
    assert (captures.is_due_apart(), Evidence.objects.count()) == (True, 0)

    captures.work_apart()

    assert Evidence.objects.get().state == "sealed"


def test_a_release_stops_the_capture_with_a_last_file(network, world, case, analyst, responder):
    run = begin(case, analyst, CAPTURE, ISOLATE, RELEASE)
    for key in ("isolate", "release"):
        settle_down()
        say_yes(step_of(run, key), responder)
    settle_down()
    assert Capture.objects.get().state == CaptureState.STOPPING
    collect()

    capture = Capture.objects.get()
    assert (capture.state, capture.reason) == (CaptureState.STOPPED, "The device was released")
    assert [one.name for one in CaptureSegment.objects.all()] == ["last"]
    (line,) = watched(case)
    assert line.startswith("FIN-LT-0142: packets at LIS-2, ended ")
    assert line.endswith(", 1 file. The device was released")
    assert story(case)[-1] == "Packet capture of FIN-LT-0142 ended: 1 file, 8 packets. The device was released"
    card = board.step_card(step_of(run, "capture"), analyst)
    assert card.line.startswith("The capture ended ")
    assert card.line.endswith(". The device was released")
    assert card.undo_label == ""
    assert [one.key for one in undoing.of_run(run)[0]] == ["release", "isolate"]
    assert captures.due_counts() == {"captures": 0, "next_at": None}


@pytest.mark.slow
def test_lifting_the_quarantine_stops_it_too(network, case, analyst, responder):
    run = begin(case, analyst, CAPTURE, QUARANTINE, LIFT)
    for key in ("quarantine", "lift"):
        settle_down()
        say_yes(step_of(run, key), responder)
    settle_down()
    collect()

    assert Capture.objects.get().state == CaptureState.STOPPED


def test_closing_the_case_stops_it(network, capture, case):
    Case.objects.filter(pk=case.pk).update(stage=Stage.CLOSED, closed_at=timezone.now(), disposition="undetermined")
    collect()

    capture.refresh_from_db()
    assert (capture.state, capture.reason) == (CaptureState.STOPPED, "The case was closed")


@pytest.fixture
def mandate(capture: Capture, case: Case, analyst: Any, approver: Any) -> Mandate:
    """The case is covert meanwhile, and what is captured has its mandate."""
    Case.objects.filter(pk=case.pk).update(is_restricted=True, is_covert=True)
    asked = mandates.ask(case.pk, "Section 26", "Her laptop", 14, states_no_conflict=True, actor=analyst)
    return mandates.authorise(case.pk, words_sha256=asked.words_sha256, states_no_conflict=True, actor=approver)


def is_over(mandate: Mandate) -> None:
    Mandate.objects.filter(pk=mandate.pk).update(valid_until=timezone.now() - timedelta(minutes=1))


def is_revoked(mandate: Mandate) -> None:
    mandates.revoke(mandate.case_id, "The works council objects", actor=mandate.authorised_by)


@pytest.mark.slow
@pytest.mark.parametrize("ends", [is_over, is_revoked])
def test_without_its_mandate_it_is_stopped_and_nothing_more_is_fetched(network, capture, case, mandate, ends):
    network.add_segment(BAD)
    collect()
    ends(mandate)
    network.add_segment(BAD)
    collect()

    capture.refresh_from_db()
    assert (capture.state, network.stopped) == (CaptureState.STOPPED, True)
    assert mandates.MISSING in capture.reason
    assert (network.fetched, Evidence.objects.count()) == (["part-0"], 1)
    assert story(case)[-1].endswith("Not fetched without a mandate: 2 files.")


@pytest.mark.parametrize("place", ["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def test_what_was_on_its_way_when_the_mandate_ended_is_not_kept(network, capture, mandate, monkeypatch, request, place):
    if place == "bucket":
        request.getfixturevalue("bucket")
    network.add_segment(BAD)
    of_file = peers.of_file

    def revoked_meanwhile(*args: Any) -> Any:
        is_revoked(mandate)
        monkeypatch.setattr(peers, "of_file", of_file)
        return of_file(*args)

    monkeypatch.setattr(peers, "of_file", revoked_meanwhile)
    collect()

    capture.refresh_from_db()
    assert capture.state == CaptureState.STOPPED
    assert Evidence.objects.count() == CaptureSegment.objects.count() == 0
    assert list(store().hashes()) == []


def test_it_is_stopped_by_undoing_and_that_counts_once_the_last_file_is_here(network, capture, case, analyst):
    undo = decisions.undo(capture.step_id, actor=analyst)
    settle_down(3)
    undo.refresh_from_db()
    assert undo.state == StepState.VERIFYING
    collect()
    settle_down()

    undo.refresh_from_db()
    assert (undo.state, undo.result) == (StepState.SUCCEEDED, "Capture of FIN-LT-0142 ended")


@pytest.mark.slow
def test_what_was_started_is_stopped_though_the_sensor_refuses_the_first_look(network, case, analyst):
    network.silent = [SourceRefused("busy")]
    run = begin(case, analyst, CAPTURE)
    settle_down()
    collect(1)
    capture = Capture.objects.get()
    assert (step_of(run, "capture").state, capture.state) == (StepState.SUCCEEDED, CaptureState.RUNNING)

    decisions.undo(capture.step_id, actor=analyst)
    settle_down()
    collect()

    capture.refresh_from_db()
    assert (network.stopped, capture.state, capture.sensor) == (True, CaptureState.STOPPED, "LIS-2")


def test_a_second_step_joins_the_capture_that_runs(network, capture, case, analyst):
    run = begin(case, analyst, CAPTURE)
    settle_down()

    assert "are captured already" in step_of(run, "capture").result
    assert Capture.objects.count() == 1
    assert network.effects == [("capture", MAC)]


@pytest.mark.slow
def test_it_can_be_captured_again_after_it_was_stopped(network, capture, case, analyst):
    decisions.undo(capture.step_id, actor=analyst)
    settle_down()
    collect()
    run = begin(case, analyst, CAPTURE)
    settle_down()

    assert step_of(run, "capture").state == StepState.SUCCEEDED
    assert sorted(Capture.objects.values_list("state", flat=True)) == ["running", "stopped"]


@pytest.fixture
def hidden(network: Network, device: Device, analyst: Any) -> StepRun:
    """The step that captures the same device for a restricted case."""
    team = Group.objects.create(name="insider")
    analyst.groups.add(team)
    other = make_case(stage=Stage.RESPONSE, is_restricted=True, group=team)
    CaseDevice.objects.create(case=other, device=device, address=OWN)
    return begin(other, User.objects.get(pk=analyst.pk), CAPTURE).steps.get()


def test_a_capture_of_another_case_is_not_waited_for(case, hidden, analyst):
    assert steps.claim() == hidden
    run = begin(case, analyst, CAPTURE)

    (card,) = board.cards_of(case.pk, [run], analyst)[0].cards
    settle_down()

    assert card.line == ""
    assert step_of(run, "capture").state == StepState.SUCCEEDED


def test_a_capture_of_another_case_keeps_no_undo_from_its_time(capture, hidden):
    settle_down()
    assert step_of(hidden.run, "capture").state == StepState.SUCCEEDED
    undo = StepRun(lane="capture", target=capture.step.target, undoes=capture.step, data={undoing.BY_ITSELF: True})

    assert undoing.overtaken(undo) == ""


def test_the_report_names_the_device_that_is_captured(network, capture, case):
    (run,) = report_actions.runs(case)

    assert run["steps"][0]["target"] == "FIN-LT-0142"


def test_stopping_what_does_not_run_is_no_failure(network, case, analyst):
    run = begin(case, analyst, STOP)
    settle_down()

    assert "No packets" in step_of(run, "stop").result


def test_a_file_that_cannot_be_had_is_given_up_in_words_and_the_next_one_is_kept(network, capture, case):
    network.add_segment(BAD)
    network.add_segment(BAD)
    network.broken = [SourceRefused("gone")] * segments.TRIES
    collect(segments.TRIES + 3)

    assert [one.problem for one in CaptureSegment.objects.all()] == ["gone", ""]
    assert Evidence.objects.count() == 1
    assert any("is lost (part-0): gone" in text for text in story(case))


def test_a_file_that_kills_each_worker_is_given_up_in_words_and_the_next_one_is_kept(
    network, capture, case, monkeypatch
):
    network.add_segment(BAD)
    network.add_segment(BAD)

    def die(here: str) -> None:
        if network.fetched[-1] == "part-0":
            raise SystemExit

    monkeypatch.setattr(segments, "hit", die)
    collect(1)
    for _ in range(segments.TRIES):
        Capture.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        with pytest.raises(SystemExit):
            captures.work()
    collect(3)

    assert [one.problem for one in CaptureSegment.objects.all()] == [segments.NO_END, ""]
    assert Evidence.objects.count() == 1
    capture.refresh_from_db()
    assert capture.failures == 0


@pytest.mark.parametrize("error", [StoreFullError("full"), StoreAwayError("away")])
def test_neither_a_full_store_nor_an_outage_costs_a_file_its_tries(network, capture, monkeypatch, error):
    integration = integrations.with_capability("capture")[0]
    network.add_segment(BAD)
    type(integration).objects.filter(pk=integration.pk).update(is_enabled=False)
    collect(segments.TRIES + 1)
    type(integration).objects.filter(pk=integration.pk).update(is_enabled=True)

    def full(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(segments.evidence, "keep", full)
        collect(segments.TRIES + 1)
    assert network.fetched == ["part-0"]  # it is here, and is not fetched again
    collect(1)

    assert [one.problem for one in CaptureSegment.objects.all()] == [""]


def test_a_file_that_was_not_read_to_its_end_is_kept_and_said(network, capture, case, monkeypatch):
    monkeypatch.setattr(fetching.pcap, "MOST_RECORDS", 4)
    network.add_segment(BAD)
    collect()

    assert Evidence.objects.get().state == "sealed"
    assert "Not all packets of FIN-LT-0142 (E-1) were read for destinations" in story(case)


def test_a_file_that_comes_whole_and_too_slowly_is_a_failed_fetch(remade, capture, monkeypatch):
    monkeypatch.setattr(fetching, "WHOLE_SECONDS", -1.0)
    for _ in range(segments.TRIES):
        collect(1)
        captures.work_apart()

    assert CaptureSegment.objects.get().problem == "It could not be fetched within -1 seconds."
    assert remade.closed == segments.TRIES


def test_an_outage_costs_no_file(network, capture, case):
    network.add_segment(BAD)
    network.silent = [SourceRefused("silent")] * (segments.TRIES + 2)
    collect(segments.TRIES + 2)
    network.broken = [HttpError("cannot be reached", was_sent=False)] * (segments.TRIES + 2) + [SourceRefused("busy")]
    collect(segments.TRIES + 3)
    capture.refresh_from_db()
    assert (capture.failing, capture.failures) == ("part-0", 1)
    collect(2)

    assert [one.problem for one in CaptureSegment.objects.all()] == [""]
    assert Evidence.objects.count() == 1


def test_the_failures_of_a_file_are_not_counted_against_the_next(network, capture):
    network.add_segment(BAD)
    network.broken = [SourceRefused("gone")] * segments.TRIES
    collect(segments.TRIES - 1)
    network.segments.clear()  # the sensor made room
    network.add_segment(BAD, name="part-1")
    collect(1)
    capture.refresh_from_db()
    assert (capture.failing, capture.failures) == ("part-1", 1)
    collect(2)

    assert [(one.name, one.problem) for one in CaptureSegment.objects.all()] == [("part-1", "")]


def test_a_sensor_that_says_later_is_waited_for(network, capture):
    network.add_segment(BAD)
    network.broken = [SourceLimited("later", 120.0)]
    collect(1)

    capture.refresh_from_db()
    assert capture.failures == 0
    assert capture.next_at > timezone.now() + timedelta(seconds=100)


def test_an_integration_that_is_gone_is_said_and_waited_for(network, capture):
    integrations.remove(integrations.with_capability("capture")[0])
    collect(1)

    capture.refresh_from_db()
    assert capture.state == CaptureState.RUNNING
    assert "not set up any more" in capture.reason


def test_the_clock_rings_for_a_capture_that_is_due(network, capture, enqueued):
    Capture.objects.update(next_at=timezone.now() - timedelta(seconds=30))
    enqueued()
    recovery.tick()

    assert ("ring_response",) in enqueued()
    assert recovery.is_overdue(4.0)


def test_the_stored_file_is_the_one_that_was_captured(network, capture):
    network.add_segment(BAD)
    collect()

    place = store()
    assert isinstance(place, FolderStore)
    assert place.path(Evidence.objects.get().sha256).read_bytes() == network.segments[0][1]
