"""What a Windows event says, in plain words. `{Name}` is a value of the event, `{Name/}` the last part of a path."""

import re

from cases.intake.windows_records import DEFENDER, SECURITY, SYSMON, WindowsRecord

_PLACE = re.compile(r"\{([A-Za-z ]{1,40})(/?)\}")
_SERVICE_MANAGER = "Service Control Manager"
_EVENT_LOG = "Microsoft-Windows-Eventlog"
_WMI = "Microsoft-Windows-WMI-Activity"

TITLES = {
    (SYSMON, 1): "Process started: {Image/}",
    (SYSMON, 2): "File creation time changed: {TargetFilename/}",
    (SYSMON, 3): "Network connection: {Image/} and {DestinationIp} port {DestinationPort}",
    (SYSMON, 5): "Process ended: {Image/}",
    (SYSMON, 6): "Driver loaded: {ImageLoaded/}",
    (SYSMON, 7): "Library loaded: {ImageLoaded/} by {Image/}",
    (SYSMON, 8): "Thread started in another process: {SourceImage/} in {TargetImage/}",
    (SYSMON, 9): "Disk read without the file system: {Image/}",
    (SYSMON, 10): "Process opened by another: {TargetImage/} by {SourceImage/}",
    (SYSMON, 11): "File created: {TargetFilename/}",
    (SYSMON, 12): "Registry key or value created or deleted: {TargetObject}",
    (SYSMON, 13): "Registry value set: {TargetObject}",
    (SYSMON, 14): "Registry key or value renamed: {TargetObject}",
    (SYSMON, 15): "Alternate data stream created: {TargetFilename/}",
    (SYSMON, 16): "Sysmon configuration changed",
    (SYSMON, 17): "Named pipe created: {PipeName}",
    (SYSMON, 18): "Named pipe opened: {PipeName}",
    (SYSMON, 19): "WMI event filter registered: {Name}",
    (SYSMON, 20): "WMI event consumer registered: {Name}",
    (SYSMON, 21): "WMI consumer bound to a filter: {Consumer}",
    (SYSMON, 22): "DNS query: {QueryName}",
    (SYSMON, 23): "File deleted and kept: {TargetFilename/}",
    (SYSMON, 24): "Clipboard changed: {Image/}",
    (SYSMON, 25): "Process image tampered with: {Image/}",
    (SYSMON, 26): "File deleted: {TargetFilename/}",
    (SYSMON, 27): "Executable file blocked: {TargetFilename/}",
    (SYSMON, 29): "Executable file created: {TargetFilename/}",
    (SECURITY, 1102): "Security log cleared: by {SubjectUserName}",
    (SECURITY, 4624): "Sign-in: {TargetUserName}",
    (SECURITY, 4625): "Failed sign-in: {TargetUserName}",
    (SECURITY, 4634): "Sign-out: {TargetUserName}",
    (SECURITY, 4648): "Sign-in with explicit credentials: {SubjectUserName} as {TargetUserName}",
    (SECURITY, 4656): "Object opened: {ObjectName/}",
    (SECURITY, 4657): "Registry value changed: {ObjectName}",
    (SECURITY, 4660): "Object deleted: {ProcessName/}",
    (SECURITY, 4663): "Object accessed: {ObjectName/}",
    (SECURITY, 4670): "Permissions changed: {ObjectName/}",
    (SECURITY, 4672): "Sign-in with special privileges: {SubjectUserName}",
    (SECURITY, 4688): "Process started: {NewProcessName/}",
    (SECURITY, 4689): "Process ended: {ProcessName/}",
    (SECURITY, 4697): "Service installed: {ServiceName}",
    (SECURITY, 4698): "Scheduled task created: {TaskName}",
    (SECURITY, 4699): "Scheduled task deleted: {TaskName}",
    (SECURITY, 4700): "Scheduled task enabled: {TaskName}",
    (SECURITY, 4701): "Scheduled task disabled: {TaskName}",
    (SECURITY, 4702): "Scheduled task changed: {TaskName}",
    (SECURITY, 4719): "Audit policy changed: by {SubjectUserName}",
    (SECURITY, 4720): "User account created: {TargetUserName}",
    (SECURITY, 4722): "User account enabled: {TargetUserName}",
    (SECURITY, 4723): "Password change tried: {TargetUserName}",
    (SECURITY, 4724): "Password reset tried: {TargetUserName}",
    (SECURITY, 4725): "User account disabled: {TargetUserName}",
    (SECURITY, 4726): "User account deleted: {TargetUserName}",
    (SECURITY, 4728): "Member added to a global group: {TargetUserName}",
    (SECURITY, 4732): "Member added to a local group: {TargetUserName}",
    (SECURITY, 4738): "User account changed: {TargetUserName}",
    (SECURITY, 4740): "User account locked out: {TargetUserName}",
    (SECURITY, 4756): "Member added to a universal group: {TargetUserName}",
    (SECURITY, 4768): "Kerberos ticket requested: {TargetUserName}",
    (SECURITY, 4769): "Kerberos service ticket requested: {ServiceName}",
    (SECURITY, 4771): "Kerberos sign-in failed: {TargetUserName}",
    (SECURITY, 4776): "Password checked by the domain: {TargetUserName}",
    (SECURITY, 5140): "Network share opened: {ShareName}",
    (SECURITY, 5145): "File on a network share opened: {RelativeTargetName/}",
    (SECURITY, 5156): "Network connection allowed: {Application/}",
    (SECURITY, 5157): "Network connection blocked: {Application/}",
    (SECURITY, 6416): "New external device: {DeviceDescription}",
    (SECURITY, 6419): "Device disabled on request: {DeviceDescription}",
    (SECURITY, 6423): "Device forbidden by policy: {DeviceDescription}",
    (_SERVICE_MANAGER, 7045): "Service installed: {ServiceName}",
    (_EVENT_LOG, 104): "Event log cleared: {Channel}",
    (_EVENT_LOG, 1102): "Security log cleared: by {SubjectUserName}",
    (_WMI, 5858): "WMI operation failed: {Operation}",
    (DEFENDER, 1006): "Malware found: {Threat Name}",
    (DEFENDER, 1116): "Malware found: {Threat Name}",
    (DEFENDER, 1117): "Malware dealt with: {Threat Name}",
    (DEFENDER, 1118): "Malware could not be dealt with: {Threat Name}",
    (DEFENDER, 1119): "Malware could not be dealt with, critical error: {Threat Name}",
    (DEFENDER, 1121): "Blocked by an attack surface reduction rule: {Process Name/}",
    (DEFENDER, 1122): "Seen by an attack surface reduction rule: {Process Name/}",
    (DEFENDER, 1123): "Blocked by controlled folder access: {Process Name/}",
    (DEFENDER, 1124): "Seen by controlled folder access: {Process Name/}",
    (DEFENDER, 1125): "Seen by network protection: {Process Name/}",
    (DEFENDER, 1126): "Blocked by network protection: {Process Name/}",
    (DEFENDER, 5001): "Real-time protection switched off",
}
_TITLES = {(provider.casefold(), event_id): title for (provider, event_id), title in TITLES.items()}


def title_of(record: WindowsRecord) -> str:
    """The sentence of the event; without its values where they are missing."""
    template = _TITLES.get((record.provider.casefold(), record.event_id or 0))
    if template is None:
        return f"Windows event {record.event_id} of {record.provider or record.channel or 'an unknown source'}"
    if any(not record.text(name) for name, _ in _PLACE.findall(template)):
        return template.partition(":")[0]
    return _PLACE.sub(lambda place: _value(record, place), template)


def event_name(record: WindowsRecord) -> str:
    """The sentence without its values: the name of the rule, the same for each such event."""
    template = _TITLES.get((record.provider.casefold(), record.event_id or 0), "")
    return template.partition(":")[0]


def _value(record: WindowsRecord, place: re.Match[str]) -> str:
    text = record.text(place.group(1))
    return text.rstrip("\\/").replace("/", "\\").rpartition("\\")[2] or text if place.group(2) else text
