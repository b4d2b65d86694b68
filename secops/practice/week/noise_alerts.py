"""Eight ordinary alerts of the simulation that must convict nobody: EVE, Wazuh and Windows."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from secops.practice.week.eve_logs import eve_alert
from secops.practice.week.facts import Flow
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import Row, Timed
from secops.practice.week.noise_machines import MISTYPED_BEFORE, UPDATE_SERVER


def _signature(number: int, text: str, category: str, severity: int, level: str) -> dict[str, Any]:
    return {
        "action": "allowed",
        "gid": 1,
        "signature_id": number,
        "rev": 2,
        "signature": text,
        "category": category,
        "severity": severity,
        "metadata": {"signature_severity": [level], "deployment": ["Perimeter"]},
    }


def noise_alerts(ledger: Ledger, events: list[Timed]) -> dict[str, tuple[float, Row]]:
    """File names with the time and the alert."""
    found = [*_network(ledger), *_host(ledger), *_windows(events)]
    return {f"noise-{number}.json": entry for number, entry in enumerate(found, start=1)}


def _last_flow(ledger: Ledger, is_wanted: Callable[[Flow], bool]) -> Flow:
    limit = ledger.company.anchor - 120
    wanted = [flow for flow in ledger.flows if flow.at < limit and is_wanted(flow)]
    return max(wanted, key=lambda flow: flow.at)


def _network(ledger: Ledger) -> list[tuple[float, Row]]:
    picks = (
        (
            lambda flow: flow.peer == UPDATE_SERVER[1] and flow.device != "FIN-LT-0142",
            _signature(4300021, "RANGE INFO Periodic update check over TLS", "Misc activity", 3, "Informational"),
        ),
        (
            lambda flow: flow.web is not None and flow.peer == "192.0.2.41",
            _signature(4300044, "RANGE POLICY Cabinet file download over HTTP", "Potentially Bad Traffic", 2, "Minor"),
        ),
        (
            lambda flow: flow.name == "ads.brightpixel.example",
            _signature(4300052, "RANGE INFO Advertising network in TLS SNI", "Misc activity", 3, "Informational"),
        ),
    )
    rows = []
    for is_wanted, signature in picks:
        flow = _last_flow(ledger, is_wanted)
        rows.append((flow.at + 0.04, eve_alert(flow, signature, flow.at + 0.04)))
    return rows


def _host(ledger: Ledger) -> list[tuple[float, Row]]:
    anchor = ledger.company.anchor
    server = ledger.company.devices["FS-LIS-01"]
    changed = _wazuh(anchor - 1260, 7, "550", "Integrity checksum changed.", "014", server.name, server.ip) | {
        "syscheck": {
            "path": "d:\\software\\catalogue.xml",
            "mode": "realtime",
            "event": "modified",
            "size_after": "48211",
            "sha256_after": "8c" * 32,
            "uname_after": "SYSTEM",
            "changed_attributes": ["size", "sha256"],
        },
        "location": "syscheck",
        "decoder": {"name": "syscheck_integrity_changed"},
    }
    controller = ledger.company.devices["DC-LIS-01"]
    failed = _wazuh(
        anchor - MISTYPED_BEFORE,
        5,
        "60122",
        "Logon failure - Unknown user or bad password.",
        "011",
        controller.name,
        controller.ip,
    )
    person = ledger.company.people["e.adeyemi"]
    failed |= {
        "data": {
            "win": {
                "system": {
                    "providerName": "Microsoft-Windows-Security-Auditing",
                    "eventID": "4625",
                    "channel": "Security",
                    "computer": controller.fqdn,
                    "severityValue": "AUDIT_FAILURE",
                },
                "eventdata": {
                    "targetUserName": person.login,
                    "targetDomainName": "BRIGHTWATER",
                    "logonType": "3",
                    "ipAddress": ledger.company.address("SAL-LT-0079", anchor - MISTYPED_BEFORE),
                    "subStatus": "0xc000006a",
                    "workstationName": "SAL-LT-0079",
                },
            }
        },
        "location": "EventChannel",
        "decoder": {"name": "windows_eventchannel"},
    }
    return [(anchor - 1260, changed), (anchor - MISTYPED_BEFORE, failed)]


def _wazuh(at: float, level: int, number: str, text: str, agent: str, name: str, address: str) -> dict[str, Any]:
    time = datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    return {
        "timestamp": time,
        "rule": {
            "level": level,
            "description": text,
            "id": number,
            "firedtimes": 1,
            "mail": False,
            "groups": ["windows"] if number == "60122" else ["ossec", "syscheck"],
            "mitre": {"id": ["T1531"], "tactic": ["Impact"], "technique": ["Account Access Removal"]}
            if number == "60122"
            else {"id": ["T1565.001"], "tactic": ["Impact"], "technique": ["Stored Data Manipulation"]},
        },
        "agent": {"id": agent, "name": name, "ip": address},
        "manager": {"name": "siem-lis-1"},
        "id": f"{int(at)}.{int(at) % 900_000 + 100_000}",
    }


def _windows(events: list[Timed]) -> list[tuple[float, Row]]:
    """The explained autostart, the last known stick and the last mistyped password, from the devices' own logs."""
    return [
        _last_event(events, lambda number, data: number == 13 and data["TargetObject"].endswith("\\StowageLabels")),
        _last_event(events, lambda number, data: number == 6416 and "BW7F31A90C55E2" not in data["DeviceId"]),
        _last_event(events, lambda number, data: number == 4625 and data["LogonType"] == "2"),
    ]


def _last_event(events: list[Timed], is_wanted: Callable[[int, dict[str, Any]], bool]) -> tuple[float, Row]:
    return [(at, row) for at, row in events if is_wanted(row["Event"]["System"]["EventID"], row["Event"]["EventData"])][
        -1
    ]
