"""The simulation's public registers: RDAP answers, owner and city tables of addresses, one warning list."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any

from msgspec import json

from secops.practice.week.company import Company
from secops.practice.week.intel import HOSTER, NETWORKS, REGISTERED_DAYS
from secops.practice.week.leases import DAY
from secops.practice.week.log_files import stamp
from secops.practice.week.noise_machines import AGENT_SERVER, UPDATE_SERVER
from secops.practice.week.story_beacon import BAD_NAME
from secops.practice.week.story_registry import NAME as MIRROR_NAME

NETWORK_AGE_DAYS = {"203.0.113.0": 240, "198.51.100.0": 900}
DOMAIN_AGE_DAYS = {BAD_NAME: REGISTERED_DAYS, MIRROR_NAME: 212, UPDATE_SERVER[0]: 2900, AGENT_SERVER[0]: 3400}


def rdap_of(company: Company) -> dict[str, Any]:
    """RDAP objects: networks by their first address and prefix, domains by name."""
    return {
        "ip": {_prefix(row[0], row[1]): _network(company, row) for row in NETWORKS},
        "domain": {name: _domain(company, name, days) for name, days in DOMAIN_AGE_DAYS.items()},
    }


def _prefix(start: str, end: str) -> str:
    last = int(end.rsplit(".", 1)[1]) - int(start.rsplit(".", 1)[1])
    return f"{start}/{24 if last == 255 else 25}"


def _event(action: str, at: float) -> dict[str, str]:
    return {"eventAction": action, "eventDate": stamp(float(int(at)), 0).replace(".Z", "Z")}


def _entity(handle: str, role: str, name: str, mail: str) -> dict[str, Any]:
    return {
        "objectClassName": "entity",
        "handle": handle,
        "roles": [role],
        "vcardArray": [
            "vcard",
            [
                ["version", {}, "text", "4.0"],
                ["fn", {}, "text", name],
                ["kind", {}, "text", "org"],
                ["email", {}, "text", mail],
            ],
        ],
    }


def _network(company: Company, row: tuple[str, str, int, str, str, str]) -> dict[str, Any]:
    start, end, number, owner, country, _ = row
    mail = f"abuse@{owner.split()[0].lower()}.example"
    registered = company.anchor - NETWORK_AGE_DAYS.get(start, 2500) * DAY
    return {
        "objectClassName": "ip network",
        "handle": f"{start} - {end}",
        "startAddress": start,
        "endAddress": end,
        "ipVersion": "v4",
        "name": f"{owner.split()[0].upper()}-NET",
        "type": "ASSIGNED PA",
        "country": country,
        "status": ["active"],
        "events": [_event("registration", registered), _event("last changed", registered + 20 * DAY)],
        "entities": [
            _entity(f"ORG-{number}", "registrant", owner, mail),
            _entity(f"AR{number}", "abuse", f"{owner} abuse desk", mail),
        ],
        "arin_originas0_originautnums": [number],
    }


def _domain(company: Company, name: str, days: int) -> dict[str, Any]:
    registered = company.anchor - days * DAY
    is_bad = name == BAD_NAME
    return {
        "objectClassName": "domain",
        "handle": f"D{int(registered) % 10_000_000}-RANGE",
        "ldhName": name,
        "status": ["client transfer prohibited"],
        "events": [
            _event("registration", registered),
            _event("expiration", registered + 365 * DAY),
            _event("last changed", registered + 3600),
        ],
        "nameservers": [
            {"objectClassName": "nameserver", "ldhName": f"ns{number}.northern-names.example"} for number in (1, 2)
        ],
        "entities": [
            _entity("REG-77", "registrar", "Northern Names", "abuse@northern-names.example"),
            _entity(
                "HID-1" if is_bad else "ORG-1",
                "registrant",
                "Redacted for privacy" if is_bad else f"Owner of {name}",
                f"contact@{name}",
            ),
        ],
    }


def write_geo(folder: Path) -> None:
    """Owner and city of each outside network, one line each, in the usual CSV columns without a header."""
    folder.mkdir(parents=True, exist_ok=True)
    _csv(folder / "range-asn.csv", [[row[0], row[1], str(row[2]), row[3]] for row in NETWORKS])
    _csv(folder / "range-city.csv", [[row[0], row[1], row[4], row[5]] for row in NETWORKS])


def _csv(path: Path, rows: list[list[str]]) -> None:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def write_warning_list(folder: Path) -> None:
    """One list in the MISP format: ranges that belong to a hosting company."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "name": "Practice range: hosting providers",
        "description": f"Address ranges of hosting companies ({HOSTER}); anybody may rent a server there.",
        "version": 1,
        "type": "cidr",
        "matching_attributes": ["ip-src", "ip-dst", "domain|ip", "ip-src|port", "ip-dst|port"],
        "list": ["203.0.113.0/24"],
    }
    (folder / "list.json").write_bytes(json.format(json.encode(content), indent=2))
