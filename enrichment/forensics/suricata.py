"""What Suricata wrote of a packet capture (eve.json): alerts, files, and whom the device spoke to by name."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from msgspec import DecodeError
from msgspec.json import Decoder

from enrichment.forensics.image import Descriptor
from enrichment.forensics.names import leads_outside, tidy
from enrichment.forensics.notebook import Notebook
from enrichment.forensics.scanner import Rules

NAME, VERSION = "Suricata", ""
MOST_LINE = 2**20  # bytes of one record
MOST_DISTINCT = 20_000
SHOWN = 100
SEVERITIES = {1: "high", 2: "medium", 3: "low"}  # as Suricata counts them

type Row = dict[str, Any]


@dataclass(slots=True)
class Alert:
    """All alerts of one rule."""

    title: str
    category: str
    severity: str
    technique: str
    first: str
    ends: str
    count: int = 0


class Tool:
    def __init__(self, rules: Rules, notebook: Notebook) -> None:
        self._notes = notebook
        self._kinds: Counter[str] = Counter()
        self._alerts: dict[str, Alert] = {}
        self._files: dict[str, list[str]] = {}
        self._requests: Counter[tuple[str, str]] = Counter()
        self._broken = 0

    def run(self, file: Descriptor) -> Iterator[bytes]:
        decoder = Decoder(dict[str, Any])
        while line := file.readline(MOST_LINE):
            if self._notes.is_late:
                break
            try:
                self._take(decoder.decode(line))
            except (DecodeError, RecursionError, TypeError, ValueError, KeyError, AttributeError):
                self._broken += 1
        self._tell()
        return iter(())

    def _take(self, row: Row) -> None:
        kind = str(row["event_type"])[:40]
        self._kinds[kind] += 1
        at = _time(row.get("timestamp"))
        if kind == "alert":
            self._alert(row, row["alert"], at)
        elif kind == "fileinfo":
            self._file(row, row["fileinfo"], at)
        elif kind == "http":
            self._http(row, row["http"], at)
        elif kind == "tls":
            self._see_name(row["tls"].get("sni"), at, "TLS")
        elif kind == "dns" and row["dns"].get("type") in {"query", "request"}:
            for asked in [row["dns"], *row["dns"].get("queries", [])]:
                self._see_name(asked.get("rrname"), at, "DNS")

    def _alert(self, row: Row, said: Row, at: str | None) -> None:
        rule = f"{int(said.get('gid', 1))}:{int(said['signature_id'])}"
        found = self._alerts.get(rule)
        if found is None and len(self._alerts) < MOST_DISTINCT:
            technique = (said.get("metadata") or {}).get("mitre_technique_id") or [""]
            found = self._alerts[rule] = Alert(
                title=str(said.get("signature") or f"rule {rule}"),
                category=str(said.get("category") or ""),
                severity=SEVERITIES.get(int(said.get("severity", 0)), "unknown"),
                technique=str(technique[0] if isinstance(technique, list) else technique),
                first=at or "",
                ends=_ends(row),
            )
        if found:
            found.count += 1
        self._see_address(row, at, f"alert {rule}")

    def _see_address(self, row: Row, at: str | None, how: str) -> None:
        """Of the two ends, the one outside; two of them are both seen."""
        for key in ("src_ip", "dest_ip"):
            address = ip_address(str(row.get(key)))
            if address.is_global:
                self._notes.see("ip", str(address), "destination", at=at, how=how)

    def _file(self, row: Row, said: Row, at: str | None) -> None:
        sha256 = str(said.get("sha256") or "")
        name = str(said.get("filename") or "no name")
        size = int(said.get("size", 0))
        if len(self._files) < MOST_DISTINCT:
            state = "whole" if said.get("state") == "CLOSED" else "cut off"
            self._files.setdefault(sha256 or f"{name} {size}", [name, f"{size:,}", state, sha256, _ends(row), at or ""])
        if sha256 and said.get("state") == "CLOSED":  # of what was cut off, the hash says nothing
            self._notes.see("hash_sha256", sha256, "file", at=at, how="HTTP")

    def _http(self, row: Row, said: Row, at: str | None) -> None:
        host = str(said.get("hostname") or "")
        self._see_name(host, at, "HTTP")
        key = (host, f"{said.get('http_method', '')} {said.get('url', '')}"[:400])
        if key in self._requests or len(self._requests) < MOST_DISTINCT:
            self._requests[key] += 1

    def _see_name(self, value: object, at: str | None, how: str) -> None:
        name = tidy(str(value or ""))
        if leads_outside(name):
            self._notes.see("domain", name, "destination", at=at, how=how)

    def _tell(self) -> None:
        count = sum(one.count for one in self._alerts.values())
        self._notes.fact("Alerts", f"{count:,} of {len(self._alerts):,} rules")
        self._notes.fact("Records", f"{sum(self._kinds.values()):,}")
        if self._broken:
            self._notes.limit(f"{self._broken:,} records of Suricata could not be read.")
        ordered = sorted(self._alerts.items(), key=lambda one: (one[1].first, one[0]))
        for rule, one in ordered:
            times = f"{one.count:,} time{'s' if one.count != 1 else ''}"
            why = [one.technique] if one.technique else []
            details = f"rule {rule}, severity {one.severity}, {times}; first {one.ends}; {one.category}".rstrip("; ")
            self._notes.note(one.title, ["Suricata alert", *why], at=one.first or None, details=details)
            self._notes.event(one.first or None, f"Suricata: {one.title} (rule {rule}), {one.ends}, {times}")
        self._notes.table("Files in the packets", ["Name", "Bytes", "", "SHA-256", "From, to", "First"], self._listed())
        rows = [[host, request, f"{n:,}"] for (host, request), n in self._requests.most_common(SHOWN)]
        self._notes.table("HTTP requests", ["Host", "Request", "Times"], rows)
        kinds = [[kind, f"{n:,}"] for kind, n in self._kinds.most_common(20)]
        self._notes.table("Kinds of records", ["Kind", "Records"], kinds)

    def _listed(self) -> list[list[str]]:
        return list(self._files.values())[:SHOWN]


def _ends(row: Row) -> str:
    ports = [f":{row[key]}" if isinstance(row.get(key), int) else "" for key in ("src_port", "dest_port")]
    return f"{row.get('src_ip', '?')}{ports[0]} to {row.get('dest_ip', '?')}{ports[1]}"


def _time(value: object) -> str | None:
    """As a report writes a time; Suricata's own has microseconds and an offset without a colon."""
    try:
        at = datetime.fromisoformat(str(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
