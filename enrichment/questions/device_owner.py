"""Who uses this device, by the directory?"""

from dataclasses import asdict
from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Pivot, Question, Subject, questions
from secops.connectors.capabilities.identity import DeviceRecord, Directory


@questions.register
class DeviceOwner(Question):
    """The device's record, and its registered owner as a person of the case."""

    slug = "device_owner"
    label = "Who does this device belong to?"
    card = Card.WHO
    subject = SubjectKind.HOST
    capability = "directory"
    order = 30
    bucket = timedelta(hours=1)

    def ask(self, connector: Directory, subject: Subject) -> Judgement | None:
        record = connector.find_device(subject.host)
        if record is None:
            return None
        owner = record.owner_login
        headline = f"{record.name} belongs to {owner}." if owner else f"{record.name} has no registered owner."
        return Judgement(
            verdict=Verdict.INFORMATIONAL,
            headline=headline,
            facts=[
                Fact(label="Device", value=_described(record)),
                Fact(label="Owner", value=owner or "nobody registered"),
                Fact(label="Group", value=record.group or "unknown"),
                Fact(label="Site", value=record.site or "unknown"),
            ],
            pivots=_pivots(record),
            data={"device": record.name, "owner": owner, "group": record.group, "kind": record.kind},
        )


def _described(record: DeviceRecord) -> str:
    return ", ".join(part for part in (record.name, record.kind, record.os) if part)


def _pivots(record: DeviceRecord) -> list[Pivot]:
    known = {name: value for name, value in asdict(record).items() if value and name != "last_seen_at"}
    device = Pivot(kind="device", value=record.name, record=known)
    if not record.owner_login:
        return [device]
    return [Pivot(kind="person", value=record.owner_login, role="owner"), device]  # so that the device finds its owner
