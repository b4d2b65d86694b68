"""Small invented logs in the forms that sensors and shippers write."""

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
CONN_FIELDS = (
    *("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration"),
    *("orig_bytes", "resp_bytes", "conn_state", "new_column"),
)


def before(**span: float) -> datetime:
    """So long before noon of the test day."""
    return NOON - timedelta(**span)


def conn(at: datetime | float, orig: str, resp: str, port: int = 443, **more: Any) -> dict[str, Any]:
    """One connection as Zeek has it; `out` and `back` are its bytes."""
    ts = at if isinstance(at, float) else at.timestamp()
    out, back = more.pop("out", 1000), more.pop("back", 2000)
    row = {"ts": ts, "uid": f"C{ts}{orig}{port}", "id.orig_h": orig, "id.orig_p": 50_000, "id.resp_h": resp}
    row |= {"id.resp_p": port, "proto": "tcp", "duration": 1.5, "orig_bytes": out, "resp_bytes": back}
    return row | {"conn_state": "SF"} | more


def ends(at: datetime, orig: str, resp: str, port: int) -> dict[str, Any]:
    """What every Zeek stream has of a connection."""
    row = conn(at, orig, resp, port)
    return {name: row[name] for name in ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")}


def lease(at: datetime, address: str, mac: str, name: str, seconds: int = 86_400) -> dict[str, Any]:
    return {
        **{"ts": at.timestamp(), "mac": mac, "host_name": name, "assigned_addr": address},
        **{"lease_time": seconds, "msg_types": ["REQUEST", "ACK"]},
    }


def sysmon(at: datetime, number: int, device: str = "FIN-01.corp.example", **data: Any) -> dict[str, Any]:
    """An event in the nested shape of XML turned JSON."""
    system = {"EventID": number, "Computer": device, "Provider": {"Name": "Microsoft-Windows-Sysmon"}}
    return {"Event": {"System": system, "EventData": {"UtcTime": at.strftime("%Y-%m-%d %H:%M:%S.%f"), **data}}}


def security(at: datetime, number: int, device: str = "FIN-01", **data: Any) -> dict[str, Any]:
    """An event in the flat shape."""
    return {"EventID": number, "Hostname": device, "TimeCreated": at.isoformat(), "Channel": "Security", **data}


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]], half: str = "") -> Path:
    """JSON lines, gzipped when the name says so; `half` is what the writer had begun."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = ("".join(json.dumps(row) + "\n" for row in rows) + half).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def write_table(
    path: Path, stream: str, fields: Iterable[str], rows: Iterable[Mapping[str, Any]], half: str = ""
) -> Path:
    """Zeek's tab-separated form with its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(fields)
    head = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", f"#path\t{stream}"]
    head += ["#open\t2026-03-10-00-00-00", "\t".join(["#fields", *names]), "\t".join(["#types", *names])]
    lines = ["\t".join(str(row.get(name, "-")) for name in names) for row in rows]
    path.write_text("\n".join([*head, *lines]) + "\n" + half)
    return path
