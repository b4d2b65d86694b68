"""Defender's custom indicators: what no onboarded machine may reach or run."""

import json
import re
import threading
from ipaddress import ip_address

from werkzeug.wrappers import Request, Response

from secops.practice.products import entra
from secops.practice.products.odata import ODataError, page
from secops.practice.products.product import Product, json_answer
from secops.practice.products.world import Record, World, replace, rfc3339

CONTEXT = "https://api.security.microsoft.com/api/$metadata#Indicators"
KINDS = ("FileSha1", "FileMd5", "FileSha256", "CertificateThumbprint", "IpAddress", "DomainName", "Url")
HASHES = {"FileSha1": 40, "FileMd5": 32, "FileSha256": 64}
ACTIONS = ("Alert", "Warn", "Block", "Audit", "BlockAndRemediate", "AlertAndBlock", "Allowed")
NEEDED = ("indicatorValue", "indicatorType", "action", "title", "description")
MOST = 15_000  # active ones per tenant


class Indicators:
    """All of them; one per value and type."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._path = world.folder / "indicators.json"
        self._lock = threading.Lock()
        self._kept: list[Record] = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else []

    def all(self) -> list[Record]:
        with self._lock:
            return [dict(one) for one in self._kept]

    def put(self, sent: Record, requestor: str) -> Record | None:
        """Made, or brought to what was sent; None when there is no room for another."""
        with self._lock:
            same = (sent["indicatorValue"], sent["indicatorType"])
            found = next((one for one in self._kept if (one["indicatorValue"], one["indicatorType"]) == same), None)
            if found is None and len(self._kept) >= MOST:
                return None
            if found is None:
                number = str(max((int(one["id"]) for one in self._kept), default=990) + 1)
                found = {"id": number, "creationTimeDateTimeUtc": rfc3339(self.world.now()), "createdBy": requestor}
                self._kept.append(found)
            found |= sent | {"lastUpdateTime": rfc3339(self.world.now())}
            replace(self._path, self._kept)
        self.world.record_effect("block", "", sent["description"], value=sent["indicatorValue"])
        return dict(found)

    def remove(self, number: str) -> bool:
        with self._lock:
            found = next((one for one in self._kept if one["id"] == number), None)
            if found is None:
                return False
            self._kept.remove(found)
            replace(self._path, self._kept)
        self.world.record_effect("unblock", "", "", value=found["indicatorValue"])
        return True


class IndicatorPages(Product):
    """/api/indicators of the Defender API."""

    indicator_routes = [
        ("GET", "/api/indicators", "indicators"),
        ("POST", "/api/indicators", "submit"),
        ("DELETE", "/api/indicators/<number>", "delete"),
    ]
    _indicators: Indicators

    def indicators(self, request: Request) -> Response:
        try:
            chosen, _ = page(self._indicators.all(), request.args, default=10_000, most=10_000)
        except ODataError as error:
            raise self.refuse(400, str(error), code="ODataError") from None
        return json_answer({"@odata.context": CONTEXT, "value": chosen})

    def submit(self, request: Request) -> Response:
        """200 for a new one and for one that was there; its value says which."""
        sent = {name: value for name, value in self.body(request).items() if isinstance(value, (str, bool))}
        missing = [name for name in NEEDED if not sent.get(name)]
        if missing:
            raise self.refuse(400, f"Parameter {missing[0]} is missing.", code="MissingRequiredParameter")
        if sent["indicatorType"] not in KINDS or sent["action"] not in ACTIONS:
            raise self.refuse(400, "indicatorType or action is not known.", code="InvalidInput")
        if problem := _problem(str(sent["indicatorType"]), str(sent["indicatorValue"])):
            raise self.refuse(400, problem, code="InvalidInput")
        found = self._indicators.put(sent, entra.check(self.world, request, "defender"))
        if found is None:
            raise self.refuse(400, "The number of indicators has reached its limit.", code="MaxCapacityReached")
        return json_answer({"@odata.context": f"{CONTEXT}/$entity", **found})

    def delete(self, request: Request, number: str) -> Response:
        if not self._indicators.remove(number):
            raise self.refuse(404, f"Indicator {number} was not found", code="ResourceNotFound")
        return Response(status=204)


def _problem(kind: str, value: str) -> str:
    """What the service refuses of a value: ranges, private addresses, hashes of another length."""
    if kind == "IpAddress":
        try:
            address = ip_address(value)
        except ValueError:
            return "The address is not valid; CIDR notation is not supported."
        return "" if not _is_inside(str(address)) else "Private addresses are not supported."
    if kind in HASHES:
        return "" if re.fullmatch(rf"[0-9a-fA-F]{{{HASHES[kind]}}}", value) else f"This is no {kind}."
    return ""


def _is_inside(value: str) -> bool:
    """Private or loopback; the range's outside is made of documentation addresses, which Python calls private too."""
    inside = ("10.", "192.168.", "127.", "169.254.", "fc", "fd", "fe80", "::1")
    return value.startswith(inside) or bool(re.match(r"172\.(1[6-9]|2\d|3[01])\.", value))
