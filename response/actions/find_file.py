"""Find the case's malicious files on other devices; each hit joins the case, not contained."""

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q

from cases.choices import DeviceReason, ObservableKind, Verdict
from cases.models import Case, CaseDevice, Observable
from cases.services import devices
from response.actions.base import Action, Call, Done, Plan, actions
from response.actions.hunting import answered_by
from response.choices import Effect, Phase, Risk
from response.errors import ActionError
from response.models import StepRun
from secops.connectors.capabilities.errors import NoEffect
from secops.connectors.capabilities.files import FileHit
from secops.connectors.capabilities.identity import DeviceRecord

MAX_FILES = 10
MAX_HITS = 200
RETRY_SECONDS = 10.0


@actions.register
class FindFile(Action):
    """Reads only: what is found is shown and waits for a decision of its own."""

    slug = "find_file"
    label = "Find the file on other devices"
    phase = Phase.CONTAINMENT
    risk = Risk.READ
    effect = Effect.READ
    capability = "find_file"
    is_noticeable = False
    traces = "One hunting query in the log of the EDR."

    class Params(forms.Form):
        sha256 = forms.RegexField(
            r"^[0-9a-f]{64}$",
            required=False,
            label="SHA-256",
            help_text="Empty: every file of the case that a source calls malicious.",
        )

    def plan(self, call: Call) -> Plan:
        count = len(hashes(call.case, call.params))
        return Plan(what=f"Look for {count} malicious file(s) on other devices", consequence="Reads only.")

    def do(self, call: Call) -> Done:
        wanted = hashes(call.case, call.params)
        if not wanted and call.case.enrichment.get("pending"):
            raise NoEffect("Sources are still being asked whether the case's files are malicious", RETRY_SECONDS)
        if not wanted:
            return Done(text="No file of the case is known to be malicious, so there is nothing to look for")
        hits = [hit for sha256 in wanted for hit in call.connector.find_file(sha256)]
        others = _elsewhere(call, hits)
        if len(others) > MAX_HITS:
            raise ActionError(f"{len(others)} devices hold the file: too many to add by themselves. Start a hunt.")
        names = ", ".join(hit.device.upper() for hit in others[:5])
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        where = "1 other device" if len(others) == 1 else f"{len(others)} other devices"
        text = f"Found on {where}, not contained: {names}{more}" if others else "On no other device"
        return Done(text=text, data={"searched": wanted, "hits": [_plain(hit) for hit in others]})

    def apply(self, call: Call, done: Done) -> None:
        for hit in done.data.get("hits", []):
            record = DeviceRecord(name=hit["device"], agent_id=hit["agent_id"])
            part = devices.attach(call.case.pk, record, reason=DeviceReason.HUNT)
            hit["device_id"], hit["state"] = part.device_id, str(part.state)


def hashes(case: Case, params: Any) -> list[str]:
    """SHA-256 to look for: the one given, else the case's files with a malicious verdict."""
    if params.get("sha256"):
        return [params["sha256"]]
    files = Observable.objects.filter(
        links__case=case, kind=ObservableKind.HASH_SHA256, verdict=Verdict.MALICIOUS, is_noise=False
    )
    return list(files.order_by("pk").values_list("value", flat=True).distinct()[:MAX_FILES])


def _elsewhere(call: Call, hits: list[FileHit]) -> list[FileHit]:
    """One hit per device; the devices that the alerts named are where it was found first, and none of them is another
    one, nor is the device that this run answers."""
    step = StepRun.objects.select_related("run__parent").get(pk=call.step_id)
    is_own = ~Q(reason=DeviceReason.HUNT) | Q(device__in=answered_by(step.run))
    own = CaseDevice.objects.filter(is_own, case=call.case).select_related("device")
    agents = {part.device.agent_id for part in own if part.device.agent_id}
    names = {part.device.name.upper() for part in own}
    seen: dict[str, FileHit] = {}
    for hit in hits:
        if hit.agent_id not in agents and hit.device.upper() not in names:
            seen.setdefault(hit.agent_id or hit.device.upper(), hit)
    return list(seen.values())


def _plain(hit: FileHit) -> dict[str, Any]:
    at: datetime | None = hit.first_seen_at
    return {
        "device": hit.device.upper(),
        "agent_id": hit.agent_id,
        "path": hit.path,
        "sha256": hit.sha256,
        "first_seen_at": at.isoformat() if at else "",
        "has_run": hit.has_run,
    }
