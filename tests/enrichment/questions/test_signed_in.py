"""Who was there at that minute: one, an honest number of candidates, or nobody."""

from datetime import timedelta

import pytest

from cases.choices import Verdict
from enrichment.questions.signed_in import SignedIn
from secops.connectors.capabilities.identity import SignIn
from tests.enrichment.questions.asking import AT, Says, about, ask, points


def session(login: str, begin: float, end: float | None = None, kind: str = "interactive") -> SignIn:
    """Hours before the alert."""
    ended = AT - timedelta(hours=end) if end is not None else None
    return SignIn(
        login=login,
        device="FIN-LT-0142",
        started_at=AT - timedelta(hours=begin),
        ended_at=ended,
        address="10.1.2.3",
        kind=kind,
    )


def test_the_one_who_was_there_becomes_a_person_of_the_case() -> None:
    judgement = ask(SignedIn, about(), sign_ins=[session("old.one", 20, 12), session("maya.o", 6)])

    assert judgement.headline == "maya.o was signed in. No remote session."
    assert [(one.kind, one.value, one.role) for one in judgement.pivots] == [("person", "maya.o", "logged_on")]
    assert judgement.verdict == Verdict.INFORMATIONAL


def test_a_shared_device_gives_a_number_of_candidates_and_names_no_one_person() -> None:
    judgement = ask(SignedIn, about(), sign_ins=[session("a.one", 3), session("b.two", 2), session("c.three", 1)])

    assert judgement.headline.startswith("Shared: 3 candidates, a.one, b.two, c.three.")
    assert judgement.pivots == []


def test_nobody_there_is_said_with_who_was_last() -> None:
    judgement = ask(SignedIn, about(), sign_ins=[session("old.one", 20, 12), session("maya.o", 6, 2)])

    assert judgement.headline == "Nobody was signed in; last was maya.o. No remote session."
    assert judgement.data["is_current"] is False


def test_a_remote_session_weighs() -> None:
    judgement = ask(SignedIn, about(), sign_ins=[session("maya.o", 6), session("adm.k", 2, 1, "remote")])

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Remote session")
    assert judgement.data["remote_addresses"] == ["10.1.2.3"]
    assert points(judgement) > 0


@pytest.mark.parametrize("sessions", [[], [session("svc.backup", 3, kind="service")], [session("", 3)]])
def test_services_and_nameless_sessions_are_nobody(sessions: list[SignIn]) -> None:
    assert SignedIn().ask(Says(sign_ins=sessions), about()) is None
