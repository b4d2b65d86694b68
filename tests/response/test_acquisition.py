"""Memory, triage package, disk and files through the GRR of the range: fetched in slices, sealed, on the timeline."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from cases.choices import DeviceState
from cases.models import Case, CaseDevice, CustodyEntry, Device, Evidence, TimelineEntry
from cases.services import devices, inspection, partials
from response.actions import acquisition
from response.actions.base import actions
from response.actions.readiness import before_release
from response.choices import RunState, StepState
from response.models import Run, StepRun
from response.services import polling, progress, recovery, runs, steps
from response.services.invariants import broken
from response.views.long_work import progress_of
from secops import integrations
from secops.connectors.capabilities.acquisition import Acquisition
from secops.connectors.grr import Grr
from secops.models import User
from secops.practice.products import grr_flows
from secops.practice.server import PracticeRange
from secops.s3 import Objects
from tests.response.conftest import begin, make_due, settle_down, step_of
from tests.secops.practice.conftest import company

DEVICE = {"device": "${{ device.id }}"}
TRIAGE = {"key": "triage", "action": "acquire_triage", "title": "Triage package", "params": DEVICE}
MEMORY = {"key": "memory", "action": "acquire_memory", "title": "Memory", "params": DEVICE}
DISK = {"key": "disk", "action": "acquire_disk", "title": "Disk image", "params": DEVICE}
needs_e2fsprogs = pytest.mark.skipif(not shutil.which("debugfs"), reason="e2fsprogs is not installed")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeRange]:
    """A range whose company has the story's laptop."""
    data = tmp_path_factory.mktemp("acquired")
    known = company()
    known["devices"][0] |= {"name": "FIN-LT-0142", "owner": "m.okafor"}
    (data / "practice" / "tables").mkdir(parents=True)
    (data / "practice" / "company.json").write_text(json.dumps(known))
    running = PracticeRange(data)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def grr(served: PracticeRange, db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """GRR as an integration of this house, and a store of the test's own."""
    settings.DATA_DIR = tmp_path
    settings.NIGHTDESK_INTERNAL_HOSTS = (f"127.0.0.1:{served.port}",)
    monkeypatch.setattr(grr_flows, "BYTES_PER_SECOND", 64 << 20)
    monkeypatch.setattr(grr_flows, "CALLS_AFTER", 0.1)
    keys = served.world.credentials
    values = {
        "url": f"http://127.0.0.1:{served.port}/grr",
        "username": keys["grr_user"],
        "windows_memory": "\\\\.\\pmem",
    }
    integrations.ensure("grr", "GRR", values, {"password": keys["grr_password"]}, is_simulated=True)
    return "GRR"


@pytest.fixture
def tmp(tmp_path: Path) -> Callable[[], list[Path]]:
    return lambda: sorted((tmp_path / "evidence" / "tmp").iterdir())


def to_the_end(run: Run) -> Run:
    """Work until the run has ended; the range takes parts of a second."""
    for _ in range(80):
        settle_down()
        run.refresh_from_db()
        if run.is_ended:
            return run
        time.sleep(0.1)
    raise AssertionError(list(StepRun.objects.filter(run=run).values_list("key", "state", "reason")))


def poll(step: StepRun) -> StepRun:
    make_due()
    assert polling.poll_one()
    step.refresh_from_db()
    return step


@needs_e2fsprogs
def test_memory_triage_and_disk_are_three_sealed_items_that_verify(
    grr: str, case: Case, analyst: User, served: PracticeRange, tmp: Callable[[], list[Path]], tmp_path: Path
) -> None:
    devices.set_state(case.pk, CaseDevice.objects.get().device_id, DeviceState.ISOLATED)

    run = to_the_end(begin(case, analyst, MEMORY, TRIAGE, DISK))

    assert run.state == RunState.SUCCEEDED
    items = {item.kind: item for item in Evidence.objects.all()}
    assert sorted(items) == ["disk", "memory", "triage"]
    assert {item.state for item in items.values()} == {"sealed"}
    image = served.world.folder / "acquired/FIN-LT-0142/disk.raw"
    assert items["disk"].sha256 == items["disk"].source_sha256 == hashlib.sha256(image.read_bytes()).hexdigest()
    assert step_of(run, "disk").result == f"Disk of FIN-LT-0142 sealed as {items['disk'].number}, 16.8 MB, by GRR"
    assert step_of(run, "disk").data["evidence"] == [items["disk"].number]
    assert CaseDevice.objects.get().state == DeviceState.IMAGED
    assert tmp() == []
    assert list(inspection.problems(case)) == []
    call_command("verify_evidence", case.number)
    told = " ".join(TimelineEntry.objects.filter(case=case).values_list("text", flat=True))
    for words in ("Started: Memory: FIN-LT-0142. GRR Rapid Response was asked", "Confirmed: Disk of", "sealed."):
        assert words in told
    assert broken() == {}
    call = progress.call_of(step_of(run, "disk"))
    kept = [items[kind].number for kind in ("memory", "disk")]
    assert before_release(call)[0] == ("Image sealed", f"Yes: {', '.join(sorted(kept))}.")
    Evidence.objects.update(destroyed_at=timezone.now())
    assert before_release(call)[0][1].startswith("No: ")


def test_the_chain_says_how_it_was_acquired(grr: str, case: Case, analyst: User) -> None:
    run = to_the_end(begin(case, analyst, TRIAGE))

    said = CustodyEntry.objects.filter(action="acquired").get()
    assert said.who == "GRR Rapid Response, through Nightdesk"
    assert said.details["acquired_by"] == "GRR"
    assert (said.details["tool"], said.details["tool_version"]) == ("GRR", "3471")
    assert said.details["authority"] == f"Run {run.pk}, Contain, asked by Ada Lind"
    assert said.details["acquired_from"].startswith("FIN-LT-0142")
    assert said.details["note"].startswith("Simulated: it comes from the practice range")
    assert "MANIFEST.csv" in said.details["note"]
    assert "clock_offset_seconds" in said.details


def test_one_file_is_acquired_by_its_path(grr: str, case: Case, analyst: User, client: Client) -> None:
    params = DEVICE | {"path": "C:\\Users\\m.okafor\\AppData\\Local\\OneDriveSync\\updater.exe"}
    run = to_the_end(begin(case, analyst, {"key": "file", "action": "acquire_file", "params": params}))

    assert run.state == RunState.SUCCEEDED
    assert Evidence.objects.get().file_name == "updater.exe"
    client.force_login(analyst)
    item = f'<a class="link mono xs" href="/cases/{case.number}/evidence/E-1/">E-1</a>'
    assert item in client.get(f"/runs/{run.pk}/").content.decode()
    with pytest.raises(Exception, match="no wildcard"):
        actions["acquire_file"].clean({"device": 1, "path": "C:\\Users\\*"})


def test_while_it_is_read_the_step_shows_bytes_and_nothing_is_received(
    grr: str, case: Case, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grr_flows, "BYTES_PER_SECOND", 1 << 20)
    run = begin(case, analyst, MEMORY)
    assert steps.work_once()
    time.sleep(0.4)

    step = poll(step_of(run, "memory"))

    assert step.state == StepState.POLLING
    assert 0 < step.done_bytes < step.total_bytes == 4 << 20
    assert step.reason == "GRR reads the device"
    runs.cancel(run.pk, actor=analyst)
    step = poll(step)
    assert step.state == StepState.CANCELLED
    connector = integrations.connector_of(integrations.with_capability("acquire")[0])
    assert isinstance(connector, Grr)
    assert connector.acquisition(step_host(case), step.handle).text == "GRR ended it: Cancelled in GUI"
    assert Evidence.objects.count() == 0


def step_host(case: Case) -> Any:
    part = CaseDevice.objects.select_related("device").get(case=case)
    return part.device.host(part.address)


def test_a_fetch_goes_on_where_a_dead_worker_stopped_and_a_cancelled_one_leaves_nothing(
    grr: str, case: Case, analyst: User, tmp: Callable[[], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acquisition, "SLICE_SECONDS", 0.0)
    run = begin(case, analyst, MEMORY)
    assert steps.work_once()
    step = step_of(run, "memory")
    for _ in range(40):
        step = poll(step)
        if step.data.get("phase") == "fetching":
            break
        time.sleep(0.05)
    first = step.done_bytes or 0
    partials._seen.clear()  # the worker died; another one looks
    second = poll(step).done_bytes or 0
    assert 0 < first < second < 4 << 20
    assert len(tmp()) == 1

    runs.cancel(run.pk, actor=analyst)
    poll(step)
    assert tmp() == []
    assert Evidence.objects.count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("ended", ["the store is back", "its run is cancelled"])
def test_what_is_here_when_the_time_is_over_waits_for_its_store(
    grr: str, bucket: Objects, case: Case, analyst: User, tmp: Callable[[], list[Path]], settings: Any, ended: str
) -> None:
    there, settings.S3_ENDPOINT = settings.S3_ENDPOINT, "http://127.0.0.1:1"
    run = begin(case, analyst, MEMORY)
    assert steps.work_once()
    step = step_of(run, "memory")
    for _ in range(80):
        if "not in its store yet" in poll(step).reason:
            break
        time.sleep(0.05)
    StepRun.objects.filter(pk=step.pk).update(deadline=timezone.now() - timedelta(seconds=1))

    assert poll(step).state == StepState.FAILED
    assert "Not kept in time; it stays here and is tried again. All of it is here" in step.reason
    assert [path.suffix for path in tmp()] == [".part", ".sending"]
    assert poll(step).state == StepState.FAILED  # away still
    assert (Evidence.objects.count(), recovery._is_work_due(timezone.now() + timedelta(hours=1))) == (0, True)
    settings.S3_ENDPOINT = there
    if ended == "its run is cancelled":
        Run.objects.update(cancel_requested_at=timezone.now())
    step = poll(step)

    assert tmp() == []
    assert (step.state, step.not_before) == (StepState.FAILED, None)
    assert [item.state for item in Evidence.objects.all()] == (["sealed"] if ended == "the store is back" else [])
    assert before_release(progress.call_of(step))[0][1].startswith("Yes" if ended == "the store is back" else "No")
    assert TimelineEntry.objects.filter(text__contains="after its time").count() == 1
    assert not polling.poll_one()
    assert broken() == {}


def test_a_poll_that_ended_after_the_row_is_not_received_twice(
    grr: str, case: Case, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    run = begin(case, analyst, TRIAGE)
    monkeypatch.setattr(polling, "_judge", die)
    with pytest.raises(KeyboardInterrupt):
        to_the_end(run)
    for _ in range(40):
        if Evidence.objects.exists():
            break
        time.sleep(0.1)
        make_due()
        with pytest.raises(KeyboardInterrupt):
            polling.poll_one()
    monkeypatch.undo()

    # undo also took the range's speed back, which does not matter: all of it is collected
    assert to_the_end(run).state == RunState.SUCCEEDED
    assert Evidence.objects.count() == 1


def test_what_arrives_otherwise_than_it_was_hashed_fails_the_step_and_is_kept_unsealed(
    grr: str, case: Case, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Grr.acquisition

    def lying(self: Grr, host: Any, handle: str) -> Acquisition:
        found = honest(self, host, handle)
        return replace(found, parts=tuple(replace(part, sha256="0" * 64) for part in found.parts))

    monkeypatch.setattr(Grr, "acquisition", lying)

    run = to_the_end(begin(case, analyst, MEMORY))

    step, item = step_of(run, "memory"), Evidence.objects.get()
    assert step.state == StepState.FAILED
    assert step.reason.startswith("E-1 is not what GRR Rapid Response hashed at the source: kept, marked, not sealed")
    assert (item.state, item.sealed_at) == ("mismatch", None)


def test_a_file_of_a_package_that_arrives_otherwise_fails_the_step_too(
    grr: str, case: Case, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = grr_flows.Collected.read

    def changed(self: grr_flows.Collected, offset: int, length: int) -> bytes:
        read = honest(self, offset, length)
        return bytes(len(read)) if self.vfs.endswith("$MFT") else read

    monkeypatch.setattr(grr_flows.Collected, "sha256", lambda self: hashlib.sha256(honest(self, 0, self.size)).digest())
    monkeypatch.setattr(grr_flows.Collected, "read", changed)

    run = to_the_end(begin(case, analyst, TRIAGE))

    step, item = step_of(run, "triage"), Evidence.objects.get()
    assert step.state == StepState.FAILED
    assert step.reason.startswith("E-1 is not what GRR Rapid Response hashed at the source: kept, marked, not sealed")
    assert (item.state, item.sealed_at, item.wrong_members) == ("mismatch", None, 1)
    assert item.note.startswith("NOT what their source hashed: /$MFT. Simulated")


def test_a_device_that_is_off_waits_and_says_so(
    grr: str, case: Case, analyst: User, served: PracticeRange, device: Device
) -> None:
    Device.objects.filter(pk=device.pk).update(name="LT-2")  # inactive

    run = begin(case, analyst, MEMORY)
    assert steps.work_once()
    step = poll(step_of(run, "memory"))

    assert step.state == StepState.POLLING
    assert step.reason.startswith("GRR has not seen the device for")
    assert step.not_before is not None
    assert not recovery.tick()


def test_without_room_it_fails_before_a_byte_is_fetched(
    grr: str, case: Case, analyst: User, settings: Any, tmp: Callable[[], list[Path]]
) -> None:
    settings.EVIDENCE_CASE_BYTES = 1_000

    run = to_the_end(begin(case, analyst, MEMORY))

    assert "may be at most 1 kB" in step_of(run, "memory").reason
    assert Evidence.objects.count() == 0
    assert tmp() == []


@pytest.mark.slow
@needs_e2fsprogs
def test_a_device_that_is_not_isolated_is_not_called_imaged(grr: str, case: Case, analyst: User) -> None:
    to_the_end(begin(case, analyst, DISK))

    assert CaseDevice.objects.get().state == DeviceState.SUSPECTED


def test_no_acquisition_is_hidden_from_its_subject() -> None:
    for what in ("triage", "memory", "disk", "file"):
        action = actions[f"acquire_{what}"]
        assert action.is_noticeable
        assert "log" in action.traces


def test_the_plan_names_the_product_and_so_does_the_page(grr: str, case: Case, analyst: User, client: Client) -> None:
    run = begin(case, analyst, MEMORY)
    plan = actions["acquire_memory"]().plan(progress.call_of(step_of(run, "memory")))
    assert plan.steps[0].startswith("GRR is asked for the memory of FIN-LT-0142")

    assert steps.work_once()
    client.force_login(analyst)
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "GRR Rapid Response was asked for the memory of FIN-LT-0142" in page


def test_the_tab_of_evidence_shows_what_is_on_its_way(
    grr: str, case: Case, analyst: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grr_flows, "BYTES_PER_SECOND", 1 << 20)
    begin(case, analyst, MEMORY)
    assert steps.work_once()
    time.sleep(0.4)
    poll(StepRun.objects.get())
    client.force_login(analyst)
    where, part = f"/cases/{case.number}/evidence/collecting/", {"HX-Request": "true"}

    tab = client.get(f"/cases/{case.number}/evidence/").content.decode()
    shown = client.get(where, headers=part).content.decode()

    assert where in tab
    assert "of 4.2 MB" in shown
    assert "Collecting" in shown
    assert 'value="' in shown
    assert ">GRR<" in shown
    StepRun.objects.update(state=StepState.SUCCEEDED, not_before=None)
    assert client.get(where + "?was=1", headers=part).headers["HX-Refresh"] == "true"
    assert "Nothing is being collected" in client.get(where).content.decode()


def test_the_speed_is_that_of_the_phase(grr: str, case: Case, analyst: User) -> None:
    begin(case, analyst, MEMORY)
    assert steps.work_once()
    step = StepRun.objects.get()
    step.data = {"since": (timezone.now() - timedelta(seconds=10)).isoformat()}
    step.done_bytes, step.total_bytes = 1_000_000, 3_000_000

    found = progress_of(step)

    assert found is not None
    assert found.text == "1.0 MB of 3.0 MB · 100 kB/s · 20 s left"


def test_a_bound_of_the_integration_holds_the_fetch_back(
    grr: str, case: Case, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acquisition, "SLICE_SECONDS", 2.5)
    row = integrations.with_capability("acquire")[0]
    integrations.ensure("grr", "GRR", row.settings | {"megabytes_per_second": 1}, {}, is_simulated=True)
    begin(case, analyst, MEMORY)
    assert steps.work_once()
    step = StepRun.objects.get()
    for _ in range(40):
        step = poll(step)
        if step.data.get("phase") == "fetching":
            break
        time.sleep(0.05)

    assert step.state == StepState.POLLING
    assert 0 < (step.done_bytes or 0) < 3_000_000
