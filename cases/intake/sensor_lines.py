"""Lines of sensors that write no key to their values: alerts of Snort, and threat logs of PAN-OS."""

import csv
import re
from typing import Any

MAX_LINE = 65_536

_FAST = re.compile(
    r"\[(?P<gid>\d{1,10}):(?P<sid>\d{1,10}):(?P<rev>\d{1,10})\] (?P<msg>.{1,1000}?)\s{1,4}(?:\[\*\*\] )?"
    r"(?:\[Classification: (?P<class>[^\]]{1,200})\] )?\[Priority: (?P<priority>\d{1,3})\]:? "
    r"\{(?P<proto>[^}]{1,20})\} (?P<src_ap>\S{1,60}) -> (?P<dst_ap>\S{1,60})"
)
_STAMP = re.compile(r"\d\d/\d\d(?:/\d{2,4})?-\d\d:\d\d:\d\d\.\d{1,6}")
_SNORT_CSV = (
    *("timestamp", "gid", "sid", "rev", "msg", "proto", "src_addr", "src_port", "dst_addr", "dst_port"),
    *("eth_src", "eth_dst"),
)
_PANOS = re.compile(r"(?:^|[ >])\d,\d{4}/\d\d/\d\d \d\d:\d\d:\d\d,[0-9A-Za-z]{0,20},(?:THREAT|TRAFFIC),")
_PANOS_THREAT = {
    1: "receive_time",
    2: "serial",
    3: "type",
    4: "subtype",
    6: "time_generated",
    7: "src",
    8: "dst",
    11: "rule",
    12: "srcuser",
    13: "dstuser",
    14: "app",
    15: "vsys",
    22: "sessionid",
    23: "repeatcnt",
    24: "sport",
    25: "dport",
    29: "proto",
    30: "action",
    31: "misc",
    32: "threatid",
    33: "category",
    34: "severity",
    35: "direction",
    36: "seqno",
    43: "filedigest",
    46: "user_agent",
    50: "sender",
    51: "subject",
    52: "recipient",
    59: "device_name",
}


def read_sensor_line(line: str) -> dict[str, Any]:
    """The values by the names that Snort 3 and PAN-OS give them, with `format` snort or panos; {} for all else."""
    if len(line) > MAX_LINE:
        return {}
    stamp = _STAMP.match(line)
    if found := _FAST.search(line, 0, 2048):
        named = {key: value for key, value in found.groupdict().items() if value}
        return {"format": "snort", **named, **({"timestamp": stamp.group()} if stamp else {})}
    if stamp:
        cells = _cells(line)
        is_alert = len(cells) >= len(_SNORT_CSV) and all(cell.isdigit() for cell in cells[1:4])
        return {"format": "snort", **dict(zip(_SNORT_CSV, cells, strict=False))} if is_alert else {}
    if begin := _PANOS.search(line, 0, 512):
        cells = _cells(line[begin.start() :].lstrip(" >"))
        return {
            "format": "panos",
            **{name: cells[place] for place, name in _PANOS_THREAT.items() if place < len(cells)},
        }
    return {}


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line.replace("\x00", "")]), [])]
    except csv.Error:
        return []
