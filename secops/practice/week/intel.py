"""What the simulation's outside sources know: reputation as VirusTotal writes it, registrations, owners, lists."""

from typing import Any

from secops.practice.week.company import Company
from secops.practice.week.leases import DAY
from secops.practice.week.noise_machines import AGENT_SERVER, UPDATE_SERVER
from secops.practice.week.noise_people import SITES
from secops.practice.week.programs import AGENT, BEACON, BROWSER, UPDATER, Program
from secops.practice.week.story_beacon import BAD_ADDRESS, BAD_NAME
from secops.practice.week.story_registry import ADDRESS as MIRROR_ADDRESS
from secops.practice.week.story_registry import NAME as MIRROR_NAME
from secops.practice.week.story_system import IMPLANT, KIT, PATH, SERVICE, VALUE, SystemFile

FAMILY = "Marrowlink"
HOSTER = "Dunewater Hosting B.V."
REGISTERED_DAYS = 3
ENGINES = (
    *("Alderwatch", "Borealis", "Cinderscan", "Drumlin", "Eiderdown", "Fathom", "Glasshouse"),
    *("Heronry", "Icefloe", "Juniper", "Kestrel", "Larkspur", "Millrace", "Nettle", "Oxbow"),
    *("Palisade", "Quarry", "Rookery", "Saltmarsh", "Thicket", "Undertow", "Vellum", "Wicket"),
    *("Yarrow",),
)
NETWORKS = (
    # start, end, asn, organisation, country, city
    ("192.0.2.0", "192.0.2.127", 64500, "Brightwater upstream and partners", "PT", "Lisbon"),
    ("192.0.2.128", "192.0.2.255", 64501, "Northway Content Network", "DE", "Hamburg"),
    ("198.51.100.0", "198.51.100.255", 64510, "Pebble Cloud Ltd", "LT", "Vilnius"),
    ("203.0.113.0", "203.0.113.255", 64520, HOSTER, "NL", "Amsterdam"),
)
BEACON_SIBLING = "5f" + BEACON.sha256[2:62][::-1] + "c1"  # the library beside it
BEHAVIOUR = {
    "sandbox_name": "Range sandbox",
    "verdicts": ["MALWARE"],
    "verdict_labels": [FAMILY],
    "processes_created": [
        "rundll32.exe sync.dll,Start",
        "C:\\Users\\user\\AppData\\Local\\OneDriveSync\\updater.exe /background",
    ],
    "files_written": ["C:\\Users\\user\\AppData\\Local\\OneDriveSync\\sync.dll"],
    "files_dropped": [{"path": "C:\\Users\\user\\AppData\\Local\\OneDriveSync\\sync.dll"}],
    "mutexes_created": ["Global\\ods-7731"],
    "registry_keys_set": [
        {"key": "HKCU\\Software\\OneDriveSync\\id", "value": "7731"},
    ],
    "dns_lookups": [{"hostname": BAD_NAME, "resolved_ips": [BAD_ADDRESS]}],
    "ip_traffic": [{"destination_ip": BAD_ADDRESS, "destination_port": 443, "transport_layer_protocol": "TCP"}],
    "mitre_attack_techniques": [
        {"id": "T1071.001", "signature_description": "Sends data over HTTPS every minute", "severity": "HIGH"},
        {"id": "T1053.005", "signature_description": "Creates a scheduled task", "severity": "MEDIUM"},
        {"id": "T1218.011", "signature_description": "Loads a library with rundll32", "severity": "MEDIUM"},
    ],
    "signature_matches": [
        {"name": "beacon", "description": "Calls one address at a fixed interval", "severity": "HIGH"}
    ],
    "tags": ["PERSISTENCE", "CALLS_WMI"],
}

IMPLANT_BEHAVIOUR = {
    "sandbox_name": "Range sandbox",
    "verdicts": ["MALWARE"],
    "verdict_labels": [FAMILY],
    "processes_created": [f"{KIT.image} -k"],
    "files_written": [KIT.image],
    "files_dropped": [{"path": KIT.image}],
    "registry_keys_set": [{"key": f"{SERVICE}\\{VALUE}", "value": PATH}],
    "mitre_attack_techniques": [
        {"id": "T1543.003", "signature_description": "Makes a service start a library of its own", "severity": "HIGH"},
        {"id": "T1036.005", "signature_description": "Takes the name of a file of the system", "severity": "MEDIUM"},
    ],
    "signature_matches": [
        {"name": "service_dll", "description": "Replaces the library of a service", "severity": "HIGH"}
    ],
}


def intel_of(company: Company) -> dict[str, Any]:
    """VirusTotal attributes by value, with the related objects and sandbox reports beside them."""
    dropped = BEACON_SIBLING
    return {
        "ip": {
            BAD_ADDRESS: _bad_address(company) | {"communicating_files": [BEACON.sha256, dropped]},
            MIRROR_ADDRESS: _address(company, MIRROR_ADDRESS, 1, 1, 90),
            UPDATE_SERVER[1]: _address(company, UPDATE_SERVER[1], 0, 0, 90),
            AGENT_SERVER[1]: _address(company, AGENT_SERVER[1], 0, 0, 90),
        },
        "domain": {
            BAD_NAME: _domain(company, BAD_NAME, BAD_ADDRESS, 7, REGISTERED_DAYS, FAMILY),
            MIRROR_NAME: _domain(company, MIRROR_NAME, MIRROR_ADDRESS, 1, 212, ""),
            UPDATE_SERVER[0]: _domain(company, UPDATE_SERVER[0], UPDATE_SERVER[1], 0, 2900, ""),
            AGENT_SERVER[0]: _domain(company, AGENT_SERVER[0], AGENT_SERVER[1], 0, 3400, ""),
            **{name: _domain(company, name, address, 0, 2000, "") for name, address in SITES},
        },
        "file": {
            BEACON.sha256: _bad_file(company)
            | {
                "behaviours": [BEHAVIOUR],
                "contacted_ips": [BAD_ADDRESS],
                "contacted_domains": [BAD_NAME],
                "dropped_files": [dropped],
            },
            IMPLANT.sha256: _implant(company) | {"behaviours": [IMPLANT_BEHAVIOUR], "dropped_files": [KIT.sha256]},
            KIT.sha256: _implant(company, KIT),
            dropped: _sibling(company) | {"contacted_ips": [BAD_ADDRESS]},
            **{program.sha256: _good_file(company, program) for program in (UPDATER, AGENT, BROWSER)},
        },
    }


def _stats(malicious: int, suspicious: int, total: int) -> dict[str, int]:
    rest = total - malicious - suspicious
    harmless = rest * 2 // 3
    return {
        "malicious": malicious,
        "suspicious": suspicious,
        "undetected": rest - harmless,
        "harmless": harmless,
        "timeout": 0,
    }


def _results(malicious: int, total: int, word: str) -> dict[str, Any]:
    results = {}
    for number in range(total):
        name = ENGINES[number % len(ENGINES)] + (f" {number // len(ENGINES) + 1}" if number >= len(ENGINES) else "")
        is_bad = number < malicious
        results[name] = {
            "category": "malicious" if is_bad else "undetected",
            "engine_name": name,
            "method": "blacklist",
            "result": word if is_bad else "unrated",
        }
    return results


def _address(company: Company, address: str, malicious: int, suspicious: int, total: int) -> dict[str, Any]:
    network = next(row for row in NETWORKS if address.rsplit(".", 1)[0] == row[0].rsplit(".", 1)[0])
    return {
        "network": f"{address.rsplit('.', 1)[0]}.0/24",
        "asn": network[2],
        "as_owner": network[3],
        "country": network[4],
        "regional_internet_registry": "RIPE NCC",
        "reputation": -malicious * 3,
        "tags": [],
        "total_votes": {"harmless": 0, "malicious": malicious // 3},
        "last_analysis_date": int(company.anchor - 5 * 3600),
        "last_modification_date": int(company.anchor - 4 * 3600),
        "last_analysis_stats": _stats(malicious, suspicious, total),
        "last_analysis_results": _results(malicious, total, "malware"),
    }


def _bad_address(company: Company) -> dict[str, Any]:
    return _address(company, BAD_ADDRESS, 9, 0, 90) | {
        "tags": ["botnet", FAMILY.lower(), "c2"],
        "last_analysis_results": _results(9, 90, f"{FAMILY} botnet"),
        "crowdsourced_context": [
            {
                "title": f"{FAMILY} botnet controller",
                "details": f"Command and Control of the {FAMILY} botnet over HTTPS (T1071.001).",
                "severity": "high",
                "source": "Range exchange",
                "timestamp": int(company.anchor - 2 * DAY),
            }
        ],
        "popular_threat_classification": {
            "suggested_threat_label": f"botnet.{FAMILY.lower()}",
            "popular_threat_name": [{"count": 7, "value": FAMILY.lower()}],
            "popular_threat_category": [{"count": 9, "value": "botnet"}],
        },
        "mitre_attack_techniques": [{"id": "T1071.001", "name": "Web Protocols", "tactic": "Command and Control"}],
    }


def _domain(company: Company, name: str, address: str, malicious: int, age_days: int, family: str) -> dict[str, Any]:
    return {
        "registrar": "Northern Names",
        "creation_date": int(company.anchor - age_days * DAY),
        "last_dns_records": [{"type": "A", "value": address, "ttl": 300}],
        "categories": {"Glasshouse": "command and control" if family else "business"},
        "tags": ["newly-registered", family.lower()] if family else [],
        "reputation": -malicious * 2,
        "total_votes": {"harmless": 0, "malicious": malicious // 3},
        "last_analysis_date": int(company.anchor - 6 * 3600),
        "last_analysis_stats": _stats(malicious, 0, 90),
        "last_analysis_results": _results(malicious, 90, family or "malware"),
    }


def _file(company: Company, name: str, sha256: str, malicious: int, total: int, size: int) -> dict[str, Any]:
    return {
        "sha256": sha256,
        "meaningful_name": name,
        "names": [name],
        "size": size,
        "type_tag": "peexe",
        "type_description": "Win32 EXE",
        "type_extension": "exe",
        "magic": "PE32+ executable for MS Windows (GUI)",
        "times_submitted": 3 if malicious else 4100,
        "unique_sources": 2 if malicious else 3800,
        "first_submission_date": int(company.anchor - (2.4 if malicious else 120) * DAY),
        "last_submission_date": int(company.anchor - 9 * 3600),
        "last_analysis_date": int(company.anchor - 8 * 3600),
        "last_modification_date": int(company.anchor - 7 * 3600),
        "reputation": -malicious,
        "total_votes": {"harmless": 0, "malicious": malicious // 12},
        "last_analysis_stats": _stats(malicious, 0, total) | {"failure": 0, "type-unsupported": 4},
        "last_analysis_results": _results(malicious, total, f"Trojan.{FAMILY}"),
    }


def _family() -> dict[str, Any]:
    return {
        "suggested_threat_label": f"trojan.{FAMILY.lower()}",
        "popular_threat_name": [{"count": 31, "value": FAMILY.lower()}],
        "popular_threat_category": [{"count": 40, "value": "trojan"}, {"count": 11, "value": "botnet"}],
    }


def _bad_file(company: Company) -> dict[str, Any]:
    return _file(company, BEACON.name, BEACON.sha256, 48, 72, BEACON.size) | {
        "md5": BEACON.md5,
        "sha1": BEACON.sha1,
        "tags": ["peexe", "persistence", "checks-network-adapters"],
        "popular_threat_classification": _family(),
        "sandbox_verdicts": {
            "Range sandbox": {
                "category": "malicious",
                "confidence": 94,
                "sandbox_name": "Range sandbox",
                "malware_classification": ["MALWARE"],
                "malware_names": [FAMILY],
            }
        },
    }


def _sibling(company: Company) -> dict[str, Any]:
    return _file(company, "sync.dll", BEACON_SIBLING, 41, 72, 96_768) | {
        "tags": ["pedll"],
        "popular_threat_classification": _family(),
    }


def _implant(company: Company, program: SystemFile = IMPLANT) -> dict[str, Any]:
    """Known to few: no engine outside has met the changed file of the system."""
    return _file(company, program.name, program.sha256, 0, 72, program.size) | {
        "md5": program.md5,
        "sha1": program.sha1,
        "tlsh": program.tlsh,
        "tags": ["pedll"],
        "times_submitted": 1,
        "unique_sources": 1,
        "popular_threat_classification": _family(),
    }


def _good_file(company: Company, program: Program) -> dict[str, Any]:
    return _file(company, program.name, program.sha256, 0, 72, program.size) | {
        "md5": program.md5,
        "sha1": program.sha1,
        "tags": ["peexe", "signed"],
        "signature_info": {
            "product": program.product,
            "signers": f"{program.signer}; Trustwell Code Signing G2",
            "verified": "Signed",
        },
    }
