"""What isolating and releasing share: the read-back, and who would be hit."""

from cases.models import CasePerson
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
    """Who works on the device, as far as the case knows; unknown is said as unknown."""
    people = [
        part.person for part in CasePerson.objects.select_related("person").filter(case=call.case, role="logged_on")
    ]
    if people:
        return ", ".join(
            ", ".join(part for part in (str(person), person.department, person.site) if part) for person in people
        )
    if owner := call.device.device.owner:
        return f"Not known. The owner is {', '.join(p for p in (str(owner), owner.department) if p)}"
    return "Not known: no source has said who is signed in"
