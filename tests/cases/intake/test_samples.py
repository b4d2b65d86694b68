"""The detectors against real samples beside the repository, by a reading of our own that uses none of their code."""

import json
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read_with
from cases.intake.split import stream

SAMPLES = Path(__file__).parents[3] / "../shared/data/alerts"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
PRIVATE = [ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="no samples beside the repository")


def _read_folder(slug, choice):
    """(raw object, alert) for each alert, and the texts that were rejected."""
    pairs, rejected = [], []
    for path in sorted((SAMPLES / slug).iterdir()):
        with path.open("rb") as file:
            for message in stream(file):
                try:
                    ((detector, alert),) = read_with(message, choice, NOW)
                except RejectedError:
                    rejected.append((path.name, message.body))
                except IgnoredError:
                    assert json.loads(message.body)["event_type"] != "alert"
                else:
                    assert detector.slug == slug
                    pairs.append((json.loads(message.body), alert))
    return pairs, rejected


def _moment(text):
    date, _, fraction = text.rstrip("Z").partition("+")[0].partition(".")
    zone = text[-5:] if text[-5] in "+-" else "+0000"
    whole = datetime.strptime(f"{date}{zone}", "%Y-%m-%dT%H:%M:%S%z")
    return whole.astimezone(UTC).replace(microsecond=int((fraction + "000000")[:6]))


def _address(text):
    """One generated sample says 24.273.97.14, which is no address."""
    return text if all(int(part) < 256 for part in text.split(".")) else ""


def _is_private(text):
    return any(ip_address(text) in network for network in PRIVATE)


@pytest.mark.parametrize("choice", ["suricata", "auto"])
def test_suricata(choice):
    pairs, rejected = _read_folder("suricata", choice)

    assert rejected == [("broken.txt", b'{"timestamp":"2017-03-06T06:54:10')]
    assert len(pairs) > 100
    for raw, alert in pairs:
        assert alert.title == raw["alert"]["signature"]
        assert alert.rule_id == f"{raw['alert']['gid']}:{raw['alert']['signature_id']}"
        assert alert.rule_version == str(raw["alert"]["rev"])
        assert alert.detected_at == _moment(raw["timestamp"])
        assert (alert.flow.src_ip, alert.flow.src_port) == (raw["src_ip"], raw["src_port"])
        assert (alert.flow.dst_ip, alert.flow.dst_port) == (raw["dest_ip"], raw["dest_port"])
        assert alert.flow.proto == raw["proto"].lower()
        inner = raw["src_ip"] if _is_private(raw["src_ip"]) else raw["dest_ip"]
        assert [device.address for device in alert.devices] == [inner]
    keys = {(raw["timestamp"], raw["flow_id"], raw["alert"]["signature_id"]) for raw, _ in pairs}
    assert len({alert.source_ref for _, alert in pairs}) == len(keys)


@pytest.mark.parametrize("choice", ["wazuh", "auto"])
def test_wazuh(choice):
    pairs, rejected = _read_folder("wazuh", choice)

    assert rejected == []
    assert len(pairs) == 19
    for raw, alert in pairs:
        assert alert.title == " ".join(raw["rule"]["description"].split())[:300] or alert.title.endswith("…")
        assert alert.rule_id == str(raw["rule"]["id"])
        assert alert.detected_at == _moment(raw["timestamp"])
        assert alert.source_ref.startswith(f"{raw['manager']['name']}/{raw['id']}/")
        if raw["agent"]["id"] == "000":
            assert all("localhost" not in device.name for device in alert.devices)
        else:
            assert alert.devices[0].agent_id == f"{raw['manager']['name']}/{raw['agent']['id']}"
            assert alert.devices[0].address == _address(raw["agent"]["ip"])
        techniques = (raw["rule"].get("mitre") or {}).get("id", [])
        assert {technique for technique, _ in alert.attack} == set(techniques)
        if "srcuser" in raw["data"]:
            assert raw["data"]["srcuser"] in [person.login for person in alert.people]
            assert (alert.flow.src_ip, alert.flow.src_port) == (raw["data"]["srcip"], int(raw["data"]["srcport"]))
        if "syscheck" in raw:
            assert raw["syscheck"]["path"] in [found.value for found in alert.observables]


@pytest.mark.parametrize("choice", ["windows-events", "auto"])
def test_windows_events(choice):
    pairs, rejected = _read_folder("windows-events", choice)

    assert rejected == []
    assert len(pairs) >= 25
    for raw, alert in pairs:
        system, data = raw["Event"]["System"], raw["Event"].get("EventData") or {}
        assert alert.title
        assert "{" not in alert.title
        assert alert.rule_id == f"{system['Provider']['#attributes']['Name']}:{system['EventID']}"
        assert alert.detected_at == _moment(system["TimeCreated"]["#attributes"]["SystemTime"])
        assert alert.source_ref == f"{system['Computer']}/{system['Channel']}/{system['EventRecordID']}"
        assert alert.devices[0].name == system["Computer"].split(".")[0]
        logins = [person.login for person in alert.people]
        for name in ("User", "SubjectUserName"):
            user = data.get(name, "-").rpartition("\\")[2].lower()
            assert user in {"-", "", "system"} or user.endswith("$") or user in logins
        values = [found.value for found in alert.observables]
        for name in ("TargetFilename", "CommandLine", "Image", "TargetImage"):
            assert data.get(name, "-") in {"-", ""} or data[name] in values
        for pair in data.get("Hashes", "").split(","):
            kind, _, digest = pair.partition("=")
            assert kind in {"", "IMPHASH"} or digest.lower() in values


@pytest.mark.parametrize("choice", ["microsoft-graph-alerts-v2", "auto"])
def test_microsoft_graph(choice):
    ((wrapped, alert),), rejected = _read_folder("microsoft-graph-alerts-v2", choice)
    raw = wrapped["value"][0]
    values = [found.value for found in alert.observables]

    assert rejected == []
    assert (alert.title, alert.rule_id, alert.source_ref) == (raw["title"], raw["detectorId"], raw["id"])
    assert alert.detected_at == _moment(raw["createdDateTime"])
    assert alert.first_seen_at == _moment(raw["firstActivityDateTime"])
    assert alert.devices[0].agent_id == raw["evidence"][0]["mdeDeviceId"]
    assert alert.devices[0].name == raw["evidence"][0]["deviceDnsName"]
    assert alert.people == ()  # SYSTEM is nobody
    assert alert.attack == (("T1564.001", ""),)
    assert raw["evidence"][1]["fileDetails"]["sha256"] in values
    assert "HKLM\\" + raw["evidence"][3]["registryKey"] in values
