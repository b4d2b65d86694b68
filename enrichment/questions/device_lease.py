"""Which device had this address at that minute?"""

from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Pivot, Question, Subject, questions
from secops.connectors.capabilities.identity import Leases


@questions.register
class DeviceLease(Question):
    """Acting goes by device, never by address: the lease must cover the event's minute."""

    slug = "device_lease"
    label = "Which device had this address?"
    card = Card.WHO
    subject = SubjectKind.LEASE
    capability = "leases"
    order = 40
    bucket = timedelta(minutes=1)  # another minute may have had another device

    def ask(self, connector: Leases, subject: Subject) -> Judgement | None:
        lease = connector.lease_at(subject.value, subject.at)
        if lease is None:
            return None
        name = lease.hostname.rstrip(".").split(".")[0].upper()
        until = f"{lease.ends_at:%d %b %H:%M}" if lease.ends_at else "now"
        return Judgement(
            verdict=Verdict.INFORMATIONAL,
            headline=f"{subject.value} was lent to {name or lease.mac} when it happened.",
            facts=[
                Fact(label="Device", value=name or "no name given"),
                Fact(label="MAC", value=lease.mac),
                Fact(label="Lease", value=f"{lease.starts_at:%d %b %H:%M} to {until} UTC"),
            ],
            pivots=[Pivot(kind="device", value=name, record={"mac": lease.mac})] if name else [],
            data={"device": name, "mac": lease.mac, "address": subject.value},
        )
