"""The simulated devices' patches and software: what is installed since when, and what is missing."""

from dataclasses import dataclass

from secops.practice.week.company import Company, Device
from secops.practice.week.facts import Install
from secops.practice.week.leases import DAY
from secops.practice.week.presence import Session
from secops.practice.week.roster import EXTRA_SOFTWARE, SOFTWARE

BEHIND = {
    "FIN-LT-0142": 41.0,
    "OPS-LT-0034": 14.0,
    "HR-LT-0020": 10.0,
}  # days since the oldest missing patch; the last one came just before
PATCHED_AGO = {"ENG-WS-0210": 2.0}
# days since release, severity
RELEASES = (
    (69.0, "Critical"),
    (55.0, "Important"),
    (41.0, "Critical"),
    (34.0, "Important"),
    (27.0, "Important"),
    (20.0, "Critical"),
    (13.0, "Important"),
    (9.0, "Critical"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A security update; `installed_at` is None while it is missing. Times are epoch seconds."""

    kb: str
    name: str
    severity: str
    cve: str
    released_at: float
    installed_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A program on a device."""

    name: str
    version: str
    vendor: str
    installed_at: float


def patches_of(company: Company, sessions: list[Session]) -> dict[str, list[Patch]]:
    """Every device's updates of the last ten weeks, oldest first; a computer is patched while it is on."""
    return {
        device.name: _patches(
            company,
            device,
            [each for each in sessions if each.device == device.name and not device.is_always_on],
        )
        for device in company.devices.values()
        if device.has_agent
    }


def _while_on(company: Company, sessions: list[Session], at: float) -> float:
    """The time itself, or the end of the last session before it."""
    if at < company.start or not sessions:
        return at
    before = [each for each in sessions if each.start + 900 <= at]
    if not before:
        return sessions[0].start + 1500
    last = max(before, key=lambda each: each.start)
    return min(at, last.until(company.anchor) - 600)


def _patches(company: Company, device: Device, sessions: list[Session]) -> list[Patch]:
    random = company.random(f"patches:{device.name}")
    behind = BEHIND.get(device.name, 0.0)
    last = PATCHED_AGO.get(device.name, random.uniform(1.2, 4.0))
    patches = []
    for number, (age, severity) in enumerate(RELEASES):
        is_missing = age <= behind
        if number == len(RELEASES) - 1 or (behind and not is_missing and RELEASES[number + 1][0] <= behind):
            ago = behind + 0.2 if behind else last
        else:
            ago = age - random.uniform(1, 5)
        patches.append(
            Patch(
                kb=f"KB59{number:02d}{310 + 7 * number}",
                name=f"{severity} security update for {device.os} (round {number + 1})",
                severity=severity,
                cve=f"CVE-2026-99{100 + 13 * number}",
                released_at=company.anchor - age * DAY,
                installed_at=None if is_missing else _while_on(company, sessions, company.anchor - ago * DAY),
            )
        )
    return patches


def software_of(company: Company, installs: list[Install]) -> dict[str, list[Installed]]:
    """Every device's programs; those installed in the logged week with that time."""
    this_week = {(each.device, each.name): each.at for each in installs}
    found: dict[str, list[Installed]] = {}
    for device in company.devices.values():
        random = company.random(f"software:{device.name}")
        found[device.name] = [
            Installed(
                name=name,
                version=version,
                vendor=vendor,
                installed_at=this_week.get((device.name, name), company.anchor - random.uniform(40, 400) * DAY),
            )
            for group, name, version, vendor in SOFTWARE
            if device.has_agent and not device.is_server and group in ("", device.group)
        ]
    for device_name, name, version, vendor, days in EXTRA_SOFTWARE:
        at = this_week.get((device_name, name), company.anchor - days * DAY)
        found[device_name].append(Installed(name=name, version=version, vendor=vendor, installed_at=at))
    return found
