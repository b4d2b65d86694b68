"""The simulated EDR's advanced hunting tables, with the vendor's column names, written from the ledger."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import json

from secops.practice.week.company import NETBIOS, Company, Device
from secops.practice.week.endpoint_logs import instance_of
from secops.practice.week.facts import Process
from secops.practice.week.hunting_inventory import inventory_tables
from secops.practice.week.hygiene import Installed, Patch
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import Timed, ndjson, stamp
from secops.practice.week.presence import Session


def write_tables(
    folder: Path,
    ledger: Ledger,
    sessions: list[Session],
    patches: dict[str, list[Patch]],
    software: dict[str, list[Installed]],
) -> None:
    """One NDJSON file per table, oldest first; ReportId counts per device as the product's does."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, list[Timed]] = {
        "DeviceProcessEvents": list(_processes(ledger)),
        "DeviceNetworkEvents": [*_connections(ledger), *_accepted(ledger)],
        "DeviceFileEvents": list(_files(ledger)),
        "DeviceRegistryEvents": list(_registry(ledger)),
        "DeviceLogonEvents": list(_logons(ledger)),
        "DeviceEvents": [*_sticks(ledger), *_tasks(ledger)],
    } | inventory_tables(ledger, sessions, patches, software)
    for name, rows in tables.items():
        rows.sort(key=lambda row: row[0])
        counts: dict[str, int] = {}
        lines = []
        for at, row in rows:
            device = row.get("DeviceId")
            if device is None:  # a table of knowledge, not of events
                lines.append(dict(row))
                continue
            counts[device] = counts.get(device, 0) + 1
            lines.append({"Timestamp": stamp(at, 7)} | dict(row) | {"ReportId": counts[device]})
        (folder / f"{name}.ndjson").write_bytes(ndjson(lines))


def device_columns(device: Device) -> dict[str, Any]:
    return {"DeviceId": device.mde_id, "DeviceName": device.fqdn.lower()}


def _folder_of(path: str) -> str:
    return path.rsplit("\\", 1)[0]


def _account(company: Company, login: str, prefix: str = "") -> dict[str, Any]:
    person = company.people.get(login)
    return {
        f"{prefix}AccountDomain": NETBIOS.lower() if person else "nt authority",
        f"{prefix}AccountName": login,
        f"{prefix}AccountSid": person.sid if person else "S-1-5-18",
        f"{prefix}AccountUpn": person.upn if person else "",
        f"{prefix}AccountObjectId": person.id if person else "",
    }


def initiator(company: Company, process: Process | None) -> dict[str, Any]:
    """The columns of the program behind an event."""
    if process is None:
        return {"InitiatingProcessFileName": "", "InitiatingProcessId": 0}
    program, parent = process.program, process.parent
    return {
        f"InitiatingProcess{name}": value
        for name, value in (
            _account(company, process.user)
            | {
                "FileName": program.name,
                "FolderPath": program.image,
                "SHA1": program.sha1,
                "SHA256": program.sha256,
                "MD5": program.md5,
                "FileSize": program.size,
                "Id": process.pid,
                "CommandLine": process.command,
                "CreationTime": stamp(process.at, 7),
                "IntegrityLevel": "System" if process.user == "system" else "Medium",
                "TokenElevation": "TokenElevationTypeDefault",
                "VersionInfoCompanyName": program.signer,
                "VersionInfoProductName": program.product,
                "VersionInfoProductVersion": program.version,
                "ParentId": parent.pid if parent else 0,
                "ParentFileName": parent.program.name if parent else "",
                "ParentCreationTime": stamp(parent.at, 7) if parent else None,
            }
        ).items()
    }


def _processes(ledger: Ledger) -> Iterator[Timed]:
    company = ledger.company
    for process in ledger.processes:
        program = process.program
        row = device_columns(company.devices[process.device]) | {
            "ActionType": "ProcessCreated",
            "FileName": program.name,
            "FolderPath": program.image,
            "SHA1": program.sha1,
            "SHA256": program.sha256,
            "MD5": program.md5,
            "FileSize": program.size,
            "ProcessVersionInfoCompanyName": program.signer,
            "ProcessVersionInfoProductName": program.product,
            "ProcessVersionInfoProductVersion": program.version,
            "ProcessVersionInfoOriginalFileName": program.name,
            "ProcessId": process.pid,
            "ProcessCommandLine": process.command,
            "ProcessIntegrityLevel": "System" if process.user == "system" else "Medium",
            "ProcessTokenElevation": "TokenElevationTypeDefault",
            "ProcessCreationTime": stamp(process.at, 7),
            "LogonId": process.pid * 17,
        }
        row |= _account(company, process.user) | initiator(company, process.parent)
        yield process.at, row | {"AdditionalFields": ""}


def _kind_of(address: str) -> str:
    return "Private" if address.startswith("10.") else "Public"


def _connections(ledger: Ledger) -> Iterator[Timed]:
    company = ledger.company
    for flow in ledger.flows:
        if not flow.process or not flow.is_seen or flow.service == "dns":
            continue
        action = "ConnectionFailed" if flow.state == "REJ" else "ConnectionSuccess"
        row = device_columns(company.devices[flow.device]) | {
            "ActionType": action,
            "RemoteIP": flow.peer,
            "RemotePort": flow.peer_port,
            "RemoteUrl": flow.name,
            "LocalIP": flow.origin,
            "LocalPort": flow.port,
            "Protocol": flow.proto.capitalize(),
            "LocalIPType": "Private",
            "RemoteIPType": _kind_of(flow.peer),
        }
        yield flow.at + 0.11, row | initiator(company, flow.process) | {"AdditionalFields": ""}


def _accepted(ledger: Ledger) -> Iterator[Timed]:
    """A remote desktop connection as the device at the other end saw it."""
    company = ledger.company
    for flow in ledger.flows:
        if flow.service != "rdp":
            continue
        target = next(
            device for device in company.devices.values() if company.address(device.name, flow.at) == flow.peer
        )
        row = device_columns(target) | {
            "ActionType": "InboundConnectionAccepted",
            "RemoteIP": flow.origin,
            "RemotePort": flow.port,
            "RemoteUrl": "",
            "LocalIP": flow.peer,
            "LocalPort": flow.peer_port,
            "Protocol": "Tcp",
            "LocalIPType": "Private",
            "RemoteIPType": "Private",
        }
        yield flow.at + 0.12, row | initiator(company, None) | {"AdditionalFields": ""}


def _files(ledger: Ledger) -> Iterator[Timed]:
    company = ledger.company
    for entry in ledger.files:
        share = entry.origin.startswith("\\\\")
        row = device_columns(company.devices[entry.process.device]) | {
            "ActionType": entry.kind,
            "FileName": entry.path.rsplit("\\", 1)[-1],
            "FolderPath": entry.path,
            "SHA1": entry.sha256[:40],
            "SHA256": entry.sha256,
            "MD5": entry.sha256[:32],
            "FileSize": entry.size,
            "FileOriginUrl": entry.origin if entry.origin.startswith("http") else "",
            "FileOriginIP": "",
            "PreviousFolderPath": _folder_of(entry.origin) if share or entry.origin.startswith("C:") else "",
            "PreviousFileName": "",
            "RequestAccountName": entry.process.user,
            "RequestAccountDomain": NETBIOS.lower(),
            "RequestProtocol": "Local",
            "ShareName": "",
            "SensitivityLabel": "",
            "IsAzureInfoProtectionApplied": False,
        }
        yield entry.at, row | initiator(company, entry.process) | {"AdditionalFields": ""}


def _registry(ledger: Ledger) -> Iterator[Timed]:
    company = ledger.company
    for entry in ledger.registry:
        person = company.people.get(entry.process.user)
        key = entry.key
        if person and key.startswith("HKEY_CURRENT_USER\\"):
            key = key.replace("HKEY_CURRENT_USER", f"HKEY_CURRENT_USER\\{person.sid}", 1)
        row = device_columns(company.devices[entry.process.device]) | {
            "ActionType": "RegistryValueSet",
            "RegistryKey": key,
            "RegistryValueType": "Dword" if entry.data.isdigit() else "String",
            "RegistryValueName": entry.value,
            "RegistryValueData": entry.data,
            "PreviousRegistryKey": "",
            "PreviousRegistryValueName": "",
            "PreviousRegistryValueData": "",
        }
        yield entry.at, row | initiator(company, entry.process)


def _logons(ledger: Ledger) -> Iterator[Timed]:
    company = ledger.company
    names = {company.address(device.name, company.anchor - 1): device.name for device in company.devices.values()}
    for logon in ledger.logons:
        row = device_columns(company.devices[logon.device]) | {
            "ActionType": "LogonSuccess" if logon.is_success else "LogonFailed",
            "LogonType": logon.kind,
            "Protocol": "Negotiate" if logon.origin else "",
            "FailureReason": "" if logon.is_success else "InvalidUserNameOrPassword",
            "IsLocalAdmin": company.people[logon.login].is_privileged,
            "LogonId": logon.number,
            "RemoteDeviceName": names.get(logon.origin, "").lower(),
            "RemoteIP": logon.origin,
            "RemoteIPType": _kind_of(logon.origin) if logon.origin else "",
            "RemotePort": 0,
        }
        row |= _account(company, logon.login)
        yield logon.at, row | {"AdditionalFields": "", "InitiatingProcessFileName": "lsass.exe"}


def _sticks(ledger: Ledger) -> Iterator[Timed]:
    company = ledger.company
    for stick in ledger.mounts:
        base = device_columns(company.devices[stick.device]) | _account(company, stick.login)
        instance = instance_of(stick.vendor, stick.product, stick.serial)
        plugged = {
            "ClassGuid": "4d36e967-e325-11ce-bfc1-08002be10318",
            "ClassName": "DiskDrive",
            "DeviceId": instance,
            "DeviceDescription": "Disk drive",
            "VendorIds": [f"USBSTOR\\Disk{stick.vendor}", "GenDisk"],
        }
        mounted = {
            "BusType": "Usb",
            "DriveLetter": stick.drive,
            "LoadedDriveLetter": stick.drive,
            "Manufacturer": stick.vendor,
            "ProductName": stick.product,
            "ProductRevision": "1.00",
            "SerialNumber": stick.serial,
            "Volume": "\\Device\\HarddiskVolume7",
            "DeviceInstanceId": instance,
        }
        for at, action, fields in (
            (stick.at - 0.8, "PnpDeviceConnected", plugged),
            (stick.at, "UsbDriveMounted", mounted),
        ):
            yield at, base | {"ActionType": action, "AdditionalFields": _text(fields)}


def _tasks(ledger: Ledger) -> Iterator[Timed]:
    company = ledger.company
    for task in ledger.tasks:
        row = device_columns(company.devices[task.process.device]) | {"ActionType": "ScheduledTaskCreated"}
        row |= _account(company, task.process.user) | initiator(company, task.process)
        content = {"TaskName": task.name, "TaskContent": f"<Exec><Command>{task.command}</Command></Exec>"}
        yield task.at, row | {"AdditionalFields": _text(content)}


def _text(fields: dict[str, Any]) -> str:
    return json.encode(fields).decode()
