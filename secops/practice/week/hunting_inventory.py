"""The simulated EDR's tables of what stands where: devices, networks, signers, software, updates, settings."""

from collections.abc import Iterator
from typing import Any

from msgspec import json

from secops.practice.week.company import CONTROLLERS, DOMAIN, GATEWAYS, NETBIOS, Company, Device
from secops.practice.week.hygiene import Installed, Patch
from secops.practice.week.leases import DAY
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import Timed, stamp
from secops.practice.week.presence import Session
from secops.practice.week.programs import EVERYTHING

CONFIGURATIONS = (
    ("scid-2000", "Security controls", "EDR"),
    ("scid-2010", "Security controls", "Antivirus"),
    ("scid-2070", "Security controls", "Firewall"),
    ("scid-2090", "OS", "BitLocker"),
)


def inventory_tables(
    ledger: Ledger,
    sessions: list[Session],
    patches: dict[str, list[Patch]],
    software: dict[str, list[Installed]],
) -> dict[str, list[Timed]]:
    company = ledger.company
    return {
        "DeviceInfo": list(_devices(company, sessions)),
        "DeviceNetworkInfo": list(_networks(company)),
        "DeviceFileCertificateInfo": list(_certificates(ledger)),
        "DeviceTvmSoftwareInventory": list(_software(company, software)),
        "DeviceTvmSoftwareVulnerabilities": list(_missing(company, patches)),
        "DeviceTvmSoftwareVulnerabilitiesKB": list(_knowledge(company, patches)),
        "DeviceTvmSecureConfigurationAssessment": list(_settings(company)),
    }


def _columns(device: Device) -> dict[str, Any]:
    name = device.fqdn.lower() if device.has_agent else device.name.lower()
    return {"DeviceId": device.mde_id, "DeviceName": name}


def _platform(device: Device) -> str:
    if device.kind == "tablet":
        return "Android"
    return "WindowsServer2022" if device.is_server else "Windows11"


def _list(values: list[dict[str, Any]] | list[str]) -> str:
    return json.encode(values).decode()


def _days(company: Company) -> list[float]:
    return [company.anchor - days * DAY - 900 for days in range(7)]


def _devices(company: Company, sessions: list[Session]) -> Iterator[Timed]:
    for device in company.devices.values():
        kind = {"server": "Server", "domain_controller": "Server", "tablet": "Mobile"}.get(device.kind, "Workstation")
        for at in _days(company):
            if not company.was_here(device.name, at):
                continue
            users = [
                {"UserName": each.login, "DomainName": NETBIOS, "Sid": company.people[each.login].sid}
                for each in sessions
                if each.device == device.name and each.start <= at < each.until(company.anchor)
            ]
            yield (
                at,
                _columns(device)
                | {
                    "ClientVersion": "10.8760.22621.3880",
                    "PublicIP": "192.0.2.10" if device.site == "Lisbon" else "192.0.2.11",
                    "OSArchitecture": "64-bit",
                    "OSPlatform": _platform(device),
                    "OSBuild": device.os_build if device.has_agent else None,
                    "OSVersion": "14" if device.kind == "tablet" else "10.0",
                    "OSVersionInfo": "23H2" if device.has_agent and not device.is_server else "",
                    "IsAzureADJoined": True,
                    "JoinType": "Hybrid Azure AD Join" if device.has_agent else "AAD Registered",
                    "AadDeviceId": device.azure_ad_device_id,
                    "LoggedOnUsers": _list(users),
                    "RegistryDeviceTag": device.site,
                    "MachineGroup": device.group,
                    "OnboardingStatus": "Onboarded",
                    "DeviceCategory": "Endpoint",
                    "DeviceType": kind,
                    "DeviceSubtype": kind,
                    "ExposureLevel": "High" if not device.firewall else "Low",
                    "AssetValue": "High" if device.is_critical else "Normal",
                    "IsInternetFacing": False,
                    "SensorHealthState": device.health,
                    "IsExcluded": False,
                },
            )


def _networks(company: Company) -> Iterator[Timed]:
    for device in company.devices.values():
        for at in _days(company):
            if company.was_here(device.name, at):
                address = company.address(device.name, at)
                yield (
                    at + 30,
                    _columns(device)
                    | {
                        "NetworkAdapterName": "Ethernet0" if device.is_always_on else "Wi-Fi",
                        "MacAddress": device.mac.upper().replace(":", "-"),
                        "NetworkAdapterType": "Ethernet" if device.is_always_on else "Wireless80211",
                        "NetworkAdapterStatus": "Up",
                        "TunnelType": "None",
                        "ConnectedNetworks": _list([{"Name": DOMAIN, "Category": "DomainAuthenticated"}]),
                        "DnsAddresses": _list([CONTROLLERS[device.site]]),
                        "IPv4Dhcp": "" if device.is_server else CONTROLLERS[device.site],
                        "IPv6Dhcp": "",
                        "DefaultGateways": _list([GATEWAYS[device.site]]),
                        "IPAddresses": _list([{"IPAddress": address, "SubnetPrefix": 20, "AddressType": "Private"}]),
                    },
                )


def _software(company: Company, software: dict[str, list[Installed]]) -> Iterator[Timed]:
    for name, programs in software.items():
        device = company.devices[name]
        for program in programs:
            yield (
                company.anchor - 3600,
                _columns(device)
                | {
                    "OSPlatform": _platform(device),
                    "OSVersion": "10.0",
                    "OSArchitecture": "x64",
                    "SoftwareVendor": program.vendor.lower().replace(" ", "_"),
                    "SoftwareName": program.name.lower().replace(" ", "_"),
                    "SoftwareVersion": program.version,
                    "EndOfSupportStatus": "",
                    "EndOfSupportDate": None,
                    "ProductCodeCpe": "",
                },
            )


def _missing(company: Company, patches: dict[str, list[Patch]]) -> Iterator[Timed]:
    for name, each in patches.items():
        device = company.devices[name]
        for patch in each:
            if patch.installed_at is None:
                yield (
                    company.anchor - 3600,
                    _columns(device)
                    | {
                        "OSPlatform": _platform(device),
                        "OSVersion": "10.0",
                        "OSArchitecture": "x64",
                        "SoftwareVendor": "microsoft",
                        "SoftwareName": "windows_11",
                        "SoftwareVersion": f"10.0.{device.os_build}.3447",
                        "CveId": patch.cve,
                        "VulnerabilitySeverityLevel": patch.severity.replace("Important", "High"),
                        "RecommendedSecurityUpdate": patch.name,
                        "RecommendedSecurityUpdateId": patch.kb.removeprefix("KB"),
                        "CveTags": "[]",
                        "CveMitigationStatus": "",
                    },
                )


def _knowledge(company: Company, patches: dict[str, list[Patch]]) -> Iterator[Timed]:
    """What is known of each weakness, once; this table names no device and is kept under no time."""
    some_device = next(iter(patches))
    for patch in patches[some_device]:
        yield (
            company.anchor - 3600,
            {
                "CveId": patch.cve,
                "CvssScore": 9.1 if patch.severity == "Critical" else 7.2,
                "IsExploitAvailable": False,
                "VulnerabilitySeverityLevel": patch.severity.replace("Important", "High"),
                "LastModifiedTime": stamp(patch.released_at),
                "PublishedDate": stamp(patch.released_at),
                "VulnerabilityDescription": patch.name,
                "AffectedSoftware": json.encode(["microsoft:windows_11"]).decode(),
            },
        )


def _settings(company: Company) -> Iterator[Timed]:
    for device in company.devices.values():
        if not device.has_agent:
            continue
        states = (device.health == "Active", True, device.firewall, device.encryption)
        for (number, category, subcategory), is_met in zip(CONFIGURATIONS, states, strict=True):
            yield (
                company.anchor - 3600,
                _columns(device)
                | {
                    "OSPlatform": _platform(device),
                    "ConfigurationId": number,
                    "ConfigurationCategory": category,
                    "ConfigurationSubcategory": subcategory,
                    "ConfigurationImpact": 8,
                    "IsCompliant": is_met,
                    "IsApplicable": number != "scid-2090" or not device.is_server,
                    "Context": _list([stamp(company.anchor - 7200, 3)]),
                    "IsExpectedUserImpact": False,
                },
            )


def _certificates(ledger: Ledger) -> Iterator[Timed]:
    """Who signed each program, once for each device that ran it."""
    seen: set[tuple[str, str]] = set()
    company = ledger.company
    known = {program.sha1 for program in EVERYTHING}
    for process in sorted(ledger.processes, key=lambda each: each.at):
        program = process.program
        if (process.device, program.sha1) in seen or program.sha1 not in known:
            continue
        seen.add((process.device, program.sha1))
        row = _columns(company.devices[process.device]) | {
            "SHA1": program.sha1,
            "IsSigned": bool(program.signer),
            "SignatureType": "Embedded" if program.signer else "",
            "Signer": program.signer,
            "Issuer": "Trustwell Code Signing G2" if program.signer else "",
            "IsTrusted": bool(program.signer),
            "IsRootSignerMicrosoft": program.signer == "Microsoft Windows",
        }
        yield process.at + 0.4, row
