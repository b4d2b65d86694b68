"""The connector over a folder of logs, and the three stories of the practice range as their truth has them."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from django import forms
from django.test import override_settings

from enrichment.reasoning.beacon import Surroundings, find_beacon, judge_beacon
from enrichment.reasoning.inbound import candidates, knocking, largest_transfer
from enrichment.reasoning.scan import find_scans
from enrichment.reasoning.sources import inside_sources
from enrichment.reasoning.volume import compare_sent
from secops.connectors.base import Settings, connectors
from secops.connectors.capabilities.catalogue import capabilities_of
from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.capabilities.identity import Host
from secops.connectors.logs import Logs
from tests.secops.practice.generated_week import ANCHOR, copy_of_week

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice range's files."""
    folder = tmp_path_factory.mktemp("practice")
    copy_of_week(folder)
    return folder


@pytest.fixture(scope="module")
def truth(practice: Path) -> dict[str, Any]:
    stories: dict[str, Any] = json.loads((practice / "practice" / "truth.json").read_text())
    return stories


@pytest.fixture(scope="module")
def logs(practice: Path) -> Iterator[Logs]:
    with override_settings(DATA_DIR=practice):
        yield Logs(Settings(values=Logs.clean({"path": str(practice / "logs")})))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_connector_is_registered_with_what_it_can_do() -> None:
    assert connectors["logs"] is Logs
    assert set(capabilities_of(Logs)) == {
        *("leases", "sign_ins", "flows", "web_requests", "changes", "processes", "file_activity", "file_use", "hunt"),
    }
    assert Logs.is_local
    assert Logs.rate_limit is None


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(forms.ValidationError, match="no such folder"):
        Logs.clean({"path": str(tmp_path / "nowhere")})
    with pytest.raises(SourceRefused, match="not there"):
        Logs(Settings(values={"path": str(tmp_path / "nowhere")})).test()


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with override_settings(DATA_DIR=tmp_path / "data"), pytest.raises(SourceRefused, match="no log"):
        Logs(Settings(values=Logs.clean({"path": str(tmp_path)}))).test()


def test_the_test_tells_files_and_days(logs: Logs) -> None:
    sentence = logs.test()

    assert "log files, connections from 17 Nov 2026" in sentence
    assert "cannot be read" not in sentence


def test_the_window_is_the_week_that_was_logged(logs: Logs) -> None:
    window = logs.flow_window()

    assert window.start is not None
    assert window.end is not None
    assert timedelta(days=6) < ANCHOR - window.start < timedelta(days=8)
    assert ANCHOR - window.end < timedelta(minutes=5)


def test_a_week_of_the_company_is_summed_up_quickly(logs: Logs) -> None:
    host = Host(name="FIN-LT-0142")
    logs.volumes(host, ANCHOR, 7, internal=False)  # converts, should this test run first
    started = perf_counter()

    logs.volumes(host, ANCHOR, 7, internal=False)
    logs.peers(host, ANCHOR - 7 * DAY, ANCHOR)

    assert perf_counter() - started < 2  # far less on a machine that has nothing else to do


# --- story 1 ------------------------------------------------------------------------------------------------------


def test_the_beacon_of_the_first_story(logs: Logs, truth: dict[str, Any]) -> None:
    story = truth["stories"]["bad_address"]
    at, host = moment(story["alert_at"]), Host(name=story["device"], address=story["address_of_device"])

    beacon = find_beacon(logs.connections(host, story["peer"], at - 7 * DAY, at))

    assert beacon is not None
    assert beacon.is_regular
    assert beacon.connections == story["connections"]
    assert beacon.period == pytest.approx(story["period_seconds"], rel=0.01)
    assert beacon.jitter_percent == pytest.approx(story["jitter_percent"], abs=1.5)
    assert beacon.bytes_out == story["bytes_out"]
    assert beacon.first_at == moment(story["first_at"])


def test_nobody_else_talks_to_it_and_the_program_is_not_signed(logs: Logs, truth: dict[str, Any]) -> None:
    story = truth["stories"]["bad_address"]
    at, host = moment(story["alert_at"]), Host(name=story["device"], address=story["address_of_device"])

    talkers = logs.talkers(story["peer"], at - 7 * DAY, at)
    (program,) = logs.process_of(host, story["peer"], at - DAY, at)
    beacon = find_beacon(logs.connections(host, story["peer"], at - 7 * DAY, at))
    assert beacon is not None
    around = Surroundings(devices=len(talkers), known_devices=40, is_signed=program.is_signed, process=program.image)

    assert talkers == [story["device"]]
    assert (program.image, program.pid, program.sha256) == (
        story["process_image"],
        story["process_pid"],
        story["sha256"],
    )
    assert program.parents[:2] == story["parents"]
    assert program.user.endswith(story["process_user"])
    assert (program.is_signed, program.signer) == (False, "")
    assert judge_beacon(beacon, around).verdict == "suspicious"


def test_the_volume_of_the_first_story(logs: Logs, truth: dict[str, Any]) -> None:
    story = truth["stories"]["bad_address"]
    volumes = logs.volumes(Host(name=story["device"]), moment(story["alert_at"]), 6, internal=False)

    comparison = compare_sent(volumes)

    assert [day.bytes_out for day in volumes] == story["external_out_days"]
    assert comparison.median == story["median_past_days"]
    assert comparison.ratio == pytest.approx(story["volume_ratio"], abs=0.01)
    assert comparison.is_unusual


def test_the_lease_of_the_first_story(logs: Logs, truth: dict[str, Any]) -> None:
    story = truth["stories"]["bad_address"]

    lease = logs.lease_at(story["address_of_device"], moment(story["alert_at"]))

    assert lease is not None
    assert lease.hostname == story["device"]


def test_the_task_of_the_first_story_is_among_the_changes(logs: Logs, truth: dict[str, Any]) -> None:
    story = truth["stories"]["bad_address"]
    at = moment(story["alert_at"])

    tasks = [change for change in logs.changes(Host(name=story["device"]), at - DAY, at) if change.kind == "task"]

    assert any(story["task"].strip("\\") in change.target for change in tasks)
    assert abs(tasks[0].at - moment(story["task_at"])) < timedelta(seconds=5)


def test_updaters_of_the_company_are_not_convicted(logs: Logs) -> None:
    host = Host(name="FIN-LT-0150")
    outside = [peer for peer in logs.peers(host, ANCHOR - 2 * DAY, ANCHOR) if not peer.is_internal]
    verdicts = set()
    for peer in outside[:12]:
        beacon = find_beacon(logs.connections(host, peer.peer, ANCHOR - 2 * DAY, ANCHOR))
        talkers = logs.talkers(peer.peer, ANCHOR - 2 * DAY, ANCHOR)
        if beacon:
            around = Surroundings(devices=len(talkers), known_devices=40, is_signed=True)
            verdicts.add(judge_beacon(beacon, around).verdict)

    assert verdicts <= {"benign", "informational"}


# --- story 2 ------------------------------------------------------------------------------------------------------


def test_the_program_that_set_the_key_in_the_second_story(logs: Logs, truth: dict[str, Any]) -> None:
    story = truth["stories"]["registry"]
    at = moment(story["alert_at"])

    (program,) = logs.processes_writing(Host(name=story["device"]), story["key"], at - DAY, at)

    assert (program.image, program.pid, program.sha256) == (
        story["process_image"],
        story["process_pid"],
        story["sha256"],
    )
    assert program.is_signed is False


def test_no_installation_explains_the_second_story_but_one_explains_its_counterpart(
    logs: Logs, truth: dict[str, Any]
) -> None:
    story = truth["stories"]["registry"]
    at = moment(story["alert_at"])
    own = logs.changes(Host(name=story["device"]), at - 7 * DAY, at)
    other = logs.changes(Host(name=story["explained_elsewhere"]), at - DAY, at)
    explaining = [change for change in own if change.kind in {"install", "patch"}]
    (autorun,) = [change for change in other if change.kind == "autorun"]
    (install,) = [change for change in other if change.kind == "install"]

    assert [change.at for change in own if change.kind == "autorun"] == [at]
    assert (
        len([change for change in explaining if at - change.at <= timedelta(hours=1)])
        == story["changes_within_the_hour"]
    )
    assert min(at - change.at for change in explaining if change.kind == "install") >= timedelta(hours=4)
    assert any(
        (at - change.at) / DAY == pytest.approx(story["patch_days_before"], abs=0.01)
        for change in explaining
        if change.kind == "patch"
    )
    assert timedelta(0) < autorun.at - install.at < timedelta(minutes=2)


def test_the_transfer_of_the_second_story(logs: Logs, truth: dict[str, Any]) -> None:
    story = truth["stories"]["registry"]
    at, host = moment(story["alert_at"]), Host(name=story["device"])
    hour = (at - timedelta(hours=1), at)

    larger = candidates(logs.peers(host, *hour))
    flows = [flow for peer in larger for flow in logs.connections(host, peer.peer, *hour)]
    transfer = largest_transfer(flows, at)
    request = max(logs.web_requests(host, *hour), key=lambda one: one.bytes_in)

    assert transfer is not None
    assert (transfer.peer, transfer.bytes_in) == (story["transfer_peer"], story["transfer_bytes"])
    assert transfer.minutes_before == story["transfer_minutes_before"]
    assert transfer.peer_name == story["transfer_host"]
    assert (request.host, request.path, request.bytes_in) == (
        story["transfer_host"],
        story["transfer_path"],
        story["transfer_body_bytes"],
    )


# --- story 3 ------------------------------------------------------------------------------------------------------


def test_the_copies_of_the_third_story(logs: Logs, truth: dict[str, Any]) -> None:
    story = truth["stories"]["usb"]
    at, host = moment(story["alert_at"]), Host(name=story["device"])

    copied = logs.file_events(host, at - DAY, at, removable=True)
    sticks = logs.removable_media(host, at - 7 * DAY, at)

    assert len(copied) == story["files_copied"]
    assert sum(event.size for event in copied) == story["bytes_copied"]
    assert {event.drive for event in copied} == {story["drive"]}
    assert {event.user.split("\\")[-1] for event in copied} == {story["person"]}
    assert [stick.serial for stick in sticks] == [story["serial"]]


def test_the_share_of_the_third_story(logs: Logs, truth: dict[str, Any]) -> None:
    story = truth["stories"]["usb"]
    at, host = moment(story["alert_at"]), Host(name=story["device"])

    read = logs.file_events(host, at - DAY, at, removable=False)
    days = [logs.peers(host, at - (number + 1) * DAY, at - number * DAY) for number in range(6)]
    (server,) = [source for source in inside_sources(days) if source.peer == story["server_address"]]

    assert len([event for event in read if event.drive == story["share"]]) >= story["files_copied"]
    assert server.bytes_in == story["server_read_days"][0]
    assert server.comparison.median == story["median_past_days"]
    assert server.comparison.ratio == pytest.approx(story["read_ratio"], abs=0.01)
    assert server.is_unusual


def test_nobody_else_was_at_the_device_of_the_third_story(logs: Logs, truth: dict[str, Any]) -> None:
    story = truth["stories"]["usb"]
    at, host = moment(story["alert_at"]), Host(name=story["device"])
    window = (moment(story["mounted_at"]), at)

    signed_in = logs.sign_ins(host, *window)

    assert sorted({one.login for one in signed_in}) == story["signed_in"]
    assert {one.kind for one in signed_in} == {"interactive"}
    assert knocking(logs.peers(host, at - DAY, at, inbound=True)).connections == story["inbound_connections"]


# --- addresses and noise ------------------------------------------------------------------------------------------


def test_an_address_that_changed_is_one_device(logs: Logs, truth: dict[str, Any]) -> None:
    changed = truth["addresses"]["changed"]
    week = (ANCHOR - 7 * DAY, ANCHOR)
    devices = {
        flow.device
        for peer in logs.peers(Host(name=changed["device"]), *week)[:5]
        for flow in logs.connections(Host(name=changed["device"]), peer.peer, *week)
    }

    assert devices == {changed["before"], changed["now"]}


def test_an_address_that_two_devices_had_is_not_mixed(logs: Logs, truth: dict[str, Any]) -> None:
    shared = truth["addresses"]["shared"]

    def connections(host: Host) -> int:
        return sum(
            day.connections for internal in (True, False) for day in logs.volumes(host, ANCHOR, 7, internal=internal)
        )

    first, then = connections(Host(name=shared["first"])), connections(Host(name=shared["then"]))

    assert first > 0
    assert then > 0
    assert connections(Host(address=shared["address"])) == then


def test_the_scanner_of_the_house_is_seen_to_scan(logs: Logs) -> None:
    scans = find_scans(logs.fan_out(Host(name="SCAN-01"), ANCHOR - 7 * DAY, ANCHOR))

    assert [scan.kind for scan in scans] == ["block"]
