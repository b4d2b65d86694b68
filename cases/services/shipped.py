"""The alert kinds that an installation begins with; admins make them their own, so nothing is ever overwritten."""

from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from cases.choices import Severity
from cases.models import AlertKind

INSIDER_GROUP = "insider"

_FAR_END = 'o.kind == "ip" || o.kind == "domain" || o.kind == "url"'
SYSTEM_PATHS = (
    r"(?i)^([a-z]:)?[\\\\/]+(windows[\\\\/]+(system32|syswow64)|s?bin|usr[\\\\/]+s?bin|lib(64)?|usr[\\\\/]+lib)[\\\\/]"
)
_TRANSFER = r"(?i)\\b(cop(y|ied|ies)|transfer|exfiltrat|writ(e|es|ten)|moved|large|[0-9]+ ?[gt]b)"

KINDS: tuple[dict[str, Any], ...] = (
    {
        "slug": "removable-media",
        "name": "Large removable-media transfer",
        "order": 10,
        "words": ["usb", "removable", "mass storage", "external drive", "thumb drive", "memory stick", "flash drive"],
        "techniques": ["T1052", "T1091"],
        "match": 'alert.attack.exists(a, a.technique.startsWith("T1052")) || '
        f'[alert.title, alert.rule.name, alert.description].exists(t, t.matches("{_TRANSFER}"))',
        "severity": Severity.MEDIUM,
        "sla_minutes": 240,
        "is_restricted": True,
        "is_covert": True,
        "how_we_judge": (
            "Two stories fit nearly every copy to a stick: this person took data, or somebody else drives the device. "
            "Argue both before you believe one. For the person speak a local session at the console, the usual hours, "
            "files that they work with, and a leaving date; for the stranger speak an inbound connection, a remote "
            "tool, a second sign-in, or a device that was busy while its owner was away. Ask how much was read from "
            "the file servers against this person's own past days: the amount says little, the change says much. "
            "A stick that was in use for months is a habit, a serial never seen before is a decision. "
            "Stay quiet: do nothing that the subject or their manager could notice, and bring in Legal before "
            "anything is acquired. If the second story wins, this is an intrusion: name who decides, then contain."
        ),
    },
    {
        "slug": "known-bad-address",
        "name": "Connection to a known bad address",
        "order": 20,
        "words": [
            *("known bad", "known malicious", "malicious ip", "malicious domain", "malicious url", "bad reputation"),
            *("poor reputation", "threat intelligence", "blocklist", "blacklist", "denylist", "dshield", "spamhaus"),
            *("compromised or hostile", "cins", "tor exit", "cnc", "c2", "c&c", "command and control", "beacon"),
            *("beaconing", "botnet", "malware", "trojan", "bad address"),
        ],
        "techniques": ["T1071", "T1090", "T1095", "T1102", "T1568", "T1571", "T1572", "T1573"],
        "match": f'alert.flow.dst_ip != "" || alert.observables.exists(o, o.role == "destination" && ({_FAR_END}))',
        "sla_minutes": 60,
        "how_we_judge": (
            "A list that knows the address is a reason to look, not a verdict: hosting changes hands within days. "
            "What convicts is the program behind the connection. An unsigned file in a user's profile that calls home "
            "at a steady pace is command and control until shown otherwise; a signed updater that half the fleet runs "
            "at the same pace is not. Read who started it and when it came, and compare what went out with the past "
            "days of this very device. One failed attempt that the proxy blocked is an exposure, not an infection. "
            "Before you close, find out whether the same file or address is seen on another device. "
            "If program and rhythm agree, escalate at once: the first hour decides how far it gets."
        ),
    },
    {
        "slug": "registry-activity",
        "name": "Strange registry activity",
        "order": 30,
        "words": ["registry", "run key", "runonce", "autorun", "userinit", "winlogon"],
        "techniques": ["T1112", "T1546", "T1547", "T1548"],
        "match": 'alert.observables.exists(o, o.kind == "registry_key" || o.kind == "registry_value")',
        "severity": Severity.MEDIUM,
        "sla_minutes": 240,
        "how_we_judge": (
            "Ask first what would explain it: a patch or an installation within the hour, by a signer that we know, on "
            "a device that gets software this way. If nothing does, the key is only the footprint; look for what made "
            "it. The path of the program, its signer and its parent tell more than the key's name, and a change under "
            "a user's hive by a file in ProgramData or Temp deserves the worst reading. Search the hour before for "
            "what came in: a download, a mail attachment, a larger transfer from a name that nobody else visits. "
            "Do not tidy the key away: it is evidence until the file behind it is found and held."
        ),
    },
    {
        "slug": "changed-system-file",
        "name": "Changed system file",
        "order": 40,
        "words": ["syscheck", "integrity checksum changed", "file integrity", "fim", "system file", "system binary"],
        "techniques": ["T1554", "T1565.001", "T1574"],
        "match": f'alert.observables.exists(o, o.kind == "file_path" && o.value.matches("{SYSTEM_PATHS}"))',
        "severity": Severity.HIGH,
        "sla_minutes": 120,
        "how_we_judge": (
            "Files of the system change when the system is patched, and then on many devices within hours, signed by "
            "who made the system. One device alone, or a file without that signature, is the other case. Ask which "
            "program wrote it and what ran before it. The name convinces nobody: replacing a file that is trusted is "
            "what the attacker wanted. Fetch it before it is put back, for the repaired file shows nothing; then look "
            "whether the same file, or one much like it, lies on another device, because a variant has another hash. "
            "A report of the sandbox in which nothing happens is no acquittal: it may have waited for something."
        ),
    },
    {
        "slug": "default",
        "name": "Other alert",
        "order": 1_000,
        "sla_minutes": 480,
        "how_we_judge": (
            "Say in one sentence what would have to be true for this to matter, then look for that. Who uses the "
            "device, where did it talk to, what ran, what changed: an alert that none of the six answers supports is "
            "usually noise, one that two of them support independently seldom is. A source that failed has not said "
            "that all is well. When you close, write the reason so that the next person can disagree with it."
        ),
    },
)


@transaction.atomic
def install() -> str:
    """Add the kinds that are not there yet, by slug; safe to repeat."""
    group, _ = Group.objects.get_or_create(name=INSIDER_GROUP)
    there = set(AlertKind.objects.values_list("slug", flat=True))
    missing = [kind for kind in KINDS if kind["slug"] not in there]
    for kind in missing:
        AlertKind.objects.create(**kind, group=group if kind.get("is_restricted") else None)
    return f"alert kinds: {len(missing)} added, {len(KINDS) - len(missing)} were there"
