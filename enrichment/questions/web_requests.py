"""Which web requests did the device make around that time?"""

from collections import Counter
from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Question, Subject, questions
from enrichment.reasoning.measures import counted, size
from secops.connectors.capabilities.traffic import WebRequest, WebRequests

BEFORE, AFTER = timedelta(hours=1), timedelta(minutes=10)


@questions.register
class WebRequestsMade(Question):
    """The largest answers first: what was fetched matters more than how often."""

    slug = "web_requests"
    label = "Which web requests did it make?"
    card = Card.TRAFFIC
    subject = SubjectKind.HOST
    capability = "web_requests"

    def ask(self, connector: WebRequests, subject: Subject) -> Judgement | None:
        found = connector.web_requests(subject.host, subject.at - BEFORE, subject.at + AFTER)
        if not found:
            return None
        hosts = Counter(one.host for one in found)
        largest = max(found, key=lambda one: one.bytes_in)
        shown = sorted(sorted(found, key=lambda one: -one.bytes_in)[:15], key=lambda one: one.at)
        return Judgement(
            verdict=Verdict.INFORMATIONAL,
            headline=(
                f"{counted(len(found), 'web request')} to {counted(len(hosts), 'host')} around that time; "
                f"the largest answer was {size(largest.bytes_in)} from {largest.host}."
            ),
            facts=[Fact(label="Busiest hosts", value=", ".join(f"{host} {n}" for host, n in hosts.most_common(5)))],
            columns=["UTC", "Request", "Status", "Received"],
            rows=[_row(one) for one in shown],
            data={
                "requests": len(found),
                "hosts": sorted(hosts),
                "largest": {"host": largest.host, "path": largest.path, "bytes": largest.bytes_in},
            },
        )


def _row(one: WebRequest) -> list[str]:
    return [f"{one.at:%H:%M:%S}", f"{one.method} {one.host}{one.path}", str(one.status or ""), size(one.bytes_in)]
