"""What isolating and releasing share, by the EDR or by the network: the read-back, and who would be hit."""

from cases.choices import DeviceReason
from cases.models import CaseDevice, CasePerson, Person
from response.actions.base import Call, Check, Held
from response.errors import ActionError
from response.models import StepRun
from secops.connectors.capabilities.effects import IsolationState, NetworkPath
from secops.connectors.capabilities.identity import Host

WORDS = {"isolated": "isolated", "released": "on the network"}
DEVICE_DOOR = ("isolate_device", "release_device")  # what closes it, what opens it
NETWORK_DOOR = ("quarantine_device", "lift_quarantine")


def read_back(call: Call, *, wanted: str, pending: str) -> Check:
    """What the product says of the device, against what was wanted."""
    return judged(call.device.device.name, call.connector.isolation_state(call.host), wanted=wanted, pending=pending)


def judged(name: str, said: IsolationState, *, wanted: str, pending: str) -> Check:
    """Every path that the product tried counts, not its word alone: one that still gets out is *partly isolated*."""
    leaks = [path.name for path in said.paths if path.is_open and not path.is_management]
    is_cut = said.state in {"isolated", "partly"}
    if wanted == "isolated" and (said.state == "partly" or (is_cut and leaks)):
        out = f"Still gets out: {', '.join(leaks)}." if leaks else ""
        text = " ".join(part for part in (f"{name}: partly isolated, not contained.", said.text, out) if part)
        return Check(held=Held.PARTLY, text=f"{text}{_lost(said.paths)}")
    if said.state == wanted:
        tried = ", ".join(path.name for path in said.paths if not path.is_management)
        on = f" on {tried}" if tried and wanted == "isolated" else ""
        return Check(held=Held.DONE, text=f"{name}: {wanted}, verified{on}{_lost(said.paths)}")
    if said.state == "partly":
        return Check(held=Held.PARTLY, text=f"{name}: only partly released. {said.text}".strip())
    if said.state == pending:
        return Check(held=Held.NOT_YET, text=f"{name}: the product is still at it. {said.text}".strip())
    return Check(held=Held.NOT_DONE, text=f"{name} is {WORDS.get(said.state, said.state)}")


def is_closed(call: Call, door: tuple[str, str]) -> bool:
    """Is this door of the device closed, as far as a step of the case has verified?"""
    last = StepRun.objects.last_at(call.case.pk, door, device=call.params["device"])
    return last is not None and last.action == door[0] and last.state == "succeeded"


def edr_host(call: Call) -> Host:
    """The device as the EDR knows it; ActionError where it does not."""
    host = call.host
    if not host.agent_id:
        raise ActionError(f"{host.name} has no device id in the EDR, and an address is not enough to act on.")
    return host


def signed_in(call: Call) -> str:
    """Who works on the device, as far as the case knows; unknown is said as unknown.

    The case's people are those of its own device: of one that a hunt found, or of one among several, they say nothing.
    """
    own = list(CaseDevice.objects.filter(case=call.case).exclude(reason=DeviceReason.HUNT).values_list("pk", flat=True))
    people = CasePerson.objects.none()
    if own == [call.device.pk]:
        people = CasePerson.objects.select_related("person").filter(case=call.case, role="logged_on")
    if said := [_named(part.person) for part in people]:
        return ", ".join(said)
    if owner := call.device.device.owner:
        return f"Not known. The owner is {', '.join(p for p in (str(owner), owner.department) if p)}"
    return "Not known: no source has said who is signed in"


def _lost(paths: tuple[NetworkPath, ...]) -> str:
    """That the way by which it is released does not answer must be read by whoever cut it off."""
    lost = [path.name for path in paths if path.is_management and not path.is_open]
    return (
        f". The management path is closed too ({', '.join(lost)}): it may have to be released by hand" if lost else ""
    )


def _named(person: Person) -> str:
    return ", ".join(part for part in (str(person), person.department, person.site) if part)
