"""What changed on the device in the three days before?"""

from collections import Counter
from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from enrichment.reasoning.measures import counted
from secops.connectors.capabilities.devices import Change, Changes

PAST, AFTER = timedelta(hours=72), timedelta(minutes=10)
LASTING = frozenset({"task", "service", "autorun"})  # how a program stays after a restart
PLURALS = {"registry": "registry values", "removable": "removable drives", "process": "processes", "patch": "patches"}
TELLING = (*LASTING, "registry", "account", "install", "patch", "config", "removable", "process", "file")


@questions.register
class RecentChanges(Question):
    """Newest first, the telling kinds before the many; what stays after a restart weighs."""

    slug = "recent_changes"
    label = "What changed recently?"
    card = Card.CHANGES
    subject = SubjectKind.HOST
    capability = "changes"
    order = 20

    def ask(self, connector: Changes, subject: Subject) -> Judgement | None:
        found = connector.changes(subject.host, subject.at - PAST, subject.at + AFTER)
        if not found:
            return None
        telling = sorted(found, key=lambda one: (_rank(one.kind), -one.at.timestamp()))
        lasting = [one for one in telling if one.kind in LASTING and not one.signer]
        kinds = Counter(one.kind for one in found)
        counts = [counted(n, kind, PLURALS.get(kind, "")) for kind, n in kinds.most_common(6)]
        return Judgement(
            verdict=Verdict.SUSPICIOUS if lasting else Verdict.INFORMATIONAL,
            label="Persistence" if lasting else "",
            headline=(lasting or telling)[0].text + ("" if (lasting or telling)[0].text.endswith(".") else "."),
            facts=[
                Fact(label="72 hours", value=", ".join(counts)),
            ],
            columns=["UTC", "Kind", "What", "By"],
            rows=[_row(one) for one in sorted(telling[:25], key=lambda one: one.at, reverse=True)],
            points=[Points(points=12, text="something new that starts by itself")] if lasting else [],
            data={
                "kinds": dict(kinds),
                "lasting": [{"at": one.at.isoformat(), "text": one.text, "target": one.target} for one in lasting[:10]],
            },
        )


def _rank(kind: str) -> int:
    return TELLING.index(kind) if kind in TELLING else len(TELLING)


def _row(one: Change) -> list[str]:
    return [f"{one.at:%d %b %H:%M:%S}", one.kind, one.text, one.actor or one.process]
