"""The Kea control agent: current DHCPv4 leases, asked by command over POST."""

import hmac
from ipaddress import ip_address
from typing import Any

from werkzeug.wrappers import Request, Response

from secops.practice.products.product import Product, Refusal, json_answer
from secops.practice.products.world import Record, moment_of

SUCCESS, ERROR, UNSUPPORTED, EMPTY = 0, 1, 2, 3
REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Bad Request",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
VALID_LIFETIME = 14_400  # seconds, for leases whose end nobody wrote down


class CommandError(Exception):
    """A command whose arguments are wrong; its text is Kea's."""


class Kea(Product):
    """POST /kea/ with {"command", "service": ["dhcp4"], "arguments"}; the answer is a list, one entry per service."""

    prefix = "/kea"
    routes = [("POST", "/", "command"), ("POST", "", "command")]

    def guard(self, request: Request) -> None:
        sent, kept = request.authorization, self.world.credentials
        is_known = (
            sent is not None
            and sent.type == "basic"
            and hmac.compare_digest((sent.username or "").encode(), kept["kea_user"].encode())
            and hmac.compare_digest((sent.password or "").encode(), kept["kea_password"].encode())
        )
        if not is_known:
            answer = self.error(401)
            answer.headers["WWW-Authenticate"] = 'Basic realm="kea-control-agent"'
            raise Refusal(answer)

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        text = message or REASONS.get(status, "Internal Server Error")
        return json_answer({"result": status, "text": text}, status, headers=headers)

    def command(self, request: Request) -> Response:
        """Carry out one command for each service that is named."""
        if request.mimetype != "application/json":
            return self.error(400)
        sent = self.body(request)
        name, services = sent.get("command"), sent.get("service", [])
        if not isinstance(name, str) or not isinstance(services, list):
            return json_answer([{"result": ERROR, "text": "invalid command: 'command' must be a string"}])
        if not services:
            return json_answer([_unsupported(name)])
        arguments = sent.get("arguments", {})
        if not isinstance(arguments, dict):
            return json_answer([{"result": ERROR, "text": "invalid command: 'arguments' must be a map"}])
        return json_answer([self._for_service(service, name, arguments) for service in services])

    def _for_service(self, service: Any, name: str, arguments: Record) -> Record:
        if service != "dhcp4":
            return {
                "result": ERROR,
                "text": f"forwarding socket is not configured for the server type {service}",
            }
        handler = {
            "lease4-get": self._get,
            "lease4-get-all": self._all,
            "lease4-get-by-hw-address": self._by_hw_address,
            "lease4-get-by-hostname": self._by_hostname,
        }.get(name)
        if handler is None:
            return _unsupported(name)
        try:
            return handler(arguments)
        except CommandError as error:
            return {"result": ERROR, "text": str(error)}

    def _get(self, arguments: Record) -> Record:
        if "ip-address" in arguments:
            wanted = _text(arguments, "ip-address")
            try:
                ip_address(wanted)
            except ValueError:
                raise CommandError(f"Failed to convert string to address '{wanted}'") from None
            found = [lease for lease in self._leases() if lease["ip-address"] == wanted]
        else:
            found = self._by_identifier(arguments)
        if not found:
            return {"result": EMPTY, "text": "Lease not found."}
        return {"result": SUCCESS, "text": "IPv4 lease found.", "arguments": found[0]}

    def _by_identifier(self, arguments: Record) -> list[Record]:
        kind, value = _text(arguments, "identifier-type"), _text(arguments, "identifier").lower()
        if kind not in ("hw-address", "client-id"):
            raise CommandError(f"Incorrect identifier type: {kind}")
        subnet = arguments.get("subnet-id")
        if not isinstance(subnet, int):
            raise CommandError("Mandatory 'subnet-id' parameter missing.")
        return [x for x in self._leases() if x.get(kind, "").lower() == value and x["subnet-id"] == subnet]

    def _all(self, arguments: Record) -> Record:
        subnets = arguments.get("subnets")
        if subnets is not None and not isinstance(subnets, list):
            raise CommandError("'subnets' parameter must be a list")
        return _several([x for x in self._leases() if subnets is None or x["subnet-id"] in subnets])

    def _by_hw_address(self, arguments: Record) -> Record:
        wanted = _text(arguments, "hw-address").lower()
        return _several([x for x in self._leases() if x["hw-address"].lower() == wanted])

    def _by_hostname(self, arguments: Record) -> Record:
        wanted = _text(arguments, "hostname").lower().rstrip(".")
        return _several([x for x in self._leases() if x["hostname"].lower().rstrip(".") == wanted])

    def _leases(self) -> list[Record]:
        """Current leases only, as the lease file would hold them now: the clients renewed at half time."""
        now = int(self.world.now().timestamp())
        anchor = self.world.company.get("anchor")
        held_at = int(moment_of(anchor).timestamp()) if anchor else now
        leases = []
        for lease in map(_as_kea, self.world.records("leases")):
            start, valid = lease["cltt"], lease["valid-lft"]
            if lease["state"] == 0 and start + valid > held_at:
                half = max(1, valid // 2)
                leases.append(lease | {"cltt": start + max(0, now - start) // half * half})
        return leases


def _as_kea(lease: Record) -> Record:
    """A lease in Kea's own fields; the company may also keep them as ip, mac, hostname, starts_at."""
    started: Any = lease.get("cltt", lease.get("starts_at", 0))
    cltt = int(moment_of(started).timestamp()) if isinstance(started, str) else int(started)
    return {
        "client-id": lease.get("client-id", "01:" + _either(lease, "hw-address", "mac")),
        "cltt": cltt,
        "fqdn-fwd": bool(lease.get("fqdn-fwd", False)),
        "fqdn-rev": bool(lease.get("fqdn-rev", False)),
        "hostname": lease.get("hostname", "").lower(),
        "hw-address": _either(lease, "hw-address", "mac"),
        "ip-address": _either(lease, "ip-address", "ip"),
        "state": int(lease.get("state", 0)),
        "subnet-id": int(lease.get("subnet-id", 1)),
        "valid-lft": int(lease.get("valid-lft", VALID_LIFETIME)),
    }


def _either(lease: Record, kea_name: str, short: str) -> str:
    return str(lease.get(kea_name) or lease.get(short) or "")


def _several(leases: list[Record]) -> Record:
    return {
        "result": SUCCESS if leases else EMPTY,
        "text": f"{len(leases)} IPv4 lease(s) found.",
        "arguments": {"leases": leases},
    }


def _text(arguments: Record, name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise CommandError(f"'{name}' parameter not specified or not a string")
    return value


def _unsupported(name: str) -> Record:
    return {"result": UNSUPPORTED, "text": f"'{name}' command not supported."}
