"""Graph's view of the company: its people and devices as directory objects."""

import re
import uuid

from secops.practice.products.world import Record, World

USER_USUAL = (
    *("businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone"),
    *("officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id"),
)
DEVICE_USUAL = (
    *("id", "deletedDateTime", "accountEnabled", "approximateLastSignInDateTime", "deviceId", "displayName"),
    *("isCompliant", "isManaged", "manufacturer", "model", "operatingSystem", "operatingSystemVersion"),
    *("profileType", "registrationDateTime", "trustType"),
)
WINDOWS_ZONES = {"Europe/Lisbon": "GMT Standard Time", "Europe/Berlin": "W. Europe Standard Time"}
ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"  # Entra's template of the role Global Administrator
WEEK = ["monday", "tuesday", "wednesday", "thursday", "friday"]


def user(world: World, person: Record) -> Record:
    """All properties that the range knows of a person; `select` chooses."""
    given, _, surname = person["name"].partition(" ")
    domain = world.company.get("domain", "")
    leave = person.get("leave_date") or None
    return {
        "businessPhones": [],
        "displayName": person["name"],
        "givenName": given,
        "jobTitle": person.get("title"),
        "mail": person["upn"],
        "mobilePhone": None,
        "officeLocation": person.get("site"),
        "preferredLanguage": None,
        "surname": surname,
        "userPrincipalName": person["upn"],
        "id": person["id"],
        "accountEnabled": True,
        "companyName": world.company.get("name"),
        "department": person.get("department"),
        "employeeId": person["id"][:8],
        "employeeLeaveDateTime": f"{leave[:10]}T23:59:59Z" if leave else None,
        "onPremisesDomainName": domain,
        "onPremisesSamAccountName": person["login"],
        "onPremisesSecurityIdentifier": person.get("sid"),
        "userType": "Member",
    }


def user_short(world: World, person: Record) -> Record:
    """A person as an expanded relation shows them."""
    whole = user(world, person)
    return {"@odata.type": "#microsoft.graph.user"} | {name: whole[name] for name in USER_USUAL}


def memberships(person: Record) -> list[Record]:
    """The department's group, and the directory role of a privileged person."""
    department = str(person.get("department", ""))
    found: list[Record] = [
        {
            "@odata.type": "#microsoft.graph.group",
            "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{department}.group.example")),
            "displayName": department,
            "securityEnabled": True,
        }
    ]
    if person.get("is_privileged"):
        found.append(
            {
                "@odata.type": "#microsoft.graph.directoryRole",
                "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, "administrators.role.example")),
                "displayName": "Global Administrator",
                "roleTemplateId": ADMINISTRATOR,
            }
        )
    return found


def mailbox_settings(person: Record) -> Record:
    """Time zone and working hours; company.json writes the hours as HH:MM-HH:MM in local time."""
    zone = WINDOWS_ZONES.get(str(person.get("time_zone")), "UTC")
    start, end = re.findall(r"\d{2}:\d{2}", str(person.get("working_hours", "")))[:2] or ("09:00", "17:00")
    return {
        "timeZone": zone,
        "workingHours": {
            "daysOfWeek": WEEK,
            "startTime": f"{start}:00.0000000",
            "endTime": f"{end}:00.0000000",
            "timeZone": {"name": zone},
        },
    }


def device(record: Record) -> Record:
    """A device as Entra knows it; `deviceId` is the key that Defender calls aadDeviceId."""
    os = str(record.get("os", ""))
    return {
        "id": record["id"],
        "deletedDateTime": None,
        "accountEnabled": True,
        "approximateLastSignInDateTime": record.get("last_seen"),
        "deviceId": record["azure_ad_device_id"],
        "displayName": record["name"],
        "isCompliant": bool(record.get("firewall")) and bool(record.get("encryption")),
        "isManaged": True,
        "manufacturer": None,
        "model": None,
        "operatingSystem": os.partition(" ")[0],
        "operatingSystemVersion": f"10.0.{record['os_build']}" if record.get("os_build") else None,
        "profileType": "RegisteredDevice",
        "registrationDateTime": None,
        "trustType": "AzureAd",
    }
