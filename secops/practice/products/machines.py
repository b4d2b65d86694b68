"""Defender's view of the company's devices: the machine, what it lacks, what is on it, who signs in."""

from typing import Any

from secops.practice.kql.table_files import Tables
from secops.practice.products.world import Record, World

CATALOGUE = "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB"


def machine(world: World, device: Record) -> Record:
    """A machine resource of the Defender API."""
    platform, version = _system(str(device.get("os", "")))
    return {
        "id": device["mde_id"],
        "mergedIntoMachineId": None,
        "isPotentialDuplication": False,
        "computerDnsName": f"{device['name'].lower()}.{world.company.get('domain', '')}",
        "firstSeen": device.get("first_seen"),
        "lastSeen": device.get("last_seen"),
        "osPlatform": platform,
        "osVersion": device.get("os_version"),
        "osProcessor": "x64",
        "osBuild": device.get("os_build"),
        "version": version,
        "lastIpAddress": device.get("ip"),
        "lastExternalIpAddress": device.get("external_ip"),
        "healthStatus": device.get("health", "Active"),
        "onboardingStatus": "Onboarded",
        "defenderAvStatus": "Updated",
        "deviceValue": "High" if device.get("is_critical") else "Normal",
        "rbacGroupId": 0,
        "rbacGroupName": device.get("group"),
        "riskScore": device.get("risk", "None"),
        "exposureLevel": device.get("exposure", "Low"),
        "isAadJoined": bool(device.get("azure_ad_device_id")),
        "aadDeviceId": device.get("azure_ad_device_id"),
        "machineTags": [tag for tag in (device.get("site"), device.get("kind")) if tag],
        "managedBy": "Intune",
        "ipAddresses": [
            {
                "ipAddress": device.get("ip"),
                "macAddress": str(device.get("mac", "")).replace(":", "").upper(),
                "type": "Ethernet",
                "operationalStatus": "Up",
            }
        ],
    }


def missing_updates(world: World, device: Record) -> list[Record]:
    """The updates that this device lacks."""
    return [_update(x) for x in world.known("patches").get(device["name"], []) if _is_missing(x)]


def software(world: World, device: Record) -> list[Record]:
    """The software on this device, as vulnerability management counts it over all devices."""
    everywhere = world.known("software")
    counts: dict[str, int] = {}
    for entries in everywhere.values():
        for number in {_software_id(entry) for entry in entries}:
            counts[number] = counts.get(number, 0) + 1
    return [_software(entry, counts) for entry in everywhere.get(device["name"], [])]


def logon_users(world: World, tables: Tables, device: Record) -> list[Record]:
    """Who signed in on this device within the days that the tables hold."""
    if not tables.has("DeviceLogonEvents"):
        return []
    users: dict[str, Record] = {}
    for row in tables.rows("DeviceLogonEvents"):
        if row.get("DeviceId") == device["mde_id"] and row.get("ActionType") == "LogonSuccess":
            _add_logon(users, world, row)
    for user in users.values():
        kinds = user.pop("kinds")
        user |= {"logonTypes": ", ".join(sorted(kinds)), "isOnlyNetworkUser": kinds == {"Network"}}
    return list(users.values())


def _system(os: str) -> tuple[str, str | None]:
    """Defender's platform and version: "Windows 11 23H2" is Windows11 and 23H2."""
    words = os.split()
    if words and words[-1][:1].isdigit() and words[-1].endswith(("H1", "H2")):
        return "".join(words[:-1]), words[-1]
    return "".join(words), None


def _add_logon(users: dict[str, Record], world: World, row: Record) -> None:
    name, domain = str(row.get("AccountName", "")), str(row.get("AccountDomain", ""))
    number = f"{domain}\\{name}".lower()
    if number not in users:
        person = world.person(name) or {}
        users[number] = {
            "id": number,
            "accountName": name,
            "accountDomain": domain,
            "accountSid": row.get("AccountSid"),
            "firstSeen": row["Timestamp"],
            "lastSeen": row["Timestamp"],
            "mostPrevalentMachineId": None,
            "leastPrevalentMachineId": None,
            "isDomainAdmin": bool(person.get("is_privileged")),
            "kinds": set(),
        }
    user = users[number]
    user["firstSeen"] = min(user["firstSeen"], row["Timestamp"])
    user["lastSeen"] = max(user["lastSeen"], row["Timestamp"])
    user["kinds"].add(str(row.get("LogonType", "Unknown")))


def machines_of(tables: Tables, login: str) -> set[str]:
    """The ids of the machines on which an account signed in within the days that the tables hold."""
    if not tables.has("DeviceLogonEvents"):
        return set()
    wanted = login.lower()
    return {
        str(row["DeviceId"])
        for row in tables.rows("DeviceLogonEvents")
        if str(row.get("AccountName", "")).lower() == wanted and row.get("ActionType") == "LogonSuccess"
    }


def _is_missing(entry: Record) -> bool:
    return bool(entry.get("missing", entry.get("status") == "missing" or not entry.get("installed_at")))


def _update(entry: Record) -> Record:
    number = str(entry.get("kb") or entry.get("id") or "").upper().removeprefix("KB")
    return {
        "id": number,
        "name": entry.get("name") or entry.get("title"),
        "osBuild": entry.get("os_build"),
        "productsNames": entry.get("products", ["windows_11"]),
        "url": f"{CATALOGUE}{number}",
        "machineMissedOn": entry.get("machines", 1),
        "cveAddressed": entry.get("cves", 0),
    }


def _software_id(entry: Record) -> str:
    return f"{_slug(entry.get('vendor') or 'unknown')}-_-{_slug(entry.get('name') or '')}"


def _software(entry: Record, counts: dict[str, int]) -> Record:
    number = _software_id(entry)
    return {
        "id": number,
        "name": _slug(entry.get("name") or ""),
        "vendor": _slug(entry.get("vendor") or "unknown"),
        "weaknesses": entry.get("weaknesses", 0),
        "publicExploit": bool(entry.get("public_exploit", False)),
        "activeAlert": False,
        "exposedMachines": counts[number] if entry.get("weaknesses") else 0,
        "installedMachines": counts[number],
        "impactScore": entry.get("impact", 0.0),
        "isNormalized": True,
        "category": entry.get("category", "Application"),
    }


def _slug(text: Any) -> str:
    return "_".join(str(text).lower().split())
