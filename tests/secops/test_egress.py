"""The guard of the egress door against the forms that got past others."""

import gzip
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
from pytest_django.fixtures import Settings

from secops import egress
from secops.egress import Blocked, GuardedSession, NotReached, TooLarge, TooSlow, is_public
from tests.secops.tls_server import OK, Authority, Server


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def serve(authority: Authority) -> Iterator[Callable[..., Server]]:
    """Starts servers named edr.test and closes them after the test."""
    started: list[Server] = []

    def start(answer: bytes = OK, *, tls: bool = True, drip: float = 0) -> Server:
        context = authority.context("edr.test") if tls else None
        started.append(Server(answer, context=context, drip=drip))
        return started[-1]

    yield start
    for server in started:
        server.listener.close()


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Names to lists of answers, one list per look-up; the rest is resolved as ever (for numeric hosts)."""
    table: dict[str, Any] = {"asked": []}
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        host = host.decode() if isinstance(host, bytes) else host
        table["asked"].append(host)
        if host not in table:
            return real(host, port, *args, **kwargs)
        answers = table[host].pop(0) if len(table[host]) > 1 else table[host][0]
        family = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [(family[ipaddress.ip_address(one).version], socket.SOCK_STREAM, 6, "", (one, port)) for one in answers]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return table


# fmt: off
INWARD = [
    "https://127.0.0.1/", "https://localhost/", "https://localhost./", "https://2130706433/", "https://0x7f000001/",
    "https://0177.0.0.1/", "https://127.1/", "https://0/", "https://[::1]/", "https://[::]/",
    "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fe80::1%25lo]/", "https://[fec0::1]/",
    "https://169.254.169.254/", "https://168.63.129.16/", "https://[fd00:ec2::254]/", "https://100.64.0.1/",
    "https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.0.1/", "https://192.0.0.1/", "https://198.18.0.1/",
    "https://240.0.0.1/", "https://255.255.255.255/", "https://224.0.0.1/", "https://[ff02::1]/",
    "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/", "https://example.com@127.0.0.1/",
    "https://127.0.0.1\\@example.com/", "https://127.0.0.1#@example.com/", "http://8.8.8.8/",
    "https://8.8.8.8:8443/", "https://8.8.8.8:22/", "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
    "http+unix://%2Frun%2Fdocker.sock/", "//127.0.0.1/", "https://[::1",
]
# fmt: on
REFUSALS = (
    Blocked,
    NotReached,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


@pytest.mark.parametrize("url", INWARD)
def test_an_address_inside_is_never_connected_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(self: socket.socket, address: Any) -> None:
        pytest.fail(f"connected to {address}")

    monkeypatch.setattr(socket.socket, "connect", connect)

    with pytest.raises(REFUSALS):
        GuardedSession().get(url)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


def test_one_bad_answer_among_good_ones_is_enough(dns: dict[str, Any]) -> None:
    dns["mixed.test"] = [["8.8.8.8", "10.0.0.1"]]

    with pytest.raises(Blocked):
        GuardedSession().get("https://mixed.test/")


def test_rebinding_has_no_second_look_up(dns: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    dns["rebind.test"] = [["8.8.8.8"], ["127.0.0.1"]]
    tried: list[Any] = []

    def connect(self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise OSError("stop")

    monkeypatch.setattr(socket.socket, "connect", connect)

    with pytest.raises(NotReached):
        GuardedSession().get("https://rebind.test/")
    assert tried == [("8.8.8.8", 443)]
    assert dns["asked"].count("rebind.test") == 1


def test_an_internal_device_is_reached_and_its_name_checked(
    dns: dict[str, Any], authority: Authority, serve: Callable[..., Server]
) -> None:
    server = serve()
    dns["edr.test"] = dns["other.test"] = [["127.0.0.1"]]
    with GuardedSession(internal=(f"edr.test:{server.port}", f"other.test:{server.port}")) as http:
        assert http.get(f"https://edr.test:{server.port}/", verify=authority.path).text == "ok"
        with pytest.raises(NotReached, match=r"other\.test.*Cert"):
            http.get(f"https://other.test:{server.port}/", verify=authority.path)

    with pytest.raises(Blocked):
        GuardedSession().get(f"https://edr.test:{server.port}/", verify=authority.path)


def test_an_internal_name_cannot_lead_to_the_metadata_service(dns: dict[str, Any]) -> None:
    dns["edr.test"] = [["169.254.169.254"]]

    with pytest.raises(Blocked):
        GuardedSession(internal=("edr.test:80",)).get("http://edr.test/")


def test_redirects_are_not_followed(dns: dict[str, Any], authority: Authority, serve: Callable[..., Server]) -> None:
    server = serve(b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")
    dns["edr.test"] = [["127.0.0.1"]]

    with GuardedSession(internal=(f"edr.test:{server.port}",)) as http:
        answer = http.get(f"https://edr.test:{server.port}/", verify=authority.path, allow_redirects=True)

    assert (answer.status_code, answer.history, server.hits) == (302, [], 1)


def test_the_environment_has_no_say(
    dns: dict[str, Any], authority: Authority, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, proxy = serve(), serve(tls=False)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    dns["edr.test"] = [["127.0.0.1"]]
    url = f"https://edr.test:{server.port}/"

    with GuardedSession(internal=(f"edr.test:{server.port}",)) as http:
        assert http.get(url, verify=authority.path).text == "ok"
        with pytest.raises(Blocked):
            http.get(url, verify=authority.path, proxies={"https": f"http://127.0.0.1:{proxy.port}"})
    assert proxy.hits == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 6_000_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(100_000_000), 1),
    ],
    ids=["plain", "gzip bomb"],
)
def test_a_large_answer_is_cut(
    dns: dict[str, Any], authority: Authority, serve: Callable[..., Server], answer: bytes
) -> None:
    server = serve(answer)
    dns["edr.test"] = [["127.0.0.1"]]

    with GuardedSession(internal=(f"edr.test:{server.port}",)) as http, pytest.raises(TooLarge):
        http.get(f"https://edr.test:{server.port}/", verify=authority.path)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"a" * 1000,
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 1000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 500,
    ],
    ids=["body", "headers", "chunks"],
)
def test_a_dripping_answer_is_cut(
    dns: dict[str, Any],
    authority: Authority,
    serve: Callable[..., Server],
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
) -> None:
    monkeypatch.setattr(egress, "MAX_SECONDS", 0.6)
    server = serve(answer, drip=0.05)
    dns["edr.test"] = [["127.0.0.1"]]
    started = time.monotonic()

    with GuardedSession(internal=(f"edr.test:{server.port}",)) as http, pytest.raises(TooSlow):
        http.get(f"https://edr.test:{server.port}/", verify=authority.path)
    assert time.monotonic() - started < 2


def test_a_handshake_that_drips_is_cut(
    authority: Authority, dns: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "MAX_SECONDS", 0.5)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    dns["edr.test"] = [["127.0.0.1"]]

    def drip() -> None:
        raw, _ = listener.accept()
        with suppress(OSError):
            raw.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 kB, of which a byte comes now and then
            for _ in range(40):
                raw.sendall(b"\x00")
                time.sleep(0.1)
        raw.close()

    threading.Thread(target=drip, daemon=True).start()
    started = time.monotonic()

    with GuardedSession(internal=(f"edr.test:{port}",)) as http, pytest.raises((NotReached, TooSlow)):
        http.get(f"https://edr.test:{port}/", verify=authority.path)
    assert time.monotonic() - started < 2
    listener.close()


def test_errors_do_not_hold_the_query(dns: dict[str, Any]) -> None:
    dns["mixed.test"] = [["10.0.0.1"]]

    with pytest.raises(Blocked) as caught:
        GuardedSession().get("https://mixed.test/path?key=secret")
    assert "secret" not in str(caught.value)


def test_a_socket_leads_only_to_a_listed_pair(serve: Callable[..., Server], settings: Settings) -> None:
    server, other = serve(tls=False), serve(tls=False)
    settings.NIGHTDESK_INTERNAL_HOSTS = (f"127.0.0.1:{server.port}",)

    with egress.connect("127.0.0.1", server.port) as sock:
        sock.sendall(b"hello\r\n")
        assert sock.recv(100) == OK
    with pytest.raises(Blocked):
        egress.connect("127.0.0.1", other.port)
    with pytest.raises(Blocked):
        egress.connect("8.8.8.8", 443)
    assert other.hits == 0


def test_a_socket_never_leads_to_the_metadata_service(dns: dict[str, Any], settings: Settings) -> None:
    settings.NIGHTDESK_INTERNAL_HOSTS = ("mail.test:25",)
    dns["mail.test"] = [["10.0.0.1", "169.254.169.254"]]

    with pytest.raises(Blocked):
        egress.connect("mail.test", 25)


def test_a_closed_port_is_known_to_have_got_nothing(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.NIGHTDESK_INTERNAL_HOSTS = (f"127.0.0.1:{port}",)

    with pytest.raises(NotReached):
        egress.connect("127.0.0.1", port)
