"""Where the outside world may be: every address is checked, and the checked address is the one connected to."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.poolmanager import PoolManager

from secops.deadlines import deadlines
from secops.errors import SecopsError

MAX_BODY = 5_000_000  # bytes, after decompression
MAX_SECONDS = 20.0  # from connect to the last byte
HEADERS = {"User-Agent": "Nightdesk", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
NEVER = [  # addresses that `is_global` lets pass, although they lead inside or nowhere
    ip_network(net)
    for net in [
        "100.64.0.0/10",
        "192.88.99.0/24",
        "168.63.129.16/32",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "fec0::/10",
        "100::/64",
        "::/96",
        "::ffff:0:0:0/96",
    ]
]


class EgressError(SecopsError):
    """Not an OSError: urllib3 would take it for its own. Its text names the host, never the path or the query."""


class Blocked(EgressError):  # noqa: N818 - the word of RELIABILITY
    """The guard refused; nothing was sent."""


class NotReached(EgressError):  # noqa: N818 - the word of RELIABILITY
    """No address, no connection or no trusted certificate; nothing was sent, so it is safe to try again."""


class TooLarge(EgressError):  # noqa: N818 - the word of RELIABILITY
    """The answer was cut off at the size cap; the request was received."""


class TooSlow(EgressError):  # noqa: N818 - the word of RELIABILITY
    """The answer was cut off at the time cap; the request may have had its effect."""


def is_public(address: str) -> bool:
    ip = ip_address(address.split("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return (
        ip.is_global
        and not (ip.is_multicast or ip.is_reserved or ip.is_link_local or ip.is_loopback)
        and not any(ip.version == net.version and ip in net for net in NEVER)
    )


def connect(host: str, port: int, *, timeout: float = 10.0) -> socket.socket:
    """A socket for what is not HTTP (SMTP, LDAP, SSH), only to a pair of NIGHTDESK_INTERNAL_HOSTS; seconds.

    Blocked and NotReached mean that nothing was sent. The caller closes it.
    """
    if (host.lower(), port) not in _pairs(tuple(settings.NIGHTDESK_INTERNAL_HOSTS)):
        raise Blocked(f"{host}:{port} is not in NIGHTDESK_INTERNAL_HOSTS")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not addresses or not all(is_usable_inside(address) for address in addresses):
            raise Blocked(f"{host} leads to an address that is not allowed")
        return socket.create_connection((addresses[0], port), timeout=timeout)
    except (OSError, UnicodeError) as error:
        raise NotReached(f"{host} cannot be reached: {type(error).__name__}") from error


def _pairs(internal: tuple[str, ...]) -> frozenset[tuple[str, int]]:
    """Exact pairs; a bad one is the deployment's mistake and stops the first use."""
    return frozenset(
        (host.strip("[]").lower(), int(port)) for host, _, port in (pair.rpartition(":") for pair in internal)
    )


def is_usable_inside(address: str) -> bool:
    """An internal device may have a private address, but never one of the metadata service or a group."""
    ip = ip_address(address.split("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return not (ip.is_link_local or ip.is_multicast or ip.is_unspecified)


class _Call:
    """One request: knows its connection, so that a timer can end it whatever the other side does."""

    def __init__(self) -> None:
        self.connection: HTTPConnection | None = None
        self.line: socket.socket | None = None  # a second handle of a new connection: TLS takes the first one away
        self.is_over = False

    def opened(self, sock: socket.socket) -> None:
        """A new connection of this call, before its first byte; cut at once when looking up the name took too long."""
        self.line = sock.dup()
        if self.is_over:
            self.cut()

    def cut(self) -> None:
        self.is_over = True
        for sock in (self.line, self.connection.sock if self.connection else None):
            if sock is not None:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self.line is not None:
            self.line.close()


_call: ContextVar[_Call | None] = ContextVar("call", default=None)


class _Guarded:
    """Mixed into urllib3's two connection classes; `_new_conn` is the place its own SOCKS support uses."""

    internal: frozenset[tuple[str, int]]
    host: str
    port: int
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        inside = (self.host.lower(), self.port) in self.internal
        if not inside and (self.port != 443 or not isinstance(self, HTTPSConnection)):
            raise Blocked(f"{self.host}: only https on port 443 may leave")
        found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        is_allowed = is_usable_inside if inside else is_public
        if not addresses or not all(is_allowed(address) for address in addresses):
            raise Blocked(f"{self.host} leads to an address that is not allowed")
        name, self._dns_host = self._dns_host, addresses[0]  # no second look-up to poison
        try:
            sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        finally:
            self._dns_host = name
        if call := _call.get():
            call.opened(sock)
        return sock

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
        except (OSError, UnicodeError, HTTPError) as error:
            raise NotReached(f"{self.host} cannot be reached: {type(error).__name__}") from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        if call := _call.get():
            call.connection = self  # type: ignore[assignment]
            if call.is_over:
                raise TooSlow(f"{self.host} took too long")
        super().request(*args, **kwargs)  # type: ignore[misc]


class _Adapter(HTTPAdapter):
    def __init__(self, internal: frozenset[tuple[str, int]]) -> None:
        self.internal = internal
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        names = {"internal": self.internal}
        plain = type("Plain", (_Guarded, HTTPConnection), names)
        tls = type("Tls", (_Guarded, HTTPSConnection), names)
        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
        }

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        raise Blocked("proxies are not used")


class GuardedSession(requests.Session):
    """A session that reaches public https hosts, and the internal `host:port` pairs that deployment lists."""

    def __init__(self, internal: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.trust_env = False  # no proxy, no .netrc, no CA bundle from the environment
        pairs = _pairs(internal)
        self.adapters.clear()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(pairs))

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        *,
        timeout: tuple[float, float] = (3, 10),
        verify: bool | str = True,
        proxies: dict[str, str] | None = None,
        allow_redirects: bool = False,
        **parts: Any,
    ) -> requests.Response:
        """Takes headers, params, json, data and auth as `requests` does. Redirects are answers, not orders, whatever
        `allow_redirects` says; proxies are refused.

        Straight to the adapter: no cookie or hook of one call reaches the next, and merging a session's settings would
        take a quarter of the whole call.
        """
        message, host = _prepared(method, url, parts)
        adapter = self.get_adapter(message.url or url)
        with _deadline(host, MAX_SECONDS) as call:
            with _known(call):
                response = adapter.send(message, stream=True, timeout=timeout, verify=verify, proxies=proxies)
            body = bytearray()
            for chunk in response.iter_content(65_536):
                body += chunk
                if len(body) > MAX_BODY:
                    response.close()
                    raise TooLarge(f"{host} sent more than {MAX_BODY} bytes")
            if call.is_over:
                raise TooSlow(f"{host} took longer than {MAX_SECONDS:g} seconds")
            response._content = bytes(body)
        return response

    @contextmanager
    def reading(
        self,
        url: str,
        *,
        seconds: float,
        timeout: tuple[float, float] = (3, 10),
        verify: bool | str = True,
        **parts: Any,
    ) -> Iterator[requests.Response]:
        """GET whose body is read by the caller within `seconds` from now; the connection ends with the block.

        Asks for the bytes as they are: who counts what arrives must not have it unpacked on the way.
        """
        parts["headers"] = dict(parts.get("headers") or {}) | {"Accept-Encoding": "identity", "Connection": "close"}
        message, host = _prepared("GET", url, parts)
        adapter = self.get_adapter(message.url or url)
        with _deadline(host, seconds) as call:
            with _known(call):
                response = adapter.send(message, stream=True, timeout=timeout, verify=verify)
            try:
                yield response
                if call.is_over:
                    raise TooSlow(f"{host} took longer than {seconds:g} seconds")
            finally:
                response.close()


def _prepared(method: str, url: str, parts: dict[str, Any]) -> tuple[requests.PreparedRequest, str]:
    """The message and the host it goes to."""
    try:
        host = urlsplit(url).hostname or "the address"
    except ValueError as error:
        raise Blocked("this is not a web address") from error
    parts["headers"] = HEADERS | dict(parts.get("headers") or {})
    return requests.Request(method, url, **parts).prepare(), host


@contextmanager
def _known(call: _Call) -> Iterator[None]:
    """The connection that is opened or taken now belongs to this call."""
    token = _call.set(call)
    try:
        yield
    finally:
        _call.reset(token)


@contextmanager
def _deadline(host: str, seconds: float) -> Iterator[_Call]:
    call = _Call()
    deadline = deadlines.add(seconds, call.cut)
    try:
        yield call
    except requests.RequestException as error:
        if call.is_over:
            raise TooSlow(f"{host} took longer than {seconds:g} seconds") from error
        raise
    finally:
        deadlines.remove(deadline)
        call.close()
