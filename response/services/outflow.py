"""Is data flowing out? What the case's sources said of it, for the order of volatility: what goes first."""

from dataclasses import dataclass

from cases.models import Case
from enrichment.choices import LookupState
from enrichment.models import Finding
from enrichment.reasoning.volume import UNUSUAL_RATIO

FIELD = "data_flows_out"  # as a condition names it


@dataclass(frozen=True, slots=True, kw_only=True)
class Outflow:
    """`is_on` is False also where nobody knows; `reason` says which of the two it is."""

    is_on: bool
    reason: str


def of(case: Case, device_id: int | None = None) -> Outflow:
    """By what the device sent in the 24 hours before the alert, against its own past days: no source of ours knows this
    very second. The volume was asked for the case's first device, so that it says nothing of another."""
    first = case.case_devices.order_by("pk").values_list("device_id", flat=True).first()
    if device_id is not None and device_id != first:
        return Outflow(is_on=False, reason="Whether data flows out is not known: the volume is another device's")
    findings = Finding.objects.filter(lookup__cases=case, lookup__question="volume", lookup__state=LookupState.ANSWERED)
    told = list(findings.order_by("pk").values_list("data", flat=True))
    if not told:
        return Outflow(is_on=False, reason="Whether data flows out is not known: no source told the volume")
    ratios = [data.get("sent_ratio") for data in told if data.get("is_unusual")]
    most = max((ratio for ratio in ratios if isinstance(ratio, int | float)), default=0)
    if most >= UNUSUAL_RATIO:  # unusual may also be what was received
        said = f"the device sent {most} times its usual day in the 24 hours before the alert"
        return Outflow(is_on=True, reason=f"Data flows out: {said}")
    return Outflow(is_on=False, reason="No unusual volume was sent in the 24 hours before the alert")
