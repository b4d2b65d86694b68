"""Where does the address lead: country, city, owner?"""

from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Question, Subject, questions
from secops.connectors.capabilities.places import Locate


@questions.register
class AddressPlace(Question):
    """The shipped sources answer from data on this machine; any other is told the address."""

    slug = "address_place"
    label = "Where does the address lead?"
    card = Card.WHERE
    subject = SubjectKind.ADDRESS
    capability = "locate"
    order = 30
    bucket = timedelta(days=1)
    leaves_house = True  # where a source is no file of our own

    def ask(self, connector: Locate, subject: Subject) -> Judgement | None:
        place = connector.locate(subject.value)
        if place is None or not (place.country or place.owner):
            return None
        owner = f"AS{place.asn} {place.owner}".strip() if place.asn else place.owner
        where = ", ".join(part for part in (place.city, place.country) if part)
        said = f"{subject.value} leads to {where or 'an unknown place'}{f', {owner}' if owner else ''}"
        facts = [
            Fact(label="Address", value=subject.value),
            Fact(label="Country", value=place.country or "unknown"),
            Fact(label="Owner", value=owner or "this source does not say"),
        ]
        return Judgement(
            verdict=Verdict.INFORMATIONAL,
            headline=f"{said.rstrip('.')}.",
            facts=facts,
            data={"country": place.country, "city": place.city, "asn": place.asn, "owner": place.owner},
            as_of=place.as_of,
        )
