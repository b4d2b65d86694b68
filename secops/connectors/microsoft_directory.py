"""How Entra ID's users and devices, and Defender's DeviceInfo, read as records of people and devices."""

from secops.connectors import microsoft_kql as kql
from secops.connectors.capabilities.identity import DeviceRecord, PersonRecord
from secops.connectors.microsoft_kql import Row, word

KINDS = {
    "workstation": "workstation",
    "desktop": "desktop",
    "laptop": "laptop",
    "server": "server",
    "domaincontroller": "domain_controller",
    "mobile": "phone",
    "smartphone": "phone",
    "tablet": "tablet",
    "kiosk": "kiosk",
}


# Windows' names of time zones, as Exchange gives them, to IANA's (Unicode CLDR, territory 001).
ZONES = {
    "GMT Standard Time": "Europe/London",
    "Greenwich Standard Time": "Atlantic/Reykjavik",
    "W. Europe Standard Time": "Europe/Berlin",
    "Central Europe Standard Time": "Europe/Budapest",
    "Central European Standard Time": "Europe/Warsaw",
    "Romance Standard Time": "Europe/Paris",
    "E. Europe Standard Time": "Europe/Chisinau",
    "FLE Standard Time": "Europe/Kyiv",
    "GTB Standard Time": "Europe/Bucharest",
    "Turkey Standard Time": "Europe/Istanbul",
    "Russian Standard Time": "Europe/Moscow",
    "Israel Standard Time": "Asia/Jerusalem",
    "South Africa Standard Time": "Africa/Johannesburg",
    "Arabian Standard Time": "Asia/Dubai",
    "India Standard Time": "Asia/Kolkata",
    "China Standard Time": "Asia/Shanghai",
    "Singapore Standard Time": "Asia/Singapore",
    "Tokyo Standard Time": "Asia/Tokyo",
    "Korea Standard Time": "Asia/Seoul",
    "AUS Eastern Standard Time": "Australia/Sydney",
    "New Zealand Standard Time": "Pacific/Auckland",
    "E. South America Standard Time": "America/Sao_Paulo",
    "Eastern Standard Time": "America/New_York",
    "Central Standard Time": "America/Chicago",
    "Mountain Standard Time": "America/Denver",
    "Pacific Standard Time": "America/Los_Angeles",
}


def device_record(listed: Row, known: Row, owner: str) -> DeviceRecord:
    """From the directory's device and the EDR's row; either may be empty."""
    kind = word(known, "DeviceSubtype", "DeviceType").lower().replace(" ", "").replace("_", "")
    return DeviceRecord(
        name=kql.short(word(known, "DeviceName") or word(listed, "displayName")),
        agent_id=word(known, "DeviceId"),
        directory_id=word(listed, "deviceId") or word(known, "AadDeviceId"),
        os=" ".join(
            part
            for part in (
                word(listed, "operatingSystem") or word(known, "OSPlatform"),
                word(listed, "operatingSystemVersion") or word(known, "OSVersion"),
            )
            if part
        ),
        kind=KINDS.get(kind, kind),
        group=word(known, "MachineGroup"),
        site=word(known, "DeviceManualTags", "RegistryDeviceTag").strip('[]"'),
        owner_login=owner,
        last_seen_at=kql.time_of(known) or kql.time_of(listed, "approximateLastSignInDateTime"),
        is_critical=word(known, "AssetValue").lower() == "high",
    )


def person_record(person: Row, boss: Row, mailbox: Row, memberships: list[Row]) -> PersonRecord:
    """A user, their manager, mailbox settings and memberships; all but the first may be empty."""
    leaves_at = kql.time_of(person, "employeeLeaveDateTime")
    hours = mailbox.get("workingHours") or {}
    zone = word(hours.get("timeZone") or {}, "name") or word(mailbox, "timeZone")
    clock = [word(hours, name)[:5] for name in ("startTime", "endTime")]
    return PersonRecord(
        login=login_of(person),
        upn=word(person, "userPrincipalName"),
        name=word(person, "displayName"),
        title=word(person, "jobTitle"),
        department=word(person, "department"),
        site=word(person, "officeLocation"),
        manager_login=login_of(boss),
        manager_name=word(boss, "displayName"),
        is_privileged=any("directoryRole" in word(one, "@odata.type") for one in memberships),
        is_leaver=leaves_at is not None or person.get("accountEnabled") is False,
        working_hours="-".join(clock) if all(clock) else "",
        time_zone=ZONES.get(zone) or (zone if "/" in zone else "UTC"),
    )


def login_of(person: Row) -> str:
    return (word(person, "onPremisesSamAccountName") or word(person, "userPrincipalName").split("@")[0]).lower()
