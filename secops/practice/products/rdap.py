"""RDAP (RFC 9083): who holds an address or a domain, and since when."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from werkzeug.wrappers import Request, Response

from secops.practice.products.product import Product, json_answer
from secops.practice.products.world import Record

KIND = "application/rdap+json"
TITLES = {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 429: "Too Many Requests"}
CONFORMANCE = ["rdap_level_0"]


class Rdap(Product):
    """GET /rdap/ip/{ip} and /rdap/domain/{name}; open to everyone, as RDAP is."""

    prefix = "/rdap"
    routes = [("GET", "/ip/<value>", "ip"), ("GET", "/domain/<value>", "domain")]

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        title = TITLES.get(status, "Internal Server Error" if status == 500 else "Service Unavailable")
        body = {"rdapConformance": CONFORMANCE, "errorCode": status, "title": title}
        if message:
            body["description"] = [message]
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        return json_answer(body, status, kind=KIND, headers=headers)

    def ip(self, request: Request, value: str) -> Response:
        try:
            wanted = ip_address(value)
        except ValueError:
            raise self.refuse(400, f"{value} is not an IP address") from None
        for key, kept in self.world.known("rdap", "ip").items():
            if _covers(key, kept, wanted):
                return self._answer(request, kept, "ip network")
        raise self.refuse(404, f"No network was found for {value}")

    def domain(self, request: Request, value: str) -> Response:
        name = value.lower().rstrip(".")
        kept = self.world.known("rdap", "domain").get(name)
        if kept is None:
            raise self.refuse(404, f"No domain was found for {value}")
        return self._answer(request, {"ldhName": name, **kept}, "domain")

    def _answer(self, request: Request, kept: Record, kind: str) -> Response:
        link = {
            "value": request.base_url,
            "rel": "self",
            "href": request.base_url,
            "type": KIND,
        }
        usual = {"rdapConformance": CONFORMANCE, "objectClassName": kind, "links": [link]}
        return json_answer(usual | kept, kind=KIND)


def _covers(key: str, kept: Record, wanted: IPv4Address | IPv6Address) -> bool:
    """Whether a network of company.json, kept under an address, a prefix or a name, holds the address."""
    try:
        if wanted in ip_network(key, strict=False):
            return True
    except ValueError:
        pass
    start, end = kept.get("startAddress"), kept.get("endAddress")
    if not start or not end:
        return False
    first, last = ip_address(start), ip_address(end)
    return first.version == wanted.version and int(first) <= int(wanted) <= int(last)
