"""What whoever lets a device back should know first: image sealed, cause removed, agent healthy, who accepts it."""

from cases.choices import CONTAINED, DeviceState
from cases.models import CaseDevice, Evidence
from enrichment.models import Finding
from response.actions.base import Call
from response.models import StepRun

IMAGES = ("acquire_disk", "acquire_memory")
SETTLED = (*CONTAINED, DeviceState.RELEASED, DeviceState.CLEARED)


def before_release(call: Call) -> tuple[tuple[str, str], ...]:
    """Question and answer, from rows of the case alone. What only a person can know is said to be theirs."""
    return (
        ("Image sealed", _sealed(call)),
        ("Cause removed", _cause(call)),
        ("Agent healthy", _agent(call)),
        ("Who accepts", "Whoever approves, by name, on the timeline."),
    )


def _sealed(call: Call) -> str:
    name = call.device.device.name
    steps = StepRun.objects.filter(run__case=call.case, action__in=IMAGES)  # one that failed may have kept it late
    taken = [
        number
        for data in steps.filter(params__device=call.params["device"]).values_list("data", flat=True)
        for number in data.get("evidence", [])
    ]
    items = [item for item in Evidence.objects.filter(case=call.case) if item.number in taken]
    sealed = [item.number for item in items if item.sealed_at and item.is_here]
    if not sealed:
        return f"No: no disk or memory image of {name} is sealed in {call.case.number}."
    return f"Yes: {', '.join(sealed)}."


def _cause(call: Call) -> str:
    """The machine sees other devices only; that nothing runs on this one is a person's word."""
    others = CaseDevice.objects.filter(case=call.case).exclude(device=call.params["device"])
    if loose := others.exclude(state__in=SETTLED).count():
        devices = "device of the case is" if loose == 1 else "devices of the case are"
        return f"Not everywhere: {loose} other {devices} not contained."
    return "No source can say so. By approving you say that it is."


def _agent(call: Call) -> str:
    name = call.device.device.name
    said = Finding.objects.filter(
        lookup__case_lookups__case=call.case, lookup__question="hygiene", lookup__subject__host__name=name
    )
    found = said.order_by("-as_of").first()
    is_healthy = found.data.get("is_agent_healthy") if found else None
    if found is None or is_healthy is None:
        return "Not known: no source said."
    return f"{'Yes' if is_healthy else 'No'}, as of {found.as_of.day} {found.as_of:%b %H:%M} UTC."
