"""A Windows event in one shape, whichever exporter wrote it: Event.System, winlogbeat, flat, or inside Wazuh."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cases.intake.absent import is_absent, plain
from cases.intake.paths import Document

SYSMON, SECURITY = "Microsoft-Windows-Sysmon", "Microsoft-Windows-Security-Auditing"
DEFENDER = "Microsoft-Windows-Windows Defender"
_CHANNELS = {"microsoft-windows-sysmon/operational": SYSMON, "security": SECURITY}
_ENVELOPE = frozenset({"eventid", "channel", "computer", "message", "provider", "keywords", "level", "task", "opcode"})


@dataclass(frozen=True, slots=True)
class WindowsRecord:
    """`data` are the values of the event by lower-case name, `time_path` says where its time stood."""

    event_id: int | None
    provider: str
    channel: str
    computer: str
    record_id: str
    time: Any
    time_path: str
    data: Mapping[str, Any]
    message: str

    def text(self, *names: str) -> str:
        """The first of the values that says something."""
        return next((text for name in names if (text := plain(self.data.get(name.lower())))), "")

    @property
    def is_sysmon(self) -> bool:
        return self.provider.casefold() == SYSMON.casefold()

    @property
    def is_security(self) -> bool:
        return self.provider.casefold() == SECURITY.casefold()


def is_windows(payload: dict[str, Any]) -> bool:
    """Is this one of the three shapes of a Windows event?"""
    if "class_uid" in payload or any(key.partition(".")[0] in {"kibana", "signal"} for key in payload):
        return False  # an alert about the event
    return _is_nested(payload) or _is_beat(payload) or _is_flat(payload)


def read_record(payload: dict[str, Any]) -> WindowsRecord:
    """The event in its one shape; what is not there is empty."""
    if _is_nested(payload):
        return _nested(Document(payload).part("Event"))
    document = Document(payload)
    if _is_beat(payload):
        return _beat(document)
    if document.objects("win.system"):
        return _wazuh(document.part("win"))
    return _flat(document, payload)


def _is_nested(payload: dict[str, Any]) -> bool:
    event = payload.get("Event")
    return isinstance(event, dict) and isinstance(event.get("System"), dict)


def _is_beat(payload: dict[str, Any]) -> bool:
    winlog = payload.get("winlog")
    return "winlog.event_id" in payload or (isinstance(winlog, dict) and "event_id" in winlog)


def _is_flat(payload: dict[str, Any]) -> bool:
    if (
        "RuleTitle" in payload or payload.get("timestamp_desc") == "hayabusa"
    ):  # what a Sigma rule says about such an event
        return False
    return "EventID" in payload and any(key in payload for key in ("Channel", "SourceName", "Provider", "ProviderName"))


def _nested(event: Document) -> WindowsRecord:
    data = event.payload.get("EventData") or {}
    user_data = event.payload.get("UserData")
    if not data and isinstance(user_data, dict):  # one object with the provider's own name around the values
        data = next((part for part in user_data.values() if isinstance(part, dict)), {})
    channel = event.text("System.Channel")
    return WindowsRecord(
        event_id=event.number("System.EventID.#text", "System.EventID"),
        provider=event.text(*_paths("System.Provider", "Name")) or _CHANNELS.get(channel.casefold(), ""),
        channel=channel,
        computer=event.text("System.Computer"),
        record_id=event.text("System.EventRecordID"),
        time=event.first(*_paths("System.TimeCreated", "SystemTime"), "System.TimeCreated"),
        time_path="Event.System.TimeCreated",
        data=_lowered(_named(data)),
        message=event.text("RenderingInfo.Message"),
    )


def _paths(element: str, attribute: str) -> tuple[str, ...]:
    """Where exporters put an attribute of an XML element."""
    inside = (f"{element}.{place}{attribute}" for place in ("#attributes.", "@", "@attributes.", ""))
    return (*inside, f"{element}_attributes.{attribute}")


def _beat(document: Document) -> WindowsRecord:
    data = document.part("winlog.event_data").payload or document.part("winlog.user_data").payload
    return WindowsRecord(
        event_id=document.number("winlog.event_id", "event.code"),
        provider=document.text("winlog.provider_name", "event.provider"),
        channel=document.text("winlog.channel"),
        computer=document.text("winlog.computer_name", "host.name"),
        record_id=document.text("winlog.record_id"),
        time=document.first("@timestamp", "event.created"),
        time_path="@timestamp",
        data=_lowered(data),
        message=document.text("message"),
    )


def _wazuh(win: Document) -> WindowsRecord:
    return WindowsRecord(
        event_id=win.number("system.eventID"),
        provider=win.text("system.providerName"),
        channel=win.text("system.channel"),
        computer=win.text("system.computer"),
        record_id=win.text("system.eventRecordID"),
        time=win.first("system.systemTime"),
        time_path="system.systemTime",
        data=_lowered(win.part("eventdata").payload),
        message=win.text("system.message"),
    )


def _flat(document: Document, payload: dict[str, Any]) -> WindowsRecord:
    nested = document.part("EventData").payload
    values = {key: value for key, value in payload.items() if key.lower() not in _ENVELOPE}
    provider = document.text("ProviderName", "SourceName", "Provider_Name", "Provider.Name", "Provider")
    channel = document.text("Channel")
    return WindowsRecord(
        event_id=document.number("EventID", "EventID.#text"),
        provider=provider or _CHANNELS.get(channel.casefold(), ""),
        channel=channel,
        computer=document.text("Computer", "Hostname", "ComputerName", "MachineName"),
        record_id=document.text("EventRecordID", "RecordNumber", "RecordID", "RecordId"),
        time=document.first("TimeCreated", "SystemTime", "EventTime", "@timestamp", "UtcTime", "timestamp"),
        time_path="TimeCreated",
        data=_lowered({**values, **_named(nested)}),
        message=document.text("Message"),
    )


def _named(data: Any) -> dict[str, Any]:
    """The values by name; some exporters keep `Data: [{"@Name": .., "#text": ..}]`."""
    if not isinstance(data, dict):
        return {}
    items = data.get("Data")
    items = items if isinstance(items, list) else [items]
    found = dict(data)
    for item in items:
        if isinstance(item, dict):
            part = Document(item)
            found[part.text("@Name", "#attributes.Name", "Name")] = part.first("#text", "$t", "text", "Value")
    return found


def _lowered(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        return {}
    return {key.lower(): value for key, value in data.items() if not is_absent(value)}
