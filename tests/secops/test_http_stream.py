"""Bodies that are larger than an answer: read in pieces, gone on with, and cut at the caller's bounds."""

import gzip
import time
from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings

from secops.http import HttpClient, HttpError
from tests.secops.tls_server import Server

BODY = bytes(range(256)) * 40_000  # 10 MB: twice what an ordinary answer may have


def plain(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def serve(settings: Settings) -> Iterator[Callable[..., tuple[str, Server]]]:
    """Starts a server that this test may reach, and tells its address."""
    started: list[Server] = []

    def start(answer: bytes, *, drip: float = 0) -> tuple[str, Server]:
        started.append(Server(answer, context=None, drip=drip))
        settings.NIGHTDESK_INTERNAL_HOSTS = (f"127.0.0.1:{started[-1].port}",)
        return f"http://127.0.0.1:{started[-1].port}/image", started[-1]

    yield start
    for server in started:
        server.listener.close()


def test_a_body_comes_in_pieces_however_large_it_is(serve: Callable[..., tuple[str, Server]]) -> None:
    url, _ = serve(plain(BODY))

    pieces = list(HttpClient().stream(url, seconds=10))

    assert b"".join(pieces) == BODY
    assert len(pieces) > 10


def test_it_goes_on_where_it_stopped(serve: Callable[..., tuple[str, Server]]) -> None:
    url, _ = serve(plain(BODY[9_000_000:], "206 Partial Content", "Content-Range: bytes 9000000-10239999/10240000"))

    assert b"".join(HttpClient().stream(url, seconds=10, offset=9_000_000)) == BODY[9_000_000:]


@pytest.mark.parametrize(
    "answer",
    [plain(b"all"), plain(b"part", "206 Partial Content", "Content-Range: bytes 0-3/9"), plain(b"", "206 OK")],
    ids=["from the start", "elsewhere", "says nothing"],
)
def test_bytes_of_another_place_are_not_taken(serve: Callable[..., tuple[str, Server]], answer: bytes) -> None:
    url, _ = serve(answer)

    with pytest.raises(HttpError, match="did not go on at byte 5"):
        list(HttpClient().stream(url, seconds=10, offset=5))


def test_a_packed_body_is_not_taken(serve: Callable[..., tuple[str, Server]]) -> None:
    url, _ = serve(plain(gzip.compress(bytes(10_000_000)), "200 OK", "Content-Encoding: gzip"))

    with pytest.raises(HttpError, match="packed"):
        list(HttpClient().stream(url, seconds=10))


def test_more_than_the_limit_is_cut(serve: Callable[..., tuple[str, Server]]) -> None:
    url, _ = serve(plain(BODY))
    taken: list[bytes] = []

    with pytest.raises(HttpError, match="more than 1000000 bytes"):
        taken.extend(HttpClient().stream(url, seconds=10, limit=1_000_000))
    assert sum(len(piece) for piece in taken) <= 1_000_000


def test_a_body_that_ends_early_is_no_whole_body(serve: Callable[..., tuple[str, Server]]) -> None:
    url, _ = serve(plain(BODY)[:-1])

    with pytest.raises(HttpError, match="broke off"):
        list(HttpClient().stream(url, seconds=10))


def test_the_caller_sets_the_deadline(serve: Callable[..., tuple[str, Server]]) -> None:
    url, _ = serve(plain(b"a" * 1_000), drip=0.05)
    started = time.monotonic()

    with pytest.raises(HttpError):
        list(HttpClient().stream(url, seconds=0.5))
    assert time.monotonic() - started < 2


def test_a_refusal_is_told_with_its_status(serve: Callable[..., tuple[str, Server]]) -> None:
    url, _ = serve(plain(b"no", "429 Too Many Requests", "Retry-After: 7"))

    with pytest.raises(HttpError) as caught:
        list(HttpClient().stream(url, seconds=10))
    assert (caught.value.status, caught.value.retry_after) == (429, 7)


def test_an_address_inside_is_not_streamed_from_either() -> None:
    with pytest.raises(HttpError) as caught:
        list(HttpClient().stream("http://127.0.0.1:9/", seconds=10))
    assert not caught.value.was_sent
