"""What changed on a device, read from Defender's event tables: installs, patches, persistence, tasks, drives."""

import re
from datetime import datetime

from secops.connectors import microsoft_events as events
from secops.connectors import microsoft_kql as kql
from secops.connectors.capabilities.devices import Change
from secops.connectors.capabilities.identity import Host
from secops.connectors.microsoft_hunting import HuntingQuestions
from secops.connectors.microsoft_kql import Row, word

MOST = 500
# Part of a registry key, lower case: what a value there means. First hit wins.
KEYS = (
    ("\\currentversion\\run", "autorun", "Starts at sign-in"),
    ("\\winlogon", "autorun", "Sign-in program"),
    ("\\image file execution options\\", "autorun", "Starts with another program"),
    ("\\currentversion\\uninstall\\", "install", "Installed"),
    ("\\component based servicing\\packages\\", "patch", "Patch installed"),
    ("\\windows defender\\exclusions", "config", "Antivirus exclusion"),
    ("\\services\\", "service", "Service"),
)
DEVICE_EVENTS = {
    "UsbDriveMounted": ("removable", "Removable drive mounted"),
    "ScheduledTaskCreated": ("task", "Scheduled task made"),
    "ScheduledTaskUpdated": ("task", "Scheduled task changed"),
    "ServiceInstalled": ("service", "Service installed"),
    "UserAccountCreated": ("account", "Account made"),
    "UserAccountAddedToLocalGroup": ("account", "Account added to a local group"),
    "AntivirusDetection": ("config", "Antivirus detection"),
    "TamperingAttempt": ("config", "Tampering with protection"),
}
PATCH = re.compile(r"KB\d{6,8}")
INSTALLERS = ("msiexec.exe", "winget.exe", "wusa.exe", "dism.exe")
PROGRAM_ENDINGS = (".exe", ".dll", ".msi", ".iso", ".ps1", ".vbs", ".js", ".lnk", ".bat", ".scr", ".sys")


class ChangeQuestions(HuntingQuestions):
    """Four queries, one per table."""

    def changes(self, host: Host, start: datetime, end: datetime) -> list[Change]:
        """Newest first."""
        if not (where := kql.on_device(host)):
            return []
        window = f"where {where} and {kql.within(start, end)}"
        newest = f"order by Timestamp desc | take {MOST}"
        actions = kql.texts(DEVICE_EVENTS)
        endings = " or ".join(f"FileName endswith {kql.text(ending)}" for ending in PROGRAM_ENDINGS)
        found: list[Change | None] = []
        for row in self.hunt(f"DeviceRegistryEvents | {window} | {newest}"):
            found.append(registry_change(row))
        for row in self.hunt(f"DeviceEvents | {window} and ActionType in {actions} | {newest}"):
            found.append(device_change(row))
        for row in self.hunt(f"DeviceProcessEvents | {window} and FileName in~ {kql.texts(INSTALLERS)} | {newest}"):
            found.append(installer_change(row))
        for row in self.hunt(f'DeviceFileEvents | {window} and ActionType == "FileCreated" and ({endings}) | {newest}'):
            found.append(file_change(row))
        changes = [change for change in found if change is not None]
        return sorted(changes, key=lambda change: change.at, reverse=True)[:MOST]


def registry_change(row: Row) -> Change | None:
    key, name = word(row, "RegistryKey"), word(row, "RegistryValueName")
    at = kql.time_of(row)
    if at is None or not key:
        return None
    lowered = key.lower() + "\\"
    kind, said = next(((kind, said) for part, kind, said in KEYS if part in lowered), ("registry", "Registry value"))
    if kind == "install" and name not in {"DisplayName", ""}:
        return None  # one line per installation, not one per value of its key
    value = word(row, "RegistryValueData")
    last = key.rsplit("\\", 1)[-1]
    patch = PATCH.search(last)
    what = {"install": value or last, "patch": patch[0] if patch else last}.get(kind, name or last)
    return _change(row, at, kind, f"{said}: {what}", target=f"{key}\\{name}" if name else key, value=value)


def device_change(row: Row) -> Change | None:
    at, fields = kql.time_of(row), events.additional(row)
    kind, said = DEVICE_EVENTS.get(word(row, "ActionType"), ("config", word(row, "ActionType")))
    if at is None:
        return None
    named = ("TaskName", "ServiceName", "ProductName", "AccountName", "Volume")
    target = next((str(fields[name]) for name in named if fields.get(name)), word(row, "FileName", "AccountName"))
    value = str(fields.get("SerialNumber") or fields.get("TaskContent") or "")
    return _change(row, at, kind, f"{said}: {target}" if target else said, target=target, value=value)


def installer_change(row: Row) -> Change | None:
    at, command = kql.time_of(row), word(row, "ProcessCommandLine")
    if at is None:
        return None
    is_patch = word(row, "FileName").lower() in {"wusa.exe", "dism.exe"}
    return Change(
        at=at,
        kind="patch" if is_patch else "install",
        text=f"Installer ran: {command[:200]}",
        actor=word(row, "AccountName").lower(),
        process=kql.path_of(row),
        target=command,
    )


def file_change(row: Row) -> Change | None:
    at, path = kql.time_of(row), kql.path_of(row)
    if at is None:
        return None
    origin = word(row, "FileOriginUrl", "FileOriginReferrerUrl")
    return _change(row, at, "file", f"Program file written: {path}", target=path, value=origin)


def _change(row: Row, at: datetime, kind: str, text: str, *, target: str, value: str) -> Change:
    return Change(
        at=at,
        kind=kind,
        text=text,
        actor=word(row, "InitiatingProcessAccountName", "AccountName").lower(),
        process=kql.path_of(row, "InitiatingProcess"),
        target=target,
        value=value,
    )
