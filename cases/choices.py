"""The fixed words of the record, as CONTRACTS.md spells them, in the order that the database sorts."""

from django.db import models


class Severity(models.IntegerChoices):
    INFO = 0, "Info"
    LOW = 1, "Low"
    MEDIUM = 2, "Medium"
    HIGH = 3, "High"
    CRITICAL = 4, "Critical"


class Tlp(models.IntegerChoices):
    """FIRST TLP 2.0; a source with maximum n may be told values up to n."""

    CLEAR = 0, "CLEAR"
    GREEN = 1, "GREEN"
    AMBER = 2, "AMBER"
    AMBER_STRICT = 3, "AMBER+STRICT"
    RED = 4, "RED"


class Pap(models.IntegerChoices):
    CLEAR = 0, "CLEAR"
    GREEN = 1, "GREEN"
    AMBER = 2, "AMBER"
    RED = 3, "RED"


class Stage(models.TextChoices):
    NEW = "new", "New"
    TRIAGE = "triage", "Triage"
    RESPONSE = "response", "Response"
    CONTAINED = "contained", "Contained"
    CLOSED = "closed", "Closed"


NEXT_STAGES: dict[Stage, tuple[Stage, ...]] = {
    Stage.NEW: (Stage.TRIAGE, Stage.RESPONSE, Stage.CLOSED),
    Stage.TRIAGE: (Stage.RESPONSE, Stage.CLOSED),
    Stage.RESPONSE: (Stage.CONTAINED, Stage.CLOSED),
    Stage.CONTAINED: (Stage.CLOSED, Stage.RESPONSE),
    Stage.CLOSED: (Stage.TRIAGE,),
}


class GroupBy(models.TextChoices):
    """What alerts of one kind must share to be one case."""

    RULE = "rule", "Rule id, else title"
    DEVICE = "device", "Device, else its address, else the person"
    PERSON = "person", "Person, else the device"
    DESTINATION = "destination", "Far end: address, domain, key or file"
    SOURCE = "source", "Source, the sender"


class Disposition(models.TextChoices):
    TRUE_POSITIVE = "true_positive", "True positive"
    BENIGN_TRUE_POSITIVE = "benign_true_positive", "Benign true positive"
    FALSE_POSITIVE = "false_positive", "False positive"
    DUPLICATE = "duplicate", "Duplicate"
    UNDETERMINED = "undetermined", "Undetermined"


class Verdict(models.TextChoices):
    MALICIOUS = "malicious", "Malicious"
    SUSPICIOUS = "suspicious", "Suspicious"
    BENIGN = "benign", "Benign"
    INFORMATIONAL = "informational", "Informational"
    UNKNOWN = "unknown", "Unknown"


class Card(models.TextChoices):
    """The six questions, in the order they are read everywhere."""

    WHO = "who", "Who?"
    WHERE = "where", "Where to?"
    TRAFFIC = "traffic", "What traffic?"
    DEVICE = "device", "Is the device healthy?"
    CHANGES = "changes", "What changed?"
    FILES = "files", "What are the files?"


class ObservableKind(models.TextChoices):
    """STANDARDS.md part 1.1."""

    IP = "ip", "IP address"
    SUBNET = "subnet", "Subnet"
    DOMAIN = "domain", "Domain"
    URL = "url", "URL"
    EMAIL = "email", "Mail address"
    HASH_MD5 = "hash_md5", "MD5"
    HASH_SHA1 = "hash_sha1", "SHA-1"
    HASH_SHA256 = "hash_sha256", "SHA-256"
    HASH_SHA512 = "hash_sha512", "SHA-512"
    FILE_NAME = "file_name", "File name"
    FILE_PATH = "file_path", "File path"
    REGISTRY_KEY = "registry_key", "Registry key"
    REGISTRY_VALUE = "registry_value", "Registry value"
    USER = "user", "User account"
    PROCESS = "process", "Process"
    COMMAND_LINE = "command_line", "Command line"
    MAC = "mac", "MAC address"
    ASN = "asn", "AS number"
    USER_AGENT = "user_agent", "User agent"
    JA3 = "ja3", "JA3"
    JA4 = "ja4", "JA4"
    CVE = "cve", "CVE"
    MUTEX = "mutex", "Mutex"
    PORT = "port", "Port"
    SERIAL = "serial", "Device serial"
    OTHER = "other", "Other"


class Role(models.TextChoices):
    """What an observable is to the alert."""

    SOURCE = "source", "Source"
    DESTINATION = "destination", "Destination"
    FILE = "file", "File"
    PROCESS = "process", "Process"
    REGISTRY = "registry", "Registry"
    ACCOUNT = "account", "Account"
    MAIL = "mail", "Mail"
    OTHER = "other", "Other"


class AlertAction(models.TextChoices):
    ALLOWED = "allowed", "Allowed"
    BLOCKED = "blocked", "Blocked"
    QUARANTINED = "quarantined", "Quarantined"
    DETECTED = "detected", "Detected"
    UNKNOWN = "unknown", "Unknown"


class DeviceState(models.TextChoices):
    """Where a device of a case stands."""

    SUSPECTED = "suspected", "Suspected"
    ISOLATED = "isolated", "Isolated"
    PARTLY_ISOLATED = "partly_isolated", "Partly isolated"
    IMAGED = "imaged", "Imaged"
    RELEASED = "released", "Released"
    CLEARED = "cleared", "Cleared"


CONTAINED = (DeviceState.ISOLATED, DeviceState.IMAGED)  # cut off; an image is said of an isolated device only


class DeviceReason(models.TextChoices):
    """Why a device is in a case."""

    ALERT = "alert", "Alert"
    HUNT = "hunt", "Hunt hit"
    ANALYST = "analyst", "Analyst"


class EvidenceKind(models.TextChoices):
    """What an item of evidence is, in the order that it is mostly collected."""

    TRIAGE = "triage", "Triage package"
    MEMORY = "memory", "Memory image"
    CAPTURE = "capture", "Packet capture"
    DISK = "disk", "Disk image"
    LOGS = "logs", "Log export"
    MAIL = "mail", "Mail"
    FILE = "file", "File"
    DOCUMENT = "document", "Document"
    KEY = "key", "Escrowed key"
    EXHIBIT = "exhibit", "Physical exhibit"


class CustodyAction(models.TextChoices):
    """What can happen to an item; the words of the chain, which an export carries out of the house."""

    ACQUIRED = "acquired", "Acquired"
    RECEIVED = "received", "Received"
    VIEWED = "viewed", "Viewed"
    EXPORTED = "exported", "Exported"
    HANDED_OVER = "handed_over", "Handed over"
    VERIFIED = "verified", "Verified"
    SEALED = "sealed", "Sealed"
    HOLD_SET = "hold_set", "Legal hold set"
    HOLD_LIFTED = "hold_lifted", "Legal hold lifted"
    DESTROYED = "destroyed", "Destroyed"


class Circle(models.TextChoices):
    """Teams outside of the SOC whose members a covert case may name; a team is a group of this name."""

    LEGAL = "legal", "Legal"
    HR = "hr", "HR"
