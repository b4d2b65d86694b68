"""Who was signed in on the device when it happened?"""

from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Pivot, Points, Question, Subject, questions
from secops.connectors.capabilities.identity import SignIn, SignIns

LOOK_BACK = timedelta(hours=24)


@questions.register
class SignedIn(Question):
    """One person at that minute, or an honest number of candidates; remote sessions are named."""

    slug = "signed_in"
    label = "Who was signed in at that time?"
    card = Card.WHO
    subject = SubjectKind.HOST
    capability = "sign_ins"
    order = 20
    bucket = timedelta(minutes=1)  # the person is the session at that minute

    def ask(self, connector: SignIns, subject: Subject) -> Judgement | None:
        found = [one for one in connector.sign_ins(subject.host, subject.at - LOOK_BACK, subject.at) if one.login]
        people = [one for one in found if one.kind not in ("service", "network")]
        if not people:
            return None
        there = [one for one in people if one.ended_at is None or one.ended_at >= subject.at]
        logins = sorted({one.login for one in there or people[-1:]})
        remote = [one for one in people if one.kind == "remote"]
        return Judgement(
            verdict=Verdict.SUSPICIOUS if remote else Verdict.INFORMATIONAL,
            label="Remote session" if remote else "",
            headline=_headline(logins, bool(there), remote),
            columns=["From", "To", "Account", "How", "Address"],
            rows=[_row(one) for one in people[-20:]],
            facts=[Fact(label="Sessions", value=f"{len(people)} in the 24 hours before, {len(remote)} remote")],
            points=[Points(points=8, text="a remote session on the device")] if remote else [],
            pivots=[Pivot(kind="person", value=logins[0], role="logged_on")] if len(logins) == 1 else [],
            data={
                "logins": logins,
                "is_current": bool(there),
                "sessions": len(people),
                "remote_sessions": len(remote),
                "remote_addresses": sorted({one.address for one in remote if one.address}),
            },
        )


def _headline(logins: list[str], is_current: bool, remote: list[SignIn]) -> str:
    if len(logins) > 1:
        start = f"Shared: {len(logins)} candidates, {', '.join(logins[:6])}."
    else:
        start = f"{logins[0]} was signed in." if is_current else f"Nobody was signed in; last was {logins[0]}."
    return f"{start} {len(remote)} remote sessions in 24 hours." if remote else f"{start} No remote session."


def _row(one: SignIn) -> list[str]:
    end = f"{one.ended_at:%d %b %H:%M}" if one.ended_at else "still there"
    return [f"{one.started_at:%d %b %H:%M}", end, one.login, one.kind or "unknown", one.address]
