"""What is true of the simulation's stories, for tests only; counted from the same entries as the logs."""

from itertools import pairwise
from statistics import mean, median, stdev
from typing import Any

from secops.practice.week.alerts import beacon_alert_at, usb_alert_at
from secops.practice.week.company import LEAVER, LEAVER_DAYS
from secops.practice.week.facts import Flow
from secops.practice.week.hygiene import Installed, Patch
from secops.practice.week.leases import DAY
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import stamp
from secops.practice.week.programs import BEACON, HELPER, RUNDLL32, SVCHOST
from secops.practice.week.quarter import FILE_DAYS, PROJECTS
from secops.practice.week.story_beacon import BAD_ADDRESS, BAD_NAME, OTHER_DEVICE, TASK
from secops.practice.week.story_beacon import DEVICE as BEACON_DEVICE
from secops.practice.week.story_files import SHARE as UNUSUAL_SHARE
from secops.practice.week.story_registry import ADDRESS, NAME, PATH, VALUE, changed_at
from secops.practice.week.story_registry import DEVICE as REGISTRY_DEVICE
from secops.practice.week.story_system import IMPLANT, KIT, KIT_DEVICE, ORIGINAL, VARIANT, VARIANT_DEVICE, change_of
from secops.practice.week.story_usb import DEVICE as USB_DEVICE
from secops.practice.week.story_usb import SERIAL, SERVER, SHARE


def truth_of(ledger: Ledger, patches: dict[str, list[Patch]], software: dict[str, list[Installed]]) -> dict[str, Any]:
    """Plain values for each story. Days are 24 hours that end at the alert's time of day; a past day without
    any traffic is left out of the medians."""
    return {
        "anchor": stamp(ledger.company.anchor),
        "stories": {
            "bad_address": _bad_address(ledger, patches, software),
            "registry": _registry(ledger, patches),
            "usb": _usb(ledger),
            "system_file": _system_file(ledger),
        },
        "addresses": _addresses(ledger),
    }


def _system_file(ledger: Ledger) -> dict[str, Any]:
    change = change_of(ledger)
    return {
        "device": change.process.device,
        "path": change.path,
        "changed_at": stamp(change.at),
        "sha256_before": ORIGINAL.sha256,
        "sha256": IMPLANT.sha256,
        "tlsh": IMPLANT.tlsh,
        "variant_device": VARIANT_DEVICE,
        "variant_sha256": VARIANT.sha256,
        "variant_tlsh": VARIANT.tlsh,
        "kit_device": KIT_DEVICE,
        "kit_path": KIT.image,
        "kit_sha256": KIT.sha256,
    }


def _is_internal(flow: Flow) -> bool:
    return flow.peer.startswith("10.20.")


def _days(ledger: Ledger, device: str, end: float, *, internal: bool, sent: bool) -> list[int]:
    """Bytes of each whole day before `end`, day 0 first."""
    count = int((end - ledger.company.start) // DAY)
    totals = [0] * count
    for flow in ledger.flows:
        if flow.device == device and flow.at < end and _is_internal(flow) == internal:
            day = int((end - flow.at) // DAY)
            if day < count:
                totals[day] += flow.bytes_out if sent else flow.bytes_in
    return totals


def _median_past(days: list[int]) -> float:
    return median(day for day in days[1:] if day)


def _bad_address(
    ledger: Ledger, patches: dict[str, list[Patch]], software: dict[str, list[Installed]]
) -> dict[str, Any]:
    company, alert = ledger.company, beacon_alert_at(ledger)
    flows = sorted(
        (each for each in ledger.flows if each.peer == BAD_ADDRESS and each.at <= alert),
        key=lambda each: each.at,
    )
    gaps = [later.at - earlier.at for earlier, later in pairwise(flows)]
    days = _days(ledger, BEACON_DEVICE, alert, internal=False, sent=True)
    mine = patches[BEACON_DEVICE]
    missing = [patch for patch in mine if patch.installed_at is None]
    last_patch = max(patch.installed_at for patch in mine if patch.installed_at is not None)
    finance = [device.name for device in company.devices.values() if device.name.startswith("FIN-LT-")]
    process = next(each for each in ledger.processes if each.program is BEACON)
    return {
        "device": BEACON_DEVICE,
        "address_of_device": flows[0].origin,
        "person": "m.okafor",
        "manager": "h.prado",
        "other_devices": ["FIN-TB-0007"],
        "alert_at": stamp(alert),
        "peer": BAD_ADDRESS,
        "peer_port": 443,
        "peer_name": BAD_NAME,
        "first_at": stamp(flows[0].at),
        "last_at": stamp(flows[-1].at),
        "connections": len(flows),
        "period_seconds": median(gaps),
        "mean_gap_seconds": mean(gaps),
        "jitter_percent": stdev(gaps) / mean(gaps) * 100,
        "bytes_out": sum(flow.bytes_out for flow in flows),
        "bytes_in": sum(flow.bytes_in for flow in flows),
        "talkers": sorted({flow.origin for flow in flows}),
        "external_out_days": days,
        "median_past_days": _median_past(days),
        "volume_ratio": days[0] / _median_past(days),
        "process_image": BEACON.image,
        "process_pid": process.pid,
        "process_user": "m.okafor",
        "process_signer": "",
        "parents": [RUNDLL32.image, SVCHOST.image],
        "sha256": BEACON.sha256,
        "task": TASK,
        "task_at": stamp(ledger.tasks[0].at),
        "days_behind": round((company.anchor - last_patch) / DAY),
        "missing_patches": [patch.kb for patch in missing],
        "critical_patches": sum(patch.severity == "Critical" for patch in missing),
        "firewall": False,
        "encryption": True,
        "agent_healthy": True,
        "nonstandard_software": "RemoteHelp Desk",
        "devices_with_it": sum(any(x.name == "RemoteHelp Desk" for x in software[name]) for name in finance),
        "group_size": len(finance),
        "file_also_on": [OTHER_DEVICE],
        "runs_on_other_device": sum(
            each.program.sha256 == BEACON.sha256 and each.device == OTHER_DEVICE for each in ledger.processes
        ),
        "family": "Marrowlink",
        "address_malicious": 9,
        "address_checked": 90,
        "file_malicious": 48,
        "file_checked": 72,
        "technique": "T1071.001",
        "registered_days_ago": 3,
    }


def _registry(ledger: Ledger, patches: dict[str, list[Patch]]) -> dict[str, Any]:
    at = changed_at(ledger.company.anchor)
    transfer = next(flow for flow in ledger.flows if flow.peer == ADDRESS)
    process = next(each for each in ledger.processes if each.program is HELPER)
    return {
        "device": REGISTRY_DEVICE,
        "person": "j.weil",
        "alert_at": stamp(at),
        "key": "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run",
        "value": VALUE,
        "process_image": HELPER.image,
        "process_pid": process.pid,
        "process_signer": "",
        "sha256": HELPER.sha256,
        "changes_within_the_hour": sum(
            each.device == REGISTRY_DEVICE and abs(each.at - at) <= 3600 for each in ledger.installs
        ),
        "transfer_at": stamp(transfer.at),
        "transfer_minutes_before": (at - transfer.at) / 60,
        "transfer_bytes": transfer.bytes_in,
        "transfer_body_bytes": 38_600_000,
        "transfer_peer": ADDRESS,
        "transfer_host": NAME,
        "transfer_path": PATH,
        "tool_hours_before": min(
            (at - each.at) / 3600
            for each in ledger.installs
            if each.device == REGISTRY_DEVICE and each.kind == "program"
        ),
        "patch_days_before": min(
            (at - (patch.installed_at or 0)) / DAY for patch in patches[REGISTRY_DEVICE] if patch.installed_at
        ),
        "explained_elsewhere": "OPS-LT-0033",
    }


def _usb(ledger: Ledger) -> dict[str, Any]:
    alert = usb_alert_at(ledger)
    copies = [each for each in ledger.files if each.drive and each.process.device == USB_DEVICE]
    server = ledger.company.devices[SERVER].ip
    mount = next(each for each in ledger.mounts if each.serial == SERIAL)
    reads = [
        flow for flow in ledger.flows if flow.device == USB_DEVICE and flow.peer == server and flow.peer_port == 445
    ]
    story = [flow for flow in reads if mount.at <= flow.at <= alert]
    days = [0] * int((alert - ledger.company.start) // DAY)
    for flow in reads:
        day = int((alert - flow.at) // DAY)
        if 0 <= day < len(days):
            days[day] += flow.bytes_in
    address = ledger.company.address(USB_DEVICE, alert)
    return {
        "device": USB_DEVICE,
        "person": "i.rocha",
        "is_leaver": True,
        "leaves_in_days": LEAVER_DAYS,
        "alert_at": stamp(alert),
        "mounted_at": stamp(mount.at),
        "serial": SERIAL,
        "drive": mount.drive,
        "first_use_of_serial": sum(each.serial == SERIAL for each in ledger.mounts) == 1,
        "bytes_copied": sum(each.size for each in copies),
        "files_copied": len(copies),
        "first_copy_at": stamp(copies[0].at),
        "last_copy_at": stamp(copies[-1].at),
        "share": SHARE,
        "server": SERVER,
        "server_address": server,
        "bytes_read_in_story": sum(flow.bytes_in for flow in story),
        "server_read_days": days,
        "median_past_days": _median_past(days),
        "read_ratio": days[0] / _median_past(days),
        "inbound_connections": sum(flow.peer == address and alert - DAY < flow.at < alert for flow in ledger.flows),
        "signed_in": sorted(
            {each.login for each in ledger.logons if each.device == USB_DEVICE and each.at > alert - DAY}
        ),
        "session_kinds": sorted(
            {each.kind for each in ledger.logons if each.device == USB_DEVICE and each.at > alert - DAY}
        ),
        "file_use": _file_use(ledger),
        "winning_story": "this person",
        "losing_story": "someone driving this device",
    }


def _file_use(ledger: Ledger) -> dict[str, Any]:
    """The weeks before: what was opened of the share that is not hers, from before the logged week and in it."""
    server, share = PROJECTS
    found = sorted(
        [(one.at, one.path) for one in ledger.opens if (one.login, one.server, one.share) == (LEAVER, server, share)]
        + [(one.at, one.path) for one in ledger.reads if (one.login, one.share) == (LEAVER, UNUSUAL_SHARE)]
    )
    return {
        "share": UNUSUAL_SHARE,
        "first_at": stamp(found[0][0]),
        "last_at": stamp(found[-1][0]),
        "opens": len(found),
        "files": len({path for _, path in found}),
        "days": len({stamp(at)[:10] for at, _ in found}),
        "peers": sorted(
            one.login for one in ledger.company.people.values() if one.department == "Sales" and one.login != LEAVER
        ),
        "log_days": FILE_DAYS,
    }


def _addresses(ledger: Ledger) -> dict[str, Any]:
    anchor = ledger.company.anchor
    return {
        "changed": {
            "device": "OPS-LT-0036",
            "before": ledger.company.address("OPS-LT-0036", anchor - 4 * DAY),
            "now": ledger.company.address("OPS-LT-0036", anchor - 60),
        },
        "shared": {"address": "10.20.3.57", "first": "HR-LT-0021", "then": "IT-LT-0012"},
    }
