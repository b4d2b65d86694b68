"""The simulated sensor's view of the ledger: Zeek logs as JSON lines or tab-separated, older days compressed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from secops.practice.week.company import CONTROLLERS, DOMAIN
from secops.practice.week.facts import Flow
from secops.practice.week.leases import LIFETIME
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import Timed, write_json_days, write_tsv_days
from secops.practice.week.zeek_fields import DHCP_FIELDS, FILES_FIELDS, HTTP_FIELDS, SSL_FIELDS

HTTP_HEADERS = 310


def write_network_logs(folder: Path, ledger: Ledger) -> None:
    """conn, dns, smb_files and smb_mapping as JSON lines; http, ssl, files and dhcp tab-separated."""
    anchor = ledger.company.anchor
    write_json_days(folder, "conn", "log", [(flow.at, _conn(flow, anchor)) for flow in ledger.flows], anchor)
    write_json_days(folder, "dns", "log", list(_dns(ledger)), anchor)
    write_json_days(folder, "smb_files", "log", list(_smb_files(ledger)), anchor)
    write_json_days(folder, "smb_mapping", "log", list(_smb_mappings(ledger)), anchor)
    write_tsv_days(folder, "http", HTTP_FIELDS, list(_http(ledger)), anchor)
    write_tsv_days(folder, "files", FILES_FIELDS, list(_files(ledger)), anchor)
    write_tsv_days(folder, "ssl", SSL_FIELDS, list(_ssl(ledger)), anchor)
    write_tsv_days(folder, "dhcp", DHCP_FIELDS, list(_dhcp(ledger)), anchor)


def _key(at: float, flow: Flow) -> dict[str, Any]:
    return {
        "ts": at,
        "uid": flow.uid,
        "id.orig_h": flow.origin,
        "id.orig_p": flow.port,
        "id.resp_h": flow.peer,
        "id.resp_p": flow.peer_port,
    }


def _is_local(address: str) -> bool:
    return address.startswith("10.20.")


def _history(flow: Flow) -> str:
    if flow.proto == "udp":
        return "Dd"
    return "Sr" if flow.state == "REJ" else "ShADadFf"


def _packets(size: int, proto: str, state: str) -> int:
    if state == "REJ":
        return 1
    return -(-size // 1380) + (1 if proto == "udp" else 4)


def _conn(flow: Flow, anchor: float) -> dict[str, Any]:
    out, into = (_packets(size, flow.proto, flow.state) for size in (flow.bytes_out, flow.bytes_in))
    head = 28 if flow.proto == "udp" else 40
    row = _key(flow.at, flow) | {"proto": flow.proto}
    if flow.service:
        row["service"] = flow.service
    return row | {
        "duration": round(min(flow.seconds, anchor - flow.at), 6),
        "orig_bytes": flow.bytes_out,
        "resp_bytes": flow.bytes_in,
        "conn_state": flow.state,
        "local_orig": True,
        "local_resp": _is_local(flow.peer),
        "missed_bytes": 0,
        "history": _history(flow),
        "orig_pkts": out,
        "orig_ip_bytes": flow.bytes_out + out * head,
        "resp_pkts": into,
        "resp_ip_bytes": flow.bytes_in + into * head,
        "ip_proto": 17 if flow.proto == "udp" else 6,
    }


def _dns(ledger: Ledger) -> Iterator[Timed]:
    for query in ledger.queries:
        row = _key(query.at, query.flow) | {
            "proto": "udp",
            "trans_id": query.number,
            "rtt": 0.004,
            "query": query.name,
            "qclass": 1,
            "qclass_name": "C_INTERNET",
            "qtype": 1,
            "qtype_name": "A",
            "rcode": 0 if query.answers else 3,
            "rcode_name": "NOERROR" if query.answers else "NXDOMAIN",
            "AA": query.name.endswith(DOMAIN),
            "TC": False,
            "RD": True,
            "RA": True,
            "Z": 0,
            "rejected": False,
        }
        if query.answers:
            row |= {"answers": list(query.answers), "TTLs": [300.0] * len(query.answers)}
        yield query.at, row


def _fuid(flow: Flow) -> str:
    return "F" + flow.uid[1:]


def _http(ledger: Ledger) -> Iterator[Timed]:
    for flow in ledger.flows:
        web = flow.web
        if web is None:
            continue
        at = round(flow.at + 0.021, 6)
        yield (
            at,
            _key(at, flow)
            | {
                "trans_depth": 1,
                "method": web.method,
                "host": flow.name,
                "uri": web.uri,
                "referrer": web.referrer,
                "version": "1.1",
                "user_agent": web.agent,
                "request_body_len": 0,
                "response_body_len": _body(flow),
                "status_code": web.status,
                "status_msg": "OK",
                "tags": [],
                "resp_fuids": [_fuid(flow)],
                "resp_filenames": [web.filename] if web.filename else None,
                "resp_mime_types": [web.content_type],
            },
        )


def _body(flow: Flow) -> int:
    return flow.bytes_in - (342 if flow.web and flow.web.filename else HTTP_HEADERS)


def _files(ledger: Ledger) -> Iterator[Timed]:
    for flow in ledger.flows:
        web = flow.web
        if web is None:
            continue
        at = round(flow.at + 0.034, 6)
        yield (
            at,
            _key(at, flow)
            | {
                "fuid": _fuid(flow),
                "source": "HTTP",
                "depth": 0,
                "analyzers": [],
                "mime_type": web.content_type,
                "filename": web.filename,
                "duration": flow.seconds,
                "local_orig": _is_local(flow.peer),
                "is_orig": False,
                "seen_bytes": _body(flow),
                "total_bytes": _body(flow),
                "missing_bytes": 0,
                "overflow_bytes": 0,
                "timedout": False,
            },
        )


def _ssl(ledger: Ledger) -> Iterator[Timed]:
    for flow in ledger.flows:
        if flow.service == "ssl":
            at = round(flow.at + 0.018, 6)
            yield (
                at,
                _key(at, flow)
                | {
                    "version": "TLSv13",
                    "cipher": "TLS_AES_256_GCM_SHA384",
                    "curve": "x25519",
                    "server_name": flow.name,
                    "resumed": False,
                    "next_protocol": None if flow.peer.startswith("203.") else "h2",
                    "established": True,
                    "ssl_history": "CsiI",
                },
            )


def _smb_files(ledger: Ledger) -> Iterator[Timed]:
    for read in ledger.reads:
        yield (
            read.at,
            _key(read.at, read.flow)
            | {
                "fuid": "F" + read.flow.uid[1:],
                "action": "SMB::FILE_OPEN",
                "path": read.share,
                "name": read.path,
                "size": read.size,
                "times.modified": round(read.at - 9e5, 6),
                "times.accessed": read.at,
                "times.created": round(read.at - 9e6, 6),
                "times.changed": round(read.at - 9e5, 6),
            },
        )


def _smb_mappings(ledger: Ledger) -> Iterator[Timed]:
    seen = set()
    for read in ledger.reads:
        if read.flow.uid not in seen:
            seen.add(read.flow.uid)
            at = round(read.flow.at + 0.2, 6)
            yield at, _key(at, read.flow) | {"path": read.share, "share_type": "DISK"}


def _dhcp(ledger: Ledger) -> Iterator[Timed]:
    for renewal in ledger.renewals:
        if not ledger.covers(renewal.at):
            continue
        device = ledger.company.devices[renewal.device]
        yield (
            renewal.at,
            {
                "ts": renewal.at,
                "uids": [f"D{int(renewal.at):x}{device.mac[-5:].replace(':', '')}"],
                "client_addr": renewal.address,
                "server_addr": CONTROLLERS[device.site],
                "mac": device.mac,
                "host_name": device.name,
                "client_fqdn": device.fqdn,
                "domain": DOMAIN,
                "requested_addr": renewal.address,
                "assigned_addr": renewal.address,
                "lease_time": float(LIFETIME),
                "msg_types": ["REQUEST", "ACK"],
                "duration": 0.012,
            },
        )
