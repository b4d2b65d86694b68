"""What isolating and releasing share: the read-back, and who would be hit."""

from cases.choices import DeviceReason
from cases.models import CaseDevice, CasePerson, Person
from response.actions.base import Call, Check, Held

WORDS = {"isolated": "isolated", "released": "on the network"}


def read_back(call: Call, *, wanted: str, pending: str) -> Check:
    """What the product says of the device, against what was wanted."""
    name = call.device.device.name
    said = call.connector.isolation_state(call.host)
    if said.state == wanted:
        return Check(held=Held.DONE, text=f"{name}: {wanted}, verified")
    if said.state == "partly":
        return Check(held=Held.PARTLY, text=f"{name}: partly isolated, not contained. {said.text}".strip())
    if said.state == pending:
        return Check(held=Held.NOT_YET, text=f"{name}: the product is still at it")
    return Check(held=Held.NOT_DONE, text=f"{name} is {WORDS.get(said.state, said.state)}")


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


def _named(person: Person) -> str:
    return ", ".join(part for part in (str(person), person.department, person.site) if part)
