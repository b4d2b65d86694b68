"""The files of the practice range: shaped as real products leave them, and the same for the same seed."""

import gzip
import json
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from secops.practice.generate import write
from secops.practice.week.company import build
from tests.secops.practice.generated_week import ANCHOR, document, rows, seconds, table, text_of, week


def _digests(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.slow
def test_the_same_seed_and_anchor_give_the_same_bytes(tmp_path):
    write(tmp_path, anchor=ANCHOR)

    assert _digests(tmp_path) == _digests(week())


def test_another_seed_gives_another_company():
    assert build(ANCHOR, 8).devices != build(ANCHOR, 7).devices


def test_an_anchor_without_a_zone_is_refused(tmp_path):
    with pytest.raises(ValueError, match="zone"):
        write(tmp_path, anchor=datetime(2026, 11, 24))  # noqa: DTZ001


@pytest.mark.parametrize("stem", ["conn", "dns", "http", "ssl", "dhcp", "smb_files"])
def test_older_days_are_compressed_and_today_ends_in_half_a_line(stem):
    folder = week() / "logs" / "zeek"

    today = (folder / f"{stem}.log").read_text()
    assert not today.endswith("\n")
    assert today.count("\n") > 3
    packed = list(folder.glob(f"{stem}.2026-11-*.log.gz"))
    assert len(packed) >= 5
    assert all(text_of(path).endswith("\n") for path in packed)


def test_some_logs_are_json_lines_and_some_are_zeek_tables():
    folder = week() / "logs" / "zeek"

    assert json.loads((folder / "conn.log").read_text().split("\n")[0])["id.orig_h"].startswith("10.20.")
    head = (folder / "http.log").read_text().split("\n")[:8]
    assert [line.split("\t")[0].split(" ")[0] for line in head] == [
        *("#separator", "#set_separator", "#empty_field", "#unset_field", "#path", "#open", "#fields", "#types")
    ]
    assert len(head[6].split("\t")) == len(head[7].split("\t"))


def test_the_logs_cover_seven_days_and_end_at_the_anchor():
    times = [row["ts"] for row in rows("zeek/conn")]

    assert ANCHOR.timestamp() - 7 * 86_400 <= min(times) < ANCHOR.timestamp() - 6.9 * 86_400
    assert ANCHOR.timestamp() - 60 < max(times) < ANCHOR.timestamp()
    assert all(row["ts"] + row["duration"] <= ANCHOR.timestamp() + 0.001 for row in rows("zeek/conn"))


def test_the_logs_of_files_cover_ninety_days():
    events = [row["Event"]["System"]["TimeCreated"]["#attributes"] for row in rows("fileserver/forwarded")]
    opened = [seconds(one["SystemTime"]) for one in events]
    left = [seconds(f"{row['CreationTime']}Z") for row in rows("dlp/audit-general")]

    for found in (opened, left):
        assert found == sorted(found)
        assert ANCHOR.timestamp() - 90 * 86_400 < min(found) < ANCHOR.timestamp() - 87 * 86_400
        assert max(found) < ANCHOR.timestamp()


def test_the_whole_stays_small_enough_to_be_searched_quickly():
    assert len(rows("zeek/conn")) <= 60_000
    assert len(rows("zeek/http")) <= 15_000
    assert len(rows("sysmon/events")) <= 20_000
    assert sum(path.stat().st_size for path in week().rglob("*") if path.is_file()) < 40_000_000


def test_the_company_has_the_people_and_devices_of_the_contract():
    company = document("company.json")

    assert (len(company["people"]), len(company["devices"])) == (30, 40)
    names = [device["name"] for device in company["devices"]]
    assert len({name for name in names if name.startswith("FIN-LT-")}) == 12
    for key in ("name", "id", "mde_id", "mac", "ip"):
        values = [device[key] for device in company["devices"] if device["name"] != "HR-LT-0021"]
        assert len(set(values)) == 39, key
    logins = {person["login"] for person in company["people"]}
    assert {person["manager"] for person in company["people"]} <= logins | {""}
    assert {device["owner"] for device in company["devices"]} <= logins | {""}


def test_every_row_of_a_table_has_a_time_in_the_week_and_a_known_device():
    known = {device["mde_id"] for device in document("company.json")["devices"]}

    for path in sorted((week() / "practice" / "tables").glob("*.ndjson")):
        for row in [] if path.stem.endswith("KB") else table(path.stem):
            assert row["Timestamp"].endswith("Z")
            assert ANCHOR - timedelta(days=7.1) < datetime.fromisoformat(row["Timestamp"]) <= ANCHOR
            assert row["DeviceId"] in known


def test_leases_follow_from_the_logged_renewals():
    company = document("company.json")
    renewals = [(float(row["ts"]), row["assigned_addr"], row["mac"]) for row in rows("zeek/dhcp")]

    for at, address, mac in renewals:
        covering = [
            lease
            for lease in company["leases"]
            if (lease["ip-address"], lease["hw-address"]) == (address, mac)
            and seconds(lease["starts_at"]) - 0.001 <= at
            and (lease["ends_at"] is None or at <= seconds(lease["ends_at"]))
        ]
        assert len(covering) == 1


def test_no_address_is_lent_to_two_devices_at_once():
    spans = sorted(
        (lease["ip-address"], seconds(lease["starts_at"]), seconds(lease["ends_at"] or "2099-01-01T00:00:00Z"))
        for lease in document("company.json")["leases"]
    )

    for (address, _, end), (following, start, _) in pairwise(spans):
        assert address != following or end <= start


def test_one_device_changed_its_address_and_one_address_had_two_devices():
    facts, leases = document("truth.json")["addresses"], document("company.json")["leases"]

    changed, shared = facts["changed"], facts["shared"]
    mine = [lease["ip-address"] for lease in leases if lease["device"] == changed["device"]]
    assert (mine[0], mine[-1]) == (changed["before"], changed["now"])
    assert changed["before"] != changed["now"]
    holders = [lease["device"] for lease in leases if lease["ip-address"] == shared["address"]]
    assert (holders[0], holders[-1]) == (shared["first"], shared["then"])


def test_every_client_connection_comes_from_an_address_that_was_lent():
    leases: dict[str, list[tuple[float, float]]] = {}
    for lease in document("company.json")["leases"]:
        end = seconds(lease["ends_at"]) if lease["ends_at"] else ANCHOR.timestamp() + 1
        leases.setdefault(lease["ip-address"], []).append((seconds(lease["starts_at"]), end))
    servers = {each["ip"] for each in document("company.json")["devices"] if "server" in each["os"].lower()}

    for row in rows("zeek/conn"):
        if row["id.orig_h"] not in servers:
            assert any(start <= row["ts"] <= end for start, end in leases[row["id.orig_h"]]), row


def test_the_address_tables_and_the_warning_list_read_as_their_formats_say():
    practice = week() / "practice"

    owners = (practice / "geo" / "range-asn.csv").read_text().splitlines()
    assert any(line.startswith("203.0.113.0,203.0.113.255,") for line in owners)
    listed = json.loads((practice / "warninglists" / "hosting" / "list.json").read_text())
    assert (listed["type"], listed["list"]) == ("cidr", ["203.0.113.0/24"])


def test_the_alerts_have_their_wire_formats():
    alerts = {path.name: json.loads(path.read_text()) for path in (week() / "practice" / "alerts").iterdir()}

    assert len([name for name in alerts if name.startswith("noise-")]) == 8
    eve = alerts["1-bad-address.json"]
    assert (eve["event_type"], eve["src_ip"], eve["dest_ip"], eve["dest_port"]) == (
        "alert", "10.20.3.14", "203.0.113.44", 443
    )  # fmt: skip
    assert eve["alert"]["metadata"]["mitre_technique_id"] == ["T1071.001"]
    event = alerts["2-registry.json"]["Event"]
    assert event["System"]["Computer"] == "ENG-WS-0210.brightwater.example"
    assert event in [row["Event"] for row in rows("sysmon/events")]
    graph = alerts["3-usb.json"]
    kinds = [item["@odata.type"].rsplit(".", 1)[1] for item in graph["evidence"]]
    assert kinds[:2] == ["deviceEvidence", "userEvidence"]
    assert "fileEvidence" in kinds
    assert graph["evidence"][0]["loggedOnUsers"] == [{"accountName": "i.rocha", "domainName": "BRIGHTWATER"}]


def test_the_detector_alert_lies_in_the_eve_log_too():
    eve = document("alerts/1-bad-address.json")

    assert eve in rows("suricata/eve")


def test_packed_files_carry_no_time_of_their_own():
    path = next((week() / "logs" / "zeek").glob("conn.*.gz"))

    with gzip.open(path) as packed:
        packed.read(1)
        assert packed.mtime == 0
