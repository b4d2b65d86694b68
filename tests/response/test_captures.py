"""Packets are captured until release: each file is evidence once, and what is new in it joins the case."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from cases.choices import EvidenceKind, Stage
from cases.errors import StoreFullError
from cases.models import Case, CaseDevice, CaseObservable, CustodyEntry, Device, Evidence, TimelineEntry
from cases.services import inspection
from cases.services.folder import FolderStore
from cases.services.store import store
from response.choices import CaptureState, StepState
from response.models import Capture, CaptureSegment, Mandate, StepRun
from response.services import captures, decisions, fetching, invariants, mandates, peers, recovery, steps, undoing
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
from tests.factories import make_case, make_observable
from tests.response.conftest import ISOLATE, begin, say_yes, settle_down, step_of
from tests.response.network import MAC, NETWORK, OWN, Network, add_network
from tests.response.test_containment import CAPTURE, LIFT, QUARANTINE

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

    monkeypatch.setattr(captures, "hit", die)
    Capture.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(SystemExit):
        captures.work()
    assert captures.work() == 0  # the lease of the dead one still holds
    collect()

    assert CaptureSegment.objects.count() == Evidence.objects.count() == 1
    assert list(inspection.problems(case)) == []


def test_a_worker_that_froze_before_it_wrote_comes_second(network, capture, monkeypatch):
    network.add_segment(BAD)
    unseen = peers.unseen

    def slow(*args: Any) -> Any:
        monkeypatch.setattr(peers, "unseen", unseen)
        collect(1)  # another one, meanwhile
        return unseen(*args)

    monkeypatch.setattr(peers, "unseen", slow)
    collect(1)

    assert CaptureSegment.objects.count() == Evidence.objects.count() == 1
    assert network.fetched == ["part-0", "part-0"]


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
    assert captures.due_counts() == {"captures": 0, "next_at": None}


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


def test_what_was_on_its_way_when_the_mandate_ended_is_not_kept(network, capture, mandate, monkeypatch):
    network.add_segment(BAD)
    unseen = peers.unseen

    def revoked_meanwhile(*args: Any) -> Any:
        is_revoked(mandate)
        monkeypatch.setattr(peers, "unseen", unseen)
        return unseen(*args)

    monkeypatch.setattr(peers, "unseen", revoked_meanwhile)
    collect()

    capture.refresh_from_db()
    assert capture.state == CaptureState.STOPPED
    assert Evidence.objects.count() == CaptureSegment.objects.count() == 0


def test_it_is_stopped_by_undoing_and_that_counts_once_the_last_file_is_here(network, capture, case, analyst):
    undo = decisions.undo(capture.step_id, actor=analyst)
    settle_down(3)
    undo.refresh_from_db()
    assert undo.state == StepState.VERIFYING
    collect()
    settle_down()

    undo.refresh_from_db()
    assert (undo.state, undo.result) == (StepState.SUCCEEDED, "Capture of FIN-LT-0142 ended")


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
    network.broken = [SourceRefused("gone")] * captures.TRIES
    collect(captures.TRIES + 3)

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

    monkeypatch.setattr(captures, "hit", die)
    for _ in range(captures.TRIES):
        Capture.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        with pytest.raises(SystemExit):
            captures.work()
    collect(3)

    assert [one.problem for one in CaptureSegment.objects.all()] == [captures.NO_END, ""]
    assert Evidence.objects.count() == 1
    capture.refresh_from_db()
    assert capture.failures == 0


@pytest.mark.parametrize("error", [StoreFullError("full"), StoreAwayError("away")])
def test_neither_a_full_store_nor_an_outage_costs_a_file_its_tries(network, capture, monkeypatch, error):
    integration = integrations.with_capability("capture")[0]
    network.add_segment(BAD)
    type(integration).objects.filter(pk=integration.pk).update(is_enabled=False)
    collect(captures.TRIES + 1)
    type(integration).objects.filter(pk=integration.pk).update(is_enabled=True)

    def full(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(captures.evidence, "keep", full)
        collect(captures.TRIES + 1)
    assert len(network.fetched) == captures.TRIES + 1
    collect(1)

    assert [one.problem for one in CaptureSegment.objects.all()] == [""]


def test_a_file_that_was_not_read_to_its_end_is_kept_and_said(network, capture, case, monkeypatch):
    monkeypatch.setattr(fetching.pcap, "MOST_RECORDS", 4)
    network.add_segment(BAD)
    collect()

    assert Evidence.objects.get().state == "sealed"
    assert "Not all packets of FIN-LT-0142 (E-1) were read for destinations" in story(case)


def test_a_file_that_takes_too_long_is_a_failed_fetch_and_the_next_one_comes(network, capture, monkeypatch):
    monkeypatch.setattr(fetching, "FETCH_SECONDS", 0.25)
    network.add_segment(BAD)
    network.add_segment(BAD)
    network.slow = {"part-0": 0.3}
    collect(1)
    capture.refresh_from_db()
    assert (capture.failing, capture.failures, network.closed) == ("part-0", 1, 1)
    collect(captures.TRIES + 1)

    problems = [(one.name, one.problem) for one in CaptureSegment.objects.all()]
    assert problems == [("part-0", "It could not be fetched within 0 seconds."), ("part-1", "")]


def test_an_outage_costs_no_file(network, capture, case):
    network.add_segment(BAD)
    network.silent = [SourceRefused("silent")] * (captures.TRIES + 2)
    collect(captures.TRIES + 2)
    network.broken = [HttpError("cannot be reached", was_sent=False)] * (captures.TRIES + 2) + [SourceRefused("busy")]
    collect(captures.TRIES + 3)
    capture.refresh_from_db()
    assert (capture.failing, capture.failures) == ("part-0", 1)
    collect(1)

    assert [one.problem for one in CaptureSegment.objects.all()] == [""]
    assert Evidence.objects.count() == 1


def test_the_failures_of_a_file_are_not_counted_against_the_next(network, capture):
    network.add_segment(BAD)
    network.broken = [SourceRefused("gone")] * captures.TRIES
    collect(captures.TRIES - 1)
    network.segments.clear()  # the sensor made room
    network.add_segment(BAD, name="part-1")
    collect(1)
    capture.refresh_from_db()
    assert (capture.failing, capture.failures) == ("part-1", 1)
    collect(1)

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
