"""The fixed words of enrichment."""

from django.db import models


class LookupState(models.TextChoices):
    DUE = "due", "Due"
    CLAIMED = "claimed", "Asking"
    ANSWERED = "answered", "Answered"
    NO_DATA = "no_data", "No data"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"


class ExaminationState(models.TextChoices):
    DUE = "due", "Due"
    CLAIMED = "claimed", "Reading"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    REFUSED = "refused", "Refused"


class PushState(models.TextChoices):
    """Of a complete case on its way to one outlet."""

    DUE = "due", "Due"
    SENT = "sent", "Sent"
    OVERTAKEN = "overtaken", "A later one goes instead"
    WITHHELD = "withheld", "Withheld"
    FAILED = "failed", "Given up"


class ForensicTool(models.TextChoices):
    """What reads an item; enrichment.forensics.child knows each by its value."""

    DISK = "disk", "Disk: files, deleted files, times"
    MEMORY = "memory", "Memory: strings and rules"
    CAPTURE = "capture", "Packets: peers and names"
    PACKAGE = "package", "Files: hashes, rules, Windows logs and hives"
    SURICATA = "suricata", "Suricata over the packets"
    VOLATILITY = "volatility", "Volatility over the memory"


PENDING = (LookupState.DUE, LookupState.CLAIMED)
UNHEARD = (LookupState.REFUSED, LookupState.FAILED, LookupState.SKIPPED)


class SubjectKind(models.TextChoices):
    """What a question is about."""

    LEASE = "lease", "Inside address at a minute"
    ADDRESS = "address", "External address"
    DOMAIN = "domain", "Domain"
    HOST = "host", "Device at a time"
    PERSON = "person", "Person"
    HASH = "hash", "File hash"
    REGISTRY = "registry", "Registry key on a device"
    PAIR = "pair", "Device and peer"
    CASE = "case", "The findings of a case"
