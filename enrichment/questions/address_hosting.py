"""Does the address stand on a list: hosting, cloud, VPN, resolver, scanner?"""

from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from secops.connectors.capabilities.places import Listing, Listings

RENTED = frozenset({"hosting", "cloud", "vpn"})


@questions.register
class AddressHosting(Question):
    """A rented server says little by itself; that is why it adds few points."""

    slug = "address_hosting"
    label = "Is it a hosting or cloud address?"
    card = Card.WHERE
    subject = SubjectKind.ADDRESS
    capability = "listings"
    order = 40
    bucket = timedelta(days=1)
    leaves_house = True  # where a source is no file of our own

    def ask(self, connector: Listings, subject: Subject) -> Judgement | None:
        found = connector.listings("ip", subject.value)
        kinds = sorted({one.kind for one in found})
        is_hosting = bool(RENTED & set(kinds))
        return Judgement(
            verdict=Verdict.INFORMATIONAL,
            headline=_headline(subject.value, found, is_hosting),
            facts=[Fact(label=one.kind.capitalize(), value=one.name) for one in found[:6]],
            points=[Points(points=4, text="a rented server")] if is_hosting else [],
            data={"is_hosting": is_hosting, "kinds": kinds, "lists": [one.name for one in found]},
        )


def _headline(address: str, found: list[Listing], is_hosting: bool) -> str:
    if not found:
        return f"{address} stands on no list of hosting, cloud, VPN or known scanners."
    names = ", ".join(one.name for one in found[:3])
    return f"{address} is {'a hosting or cloud address' if is_hosting else 'on a list'}: {names}."
