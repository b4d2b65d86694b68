"""The simulated endpoints' view of the ledger: Windows and Sysmon events as JSON lines in the shape of an XML event."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from secops.practice.week.company import DOMAIN, NETBIOS, Company
from secops.practice.week.facts import Flow, Logon, Process, Query, RegistryWrite
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import Timed, stamp

SYSMON = ("Microsoft-Windows-Sysmon", "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}")
SECURITY = ("Microsoft-Windows-Security-Auditing", "{54849625-5478-4994-A5BA-3E3B0328C30D}")
INSTALLER = ("MsiInstaller", "")
UPDATES = ("Microsoft-Windows-WindowsUpdateClient", "{945A8954-C147-4ACD-923F-40C45405A658}")
CHANNELS = {
    SYSMON[0]: "Microsoft-Windows-Sysmon/Operational",
    SECURITY[0]: "Security",
    INSTALLER[0]: "Application",
    UPDATES[0]: "System",
}
LOGON_TYPES = {"Interactive": "2", "Network": "3", "Service": "5", "Unlock": "7", "RemoteInteractive": "10"}
HIVES = {"HKEY_LOCAL_MACHINE": "HKLM", "HKEY_CURRENT_USER": "HKU"}


def endpoint_events(ledger: Ledger) -> list[Timed]:
    """All events, oldest first: Sysmon 1, 3, 7, 11, 13, 22; Security 4624, 4625, 4634, 6416; installations (11707)
    and patches (19)."""
    rows: list[Timed] = [
        *_processes(ledger),
        *_connections(ledger),
        *_files(ledger),
        *_registry(ledger),
        *_queries(ledger),
        *_logons(ledger),
        *_sticks(ledger),
        *_installs(ledger),
    ]
    rows.sort(key=lambda row: row[0])
    numbers: dict[str, int] = {}
    for _, row in rows:
        system = row["Event"]["System"]
        place = system["Computer"] + system["Channel"]
        numbers[place] = numbers.get(place, 410_000) + 1
        system["EventRecordID"] = numbers[place]
    return rows


def event(
    at: float, device: str, provider: tuple[str, str], number: int, data: dict[str, Any], *, version: int = 5
) -> Timed:
    """One event; `EventRecordID` is filled in when the log is written."""
    name, guid = provider
    system = {
        "Provider": {"#attributes": {"Name": name} | ({"Guid": guid} if guid else {})},
        "EventID": number,
        "Version": version,
        "Level": 4 if provider is not SECURITY else 0,
        "Task": number,
        "Opcode": 0,
        "Keywords": "0x8000000000000000" if provider is SYSMON else "0x8020000000000000",
        "TimeCreated": {"#attributes": {"SystemTime": stamp(at)}},
        "EventRecordID": 0,
        "Correlation": None,
        "Execution": {"#attributes": {"ProcessID": 3168, "ThreadID": 4580}},
        "Channel": CHANNELS[name],
        "Computer": f"{device}.{DOMAIN}",
        "Security": {"#attributes": {"UserID": "S-1-5-18"}} if provider is SYSMON else None,
    }
    attributes = {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}
    return at, {"Event": {"#attributes": attributes, "System": system, "EventData": data}}


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _who(at: float, process: Process) -> dict[str, Any]:
    return {
        "RuleName": "-",
        "UtcTime": _utc(at),
        "ProcessGuid": process.guid,
        "ProcessId": process.pid,
        "Image": process.program.image if process.pid != 4 else "System",
    }


def _processes(ledger: Ledger) -> Iterator[Timed]:
    for process in ledger.processes:
        program, parent = process.program, process.parent
        data = _who(process.at, process) | {
            "FileVersion": program.version,
            "Description": program.product,
            "Product": program.product,
            "Company": program.signer or "-",
            "OriginalFileName": program.name,
            "CommandLine": process.command,
            "CurrentDirectory": "C:\\Windows\\system32\\",
            "User": process.account,
            "LogonId": "0x3e7" if process.user == "system" else f"0x{process.pid * 17:x}",
            "TerminalSessionId": 0 if process.user == "system" else 1,
            "IntegrityLevel": "System" if process.user == "system" else "Medium",
            "Hashes": f"MD5={program.md5.upper()},SHA256={program.sha256.upper()}",
            "ParentProcessGuid": parent.guid if parent else "00000000-0000-0000-0000-000000000000",
            "ParentProcessId": parent.pid if parent else 0,
            "ParentImage": parent.program.image if parent else "-",
            "ParentCommandLine": parent.command if parent else "-",
            "ParentUser": parent.account if parent else "-",
        }
        yield event(process.at, process.device, SYSMON, 1, data)
        if not program.signer or program.name == "labels-update.exe":
            yield event(process.at + 0.006, process.device, SYSMON, 7, _loaded(process), version=3)


def _loaded(process: Process) -> dict[str, Any]:
    program = process.program
    return _who(process.at + 0.006, process) | {
        "ImageLoaded": program.image,
        "FileVersion": program.version,
        "Description": program.product,
        "Product": program.product,
        "Company": program.signer or "-",
        "OriginalFileName": program.name,
        "Hashes": f"MD5={program.md5.upper()},SHA256={program.sha256.upper()}",
        "Signed": "true" if program.signer else "false",
        "Signature": program.signer or "-",
        "SignatureStatus": "Valid" if program.signer else "Unavailable",
        "User": process.account,
    }


def _connections(ledger: Ledger) -> Iterator[Timed]:
    for flow in ledger.flows:
        if flow.process and flow.is_seen and flow.service != "dns":
            yield event(flow.at + 0.11, flow.device, SYSMON, 3, _connection(ledger.company, flow, flow.process))


def _connection(company: Company, flow: Flow, process: Process) -> dict[str, Any]:
    return _who(flow.at + 0.11, process) | {
        "User": process.account,
        "Protocol": flow.proto,
        "Initiated": "true",
        "SourceIsIpv6": "false",
        "SourceIp": flow.origin,
        "SourceHostname": company.devices[flow.device].fqdn,
        "SourcePort": flow.port,
        "SourcePortName": "-",
        "DestinationIsIpv6": "false",
        "DestinationIp": flow.peer,
        "DestinationHostname": flow.name or "-",
        "DestinationPort": flow.peer_port,
        "DestinationPortName": {443: "https", 80: "http", 445: "microsoft-ds"}.get(flow.peer_port, "-"),
    }


def _files(ledger: Ledger) -> Iterator[Timed]:
    for entry in ledger.files:
        data = _who(entry.at, entry.process) | {
            "TargetFilename": entry.path,
            "CreationUtcTime": _utc(entry.at),
            "User": entry.process.account,
        }
        yield event(entry.at, entry.process.device, SYSMON, 11, data, version=2)


def _registry(ledger: Ledger) -> Iterator[Timed]:
    for entry in ledger.registry:
        yield registry_event(ledger.company, entry)


def registry_event(company: Company, entry: RegistryWrite) -> Timed:
    """Sysmon 13 for one value set; the current user's hive stands under the account's SID."""
    hive, _, rest = entry.key.partition("\\")
    user = company.people.get(entry.process.user)
    short = HIVES[hive] + (f"\\{user.sid}" if hive == "HKEY_CURRENT_USER" and user else "")
    data = _who(entry.at, entry.process)
    data = {"RuleName": data.pop("RuleName"), "EventType": "SetValue"} | data
    data |= {
        "TargetObject": f"{short}\\{rest}\\{entry.value}",
        "Details": f"DWORD (0x{int(entry.data):08x})" if entry.data.isdigit() else entry.data,
        "User": entry.process.account,
    }
    return event(entry.at, entry.process.device, SYSMON, 13, data, version=2)


def _queries(ledger: Ledger) -> Iterator[Timed]:
    for query in ledger.queries:
        if query.flow.process and query.flow.is_seen:
            yield event(query.at + 0.03, query.flow.device, SYSMON, 22, _query(query, query.flow.process))


def _query(query: Query, process: Process) -> dict[str, Any]:
    return _who(query.at + 0.03, process) | {
        "QueryName": query.name,
        "QueryStatus": "0" if query.answers else "9003",
        "QueryResults": "".join(f"::ffff:{answer};" for answer in query.answers),
        "User": process.account,
    }


def _logons(ledger: Ledger) -> Iterator[Timed]:
    for logon in ledger.logons:
        number = 4624 if logon.is_success else 4625
        yield event(logon.at, logon.device, SECURITY, number, _logon(ledger.company, logon), version=2)
        if logon.end and logon.end < ledger.company.anchor:
            yield event(logon.end, logon.device, SECURITY, 4634, _target(ledger.company, logon), version=0)


def _target(company: Company, logon: Logon) -> dict[str, Any]:
    return {
        "TargetUserSid": company.people[logon.login].sid,
        "TargetUserName": logon.login,
        "TargetDomainName": NETBIOS,
        "TargetLogonId": f"0x{logon.number:x}",
        "LogonType": LOGON_TYPES[logon.kind],
    }


def _logon(company: Company, logon: Logon) -> dict[str, Any]:
    origin = logon.origin or "127.0.0.1"
    return (
        {
            "SubjectUserSid": "S-1-5-18",
            "SubjectUserName": f"{logon.device}$",
            "SubjectDomainName": NETBIOS,
            "SubjectLogonId": "0x3e7",
        }
        | _target(company, logon)
        | {
            "LogonProcessName": "User32 ",
            "AuthenticationPackageName": "Negotiate",
            "WorkstationName": logon.device,
            "ProcessName": "C:\\Windows\\System32\\svchost.exe",
            "IpAddress": origin,
            "IpPort": "0",
        }
        | ({} if logon.is_success else {"Status": "0xc000006d", "SubStatus": "0xc000006a"})
    )


def _sticks(ledger: Ledger) -> Iterator[Timed]:
    for stick in ledger.mounts:
        data = {
            "SubjectUserSid": "S-1-5-18",
            "SubjectUserName": f"{stick.device}$",
            "SubjectDomainName": NETBIOS,
            "SubjectLogonId": "0x3e7",
            "DeviceId": instance_of(stick.vendor, stick.product, stick.serial),
            "DeviceDescription": f"{stick.vendor} {stick.product} USB Device",
            "ClassId": "{4D36E967-E325-11CE-BFC1-08002BE10318}",
            "ClassName": "DiskDrive",
            "VendorIds": f"USBSTOR\\Disk{stick.vendor}_{stick.product.replace(' ', '_')} GenDisk",
            "CompatibleIds": "USBSTOR\\Disk USBSTOR\\RAW",
            "LocationInformation": "Port_#0002.Hub_#0001",
        }
        yield event(stick.at - 0.8, stick.device, SECURITY, 6416, data, version=1)


def instance_of(vendor: str, product: str, serial: str) -> str:
    """The Plug and Play id of a stick, which carries its serial number."""
    return f"USBSTOR\\Disk&Ven_{vendor}&Prod_{product.replace(' ', '_')}&Rev_1.00\\{serial}&0"


def _installs(ledger: Ledger) -> Iterator[Timed]:
    for entry in ledger.installs:
        if entry.kind == "patch":
            data = {"updateTitle": f"Security Update ({entry.name})", "updateGuid": f"{{{entry.name}}}"}
            yield event(entry.at, entry.device, UPDATES, 19, data | {"updateRevisionNumber": 200}, version=1)
        else:
            text = f"Product: {entry.name} -- Installation completed successfully."
            data = {"Data": text, "ProductName": entry.name, "ProductVersion": entry.version}
            yield event(entry.at, entry.device, INSTALLER, 11707, data | {"Manufacturer": entry.vendor}, version=0)
