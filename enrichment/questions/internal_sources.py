"""Which internal data sources did the device touch, and how unusual is each amount?"""

from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from enrichment.reasoning.measures import size
from enrichment.reasoning.sources import Source, inside_sources
from secops.connectors.capabilities.traffic import Flows

DAYS = 8


@questions.register
class InternalSources(Question):
    """Per inside server: what was taken in the last 24 hours against the device's past days with it."""

    slug = "internal_sources"
    label = "Which internal data sources did it touch?"
    card = Card.TRAFFIC
    subject = SubjectKind.HOST
    capability = "flows"
    order = 10

    def ask(self, connector: Flows, subject: Subject) -> Judgement | None:
        ends = [subject.at - timedelta(days=number) for number in range(DAYS)]
        days = [connector.peers(subject.host, end - timedelta(days=1), end) for end in ends]
        if not days[0]:
            return None  # the source did not see the device on that day
        if not (found := inside_sources(days)):
            return Judgement(
                verdict=Verdict.INFORMATIONAL,
                headline="It took less than a megabyte from any inside server in the last 24 hours.",
                data={"sources": []},
            )
        unusual = [one for one in found if one.is_unusual]
        return Judgement(
            verdict=Verdict.SUSPICIOUS if unusual else Verdict.INFORMATIONAL,
            label="Unusual source volume" if unusual else "",
            headline=(unusual or found)[0].sentence,
            facts=[Fact(label=one.peer_name or one.peer, value=one.comparison.sentence) for one in unusual[:3]],
            columns=["Server", "Taken, 24 h", "Median day", "Times", "Days seen"],
            rows=[_row(one) for one in found[:15]],
            points=[Points(points=15, text="far more than usual from an inside server")] if unusual else [],
            data={
                "sources": [
                    {
                        "peer": one.peer,
                        "name": one.peer_name,
                        "bytes": one.bytes_in,
                        "median": one.comparison.median,
                        "ratio": one.comparison.ratio,
                        "is_unusual": one.is_unusual,
                    }
                    for one in found
                ]
            },
        )


def _row(one: Source) -> list[str]:
    ratio = f"{one.comparison.ratio:,.1f}" if one.comparison.ratio is not None else "new"
    name = one.peer_name or one.peer
    return [name, size(one.bytes_in), size(one.comparison.median), ratio, str(one.days_seen)]
