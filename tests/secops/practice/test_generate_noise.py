"""The practice range's ordinary days: enough of them that the stories must be found, and nothing that convicts."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import mean, median, stdev

import pytest

from secops.practice.generate import write
from tests.secops.practice.generated_week import ANCHOR, device, document, events, of, rows, table


def _by_device(log: str, field: str = "id.orig_h") -> Counter[str]:
    return Counter(row[field] for row in rows(log))


@pytest.mark.parametrize("log", ["zeek/conn", "zeek/dns", "zeek/ssl"])
def test_every_client_that_is_in_use_appears(log):
    addresses = _by_device(log)

    for each in document("company.json")["devices"]:
        if each["kind"] in ("laptop", "workstation", "tablet", "kiosk"):
            assert addresses[each["ip"]] > 0, each["name"]


def test_volumes_differ_between_people():
    sent: dict[str, int] = defaultdict(int)
    for row in rows("zeek/conn"):
        if not row["id.resp_h"].startswith("10.20.") and row["id.resp_p"] == 443:
            sent[row["id.orig_h"]] += row["orig_bytes"]

    volumes = sorted(sent[each["ip"]] for each in document("company.json")["devices"] if each["kind"] == "laptop")

    assert volumes[-2] > 3 * volumes[3]


def test_signed_updaters_beacon_on_most_clients_and_are_as_regular_as_the_bad_one():
    times: dict[str, list[float]] = defaultdict(list)
    for row in rows("zeek/conn"):
        if row["id.resp_h"] == "192.0.2.40":
            times[row["id.orig_h"]].append(row["ts"])

    assert len(times) > 15
    for stamps in times.values():
        gaps = [later - earlier for earlier, later in pairwise(stamps) if later - earlier < 400]
        assert median(gaps) == pytest.approx(300, rel=0.03)
        assert stdev(gaps) / mean(gaps) < 0.03
    signers = {row["Signer"] for row in table("DeviceFileCertificateInfo") if row["IsSigned"]}
    assert "Pinwheel Systems" in signers


def test_backups_move_gigabytes_every_night_to_the_backup_server():
    nights = [row for row in rows("zeek/conn") if row["id.resp_h"] == device("BK-01")["ip"] and row["orig_bytes"] > 2e9]

    assert len(nights) >= 12
    assert {datetime.fromtimestamp(row["ts"], tz=UTC).hour for row in nights} <= {1, 2, 3}


def test_the_scanner_touches_many_ports_inside_and_is_refused_by_most():
    scan = [row for row in rows("zeek/conn") if row["id.orig_h"] == device("SCAN-01")["ip"]]
    refused = [row for row in scan if row["conn_state"] == "REJ"]

    assert len({row["id.resp_p"] for row in refused}) > 10
    assert len({row["id.resp_h"] for row in refused}) > 25
    assert max(row["ts"] for row in refused) < (ANCHOR - timedelta(days=3)).timestamp()


def test_known_sticks_come_back_on_several_days():
    serials: dict[str, set[str]] = defaultdict(set)
    for row in table("DeviceEvents"):
        if row["ActionType"] == "UsbDriveMounted":
            serials[row["AdditionalFields"]].add(row["Timestamp"][:10])

    assert sorted(len(days) >= 3 for days in serials.values()) == [False, True, True, True]


def test_people_sign_in_in_the_morning_and_out_in_the_evening():
    ended = [each for each in events(4634, "FIN-LT-0144") if each["LogonType"] == "2"]
    begun = [each for each in events(4624, "FIN-LT-0144") if each["LogonType"] == "2"]

    assert len(begun) >= 4
    assert {each["TargetLogonId"] for each in ended} <= {each["TargetLogonId"] for each in begun}
    assert all(6 <= datetime.fromtimestamp(each["at"], tz=UTC).hour <= 10 for each in begun)


def test_a_program_never_acts_before_it_started():
    started = {(row["DeviceId"], row["ProcessId"], row["ProcessCreationTime"]) for row in table("DeviceProcessEvents")}

    for name in ("DeviceNetworkEvents", "DeviceFileEvents", "DeviceRegistryEvents"):
        for row in table(name):
            if "InitiatingProcessCreationTime" in row:
                assert row["InitiatingProcessCreationTime"] <= row["Timestamp"]
    beacon = next(row for row in of("FIN-LT-0142", "DeviceNetworkEvents") if row["RemoteIP"] == "203.0.113.44")
    key = (beacon["DeviceId"], beacon["InitiatingProcessId"], beacon["InitiatingProcessCreationTime"])
    assert key in started


def test_bad_addresses_appear_nowhere_but_in_their_stories():
    inside = {
        row["id.orig_h"] for row in rows("zeek/conn") if row["id.resp_h"].startswith(("203.0.113.", "198.51.100."))
    }

    assert inside == {device("FIN-LT-0142")["ip"], device("ENG-WS-0210")["ip"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    "anchor",
    ["2026-11-22T03:10:00+00:00", "2026-10-26T00:00:20+00:00"],
    ids=["a Sunday night", "just after midnight, a day after summer time"],
)
def test_the_range_can_be_started_at_any_hour_of_any_day(tmp_path, anchor):
    write(tmp_path, anchor=datetime.fromisoformat(anchor))

    assert len(list((tmp_path / "practice" / "alerts").iterdir())) == 12
