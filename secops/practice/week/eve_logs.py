"""The simulated network detector: Suricata EVE alerts and flow records, from the same connections as Zeek's."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from secops.practice.week.facts import Flow
from secops.practice.week.leases import DAY
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import Row, Timed, stamp, write_json_days

SENSOR = "sensor-lis-1"


def eve_time(at: float) -> str:
    """As Suricata writes it: no colon in the offset."""
    return stamp(at).replace("Z", "+0000")


def write_eve(folder: Path, ledger: Ledger, alerts: list[Row], times: list[float]) -> None:
    """Alerts of any time, and flow records of the last day for connections with the outside."""
    rows: list[Timed] = [*zip(times, alerts, strict=True), *_flows(ledger)]
    write_json_days(folder, "eve", "json", rows, ledger.company.anchor)


def _base(flow: Flow, at: float, kind: str) -> dict[str, Any]:
    return {
        "timestamp": eve_time(at),
        "flow_id": int(sha256(flow.uid.encode()).hexdigest()[:13], 16),
        "in_iface": "ens5f0",
        "event_type": kind,
        "src_ip": flow.origin,
        "src_port": flow.port,
        "dest_ip": flow.peer,
        "dest_port": flow.peer_port,
        "proto": flow.proto.upper(),
        "host": SENSOR,
    }


def _application(flow: Flow) -> str:
    names = {"ssl": "tls", "http": "http", "dns": "dns", "ntp": "ntp", "rdp": "rdp"}
    return names.get(flow.service, "smb" if "smb" in flow.service else "failed")


def _counts(flow: Flow) -> dict[str, Any]:
    out, into = flow.bytes_out // 1380 + 5, flow.bytes_in // 1380 + 4
    return {
        "pkts_toserver": out,
        "pkts_toclient": into,
        "bytes_toserver": flow.bytes_out + out * 54,
        "bytes_toclient": flow.bytes_in + into * 54,
        "start": eve_time(flow.at),
    }


def eve_alert(flow: Flow, signature: dict[str, Any], at: float) -> Row:
    """An alert on a connection; the byte counts are those of its first packets."""
    row = _base(flow, at, "alert") | {
        "pkt_src": "wire/pcap",
        "tx_id": 0,
        "alert": signature,
        "app_proto": _application(flow),
        "direction": "to_server",
        "flow": {
            "pkts_toserver": 4,
            "pkts_toclient": 3,
            "bytes_toserver": 741,
            "bytes_toclient": 320,
            "start": eve_time(flow.at),
            "src_ip": flow.origin,
            "dest_ip": flow.peer,
            "src_port": flow.port,
            "dest_port": flow.peer_port,
        },
    }
    if flow.service == "ssl":
        row["tls"] = {"sni": flow.name, "version": "TLS 1.3"}
    if flow.web:
        row["http"] = {
            "hostname": flow.name,
            "url": flow.web.uri,
            "http_method": flow.web.method,
            "http_user_agent": flow.web.agent,
            "protocol": "HTTP/1.1",
            "status": flow.web.status,
        }
    return row


def _flows(ledger: Ledger) -> Iterator[Timed]:
    for flow in ledger.flows:
        if flow.at < ledger.company.anchor - DAY or flow.peer.startswith("10."):
            continue
        at = flow.at + flow.seconds + 0.5
        if at < ledger.company.anchor:
            state = {"state": "closed", "reason": "timeout", "age": int(flow.seconds), "alerted": False}
            flow_part = _counts(flow) | {"end": eve_time(flow.at + flow.seconds)} | state
            yield at, _base(flow, at, "flow") | {"app_proto": _application(flow), "flow": flow_part}
