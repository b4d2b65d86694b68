"""The four alerts that open the simulation's stories, each in its detector's exact wire format."""

from typing import Any

from secops.practice.week.company import DOMAIN, NETBIOS, Device, Person
from secops.practice.week.eve_logs import eve_alert
from secops.practice.week.facts import FileEvent, Process
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import Row, Timed, stamp
from secops.practice.week.presence import usb_evening
from secops.practice.week.programs import EXPLORER
from secops.practice.week.story_beacon import BAD_ADDRESS
from secops.practice.week.story_beacon import DEVICE as BEACON_DEVICE
from secops.practice.week.story_registry import DEVICE as REGISTRY_DEVICE
from secops.practice.week.story_registry import VALUE
from secops.practice.week.story_system import DEVICE as SYSTEM_DEVICE
from secops.practice.week.story_system import change_of
from secops.practice.week.story_usb import DEVICE as USB_DEVICE

TENANT = "7c1f9a52-0b3e-4c1d-9a57-2f60d2c4b801"
BEACON_ALERT_BEFORE = 240.0  # seconds before the anchor
GRAPH = "#microsoft.graph.security."
SIGNATURE = {
    "action": "allowed",
    "gid": 1,
    "signature_id": 4200117,
    "rev": 3,
    "signature": "RANGE MALWARE Marrowlink CnC Domain in TLS SNI (cdn-metrics .example)",
    "category": "Malware Command and Control Activity Detected",
    "severity": 1,
    "metadata": {
        "affected_product": ["Windows_XP_Vista_7_8_10_Server_32_64_Bit"],
        "attack_target": ["Client_Endpoint"],
        "confidence": ["High"],
        "deployment": ["Perimeter"],
        "malware_family": ["Marrowlink"],
        "mitre_tactic_id": ["TA0011"],
        "mitre_tactic_name": ["Command_And_Control"],
        "mitre_technique_id": ["T1071.001"],
        "mitre_technique_name": ["Web_Protocols"],
        "signature_severity": ["Major"],
    },
}


def story_alerts(ledger: Ledger, events: list[Timed]) -> dict[str, Row]:
    """File names with the alerts."""
    return {
        "1-bad-address.json": _bad_address(ledger),
        "2-registry.json": registry_alert(events),
        "3-usb.json": _usb(ledger),
        "4-system-file.json": _system_file(ledger),
    }


def beacon_alert_at(ledger: Ledger) -> float:
    """The detector fires on the last beacon before four minutes to the anchor."""
    return _alerted_flow_at(ledger) + 0.05


def _alerted_flow_at(ledger: Ledger) -> float:
    limit = ledger.company.anchor - BEACON_ALERT_BEFORE
    return max(
        flow.at
        for flow in ledger.flows
        if flow.peer == BAD_ADDRESS and flow.device == BEACON_DEVICE and flow.at <= limit
    )


def _bad_address(ledger: Ledger) -> Row:
    at = _alerted_flow_at(ledger)
    flow = next(flow for flow in ledger.flows if flow.at == at and flow.peer == BAD_ADDRESS)
    return eve_alert(flow, SIGNATURE, at + 0.05)


def registry_alert(events: list[Timed]) -> Row:
    """The Sysmon event as it stands in the device's own log."""
    return next(
        row
        for _, row in events
        if row["Event"]["System"]["EventID"] == 13
        and row["Event"]["System"]["Computer"] == f"{REGISTRY_DEVICE}.{DOMAIN}"
        and row["Event"]["EventData"]["TargetObject"].endswith(f"\\Run\\{VALUE}")
    )


def _evidence(kind: str, at: float, **fields: Any) -> dict[str, Any]:
    return {
        "@odata.type": f"{GRAPH}{kind}",
        "createdDateTime": stamp(at, 7),
        "verdict": "suspicious",
        "remediationStatus": "none",
        "remediationStatusDetails": None,
        "roles": [],
        "detailedRoles": [],
        "tags": [],
    } | fields


def usb_alert_at(ledger: Ledger) -> float:
    return usb_evening(ledger.company) - 40


def _usb(ledger: Ledger) -> Row:
    company, at = ledger.company, usb_alert_at(ledger)
    device = company.devices[USB_DEVICE]
    person = company.people[device.owner]
    copies = [entry for entry in ledger.files if entry.process.device == USB_DEVICE and entry.drive == "E:"]
    return _alert(device, at, copies[0].at, copies[-1].at) | {
        "incidentId": "4117",
        "severity": "medium",
        "title": "Large copy to a removable drive not seen before",
        "description": (
            f"{len(copies)} files were written to a removable drive that this device had never used before."
        ),
        "recommendedActions": "Find out who was at the device, what was copied and from where.",
        "category": "Exfiltration",
        "incidentWebUrl": f"https://security.{DOMAIN}/incidents/4117?tid={TENANT}",
        "mitreTechniques": ["T1052.001"],
        "evidence": [
            _device(device, person, at),
            _user(person, at),
            _process(copies[0].process, device, person, at),
            *[_file(entry, device, at) for entry in copies[-3:]],
        ],
    }


def _system_file(ledger: Ledger) -> Row:
    change = change_of(ledger)
    device, at = ledger.company.devices[SYSTEM_DEVICE], change.at + 41.2
    return _alert(device, at, change.at, change.at) | {
        "incidentId": "4118",
        "severity": "high",
        "title": "A system file was replaced by an unsigned one",
        "description": "A library of the system has another content since, and no update was installed at that time.",
        "recommendedActions": "Keep the file before it is put back, and look for it on other devices.",
        "category": "Persistence",
        "incidentWebUrl": f"https://security.{DOMAIN}/incidents/4118?tid={TENANT}",
        "mitreTechniques": ["T1554"],
        "evidence": [_device(device, ledger.company.people[device.owner], at), _file(change, device, at)],
    }


def _alert(device: Device, at: float, first: float, last: float) -> dict[str, Any]:
    """What every alert of the EDR has, about what it saw from `first` to `last`."""
    number = f"da{int(at)}00000_{int(device.mde_id[:7], 16)}"
    return {
        "@odata.type": f"{GRAPH}alert",
        "id": number,
        "providerAlertId": number,
        "incidentId": "",
        "status": "new",
        "severity": "",
        "classification": None,
        "determination": None,
        "serviceSource": "microsoftDefenderForEndpoint",
        "detectionSource": "customDetection",
        "productName": "Microsoft Defender for Endpoint",
        "detectorId": "5b6c02d1-8d0f-4a66-9b9e-6f0a3b1d7e22",
        "tenantId": TENANT,
        "title": "",
        "description": "",
        "recommendedActions": "",
        "category": "",
        "assignedTo": None,
        "alertWebUrl": f"https://security.{DOMAIN}/alerts/{number}?tid={TENANT}",
        "incidentWebUrl": "",
        "actorDisplayName": None,
        "threatDisplayName": None,
        "threatFamilyName": None,
        "mitreTechniques": [],
        "createdDateTime": stamp(at, 7),
        "lastUpdateDateTime": stamp(at + 8.3, 7),
        "resolvedDateTime": None,
        "firstActivityDateTime": stamp(first, 7),
        "lastActivityDateTime": stamp(last, 7),
        "systemTags": [],
        "alertPolicyId": None,
        "comments": [],
    }


def _device(device: Device, person: Person, at: float) -> dict[str, Any]:
    return _evidence(
        "deviceEvidence",
        at,
        firstSeenDateTime=stamp(at - 210 * 86_400, 7),
        mdeDeviceId=device.mde_id,
        azureAdDeviceId=device.azure_ad_device_id,
        deviceDnsName=device.fqdn.lower(),
        hostName=device.name,
        ntDomain=NETBIOS,
        dnsDomain=DOMAIN,
        osPlatform="Windows11",
        osBuild=device.os_build,
        version="23H2",
        healthStatus="active",
        riskScore="medium",
        rbacGroupId=31,
        rbacGroupName=device.group,
        onboardingStatus="onboarded",
        defenderAvStatus="updated",
        lastIpAddress=device.ip,
        lastExternalIpAddress="192.0.2.10",
        ipInterfaces=[device.ip],
        loggedOnUsers=[{"accountName": person.login, "domainName": NETBIOS}],
        vmMetadata=None,
    )


def _account(person: Person) -> dict[str, Any]:
    return {
        "accountName": person.login,
        "domainName": NETBIOS,
        "userSid": person.sid,
        "azureAdUserId": person.id,
        "userPrincipalName": person.upn,
        "displayName": person.name,
    }


def _user(person: Person, at: float) -> dict[str, Any]:
    return _evidence("userEvidence", at, stream=None, userAccount=_account(person))


def _process(process: Process, device: Device, person: Person, at: float) -> dict[str, Any]:
    return _evidence(
        "processEvidence",
        at,
        processId=process.pid,
        parentProcessId=process.parent.pid if process.parent else 0,
        processCommandLine=process.command,
        processCreationDateTime=stamp(process.at, 7),
        parentProcessCreationDateTime=stamp(process.parent.at, 7) if process.parent else None,
        detectionStatus="detected",
        mdeDeviceId=device.mde_id,
        imageFile={
            "sha1": EXPLORER.sha1,
            "sha256": EXPLORER.sha256,
            "fileName": EXPLORER.name,
            "filePath": "C:\\Windows",
            "fileSize": EXPLORER.size,
            "filePublisher": EXPLORER.signer,
            "signer": None,
            "issuer": None,
        },
        parentProcessImageFile=None,
        userAccount=_account(person),
    )


def _file(entry: FileEvent, device: Device, at: float) -> dict[str, Any]:
    folder, _, name = entry.path.rpartition("\\")
    return _evidence(
        "fileEvidence",
        at,
        detectionStatus="detected",
        mdeDeviceId=device.mde_id,
        fileDetails={
            "sha1": entry.sha256[:40],
            "sha256": entry.sha256,
            "fileName": name,
            "filePath": folder,
            "fileSize": entry.size,
            "filePublisher": None,
            "signer": None,
            "issuer": None,
        },
    )
