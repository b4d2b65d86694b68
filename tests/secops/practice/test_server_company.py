"""Both halves of the range together: what the products say about the generated company agrees with the truth."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from secops.practice.server import PracticeRange
from tests.secops.practice.conftest import Client
from tests.secops.practice.generated_week import copy_of_last_week


@pytest.fixture(scope="module")
def brightwater(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    data: Path = tmp_path_factory.mktemp("brightwater")
    copy_of_last_week(data)
    running = PracticeRange(data)
    running.start()
    yield Client(f"http://127.0.0.1:{running.port}", data / "practice", running.smtp_port)
    running.stop()


@pytest.fixture(scope="module")
def truth(brightwater: Client) -> dict[str, Any]:
    stories: dict[str, Any] = json.loads((brightwater.folder / "truth.json").read_text())["stories"]
    return stories


def hunted(practice: Client, query: str) -> list[dict[str, Any]]:
    answer = practice.hunt(query)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


@pytest.mark.slow
def test_hunting_finds_the_beacon_and_who_started_it(brightwater: Client, truth: dict[str, Any]) -> None:
    story = truth["bad_address"]

    (row,) = hunted(
        brightwater,
        f"DeviceNetworkEvents | where RemoteIP == '{story['peer']}' and RemotePort == {story['peer_port']} "
        f"and Timestamp between (datetime({story['first_at']}) .. datetime({story['alert_at']})) "
        "| summarize n = count(), devices = dcount(DeviceId) "
        "by InitiatingProcessFolderPath, InitiatingProcessAccountName, InitiatingProcessParentFileName",
    )

    assert abs(row["n"] - story["connections"]) <= 1
    assert row["devices"] == 1
    assert row["InitiatingProcessFolderPath"] == story["process_image"]
    assert row["InitiatingProcessAccountName"] == story["person"]
    assert story["parents"][0].endswith(row["InitiatingProcessParentFileName"])


def test_the_same_file_is_hunted_on_the_other_device(brightwater: Client, truth: dict[str, Any]) -> None:
    story = truth["bad_address"]

    rows = hunted(brightwater, f"DeviceProcessEvents | where SHA256 == '{story['sha256']}' | distinct DeviceName")

    names = {row["DeviceName"].partition(".")[0].upper() for row in rows}
    assert names == {story["device"], *story["file_also_on"]}


def test_software_that_is_not_standard_is_on_one_device_of_its_group(
    brightwater: Client, truth: dict[str, Any]
) -> None:
    story = truth["bad_address"]
    name = story["nonstandard_software"].lower().replace(" ", "_")

    (row,) = hunted(
        brightwater,
        f"DeviceTvmSoftwareInventory | where SoftwareName =~ '{name}' | summarize n = dcount(DeviceName)",
    )

    assert row["n"] == story["devices_with_it"]


def test_lease_person_devices_and_patches_agree(brightwater: Client, truth: dict[str, Any]) -> None:
    story = truth["bad_address"]
    upn = f"{story['person']}@brightwater.example"

    (lease,) = brightwater.kea("lease4-get", **{"ip-address": story["address_of_device"]})
    name = lease["arguments"]["hostname"]
    owned = brightwater.graph(f"users/{upn}/ownedDevices").json()["value"]
    manager = brightwater.graph(f"users/{upn}/manager").json()["userPrincipalName"]
    number = brightwater.defender(f"machines?$filter=computerDnsName eq '{name}'").json()["value"][0]["id"]
    missing = brightwater.defender(f"machines/{number}/getmissingkbs").json()["value"]

    assert name == f"{story['device'].lower()}.brightwater.example"
    assert {device["displayName"] for device in owned} == {story["device"], *story["other_devices"]}
    assert manager.partition("@")[0] == story["manager"]
    assert [f"KB{update['id']}" for update in missing] == story["missing_patches"]


def test_the_outside_world_agrees(brightwater: Client, truth: dict[str, Any]) -> None:
    story = truth["bad_address"]

    address = brightwater.vt(f"ip_addresses/{story['peer']}").json()["data"]["attributes"]
    file = brightwater.vt(f"files/{story['sha256']}").json()["data"]["attributes"]
    related = brightwater.vt(f"files/{story['sha256']}/dropped_files").json()["data"]
    domain = requests.get(f"{brightwater.base}/rdap/domain/{story['peer_name']}", timeout=10).json()

    assert address["last_analysis_stats"]["malicious"] == story["address_malicious"]
    assert file["last_analysis_stats"]["malicious"] == story["file_malicious"]
    assert related[0]["attributes"]["last_analysis_stats"]["malicious"] > 0
    registered = next(e["eventDate"] for e in domain["events"] if e["eventAction"] == "registration")
    assert (datetime.now(UTC) - datetime.fromisoformat(registered)).days == story["registered_days_ago"]


def test_the_leaver_and_the_drive_are_there(brightwater: Client, truth: dict[str, Any]) -> None:
    story = truth["usb"]

    person = brightwater.graph(f"users/{story['person']}@brightwater.example?$select=employeeLeaveDateTime").json()
    mounts = hunted(
        brightwater,
        f"DeviceEvents | where ActionType == 'UsbDriveMounted' and AdditionalFields has '{story['serial']}' "
        "| project Timestamp, DeviceName",
    )

    assert person["employeeLeaveDateTime"]
    assert [row["DeviceName"].partition(".")[0].upper() for row in mounts] == [story["device"]]
