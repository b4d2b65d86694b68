"""GRR Rapid Response, API v2: clients, flows that collect from them, and the files that the flows brought."""

import base64
import hmac
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
from werkzeug.wrappers import Request, Response

from secops.practice.products.grr_flows import (
    ArgumentsError,
    Collected,
    Flows,
    TooManyFlowsError,
    client_number,
    moment_in_micros,
)
from secops.practice.products.grr_material import DISK_BYTES, MEMORY_BYTES
from secops.practice.products.product import Product, Refusal
from secops.practice.products.world import Record, World, moment_of

PREFIX = b")]}'\n"  # against including an answer as a script
CHUNK = 1 << 18
AGENT_VERSION = 3471
REASONS = {
    401: "Unauthorized",
    403: "Access denied by ACL.",
    404: "No API router was found for this request.",
    405: "Method not allowed.",
    422: "The arguments are not valid.",
    429: "The limit of flows is used up.",
}
AGENTS = ("windows", "macos", "linux", "ubuntu", "debian", "redhat")


class Grr(Product):
    """/grr/api/v2/... with basic authentication; a POST carries the token of the cookie `csrftoken`, too.

    A critical device is read only with an approval by a second person in GRR, which the range never has.
    """

    prefix = "/grr"
    routes = [
        ("GET", "/", "index"),
        ("GET", "/api/v2/metadata/version", "version"),
        ("GET", "/api/v2/clients", "clients"),
        ("GET", "/api/v2/clients/<number>", "client"),
        ("GET", "/api/v2/clients/<number>/flows", "flows"),
        ("POST", "/api/v2/clients/<number>/flows", "start"),
        ("GET", "/api/v2/clients/<number>/flows/<flow>", "flow"),
        ("POST", "/api/v2/clients/<number>/flows/<flow>/actions/cancel", "cancel"),
        ("GET", "/api/v2/clients/<number>/flows/<flow>/results", "results"),
        ("GET", "/api/v2/clients/<number>/vfs-details/<path:path>", "details"),
        ("GET", "/api/v2/clients/<number>/vfs-blob/<path:path>", "blob"),
    ]

    def __init__(self, world: World, flows: Flows) -> None:
        super().__init__(world)
        self._flows = flows

    def guard(self, request: Request) -> None:
        sent, kept = request.authorization, self.world.credentials
        is_known = (
            sent is not None
            and sent.type == "basic"
            and hmac.compare_digest((sent.username or "").encode(), kept["grr_user"].encode())
            and hmac.compare_digest((sent.password or "").encode(), kept["grr_password"].encode())
        )
        if not is_known:
            answer = self.error(401)
            answer.headers["WWW-Authenticate"] = 'Basic realm="Secure Area"'
            raise Refusal(answer)
        token = request.headers.get("X-CSRFToken", "")
        if request.method == "POST" and not (
            hmac.compare_digest(token, self._token()) and request.cookies.get("csrftoken") == token
        ):
            raise self.refuse(403, "CSRF verification failed.")

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        return _json({"message": message or REASONS.get(status, "Internal error.")}, status, headers)

    def index(self, request: Request) -> Response:
        """The page that hands out the token."""
        answer = Response("<title>GRR</title>Practice range", content_type="text/html")
        answer.set_cookie("csrftoken", self._token(), samesite="Strict")
        return answer

    def version(self, request: Request) -> Response:
        return _json({"major": 3, "minor": 4, "revision": 7, "release": 5})

    def clients(self, request: Request) -> Response:
        """`query` takes words and `host:NAME`; a client answers to its name with or without the domain."""
        words = request.args.get("query", "").lower().removeprefix("host:").strip()
        found = [self._client(one) for one in self._with_agent()]
        mine = [one for one in found if not words or words in _names(one)]
        return _json({"items": mine[: int(request.args.get("count") or 50)]} if mine else {})

    def client(self, request: Request, number: str) -> Response:
        return _json(self._client(self._device(number)))

    def flows(self, request: Request, number: str) -> Response:
        """Newest first."""
        flows = self._flows.of(self._approved(number))
        since, count = int(request.args.get("min_started_at") or 0), int(request.args.get("count") or 50)
        found = [_flow(number, one) for one in flows]
        return _json({"items": [one for one in found if int(one["startedAt"]) >= since][:count]})

    def start(self, request: Request, number: str) -> Response:
        device, sent = self._approved(number), self.body(request).get("flow")
        if not isinstance(sent, dict):
            raise self.bad_body()
        try:
            return _json(_flow(number, self._flows.start(device, sent, self.world.credentials["grr_user"])))
        except ArgumentsError as error:
            raise self.refuse(422, str(error)) from None
        except TooManyFlowsError as error:
            raise self.refuse(429, str(error)) from None

    def flow(self, request: Request, number: str, flow: str) -> Response:
        return _json(_flow(number, self._found(self._approved(number), flow)))

    def cancel(self, request: Request, number: str, flow: str) -> Response:
        found = self._flows.cancel(self._approved(number), flow)
        if found is None:
            raise self.refuse(404, f"Flow with id {flow} was not found.")
        return _json(_flow(number, found))

    def results(self, request: Request, number: str, flow: str) -> Response:
        device = self._approved(number)
        found = self._found(device, flow)
        collected, at = self._flows.collected(device, found), moment_in_micros(found["seen"])
        offset, count = int(request.args.get("offset") or 0), int(request.args.get("count") or 50)
        items = [_result(one) | {"timestamp": at} for one in collected[offset : offset + count]]
        return _json({"items": items, "totalCount": str(len(collected))} if collected else {})

    def details(self, request: Request, number: str, path: str) -> Response:
        one = self._file(number, path)
        known = {"path": path, "name": path.rpartition("/")[2], "isDirectory": False}
        return _json({"file": known | {"hash": _hash(one), "lastCollectedSize": str(one.size)}})

    def blob(self, request: Request, number: str, path: str) -> Response:
        """The bytes from `offset` on, `length` of them at most; GRR reads no Range header.

        With `timestamp` the newest version that was there by then.
        """
        one = self._file(number, path, int(request.args.get("timestamp") or 0))
        offset = int(request.args.get("offset") or 0)
        size = max(0, one.size - offset)
        size = min(size, int(request.args.get("length") or 0) or size)
        answer = Response(_bytes(one, offset, size), content_type="binary/octet-stream", direct_passthrough=True)
        answer.content_length = size
        return answer

    def bad_body(self) -> Refusal:
        return self.refuse(422)

    def _token(self) -> str:
        return sha256(f"csrf {self.world.credentials['token_key']}".encode()).hexdigest()[:32]

    def _with_agent(self) -> list[Record]:
        return [one for one in self.world.records("devices") if str(one.get("os", "")).lower().startswith(AGENTS)]

    def _device(self, number: str) -> Record:
        found = next((one for one in self._with_agent() if client_number(one) == number), None)
        if found is None:
            raise self.refuse(404, f"Client {number} was not found.")
        return found

    def _approved(self, number: str) -> Record:
        device = self._device(number)
        if device.get("is_critical"):
            answer = self.error(403, "Access denied by ACL: No approval found.")
            answer.headers["X-GRR-Unauthorized-Access-Reason"] = "No approval found."
            raise Refusal(answer)
        return device

    def _found(self, device: Record, flow: str) -> Record:
        found = self._flows.find(device, flow)
        if found is None:
            raise self.refuse(404, f"Flow with id {flow} was not found.")
        return found

    def _file(self, number: str, path: str, until: int = 0) -> Collected:
        found = self._flows.at(self._approved(number), path, until)
        if found is None:
            raise self.refuse(404, f"File {path} was not found on client {number}.")
        return found

    def _client(self, device: Record) -> Record:
        now, is_online = self.world.now(), self._flows.is_online(device)
        seen = now - timedelta(seconds=20) if is_online else moment_of(str(device.get("last_seen") or now.isoformat()))
        seen = seen if is_online else min(seen, now - timedelta(hours=3))
        ahead = int(client_number(device)[2:4], 16) % 7 - 3  # the device's clock against the server's, seconds
        platform = "Windows" if str(device.get("os", "")).startswith("Windows") else "Linux"
        return {
            "clientId": client_number(device),
            "urn": f"aff4:/{client_number(device)}",
            "agentInfo": {"clientName": "grr", "clientVersion": AGENT_VERSION},
            "osInfo": {
                "system": platform,
                "node": device["name"],
                "fqdn": f"{device['name'].lower()}.{self.world.company.get('domain', '')}",
            },
            "memorySize": str(MEMORY_BYTES),
            "volumes": [
                {
                    "totalAllocationUnits": str(DISK_BYTES // 4096),
                    "sectorsPerAllocationUnit": "8",
                    "bytesPerSector": "512",
                }
            ],
            "lastSeenAt": moment_in_micros(seen),
            "lastClock": moment_in_micros(seen + timedelta(seconds=ahead)),
        }


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    text = msgspec.json.encode(body).replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
    return Response(PREFIX + text, status=status, content_type="application/json; charset=utf-8", headers=headers)


def _names(client: Record) -> set[str]:
    known = client["osInfo"]
    return {known["node"].lower(), known["fqdn"], client["clientId"].lower()}


def _flow(number: str, flow: Record) -> Record:
    return {
        "clientId": number,
        "flowId": flow["id"],
        "name": flow["name"],
        "args": flow["args"],
        "runnerArgs": flow["runner_args"],
        "state": flow["state"],
        "creator": flow["creator"],
        "startedAt": moment_in_micros(flow["created"]),
        "lastActiveAt": moment_in_micros(flow["seen"]),
        "context": {"networkBytesSent": str(flow["sent"]), "status": flow["status"]},
    }


def _result(one: Collected) -> Record:
    if "pathtype" not in one.spec:
        return {"payload": {"@type": "type.googleapis.com/grr.ReadLowLevelFlowResult", **one.spec}}
    payload = {"statEntry": {"pathspec": one.spec, "stSize": str(one.size)}, "hashEntry": _hash(one)}
    return {"payload": {"@type": "type.googleapis.com/grr.FileFinderResult", **payload}}


def _hash(one: Collected) -> Record:
    return {"sha256": base64.b64encode(one.sha256()).decode(), "numBytes": str(one.size)}


def _bytes(one: Collected, offset: int, size: int) -> Iterator[bytes]:
    for at in range(offset, offset + size, CHUNK):
        yield one.read(at, min(CHUNK, offset + size - at))
