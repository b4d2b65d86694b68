"""Arkime's viewer: the sessions that a sensor has recorded, and their packets as pcap."""

import hashlib
import hmac
import re
import secrets
import time
from ipaddress import ip_address

from werkzeug.wrappers import Request, Response

from secops.practice.products.packets import Talk, packets_of, pcap
from secops.practice.products.product import Product, Refusal, json_answer
from secops.practice.products.traffic import Traffic
from secops.practice.products.world import Record, World

REALM = "Moloch"
NODE, SITE = "LIS-2", "Lisbon"  # the one sensor, at the mirror port of one site: nobody else is seen
USUAL_LENGTH, MOST = 100, 2_000_000
NONCE_SECONDS = 300
LASTS = 0.333  # seconds, of every session
TERM = re.compile(r"^\s*(ip|mac)\s*==\s*([0-9a-fA-F:.]+)\s*$")


class Arkime(Product):
    """GET below /arkime/api; HTTP digest authentication, times in epoch seconds, 100 sessions unless told otherwise."""

    prefix = "/arkime"
    routes = [
        ("GET", "/api/sessions", "sessions"),
        ("GET", "/api/sessions/pcap", "packets"),
    ]

    def __init__(self, world: World, traffic: Traffic) -> None:
        super().__init__(world)
        self._traffic = traffic
        self._key = secrets.token_bytes(16)

    def guard(self, request: Request) -> None:
        sent, kept = request.authorization, self.world.credentials
        if sent is None or sent.type != "digest" or sent.get("username") != kept["arkime_user"]:
            raise self._challenge()
        if not self._is_fresh(str(sent.get("nonce", ""))) or not _is_right(request, kept["arkime_password"]):
            raise self._challenge()

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        return json_answer({"success": False, "text": message or "Error"}, status, headers=headers)

    def sessions(self, request: Request) -> Response:
        """The sessions of a window, newest last; `length` of them."""
        found = self._found(request)
        shown = [_session(talk) for talk in found[: _number(request, "length", USUAL_LENGTH)]]
        return json_answer({"recordsTotal": len(found), "recordsFiltered": len(found), "data": shown})

    def packets(self, request: Request) -> Response:
        """All packets of the window's sessions; a file without packets when there are none."""
        found = self._found(request)[: _number(request, "length", USUAL_LENGTH)]
        body = pcap(packet for talk in found for packet in packets_of(talk))
        return Response(body, content_type="application/vnd.tcpdump.pcap")

    def _found(self, request: Request) -> list[Talk]:
        start, end = (_number(request, name, -1) for name in ("startTime", "stopTime"))
        if start < 0 or end < start:
            raise self.refuse(403, "Unknown date range")
        words = self._words(request.args.get("expression", ""))
        seen = [device for device in self.world.records("devices") if device.get("site") == SITE]
        spare = 0 if request.args.get("bounding") == "first" else LASTS  # by its last packet, unless told otherwise
        found = [
            talk
            for device in seen
            if _may_fit(device, words)
            for talk in self._traffic.talks(device, start - spare, end - spare)
        ]
        return sorted((talk for talk in found if _fits(talk, words)), key=lambda talk: talk.at)

    def _words(self, expression: str) -> list[tuple[str, str]]:
        """`ip == a || mac == b`: the part of the language that is imitated."""
        words = []
        for part in expression.split("||"):
            term = TERM.match(part)
            if term is None:
                raise self.refuse(500, f"Parse error on line 1: {part.strip()[:60]}")
            words.append((term[1], term[2].lower()))
        return words

    def _challenge(self) -> Refusal:
        stamp = str(int(time.monotonic()))
        nonce = f"{stamp}-{hmac.new(self._key, stamp.encode(), hashlib.sha256).hexdigest()}"
        answer = Response("Unauthorized", status=401)
        answer.headers["WWW-Authenticate"] = f'Digest realm="{REALM}", nonce="{nonce}", qop="auth"'
        return Refusal(answer)

    def _is_fresh(self, nonce: str) -> bool:
        stamp, _, mark = nonce.partition("-")
        wanted = hmac.new(self._key, stamp.encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(mark, wanted) and time.monotonic() - int(stamp) < NONCE_SECONDS


def _is_right(request: Request, password: str) -> bool:
    """RFC 7616 with MD5 and qop=auth, as the viewer asks for it."""
    sent = request.authorization
    if sent is None:
        return False
    first = _md5(f"{sent.get('username')}:{REALM}:{password}")
    second = _md5(f"{request.method}:{sent.get('uri')}")
    parts = (first, sent.get("nonce"), sent.get("nc"), sent.get("cnonce"), sent.get("qop"), second)
    is_here = str(sent.get("uri", "")).partition("?")[0] == request.path
    wanted = _md5(":".join(str(part) for part in parts))
    return is_here and hmac.compare_digest(str(sent.get("response", "")), wanted)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _number(request: Request, name: str, usual: int) -> int:
    try:
        return min(int(float(request.args.get(name, usual))), MOST if name == "length" else 2**40)
    except ValueError:
        return usual


def _may_fit(device: Record, words: list[tuple[str, str]]) -> bool:
    """Spares the other devices' traffic where the expression names only one of ours."""
    return any(kind == "ip" or value == str(device["mac"]).lower() for kind, value in words)


def _fits(talk: Talk, words: list[tuple[str, str]]) -> bool:
    have = {("ip", talk.address), ("ip", talk.peer), ("mac", talk.mac.lower())}
    return any((kind, _plain(kind, value)) in have for kind, value in words)


def _plain(kind: str, value: str) -> str:
    try:
        return str(ip_address(value)) if kind == "ip" else value
    except ValueError:
        return value


def _session(talk: Talk) -> Record:
    """As the viewer lists it; times in milliseconds."""
    begin = round(talk.at * 1000)
    return {
        "id": f"3@{begin}-{talk.port}",
        "firstPacket": begin,
        "lastPacket": begin + round(LASTS * 1000),
        "ipProtocol": 17 if talk.is_udp else 6,
        "source": {"ip": talk.address, "port": talk.port, "mac": [talk.mac]},
        "destination": {"ip": talk.peer, "port": talk.peer_port},
        "node": NODE,
    }
