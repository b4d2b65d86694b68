"""The runbook that comes with the product."""

from typing import Any

from response.choices import OnFailure, Phase
from response.services import runbooks

CONTAIN_DEVICE: dict[str, Any] = {
    "slug": "contain-device",
    "title": "Contain a compromised device",
    "description": "Confirm which device it is and whose, isolate it, look for its files elsewhere and isolate the "
    "devices that hold them, tell the team, and ask the responder how to go on.",
    "phase": Phase.CONTAINMENT,
    "steps": [
        {
            "key": "confirm",
            "action": "confirm_device",
            "title": "Confirm device and owner",
            "params": {"device": "${{ device.id }}"},
            "timeout_seconds": 300,
        },
        {
            "key": "isolate",
            "action": "isolate_device",
            "title": "Isolate device",
            "help_text": "Memory first, when it can be had in minutes and no data is flowing out.",
            "params": {"device": "${{ device.id }}", "comment": "Contain a compromised device"},
            "timeout_seconds": 1_800,
            "on_failure": OnFailure.CONTINUE,
        },
        {
            "key": "find",
            "action": "find_file",
            "title": "Find the file on other devices",
            "params": {"sha256": ""},
            "timeout_seconds": 900,
            "on_failure": OnFailure.CONTINUE,
        },
        {
            "key": "contain_hits",
            "action": "isolate_device",
            "title": "Isolate a device with the same file",
            "help_text": "One approval for each device. More than five wait for a person who reads the list.",
            "for_each": "has(steps.find.hits) ? steps.find.hits.filter(hit, hit.state != 'isolated') : []",
            "params": {"device": "${{ item.device_id }}", "comment": "Holds the same malicious file"},
            "needs": ["find"],
            "timeout_seconds": 1_800,
            "on_failure": OnFailure.CONTINUE,
        },
        {
            "key": "notify",
            "action": "notify",
            "title": "Notify the response team",
            "params": {
                "to": "soc@nightdesk.example",
                "message": "${{ case.number }}: isolation of ${{ device.name }}: ${{ steps.isolate.state }}.",
            },
            "needs": ["find"],
            "timeout_seconds": 900,
            "on_failure": OnFailure.CONTINUE,
        },
        {
            "key": "next",
            "action": "ask_person",
            "title": "What next?",
            "params": {
                "question": "Is the cause removed, or must more be done?",
                "choices": ["Contained, hand over to eradication", "More devices to contain", "False alarm, release"],
            },
            "timeout_seconds": 86_400,
        },
    ],
}
KINDS = ["known-bad-address", "registry-activity", "default"]


def install() -> str:
    """For `setup`; safe to repeat."""
    return runbooks.ensure(CONTAIN_DEVICE, KINDS)
