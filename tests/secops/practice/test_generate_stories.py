"""The practice range's four stories: what the log files say, counted here again, is what truth.json says."""

from itertools import pairwise
from statistics import mean, median, stdev

import pytest

from tests.secops.practice.generated_week import ANCHOR, device, document, events, of, rows, seconds, story, table

DAY = 86_400


def _day_totals(address: str, end: float, field: str, *, internal: bool, peer: str = "") -> list[int]:
    totals = [0] * int((end - (ANCHOR.timestamp() - 7 * DAY)) // DAY)
    for row in rows("zeek/conn"):
        day = int((end - row["ts"]) // DAY)
        is_internal = row["id.resp_h"].startswith("10.20.")
        is_mine = row["id.orig_h"] == address and row["ts"] < end and day < len(totals)
        if is_mine and is_internal == internal and row["id.resp_h"].startswith(peer):
            totals[day] += row[field]
    return totals


def test_the_beacon_is_regular_and_only_one_device_has_it():
    truth = story("bad_address")
    alert = seconds(truth["alert_at"])
    to_peer = [row for row in rows("zeek/conn") if row["id.resp_h"] == truth["peer"]]
    before = [row for row in to_peer if row["ts"] <= alert]

    gaps = [later["ts"] - earlier["ts"] for earlier, later in pairwise(before)]

    assert len(before) == truth["connections"]
    assert median(gaps) == pytest.approx(truth["period_seconds"], abs=0.01)
    assert truth["period_seconds"] == pytest.approx(60, abs=0.6)
    assert stdev(gaps) / mean(gaps) * 100 == pytest.approx(truth["jitter_percent"], abs=0.01)
    assert truth["jitter_percent"] == pytest.approx(3, abs=0.5)
    assert {row["id.orig_h"] for row in to_peer} == set(truth["talkers"]) == {"10.20.3.14"}
    assert before[0]["ts"] == pytest.approx(ANCHOR.timestamp() - 6 * 3600, abs=61)


def test_the_beacon_sent_many_times_what_the_device_sends_on_a_day():
    truth = story("bad_address")
    days = _day_totals("10.20.3.14", seconds(truth["alert_at"]), "orig_bytes", internal=False)
    sent = sum(
        row["orig_bytes"]
        for row in rows("zeek/conn")
        if row["id.resp_h"] == truth["peer"] and row["ts"] <= seconds(truth["alert_at"])
    )

    assert sent == truth["bytes_out"]
    assert sent == pytest.approx(48e6, rel=0.03)
    assert days == truth["external_out_days"]
    assert truth["median_past_days"] == median(day for day in days[1:] if day)
    assert 1e6 < truth["median_past_days"] < 6e6


def test_network_sensor_event_log_and_hunting_table_tell_of_the_same_beacons():
    peer = story("bad_address")["peer"]
    seen = sorted(row["ts"] for row in rows("zeek/conn") if row["id.resp_h"] == peer)
    logged = sorted(each["at"] for each in events(3, "FIN-LT-0142") if each["DestinationIp"] == peer)
    hunted = sorted(
        seconds(row["Timestamp"]) for row in of("FIN-LT-0142", "DeviceNetworkEvents") if row["RemoteIP"] == peer
    )

    assert len(seen) == len(logged) == len(hunted)
    assert all(abs(a - b) < 1 and abs(a - c) < 1 for a, b, c in zip(seen, logged, hunted, strict=True))
    named = [row for row in rows("zeek/ssl") if row["id.resp_h"] == peer]
    assert {row["server_name"] for row in named} == {"cdn-metrics.example"}
    assert any(row["query"] == "cdn-metrics.example" and row["answers"] == [peer] for row in rows("zeek/dns"))


def test_the_program_behind_the_beacon_has_the_same_number_and_parents_everywhere():
    truth = story("bad_address")
    connection = next(row for row in of("FIN-LT-0142", "DeviceNetworkEvents") if row["RemoteIP"] == truth["peer"])
    started = next(row for row in of("FIN-LT-0142", "DeviceProcessEvents") if row["ProcessId"] == truth["process_pid"])
    event = next(each for each in events(1, "FIN-LT-0142") if each["ProcessId"] == truth["process_pid"])
    loader = next(each for each in events(1, "FIN-LT-0142") if each["ProcessGuid"] == event["ParentProcessGuid"])
    loaded = next(each for each in events(7, "FIN-LT-0142") if each["ProcessId"] == truth["process_pid"])

    assert started["FolderPath"] == event["Image"] == truth["process_image"]
    assert connection["InitiatingProcessId"] == started["ProcessId"]
    assert connection["InitiatingProcessSHA256"] == started["SHA256"] == truth["sha256"]
    assert truth["sha256"].upper() in event["Hashes"]
    assert [event["ParentImage"], loader["ParentImage"]] == truth["parents"]
    assert loader["ParentCommandLine"].endswith("-s Schedule")
    assert event["User"] == "BRIGHTWATER\\m.okafor"
    assert (loaded["Signed"], loaded["ImageLoaded"]) == ("false", truth["process_image"])
    signed = [row for row in of("FIN-LT-0142", "DeviceFileCertificateInfo") if row["SHA1"] == started["SHA1"]]
    assert [row["IsSigned"] for row in signed] == [False]


def test_attachment_task_program_and_beacon_follow_each_other():
    truth = story("bad_address")
    iso = next(row for row in of("FIN-LT-0142", "DeviceFileEvents") if row["FileName"].endswith(".iso"))
    task = next(row for row in of("FIN-LT-0142", "DeviceEvents") if row["ActionType"] == "ScheduledTaskCreated")
    times = [iso["Timestamp"], task["Timestamp"], truth["first_at"]]

    moments = [seconds(time) for time in times]

    assert moments == sorted(moments)
    assert moments[2] - moments[1] < 600
    assert truth["task"].replace("\\", "\\\\") in task["AdditionalFields"]


def test_the_same_file_lies_on_a_second_laptop_and_ran_there_once():
    truth = story("bad_address")
    number = device("FIN-LT-0150")["mde_id"]

    holders = {row["DeviceId"] for row in table("DeviceFileEvents") if row["SHA256"] == truth["sha256"]}
    runs = [row for row in of("FIN-LT-0150", "DeviceProcessEvents") if row["SHA256"] == truth["sha256"]]

    assert holders == {device("FIN-LT-0142")["mde_id"], number}
    assert [row["AccountName"] for row in runs] == ["d.lima"]


def test_the_laptop_is_badly_kept_and_has_a_program_that_its_group_has_not():
    truth, company = story("bad_address"), document("company.json")
    patches = company["patches"]["FIN-LT-0142"]
    last = max(seconds(patch["installed_at"]) for patch in patches if patch["installed_at"])
    missing = [patch for patch in patches if not patch["installed_at"]]

    having = [
        name
        for name, programs in company["software"].items()
        if name.startswith("FIN-LT-") and any(program["name"] == "RemoteHelp Desk" for program in programs)
    ]

    assert round((ANCHOR.timestamp() - last) / DAY) == truth["days_behind"] == 41
    assert min(seconds(patch["released_at"]) for patch in missing) == ANCHOR.timestamp() - 41 * DAY
    assert sum(patch["severity"] == "Critical" for patch in missing) == truth["critical_patches"] == 3
    assert (having, truth["group_size"]) == (["FIN-LT-0142"], 12)
    assert (device("FIN-LT-0142")["firewall"], device("FIN-LT-0142")["encryption"]) == (False, True)
    others = [each for name, each in company["patches"].items() if name[:6] == "FIN-LT" and name[-1] != "2"]
    assert all(patch["installed_at"] for each in others for patch in each)


def test_outside_sources_know_the_address_and_the_file():
    intel, rdap = document("company.json")["intel"], document("company.json")["rdap"]
    address = intel["ip"]["203.0.113.44"]
    file = intel["file"][story("bad_address")["sha256"]]

    stats = address["last_analysis_stats"]
    assert (stats["malicious"], sum(stats.values())) == (9, 90)
    assert file["last_analysis_stats"]["malicious"] == 48
    assert file["popular_threat_classification"]["popular_threat_name"][0]["value"] == "marrowlink"
    assert file["behaviours"][0]["mitre_attack_techniques"][0]["id"] == "T1071.001"
    registered = rdap["domain"]["cdn-metrics.example"]["events"][0]
    assert ANCHOR.timestamp() - seconds(registered["eventDate"]) == pytest.approx(3 * DAY)
    assert rdap["ip"]["203.0.113.0/24"]["country"] == "NL"


def test_the_registry_change_has_a_download_before_it_and_nothing_that_explains_it():
    truth = story("registry")
    alert = seconds(truth["alert_at"])
    transfer = next(row for row in rows("zeek/http") if row["host"] == truth["transfer_host"])
    carrier = next(row for row in rows("zeek/conn") if row["uid"] == transfer["uid"])
    installs = [each["at"] for number in (19, 11707) for each in events(number, "ENG-WS-0210")]

    assert int(transfer["response_body_len"]) == truth["transfer_body_bytes"] == 38_600_000
    assert carrier["resp_bytes"] == truth["transfer_bytes"]
    assert (carrier["id.resp_h"], transfer["uri"]) == (truth["transfer_peer"], truth["transfer_path"])
    assert (alert - carrier["ts"]) / 60 == pytest.approx(14, abs=0.1)
    assert not [at for at in installs if abs(at - alert) <= 3600]
    assert sorted(round((alert - at) / 3600) for at in installs)[:2] == [5, 48]


def test_the_run_key_is_set_by_the_same_unsigned_program_in_both_views():
    truth = story("registry")
    event = next(each for each in events(13, "ENG-WS-0210") if each["TargetObject"].endswith("\\Run\\hlp32"))
    hunted = next(row for row in of("ENG-WS-0210", "DeviceRegistryEvents") if row["RegistryValueName"] == "hlp32")

    assert event["ProcessId"] == hunted["InitiatingProcessId"] == truth["process_pid"]
    assert event["Image"] == hunted["InitiatingProcessFolderPath"] == "C:\\ProgramData\\hlp\\hlp32.exe"
    assert event["at"] == pytest.approx(seconds(hunted["Timestamp"]), abs=1)
    assert hunted["RegistryKey"].replace("HKEY_LOCAL_MACHINE", "HKLM") == truth["key"]
    assert hunted["InitiatingProcessVersionInfoCompanyName"] == ""


def test_the_counter_example_was_installed_a_minute_before_by_a_signed_program():
    change = next(each for each in events(13, "OPS-LT-0033") if "\\Run\\" in each["TargetObject"])
    install = events(11707, "OPS-LT-0033")[0]
    loaded = next(each for each in events(7, "OPS-LT-0033") if each["ProcessId"] == change["ProcessId"])

    assert change["at"] - install["at"] == pytest.approx(60, abs=1)
    assert loaded["Signed"] == "true"


def test_the_stick_was_new_and_took_what_truth_says():
    truth = story("usb")
    mounts = [row for row in table("DeviceEvents") if truth["serial"] in row["AdditionalFields"]]
    copies = [row for row in of("SAL-LT-0077", "DeviceFileEvents") if row["FolderPath"].startswith("E:\\")]
    created = [each for each in events(11, "SAL-LT-0077") if each["TargetFilename"].startswith("E:\\")]

    assert {row["ActionType"] for row in mounts} == {"UsbDriveMounted", "PnpDeviceConnected"}
    assert len(mounts) == 2
    assert sum(row["FileSize"] for row in copies) == truth["bytes_copied"] == 9_400_000_000
    assert len(copies) == len(created) == truth["files_copied"] == 214
    assert {row["PreviousFolderPath"].startswith(truth["share"]) for row in copies} == {True}
    assert min(row["Timestamp"] for row in copies) > max(row["Timestamp"] for row in mounts)
    assert len([each for each in events(6416, "SAL-LT-0077") if truth["serial"] in each["DeviceId"]]) == 1


def test_the_share_was_read_far_more_than_on_other_days():
    truth = story("usb")
    days = _day_totals(
        device("SAL-LT-0077")["ip"],
        seconds(truth["alert_at"]),
        "resp_bytes",
        internal=True,
        peer=truth["server_address"],
    )

    assert days == truth["server_read_days"]
    assert truth["bytes_read_in_story"] == 12_100_000_000
    assert truth["median_past_days"] == pytest.approx(180e6, rel=0.25)
    opened = [row for row in rows("zeek/smb_files") if row["path"] == truth["share"] and row["size"] > 0]
    assert len([row for row in opened if row["id.orig_h"] == device("SAL-LT-0077")["ip"]]) >= 214


def test_the_weeks_before_are_in_the_file_servers_log():
    truth = story("usb")["file_use"]
    events = [row["Event"] for row in rows("fileserver/forwarded")]
    server, share = truth["share"].lstrip("\\").split("\\")

    hers = [
        one["System"]["TimeCreated"]["#attributes"]["SystemTime"]
        for one in events
        if one["EventData"]["SubjectUserName"] == "i.rocha"
        and one["EventData"]["ShareName"] == f"\\\\*\\{share}"
        and one["System"]["Computer"].startswith(server)
    ]
    assert (len(hers), hers[0], hers[-1]) == (truth["opens"], truth["first_at"], truth["last_at"])
    assert len({one["EventData"]["SubjectUserName"] for one in events}) == 30


def test_the_file_servers_log_tells_of_the_week_what_the_network_tells():
    seen = sorted((row["id.orig_h"], row["name"]) for row in rows("zeek/smb_files"))
    start = min(row["ts"] for row in rows("zeek/smb_files"))

    audited = sorted(
        (one["EventData"]["IpAddress"], one["EventData"]["RelativeTargetName"])
        for one in (row["Event"] for row in rows("fileserver/forwarded"))
        if seconds(one["System"]["TimeCreated"]["#attributes"]["SystemTime"]) >= start
    )

    assert audited == seen


def test_data_loss_prevention_saw_every_copy():
    truth = story("usb")

    copied = [
        row
        for row in rows("dlp/audit-general")
        if row.get("RemovableMediaDeviceAttributes", {}).get("SerialNumber") == truth["serial"]
    ]

    assert len(copied) == truth["files_copied"]
    assert sum(row["FileSize"] for row in copied) == truth["bytes_copied"]
    assert {row["UserId"] for row in copied} == {"i.rocha@brightwater.example"}


def test_nobody_else_was_at_the_leavers_laptop_and_nobody_reached_it():
    truth = story("usb")
    alert = seconds(truth["alert_at"])
    logons = [row for row in of("SAL-LT-0077", "DeviceLogonEvents") if seconds(row["Timestamp"]) > alert - DAY]
    inbound = [
        row
        for row in rows("zeek/conn")
        if row["id.resp_h"] == device("SAL-LT-0077")["ip"] and alert - DAY < row["ts"] < alert
    ]
    person = next(each for each in document("company.json")["people"] if each["login"] == "i.rocha")

    assert {row["AccountName"] for row in logons} == {"i.rocha"}
    assert {row["LogonType"] for row in logons} == {"Interactive", "Unlock"}
    assert inbound == []
    assert person["leave_date"] == "2026-12-03"
    assert not [row for row in of("SAL-LT-0077", "DeviceProcessEvents") if "lantern" in row["FileName"]]


def test_the_changed_system_file_its_variant_and_its_kit_lie_where_truth_says():
    truth = story("system_file")
    scanned = [row for row in rows("inventory/files") if row["file"]["hash"]["sha256"] != truth["sha256_before"]]
    lie = {row["host"]["name"].partition(".")[0].upper(): row["file"]["hash"] for row in scanned}

    assert {name: one["sha256"] for name, one in lie.items()} == {
        truth["device"]: truth["sha256"],
        truth["variant_device"]: truth["variant_sha256"],
        truth["kit_device"]: truth["kit_sha256"],
    }
    assert lie[truth["variant_device"]]["tlsh"] == truth["variant_tlsh"]
    told = document("alerts/4-system-file.json")["evidence"][1]["fileDetails"]
    assert (f"{told['filePath']}\\{told['fileName']}", told["sha256"]) == (truth["path"], truth["sha256"])
    hunted = {row["SHA256"]: row["DeviceName"].partition(".")[0].upper() for row in table("DeviceFileEvents")}
    assert hunted[truth["kit_sha256"]] == truth["kit_device"]
