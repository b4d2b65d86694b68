"""Web requests: the largest answers first, told and never judged."""

from datetime import timedelta

from cases.choices import Verdict
from enrichment.questions.web_requests import WebRequestsMade
from secops.connectors.capabilities.traffic import WebRequest
from tests.enrichment.questions.asking import AT, Says, about, ask, fact, points


def request(minutes: float, host: str, size: int, status: int | None = 200) -> WebRequest:
    return WebRequest(
        at=AT - timedelta(minutes=minutes),
        method="GET",
        host=host,
        path="/a",
        status=status,
        bytes_in=size,
        bytes_out=200,
    )


def test_the_largest_answer_is_named_and_nothing_is_convicted() -> None:
    found = [request(9, "files.example", 38_600_000), request(5, "news.example", 4_000), request(1, "news.example", 1)]

    judgement = ask(WebRequestsMade, about(), web_requests=found)

    assert judgement.headline == (
        "3 web requests to 2 hosts around that time; the largest answer was 38.6 MB from files.example."
    )
    assert fact(judgement, "Busiest hosts") == "news.example 2, files.example 1"
    assert (judgement.verdict, points(judgement)) == (Verdict.INFORMATIONAL, 0)


def test_among_many_the_large_ones_are_shown_in_the_order_of_time() -> None:
    small = [request(number / 10, "news.example", 10) for number in range(200)]

    judgement = ask(WebRequestsMade, about(), web_requests=[*small, request(30, "files.example", 9_000_000)])

    assert len(judgement.rows) == 15
    assert judgement.rows[0][1] == "GET files.example/a"


def test_a_request_without_an_answer_has_no_status() -> None:
    assert ask(WebRequestsMade, about(), web_requests=[request(1, "a.example", 0, None)]).rows[0][2] == ""


def test_no_request_is_no_answer() -> None:
    assert WebRequestsMade().ask(Says(web_requests=[]), about()) is None
