"""Write the whole simulation: the company, a week of logs with four stories in them, ninety days of file use, the
alerts, and the truth."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import json

from secops.practice.week import story_beacon, story_files, story_registry, story_system, story_usb
from secops.practice.week.alerts import beacon_alert_at, story_alerts
from secops.practice.week.company import build
from secops.practice.week.company_file import company_document
from secops.practice.week.desktops import Desktops
from secops.practice.week.endpoint_logs import endpoint_events
from secops.practice.week.eve_logs import write_eve
from secops.practice.week.file_logs import write_file_logs
from secops.practice.week.hunting_rows import write_tables
from secops.practice.week.hygiene import patches_of, software_of
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import write_json_days
from secops.practice.week.network_logs import write_network_logs
from secops.practice.week.noise_alerts import noise_alerts
from secops.practice.week.noise_changes import machines_change
from secops.practice.week.noise_machines import machines_run
from secops.practice.week.noise_people import people_at_work
from secops.practice.week.presence import sessions_of
from secops.practice.week.quarter import people_used_files
from secops.practice.week.registrations import write_geo, write_warning_list
from secops.practice.week.truth import truth_of


def write(folder: Path, *, anchor: datetime, seed: int = 7) -> None:
    """Write FOLDER/practice/ and FOLDER/logs/; the logs end at `anchor` (aware). The same anchor and seed give
    the same bytes. ValueError for an anchor without a zone."""
    if anchor.tzinfo is None:
        raise ValueError("The anchor needs a time zone.")
    company = build(anchor.astimezone(UTC).replace(microsecond=0), seed)
    ledger = Ledger(company)
    desktops = Desktops(ledger)
    sessions = sessions_of(company)
    patches = patches_of(company, sessions)
    desktops.switch_on(sessions)
    people_at_work(ledger, desktops)
    machines_run(ledger, desktops)
    machines_change(ledger, desktops, patches)
    people_used_files(ledger)
    for story in (story_beacon, story_registry, story_usb, story_files, story_system):
        story.tell(ledger, desktops)
    software = software_of(company, ledger.installs)

    practice, logs = folder / "practice", folder / "logs"
    events = endpoint_events(ledger)
    alerts, noise = story_alerts(ledger, events), noise_alerts(ledger, events)
    write_network_logs(logs / "zeek", ledger)
    write_json_days(logs / "sysmon", "events", "ndjson", events, company.anchor)
    eve = [(beacon_alert_at(ledger), alerts["1-bad-address.json"])]
    eve.extend(entry for entry in noise.values() if entry[1].get("event_type") == "alert")
    write_file_logs(logs, ledger)
    write_json_days(logs / "inventory", "files", "ndjson", story_system.inventory(ledger), company.anchor)
    write_eve(logs / "suricata", ledger, [row for _, row in eve], [at for at, _ in eve])
    write_tables(practice / "tables", ledger, sessions, patches, software)
    for name, alert in (alerts | {name: row for name, (_, row) in noise.items()}).items():
        _document(practice / "alerts" / name, alert)
    write_geo(practice / "geo")
    write_warning_list(practice / "warninglists" / "hosting")
    _document(practice / "truth.json", truth_of(ledger, patches, software))
    # Last, because a reader takes its presence for the range being ready.
    _document(practice / "company.json", company_document(company, ledger.renewals, patches, software))


def _document(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.format(json.encode(content), indent=1) + b"\n")


def main() -> None:
    """Command line: a folder, and optionally the moment at which the logs end."""
    parser = argparse.ArgumentParser(description=write.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--anchor", type=datetime.fromisoformat, help="RFC 3339, default now")
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    write(chosen.folder, anchor=chosen.anchor or datetime.now(UTC), seed=chosen.seed)


if __name__ == "__main__":
    main()
