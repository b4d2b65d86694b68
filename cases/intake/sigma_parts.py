"""A hit of a Sigma rule in one shape, whether hayabusa or chainsaw wrote it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cases.intake.absent import is_absent, plain
from cases.intake.paths import Document
from cases.intake.windows_records import SECURITY, SYSMON, WindowsRecord, is_windows, read_record
from secops.attack import TACTICS

MAX_DOCUMENTS = 50  # of an aggregate that are looked into
MAX_TEXT = 10_000  # characters of details that are put together
SEPARATOR = "¦"  # between the fields of a hit in CSV

_CHANNELS = {"Sysmon": SYSMON, "Sec": SECURITY, "Security": SECURITY, "Defender": "Microsoft-Windows-Windows Defender"}
_TACTICS = {
    "recon": "reconnaissance",
    "resdev": "resource-development",
    "initaccess": "initial-access",
    "exec": "execution",
    "persis": "persistence",
    "privesc": "privilege-escalation",
    "evas": "defense-evasion",
    "credaccess": "credential-access",
    "disc": "discovery",
    "latmov": "lateral-movement",
    "collect": "collection",
    "c2": "command-and-control",
    "exfil": "exfiltration",
    "impact": "impact",
}
# What hayabusa calls the values of an event, by what Windows calls them.
_NAMES = {
    "cmdline": "commandline",
    "parentcmdline": "parentcommandline",
    "proc": "image",
    "parentproc": "parentimage",
    "srcproc": "sourceimage",
    "tgtproc": "targetimage",
    "image": "imageloaded",
    "path": "targetfilename",
    "tgtfile": "targetfilename",
    "hash": "hashes",
    "query": "queryname",
    "result": "queryresults",
    "tgtobj": "targetobject",
    "srcuser": "subjectusername",
    "tgtuser": "targetusername",
    "srcip": "sourceip",
    "srcport": "sourceport",
    "tgtip": "destinationip",
    "tgtport": "destinationport",
    "tgthost": "destinationhostname",
    "proto": "protocol",
    "threat": "threat name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """`records` are the Windows events, `others` what the rule found in logs of other kinds."""

    title: str
    title_path: str
    rule_id: str
    level: str
    time: Any
    time_path: str
    records: tuple[WindowsRecord, ...] = ()
    others: tuple[dict[str, Any], ...] = ()
    count: int = 1
    description: str = ""
    techniques: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    links: tuple[Any, ...] = ()


def is_hayabusa(payload: dict[str, Any]) -> bool:
    """Its usual profiles, and the ones for Timesketch."""
    return isinstance(payload.get("RuleTitle"), str) or payload.get("timestamp_desc") == "hayabusa"


def is_chainsaw(payload: dict[str, Any]) -> bool:
    """One document that was hit, or those of an aggregate."""
    has_documents = isinstance(payload.get("document"), dict) or isinstance(payload.get("documents"), list)
    return has_documents and all(key in payload for key in ("group", "kind", "level"))


def read_hayabusa(payload: dict[str, Any]) -> Hit:
    """The hit with the event that it flattens; values in its own short names and in those of Windows."""
    hit = Document(payload)
    is_plain = "RuleTitle" in payload
    details = _fields(payload.get("Details"))
    channel = hit.text("Channel")
    data = {
        **{_NAMES.get(key.lower(), key.lower()): value for key, value in details.items()},
        **{
            key.lower(): value
            for part in ("ExtraFieldInfo", "AllFieldInfo")
            for key, value in _fields(payload.get(part)).items()
        },
    }
    time_path = "Timestamp" if is_plain else "datetime"
    record = WindowsRecord(
        event_id=hit.number("EventID"),
        provider=hit.text("Provider") or _CHANNELS.get(channel, ""),
        channel=channel,
        computer=hit.text("Computer"),
        record_id=hit.text("RecordID"),
        time=hit.first(time_path),
        time_path=time_path,
        data={key: value for key, value in data.items() if not is_absent(value)},
        message="",
    )
    tags = [text for path in ("MitreTags", "Tags") for text in _words(hit, path)]
    return Hit(
        title=hit.text("RuleTitle" if is_plain else "message"),
        title_path="RuleTitle" if is_plain else "message",
        rule_id=hit.text("RuleID", "RuleFile"),
        level=hit.text("Level"),
        time=record.time,
        time_path=time_path,
        records=(record,),
        description=_told(details),
        techniques=tuple(tags),
        tactics=tuple(
            TACTICS.get(_TACTICS.get(word.lower(), ""), "") for word in (*_words(hit, "MitreTactics"), *tags)
        ),
        tags=tuple(_words(hit, "OtherTags")),
    )


def read_chainsaw(payload: dict[str, Any]) -> Hit:
    """The hit with the documents that it carries whole, at most MAX_DOCUMENTS of them."""
    hit = Document(payload)
    documents = [one.payload.get("data") for one in hit.objects("document", "documents")]
    found = [data for data in documents[:MAX_DOCUMENTS] if isinstance(data, dict)]
    labels = hit.texts("tags")
    attacks = [label.partition(".")[2] for label in labels if label.startswith("attack.")]
    return Hit(
        title=hit.text("name"),
        title_path="name",
        rule_id=hit.text("id"),
        level=hit.text("level"),
        time=hit.first("timestamp"),
        time_path="timestamp",
        records=tuple(read_record(data) for data in found if is_windows(data)),
        others=tuple(data for data in found if not is_windows(data)),
        count=max(len(documents), 1),
        techniques=tuple(attacks),
        tactics=tuple(TACTICS.get(word.replace("_", "-"), "") for word in attacks),
        tags=tuple(label for label in (*labels, hit.text("group")) if not label.startswith("attack.")),
        links=tuple(hit.values("references")),
    )


def _fields(value: Any) -> dict[str, Any]:
    """Fields as an object, or as `Proc: x ¦ User: y` in CSV."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        return {}
    pairs = (part.partition(":") for part in value.split(SEPARATOR))
    return {key.strip(): text.strip() for key, colon, text in pairs if colon}


def _words(hit: Document, path: str) -> Iterator[str]:
    """A list, or a text of several words."""
    for text in hit.texts(path):
        yield from (word.strip() for word in text.replace(SEPARATOR, ",").split(","))


def _told(details: dict[str, Any]) -> str:
    return "\n".join(_lines(details.items()))[:MAX_TEXT]


def _lines(pairs: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for key, value in pairs:
        if text := plain(value):
            yield f"{key}: {text[:MAX_TEXT]}"
