"""The three stories of the practice range: each answer of their cases against the range's own ground truth."""

import json
import re
import sqlite3
import subprocess
from contextlib import closing
from datetime import datetime
from html import unescape
from pathlib import Path

import pytest

from secops.tryout.visitor import Visitor
from tests.story import Row, Story, clock, file_name, number_before, size_in
from tests.tryout import Tryout


@pytest.fixture(scope="module")
def stories(tryout: Tryout) -> dict[str, Story]:
    """By the name that the ground truth gives them; the detectors send them in this order."""
    truth = json.loads((tryout.data / "practice/truth.json").read_text())["stories"]
    found = {}
    for number, name in enumerate(("bad_address", "registry", "usb"), start=1):
        done = tryout.manage("case", f"CASE-{number}", "--json")
        assert done.returncode == 0, done.stderr
        found[name] = Story(json.loads(done.stdout), truth[name])
    return found


@pytest.fixture(scope="module")
def company(tryout: Tryout) -> Row:
    found: Row = json.loads((tryout.data / "practice/company.json").read_text())
    return found


@pytest.fixture
def beacon(stories: dict[str, Story]) -> Story:
    return stories["bad_address"]


@pytest.fixture
def registry(stories: dict[str, Story]) -> Story:
    return stories["registry"]


@pytest.fixture
def usb(stories: dict[str, Story]) -> Story:
    return stories["usb"]


@pytest.mark.parametrize("name", ["bad_address", "registry", "usb"])
def test_nothing_waits_and_nothing_failed(stories: dict[str, Story], name: str) -> None:
    story = stories[name]
    counts = story.case["enrichment"]

    assert story.truth["device"] in {device["name"] for device in story.case["devices"]}
    assert story.truth["person"] in {person["login"] for person in story.case["people"]}
    assert (counts["pending"], counts["failed"], counts["refused"], counts["skipped"]) == (0, 0, 0, 0)
    assert counts["asked"] == counts["answered"] + counts["no_data"]
    assert counts["seconds"] > 0  # how long is for the bench to say
    assert set(story.case["answers"]) == {"who", "where", "traffic", "device", "changes", "files"}


# --- a connection to a known bad address -------------------------------------------------------------------------


def test_beacon_who_uses_the_device_and_what_else_that_person_uses(beacon: Story, company: Row) -> None:
    manager = next(one["name"] for one in company["people"] if one["login"] == beacon.truth["manager"])
    profile = beacon.facts("person_profile")

    assert beacon.facts("device_owner")["Owner"] == beacon.truth["person"]
    # When the lease was renewed since, Kea knows nothing of that minute, and only the log of leases does.
    for connector in {one["connector"] for one in beacon.all("device_lease")}:
        assert beacon.facts("device_lease", connector)["Device"] == beacon.truth["device"]
    assert profile["Other devices"].split(", ") == beacon.truth["other_devices"]
    assert profile["Manager"] == manager
    assert profile["Account"].startswith(beacon.truth["person"])


def test_beacon_where_it_leads_and_what_is_known_of_it(beacon: Story, company: Row) -> None:
    peer, truth = beacon.truth["peer"], beacon.truth
    intel = company["intel"]["ip"][peer]
    place, reputation = beacon.facts("address_place"), beacon.facts("address_reputation")

    assert place["Country"] == intel["country"]
    assert intel["as_owner"] in place["Owner"]
    assert beacon.facts("address_registration")["Registered by"] == intel["as_owner"]
    assert "is a hosting or cloud address" in beacon.says("address_hosting")
    assert reputation["Engines"].startswith(f"{truth['address_malicious']} of {truth['address_checked']} malicious")
    assert reputation["Family"].lower() == truth["family"].lower()
    assert (reputation["Techniques"], reputation["Tactics"]) == (truth["technique"], "Command and Control")
    assert f"{truth['registered_days_ago']} days before" in beacon.facts("domain_registration")["Since"]
    assert beacon.case["answers"]["where"]["verdict"] == "malicious"


def test_beacon_its_period_jitter_and_that_it_is_no_scan(beacon: Story) -> None:
    pattern = beacon.facts("traffic_pattern")

    assert number_before("s,", pattern["Period"]) == pytest.approx(beacon.truth["period_seconds"], abs=1)
    assert number_before("%", pattern["Period"]) == pytest.approx(beacon.truth["jitter_percent"], abs=1.5)
    assert number_before("connection", pattern["Connections"]) == pytest.approx(beacon.truth["connections"], rel=0.05)
    assert size_in(pattern["Volume"]) == pytest.approx(beacon.truth["bytes_out"], rel=0.05)
    assert pattern["Who else"].endswith(f": {beacon.truth['device']}")
    assert "No scan" in beacon.says("port_scan")
    assert beacon.case["answers"]["traffic"]["label"] == "Beacon"
    assert beacon.case["answers"]["traffic"]["verdict"] == "malicious"


def test_beacon_volume_against_its_own_past_days(beacon: Story) -> None:
    sent = beacon.facts("volume")["Sent"]

    assert size_in(sent) == pytest.approx(beacon.truth["external_out_days"][0], rel=0.05)
    today, *past = beacon.truth["external_out_days"]
    worked = [sent_then for sent_then in past if sent_then]
    # The logs begin in the middle of a day, so which days count as the past depends on the hour of the run.
    assert today / max(worked) * 0.95 <= number_before("times", sent) <= today / min(worked) * 1.05
    assert beacon.all("volume")[0]["verdict"] == "suspicious"


def test_beacon_hygiene(beacon: Story) -> None:
    facts, truth = beacon.facts("hygiene", "Graph"), beacon.truth
    missing = {name for finding in beacon.all("hygiene") for (name,) in finding["table"]["rows"]}

    assert number_before("days behind", facts["Patches"]) == truth["days_behind"]
    assert number_before("critical missing", facts["Patches"]) == truth["critical_patches"]
    assert {name.split()[0] for name in missing} == set(truth["missing_patches"])
    assert (facts["Firewall"], facts["Encryption"], facts["Agent"]) == ("off", "on", "healthy")
    assert beacon.case["answers"]["device"]["verdict"] == "suspicious"


def test_beacon_software_that_the_group_does_not_have(beacon: Story) -> None:
    truth = beacon.truth
    (name, share), *more = beacon.facts("standard_software").items()

    assert not more
    assert name.replace("_", " ").lower() == truth["nonstandard_software"].lower()
    assert share.startswith(f"{truth['devices_with_it']} of {truth['group_size']} Finance")


def test_beacon_recent_changes(beacon: Story) -> None:
    said = beacon.says("recent_changes")

    assert beacon.truth["task"] in said
    assert clock(beacon.truth["task_at"]) in said
    assert "Remittance" in said  # the ISO that came by mail


def test_beacon_which_program_made_the_connection(beacon: Story) -> None:
    truth = beacon.truth
    lineage = [file_name(truth["process_image"]), *map(file_name, truth["parents"])]

    for finding in beacon.all("connecting_program"):
        facts = {fact["label"]: fact["value"] for fact in finding["facts"]}
        assert facts["Program"] == truth["process_image"]
        assert facts["Started by"].split(" ← ")[:3] == lineage
        assert file_name(truth["process_image"]) in facts["Command line"]
        assert facts["Signer"] == "not signed"
        assert file_name(facts["User"]) == truth["process_user"]
        assert str(truth["process_pid"]) in facts["Seen"]


def test_beacon_the_file_and_where_else_it_lies(beacon: Story) -> None:
    truth = beacon.truth
    reputation = beacon.facts("file_reputation")

    assert reputation["Engines"].startswith(f"{truth['file_malicious']} of {truth['file_checked']} malicious")
    rows = beacon.all("file_elsewhere")[0]["table"]["rows"]
    assert {row[0] for row in rows} == {truth["device"], *truth["file_also_on"]}


# --- strange registry activity -----------------------------------------------------------------------------------


def test_registry_no_patch_and_no_installation_explains_it(registry: Story) -> None:
    truth = registry.truth

    assert registry.case["answers"]["changes"]["label"] == "Not explained"
    for finding in registry.all("change_explained"):
        assert finding["headline"].startswith("Nothing explains it")
        assert number_before("h before", finding["headline"]) == pytest.approx(truth["tool_hours_before"], abs=0.2)
        assert "KB" in json.dumps(finding["facts"])  # the patch two days before is named, and explains nothing


def test_registry_which_program_did_it(registry: Story) -> None:
    facts = registry.facts("registry_program")

    assert facts["Program"] == registry.truth["process_image"]
    assert facts["Signer"] == "not signed"
    assert file_name(facts["User"]) == registry.truth["person"]


def test_registry_hygiene_is_good_and_the_change_itself_is_among_the_changes(registry: Story) -> None:
    verdicts = {finding["connector"]: finding["verdict"] for finding in registry.all("hygiene")}
    assert verdicts["Microsoft Graph"] == "benign"
    assert set(verdicts.values()) <= {"benign", "informational"}  # who knows only half says nothing good
    said = registry.says("recent_changes")
    assert registry.truth["value"] in said
    assert clock(registry.truth["alert_at"]) in said


def test_registry_the_larger_inbound_transfer_with_minutes_and_bytes(registry: Story) -> None:
    truth, facts = registry.truth, registry.facts("inbound_transfer")

    assert size_in(facts["Transfer"]) == pytest.approx(truth["transfer_bytes"], rel=0.01)
    assert number_before("min before", facts["Transfer"]) == pytest.approx(truth["transfer_minutes_before"], abs=0.2)
    assert facts["From"].startswith(f"{truth['transfer_host']} {truth['transfer_peer']}:")
    assert registry.case["answers"]["traffic"]["label"] == "Inbound transfer"


def test_registry_the_web_requests_contain_the_download(registry: Story) -> None:
    truth = registry.truth
    wanted = f"GET {truth['transfer_host']}{truth['transfer_path']}"
    rows = [row for row in registry.all("web_requests")[0]["table"]["rows"] if row[1] == wanted]

    assert len(rows) == 1
    assert rows[0][0] == f"{datetime.fromisoformat(truth['transfer_at']):%H:%M:%S}"
    assert size_in(rows[0][3]) == pytest.approx(truth["transfer_body_bytes"], rel=0.01)


def test_registry_general_flow(registry: Story) -> None:
    received = registry.facts("volume")["Received"]

    assert size_in(received) > registry.truth["transfer_bytes"]
    assert size_in(registry.facts("traffic_pattern")["Volume"].partition(", ")[2]) == pytest.approx(
        registry.truth["transfer_bytes"], rel=0.01
    )
    assert "No scan" in registry.says("port_scan")


# --- a large copy to removable media -----------------------------------------------------------------------------


def test_usb_is_born_restricted_and_covert(usb: Story) -> None:
    assert (usb.case["restricted"], usb.case["covert"]) == (True, True)


def test_usb_first_use_volume_and_files(usb: Story) -> None:
    truth = usb.truth

    for finding in usb.all("removable_media"):
        facts = {fact["label"]: fact["value"] for fact in finding["facts"]}
        assert truth["serial"] in facts["Drive"]
        assert facts["First use"].startswith(clock(truth["mounted_at"]))
        assert "never" in facts["First use"]
        assert size_in(facts["Copied"]) == pytest.approx(truth["bytes_copied"], rel=0.01)
        assert number_before("files", facts["Copied"]) == truth["files_copied"]
        assert file_name(facts["By"]) == truth["person"]


def test_usb_the_internal_source_and_how_unusual_it_is(usb: Story) -> None:
    truth = usb.truth
    rows = usb.all("internal_sources")[0]["table"]["rows"]
    row = next(row for row in rows if truth["server"] in row[0].upper() or truth["server_address"] in row[0])

    assert size_in(row[1]) == pytest.approx(truth["server_read_days"][0], rel=0.05)
    assert float(row[3].replace(",", "")) == pytest.approx(truth["read_ratio"], rel=0.25)
    assert usb.all("internal_sources")[0]["verdict"] == "suspicious"


def test_usb_the_share_is_named(usb: Story) -> None:
    assert usb.truth["share"].lower() in json.dumps(usb.case["answers"]).replace("\\\\", "\\").lower()


def test_usb_the_weeks_before_are_told_and_what_the_logs_cover(usb: Story) -> None:
    truth = usb.truth["file_use"]
    (finding,) = usb.all("file_use")
    covered = [fact["value"] for fact in finding["facts"] if fact["label"] == "Covered"]

    assert finding["verdict"] == "suspicious"
    assert truth["share"] in finding["headline"]
    assert number_before("files", finding["headline"]) == truth["files"]
    assert finding["table"]["rows"][0][0] == f"{datetime.fromisoformat(truth['first_at']):%d %b %H}:00"
    assert "first copy to the drive" in finding["table"]["rows"][-1][1]
    assert [one.partition(":")[0] for one in covered] == ["file servers", "data loss prevention"]
    assert all("of 90 days" in one for one in covered)
    assert not [peer for peer in truth["peers"] if peer in json.dumps(finding)]


def test_usb_nobody_came_in(usb: Story) -> None:
    assert usb.truth["inbound_connections"] == 0
    assert usb.says("inbound_connections").find("Nobody outside opened a connection") >= 0
    assert usb.facts("inbound_connections")["Remote control"] == "none"
    for finding in usb.all("signed_in"):
        assert {row[2] for row in finding["table"]["rows"]} == set(usb.truth["signed_in"])
        assert "0 remote" in json.dumps(finding["facts"])


def test_usb_recent_changes_and_the_leaver(usb: Story) -> None:
    assert clock(usb.truth["mounted_at"]) in usb.says("recent_changes")
    assert "leaver" in usb.all("person_profile")[0]["headline"]


def test_usb_both_stories_are_argued_and_the_right_one_wins(usb: Story) -> None:
    finding = usb.all("two_stories")[0]
    facts = {fact["label"]: fact["value"] for fact in finding["facts"]}
    told = {row[0] for row in finding["table"]["rows"]}

    assert usb.truth["winning_story"] == "this person"
    assert finding["headline"] == "More speaks for this person."
    assert "this person" in told
    assert len(told) == 2  # the losing story has its arguments too
    assert len(facts["This person"].split("; ")) > len(facts["From outside"].split("; "))
    assert facts["From outside"] not in {"", "nothing"}


# --- their reports -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def visitor(tryout: Tryout) -> Visitor:
    """Signed in as the analyst, who is in the group of the covert case."""
    one = Visitor(tryout.base)
    link = tryout.manage("signin", "analyst").stdout.strip().split()[-1]
    one.sign_in(link.removeprefix(tryout.base))
    return one


def test_the_check_of_the_tryout_stands_under_its_own_name_among_who_looked(visitor: Visitor) -> None:
    page = visitor.read("/cases/CASE-3/need-to-know/")
    looked = page[page.index("Who looked") :]

    assert "Quickstart check (machine)" in looked
    assert "Who may: Inge Leader." in page


def test_a_product_of_the_range_is_tested_by_a_command_beside_it(tryout: Tryout) -> None:
    done = tryout.manage("integration", "test", "Kea DHCP")

    assert (done.returncode, done.stderr) == (0, "")


def report_of(visitor: Visitor, number: int, query: str = "") -> Row:
    found: Row = json.loads(visitor.read(f"/cases/CASE-{number}/report.json{query}"))
    return found


def impact_of(report: Row, what: str) -> Row:
    return next(one for one in report["impact"] if one["what"] == what)


def test_report_of_the_beacon(visitor: Visitor, beacon: Story) -> None:
    report, truth = report_of(visitor, 1), beacon.truth
    said = " ".join(report["summary"])

    assert f"{truth['address_malicious']} of {truth['address_checked']} engines" in said
    assert truth["device"] in said
    assert impact_of(report, "Sent to the addresses of the case")["amount"] == pytest.approx(
        truth["bytes_out"], rel=0.05
    )
    assert {one["value"] for one in report["adversary"]["known_bad"]} >= {truth["peer"]}
    assert truth["technique"] in {one["id"] for one in report["adversary"]["techniques"]}
    assert [one.lower() for one in report["adversary"]["software"]] == [truth["family"].lower()]
    assert len(report["next_techniques"]["rows"]) == 8
    assert ("device", truth["device"]) in {(one["kind"], one["name"]) for one in report["graph"]["nodes"]}


def test_report_of_the_registry_change(visitor: Visitor, registry: Story) -> None:
    report = report_of(visitor, 2)

    assert "Nothing explains it" in " ".join(report["summary"])
    assert {one["name"] for one in report["devices"]["rows"]} == {registry.truth["device"]}
    assert registry.truth["transfer_host"] in json.dumps(report["facts"])
    assert impact_of(report, "Copied to removable media")["value"] == "unknown"


def test_report_of_the_usb_drive(visitor: Visitor, usb: Story) -> None:
    report, truth = report_of(visitor, 3), usb.truth
    copied = impact_of(report, "Copied to removable media")

    assert (report["restricted"], report["covert"]) == (True, True)
    assert (copied["amount"], copied["confidence"]) == (pytest.approx(truth["bytes_copied"], rel=0.01), "high")
    assert impact_of(report, f"Taken from {truth['server']}")["amount"] == pytest.approx(
        truth["server_read_days"][0], rel=0.05
    )
    assert "T1052.001" in {one["id"] for one in report["adversary"]["techniques"]}
    assert impact_of(report, "Sent to the addresses of the case")["value"] == "unknown"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_nobody_of_the_company_is_left_in_a_report_with_pseudonyms(visitor: Visitor, company: Row, number: int) -> None:
    page = visitor.read(f"/cases/CASE-{number}/report/?pseudonymised=1")
    article = unescape(page[page.index("<article") : page.index("</article>")])
    plain = visitor.read(f"/cases/CASE-{number}/report.json")

    for text in (article, visitor.read(f"/cases/CASE-{number}/report.json?pseudonymised=1")):
        for person in company["people"]:
            told = [person["login"], person["upn"], person["sid"], *person["name"].split()]
            assert [one for one in told if re.search(rf"(?<![^\W_]){re.escape(one)}(?![^\W_])", text, re.I)] == []
    assert any(person["login"] in plain for person in company["people"])


# --- the record of it -----------------------------------------------------------------------------------------------


def copy_of(tryout: Tryout, folder: Path) -> Path:
    """The database as it stands, while others write to it."""
    folder.mkdir(exist_ok=True)
    source = sqlite3.connect(f"file:{tryout.data}/nightdesk.sqlite3?mode=ro", uri=True)
    with closing(source), closing(sqlite3.connect(folder / "nightdesk.sqlite3")) as target:
        source.backup(target)
    return folder


def verify(tryout: Tryout, data: Path) -> subprocess.CompletedProcess[str]:
    return tryout.manage("verify_timeline", "--all", data=data)


def test_all_timelines_hold_and_a_row_changed_by_hand_is_named(tryout: Tryout, tmp_path: Path) -> None:
    data = copy_of(tryout, tmp_path / "copy")
    sound = verify(tryout, data)
    with closing(sqlite3.connect(data / "nightdesk.sqlite3")) as database, database:
        pk, seq = database.execute(
            "SELECT id, seq FROM cases_timelineentry WHERE case_id = 1 ORDER BY seq LIMIT 1 OFFSET 1"
        ).fetchone()
        database.execute("UPDATE cases_timelineentry SET text = text || '!' WHERE id = ?", [pk])
    changed = verify(tryout, data)

    assert sound.returncode == 0, sound.stdout
    assert "0 broken" in sound.stdout
    assert changed.returncode == 1
    assert f"CASE-1: entry {seq} (row {pk})" in changed.stdout
    assert "1 broken" in changed.stdout
