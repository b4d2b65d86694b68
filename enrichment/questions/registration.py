"""Who registered the address or the domain, and how long ago?"""

from datetime import timedelta
from typing import ClassVar

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from secops.connectors.capabilities.places import Register

YOUNG_DAYS = 30


class Registration(Question):
    """The registry's record; a young domain is a fact that weighs, a young range is not."""

    card = Card.WHERE
    capability = "registration"
    order = 20
    bucket = timedelta(days=1)
    leaves_house = True
    registered: ClassVar[str]

    def ask(self, connector: Register, subject: Subject) -> Judgement | None:
        record = connector.registration(self.registered, subject.value)
        if record is None:
            return None
        days = (subject.at.date() - record.registered_at.date()).days if record.registered_at else None
        is_young = self.registered == "domain" and days is not None and 0 <= days < YOUNG_DAYS
        owner = record.owner or record.name or record.handle or "somebody unnamed"
        since = f", {days} days before this" if days is not None and days >= 0 else ""
        return Judgement(
            verdict=Verdict.SUSPICIOUS if is_young else Verdict.INFORMATIONAL,
            label="New" if is_young else "",
            headline=f"{subject.value} is registered by {owner}{since}.",
            facts=[
                Fact(label="Registered by", value=owner),
                Fact(label="Country", value=record.country or "unknown"),
                Fact(label="Since", value=_since(record.registered_at, days), verdict="suspicious" if is_young else ""),
                Fact(label="Abuse mail", value=record.abuse_mail or "unknown"),
            ],
            points=[Points(points=15, text="a new domain")] if is_young else [],
            data={"owner": owner, "country": record.country, "days_old": days, "handle": record.handle},
        )


def _since(at: object, days: int | None) -> str:
    return f"{at:%d %b %Y}, {days} days before this" if at and days is not None else "unknown"


@questions.register
class AddressRegistration(Registration):
    slug = "address_registration"
    label = "Who registered the address?"
    subject = SubjectKind.ADDRESS
    registered = "ip"


@questions.register
class DomainRegistration(Registration):
    slug = "domain_registration"
    label = "Who registered the domain, and when?"
    subject = SubjectKind.DOMAIN
    registered = "domain"
