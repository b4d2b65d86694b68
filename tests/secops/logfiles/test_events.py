"""Which program, what changed, which files, who was signed in: from Windows and Sysmon events in any shape."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secops.connectors.capabilities.identity import Host
from secops.logfiles.changes import changes
from secops.logfiles.fileactivity import file_events, removable_media, serial_of
from secops.logfiles.processes import process_of, processes_writing
from secops.logfiles.sessions import sign_ins
from secops.logfiles.store import LogStore
from secops.logfiles.windows import row_of
from tests.secops.logfiles.writing import NOON, before, ends, lease, security, sysmon, write_lines

EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
DAY = (before(days=1), NOON)
HOST = Host(name="FIN-01")
RUN = "HKU\\S-1-5-21-7\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"
SHA = "ab" * 32


def chain() -> list[dict[str, Any]]:
    """svchost starts rundll32, which starts an unsigned updater."""
    return [
        sysmon(before(hours=9), 1, ProcessGuid="{1}", ProcessId=800, Image="C:\\W\\svchost.exe", ParentImage="-"),
        sysmon(
            before(hours=8),
            1,
            ProcessGuid="{2}",
            ProcessId=801,
            Image="C:\\W\\rundll32.exe",
            ParentProcessGuid="{1}",
            ParentImage="C:\\W\\svchost.exe",
        ),
        sysmon(
            before(hours=7),
            1,
            ProcessGuid="{3}",
            ProcessId=802,
            Image="C:\\U\\updater.exe",
            CommandLine="updater /q",
            ParentProcessGuid="{2}",
            ParentImage="C:\\W\\rundll32.exe",
            ParentCommandLine="rundll32 x",
            User="CORP\\m.okafor",
            Hashes=f"MD5=00,SHA256={SHA.upper()}",
        ),
        sysmon(before(hours=7), 7, Image="C:\\U\\updater.exe", ImageLoaded="C:\\U\\updater.exe", Signed="false"),
    ]


def test_the_program_behind_a_connection_has_its_parents(folder: Path, store: LogStore) -> None:
    more: dict[str, Any] = {
        "ProcessGuid": "{3}",
        "ProcessId": 802,
        "Image": "C:\\U\\updater.exe",
        "SourceIp": "10.0.0.1",
    }
    more |= {"DestinationIp": "203.0.113.44", "DestinationHostname": "cdn.example", "Initiated": "true"}
    write_lines(folder / "events.ndjson", [*chain(), *(sysmon(before(minutes=n), 3, **more) for n in (5, 6))])

    (fact,) = process_of(store, HOST, "203.0.113.44", *DAY)

    assert fact.image == "C:\\U\\updater.exe"
    assert fact.parents == ["C:\\W\\rundll32.exe", "C:\\W\\svchost.exe"]
    assert (fact.user, fact.command_line, fact.sha256) == ("CORP\\m.okafor", "updater /q", SHA)
    assert fact.is_signed is False
    assert process_of(store, HOST, "CDN.example", *DAY) == [fact]
    assert process_of(store, Host(name="OTHER"), "203.0.113.44", *DAY) == []


def test_a_host_without_name_is_known_by_its_lease(folder: Path, store: LogStore) -> None:
    write_lines(folder / "dhcp.log", [lease(before(hours=20), "10.0.0.1", "02:01", "FIN-01")])
    write_lines(folder / "events.ndjson", [sysmon(before(hours=1), 13, TargetObject=RUN + "\\x", EventType="SetValue")])

    assert len(changes(store, Host(address="10.0.0.1"), *DAY)) == 1
    assert changes(store, Host(address="10.0.0.2"), *DAY) == []


def test_an_address_that_two_hosts_had_speaks_for_the_one_that_had_it_then(folder: Path, store: LogStore) -> None:
    write_lines(
        folder / "sysmon.json",
        [
            sysmon(before(hours=20), 3, "FIN-09.corp", SourceIp="10.0.0.9", DestinationIp="198.51.100.1"),
            sysmon(before(hours=3), 3, "FIN-01.corp", SourceIp="10.0.0.9", DestinationIp="198.51.100.1"),
            sysmon(before(hours=20), 13, "FIN-09.corp", TargetObject="HKLM\\Software\\Other\\x"),
            sysmon(before(hours=2), 13, "FIN-01.corp", TargetObject="HKLM\\Software\\Mine\\x"),
        ],
    )

    assert [one.target for one in changes(store, Host(address="10.0.0.9"), *DAY)] == ["HKLM\\Software\\Mine\\x"]


@pytest.mark.parametrize(
    "key",
    [RUN, RUN + "\\hlp32", "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run", RUN.replace("HKU", "HKEY_USERS")],
)
def test_the_program_that_set_a_registry_key_is_found_under_any_spelling(
    folder: Path, store: LogStore, key: str
) -> None:
    data = {"TargetObject": RUN + "\\hlp32", "EventType": "SetValue", "Details": "C:\\U\\updater.exe -q"}
    data |= {"ProcessGuid": "{3}", "ProcessId": "802", "Image": "C:\\U\\updater.exe"}
    write_lines(folder / "events.ndjson", [*chain(), sysmon(before(minutes=5), 13, **data)])

    (fact,) = processes_writing(store, HOST, key, *DAY)

    assert (fact.pid, fact.parents[0]) == (802, "C:\\W\\rundll32.exe")


def test_a_key_is_not_taken_for_one_that_ends_alike(folder: Path, store: LogStore) -> None:
    data = {"TargetObject": RUN + "Once\\x", "EventType": "SetValue", "Image": "C:\\a.exe", "ProcessId": "1"}
    write_lines(folder / "events.ndjson", [sysmon(before(minutes=5), 13, **data)])

    assert processes_writing(store, HOST, RUN, *DAY) == []


def test_a_persons_key_is_not_the_machines(folder: Path, store: LogStore) -> None:
    machine = "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"
    data = {"TargetObject": machine + "\\x", "EventType": "SetValue", "Image": "C:\\a.exe", "ProcessId": "1"}
    write_lines(folder / "events.ndjson", [sysmon(before(minutes=5), 13, **data)])

    assert processes_writing(store, HOST, machine.replace("HKLM", "HKCU"), *DAY) == []
    assert len(processes_writing(store, HOST, machine.replace("HKLM", "HKEY_LOCAL_MACHINE"), *DAY)) == 1


def test_changes_have_their_kinds_newest_first(folder: Path, store: LogStore) -> None:
    write_lines(
        folder / "events.ndjson",
        [
            sysmon(before(minutes=9), 13, TargetObject=RUN + "\\x", EventType="SetValue", Details="C:\\x.exe"),
            sysmon(before(minutes=8), 13, TargetObject="HKLM\\Software\\Colour", EventType="SetValue"),
            sysmon(before(minutes=7), 11, TargetFilename="C:\\U\\x.exe", User="CORP\\ada"),
            sysmon(before(minutes=7), 11, TargetFilename="C:\\U\\note.txt"),
            security(before(minutes=6), 7045, ServiceName="Helper", ImagePath="C:\\h.exe"),
            security(before(minutes=5), 4698, TaskName="\\Update check", SubjectUserName="ada"),
            security(before(minutes=4), 11707, ProductName="Anvil", Data=["Product: Anvil -- done"]),
            security(before(minutes=3), 19, updateTitle="Security Update (KB1)"),
            security(before(minutes=2), 4720, TargetUserName="backdoor", SubjectUserName="ada"),
            security(before(minutes=1), 6416, DeviceId="USBSTOR\\Disk&Ven_N&Prod_S\\77&0", DeviceDescription="N S"),
        ],
    )

    found = changes(store, HOST, *DAY)

    assert [change.kind for change in found] == [
        *("removable", "account", "patch", "install", "task", "service", "file", "registry", "autorun"),
    ]
    assert found[-1].value == "C:\\x.exe"
    assert found[1].target == "backdoor"
    assert [change.target for change in found[2:6]] == ["Security Update (KB1)", "Anvil", "\\Update check", "Helper"]


def test_an_autorun_is_not_drowned_in_ordinary_values(folder: Path, store: LogStore) -> None:
    noise = [
        sysmon(before(minutes=1), 13, TargetObject=f"HKLM\\Software\\N{number}", EventType="SetValue")
        for number in range(600)
    ]
    write_lines(
        folder / "events.ndjson", [sysmon(before(hours=5), 13, TargetObject=RUN + "\\x", EventType="SetValue"), *noise]
    )

    found = changes(store, HOST, *DAY)

    assert len(found) == 500
    assert found[-1].kind == "autorun"


def test_copies_to_a_stick_have_the_sizes_they_had_on_the_share(folder: Path, store: LogStore) -> None:
    write_lines(folder / "dhcp.log", [lease(before(hours=20), "10.0.0.1", "02:01", "FIN-01")])
    opened = ends(before(minutes=41), "10.0.0.1", "10.0.0.9", 445) | {"action": "SMB::FILE_OPEN", "size": 4_000}
    write_lines(folder / "smb_files.log", [opened | {"path": "\\\\FS\\contracts", "name": "a\\one.pdf"}])
    write_lines(
        folder / "events.ndjson",
        [
            sysmon(before(hours=5), 11, TargetFilename="D:\\data\\fixed.pdf"),
            security(before(minutes=50), 6416, DeviceId="USBSTOR\\Disk&Ven_North&Prod_Slate_64\\BW7F&0"),
            sysmon(before(minutes=40), 11, TargetFilename="E:\\contracts\\a\\one.pdf", User="CORP\\i.rocha"),
            sysmon(before(minutes=39), 11, TargetFilename="C:\\Users\\two.pdf"),
            sysmon(before(minutes=38), 11, TargetFilename="D:\\data\\three.pdf"),
        ],
    )

    (copied,) = file_events(store, HOST, *DAY, removable=True)
    everything = file_events(store, HOST, *DAY, removable=False)
    (stick,) = removable_media(store, HOST, *DAY)

    assert (copied.drive, copied.size, copied.user, copied.kind) == ("E:", 4_000, "CORP\\i.rocha", "created")
    assert [event.drive for event in everything] == ["D:", "\\\\FS\\contracts", "E:", "C:", "D:"]
    assert (stick.serial, stick.name, stick.drive) == ("BW7F", "North Slate 64", "E:")


def test_the_audit_of_removable_storage_says_read_written_deleted(folder: Path, store: LogStore) -> None:
    common = {"ObjectType": "File", "Task": "12812", "SubjectUserName": "ada"}
    masks = {"0x1": "read", "0x2": "written", "0x6": "written", "0x10000": "deleted"}
    write_lines(
        folder / "security.json",
        [
            security(
                before(minutes=10 - number), 4663, ObjectName=f"\\Device\\HarddiskVolume7\\{number}", AccessMask=mask
            )
            | common
            for number, mask in enumerate(masks)
        ],
    )

    found = file_events(store, HOST, *DAY, removable=True)

    assert [event.kind for event in found] == list(masks.values())
    assert {event.drive for event in found} == {"\\Device\\HarddiskVolume7"}


@pytest.mark.parametrize(
    ("device", "serial"),
    [
        ("USBSTOR\\Disk&Ven_A&Prod_B&Rev_1.00\\4C5300&0", "4C5300"),
        ("USB\\VID_0781&PID_5581\\4C5300", "4C5300"),
        ("HID\\VID_046D&PID_C52B\\7&1a2b", ""),
        ("USB\\VID_0781&PID_5581&MI_00\\6&1a2b&0&0000", ""),
        ("", ""),
    ],
)
def test_a_serial_number_is_read_from_the_device_id(device: str, serial: str) -> None:
    assert serial_of(device) == serial


def test_sessions_that_touch_the_window_are_told(folder: Path, store: LogStore) -> None:
    def logon(at: datetime, login: str, number: str, kind: str = "2") -> dict[str, Any]:
        return security(at, 4624, TargetUserName=login, TargetLogonId=number, LogonType=kind, SubjectUserName="FIN-01$")

    write_lines(
        folder / "security.json",
        [
            logon(before(days=3), "ada", "0x1"),
            security(before(days=2), 4634, TargetUserName="ada", TargetLogonId="0x1"),
            logon(before(days=2), "Bo", "0x2", "10"),
            security(before(hours=3), 4634, TargetUserName="bo", TargetLogonId="0x2"),
            logon(before(hours=2), "cy", "0x3"),
            logon(before(hours=2), "FIN-01$", "0x4", "3"),
            logon(before(hours=2), "SYSTEM", "0x5", "5"),
            logon(before(hours=1), "cy", "0x6", "7"),
            logon(before(minutes=50), "di", "0x7", "12"),
            logon(before(minutes=40), "cy", "0x8", "9"),
        ],
    )

    found = sign_ins(store, HOST, *DAY)

    assert [(one.login, one.kind, one.ended_at) for one in found] == [
        ("bo", "remote", before(hours=3)),
        ("cy", "interactive", None),
        ("cy", "interactive", before(hours=1)),
        ("di", "remote", None),  # a remote desktop with cached credentials
        ("cy", "interactive", None),  # runas /netonly at the console
    ]


@pytest.mark.parametrize(
    "event",
    [
        {"EventID": 13, "Hostname": "FIN-01.corp", "UtcTime": "2026-03-10 12:00:00.000", "TargetObject": "HKLM\\x"},
        {
            "winlog": {"event_id": 13, "computer_name": "FIN-01", "event_data": {"TargetObject": "HKLM\\x"}},
            "@timestamp": "2026-03-10T12:00:00.000Z",
        },
        {
            "System": {
                "EventID": {"#text": "13"},
                "Computer": "FIN-01",
                "TimeCreated": {"@SystemTime": "2026-03-10T12:00:00.000000000Z"},
            },
            "EventData": {"Data": [{"@Name": "TargetObject", "#text": "HKLM\\x"}]},
        },
        {
            "win": {
                "system": {"eventID": "13", "computer": "FIN-01", "systemTime": "2026-03-10T13:00:00.0000000+01:00"},
                "eventdata": {"targetObject": "HKLM\\x"},
            }
        },
    ],
)
def test_every_shape_of_an_event_gives_the_same_row(event: dict[str, Any]) -> None:
    row = row_of(event)

    assert row is not None
    assert (row["event"], row["host"], row["target"], row["seen_at"]) == (
        13,
        "fin-01",
        "HKLM\\x",
        "2026-03-10 12:00:00",
    )


@pytest.mark.parametrize("event", [{}, {"EventID": "x"}, {"EventID": 1}, {"EventID": 1, "UtcTime": "soon"}, {"win": 3}])
def test_what_is_no_event_gives_no_row(event: dict[str, Any]) -> None:
    assert row_of(event) is None


def test_the_real_hosts_events_say_which_program_set_the_logon_script(sample: Callable[[str], LogStore]) -> None:
    store = sample("windows-host")
    host = Host(name="WORKSTATION5")

    (reg,) = processes_writing(store, host, "HKCU\\Environment\\UserInitMprLogonScript", *EVER)
    (powershell,) = processes_writing(store, host, "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run", *EVER)
    autoruns = [change.target for change in changes(store, host, *EVER) if change.kind == "autorun"]

    assert (reg.image, reg.signer) == ("C:\\windows\\system32\\reg.exe", "Microsoft Windows")
    assert reg.parents == ["C:\\Windows\\System32\\cmd.exe"]
    assert powershell.image.endswith("powershell.exe")
    assert any(target.endswith("UserInitMprLogonScript") for target in autoruns)
    assert any("CurrentVersion\\Run" in target for target in autoruns)
    assert any(event.path.endswith("art.bat") for event in file_events(store, host, *EVER, removable=False))
