"""What the range's devices hold tells the same story as its logs, at the same times; real parsers read it."""

import json
import shutil
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pyregf
import pytest
import pytsk3
from evtx import PyEvtxParser

from secops.practice.products.grr_material import DROPPED_FOR, RUN, Material
from secops.practice.products.world import World
from secops.practice.week import story_beacon, story_registry
from secops.practice.week.programs import BEACON, HELPER

ANCHOR = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
REGISTRY = {"id": "d-1", "name": story_registry.DEVICE, "owner": "j.weil"}
BEACONING = {"id": "d-2", "name": story_beacon.DEVICE, "owner": "m.okafor"}


@pytest.fixture
def material(tmp_path: Path) -> Material:
    world = World(tmp_path)
    (world.folder / "company.json").write_text(json.dumps({"anchor": ANCHOR.isoformat()}))
    return Material(world)


def test_the_hive_holds_the_run_key_of_the_story_from_the_minute_of_its_alert(material: Material) -> None:
    hive = pyregf.file()
    hive.open_file_object(BytesIO(material.files(REGISTRY)["/Windows/System32/config/SOFTWARE"]))

    key = hive.get_root_key().get_sub_key_by_path(RUN)

    values = {value.get_name(): value.get_data_as_string() for value in key.values}
    assert values[story_registry.VALUE] == f'"{HELPER.image}" -q'
    assert len(values) == 2  # something innocent stands beside it
    written = key.get_last_written_time_as_integer() / 10_000_000 - 11_644_473_600
    assert written == pytest.approx(story_registry.changed_at(ANCHOR.timestamp()), abs=1)


def test_the_event_log_names_the_program_at_the_second_of_its_start(material: Material) -> None:
    log = material.files(REGISTRY)["/Windows/System32/winevt/Logs/Security.evtx"]

    records = list(PyEvtxParser(BytesIO(log)).records_json())

    (started,) = [one for one in records if "hlp32.exe" in one["data"]]
    change = story_registry.changed_at(ANCHOR.timestamp())
    assert datetime.fromisoformat(started["timestamp"][:19] + "+00:00").timestamp() == pytest.approx(change, abs=5)


@pytest.mark.skipif(not shutil.which("debugfs", path="/usr/sbin:/sbin"), reason="e2fsprogs is not installed")
def test_the_disk_says_when_it_happened_on_the_device_and_not_when_it_was_made(material: Material) -> None:
    system = pytsk3.FS_Info(pytsk3.Img_Info(str(material.disk(BEACONING))))
    first = story_beacon.first_beacon_at(ANCHOR.timestamp())

    kept = times(system, BEACON.image.partition("\\")[2].replace("\\", "/"))
    (gone,) = [
        entry.info.meta
        for entry in system.open_dir("/Users/m.okafor/AppData/Local/Temp")
        if entry.info.name.name == b"updater.exe"
    ]

    assert kept == {name: int(first - 1091.2) for name in ("mtime", "crtime", "ctime")}
    assert gone.mtime == int(first - 1091.2)
    assert gone.ctime == int(first - 8.7 + DROPPED_FOR)


def times(system: Any, path: str) -> dict[str, int]:
    meta = system.open(f"/{path}").info.meta
    return {name: int(getattr(meta, name)) for name in ("mtime", "crtime", "ctime")}
