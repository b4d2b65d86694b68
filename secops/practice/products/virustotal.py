"""VirusTotal API v3 with a public key: what the world says about an address, a domain, a file."""

import hmac
import re
from ipaddress import ip_address
from typing import Any

from werkzeug.wrappers import Request, Response

from secops.practice.products.product import Product, json_answer
from secops.practice.products.world import Record

USUAL = {
    400: ("BadRequestError", "The request is invalid or malformed."),
    401: ("WrongCredentialsError", "Wrong API key"),
    404: ("NotFoundError", "Resource not found."),
    405: ("BadRequestError", "Method not allowed."),
    429: ("QuotaExceededError", "Quota exceeded"),
    503: ("TransientError", "Transient server error. Retry might work."),
    504: ("DeadlineExceededError", "The operation took too long to complete."),
}
HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}")
#: what company.json may keep beside the attributes of a file or an address
RELATED = ("behaviours", "communicating_files", "contacted_ips", "contacted_domains", "dropped_files")


class VirusTotal(Product):
    """GET /vt/api/v3/...; four calls a minute and 500 a day for a public key, a premium key has a contract's quota."""

    prefix = "/vt"
    limits = {"public": ((4, 60), (500, 86_400)), "premium": ((240, 60), (30_000, 86_400))}
    routes = [
        ("GET", "/api/v3/ip_addresses/<value>", "address"),
        ("GET", "/api/v3/domains/<value>", "domain"),
        ("GET", "/api/v3/files/<value>", "file"),
        ("GET", "/api/v3/files/<value>/behaviours", "behaviours"),
        ("GET", "/api/v3/files/<value>/behaviour_summary", "behaviour_summary"),
        ("GET", "/api/v3/ip_addresses/<value>/<relation>", "related_to_address"),
        ("GET", "/api/v3/domains/<value>/<relation>", "related_to_domain"),
        ("GET", "/api/v3/files/<value>/<relation>", "related_to_file"),
    ]

    def guard(self, request: Request) -> None:
        key = request.headers.get("x-apikey", "")
        if not key:
            raise self.refuse(401, "X-Apikey header is missing", code="AuthenticationRequiredError")
        for licence in ("public", "premium"):
            known = self.world.credentials["virustotal_key" if licence == "public" else "virustotal_premium_key"]
            if hmac.compare_digest(key.encode(), known.encode()):
                self.count(licence, key)
                return
        raise self.refuse(401)

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        # VirusTotal names no time to wait in its 429, so `retry_after` has no place here.
        usual_code, usual = USUAL.get(status, ("TransientError", "Transient server error. Retry might work."))
        return json_answer({"error": {"code": code or usual_code, "message": message or usual}}, status)

    def address(self, request: Request, value: str) -> Response:
        return self._object(request, "ip_address", value, self._address(value))

    def domain(self, request: Request, value: str) -> Response:
        return self._object(request, "domain", value.lower(), self._domain(value))

    def file(self, request: Request, value: str) -> Response:
        sha256, kept = self._file(value)
        return self._object(request, "file", sha256, kept)

    def behaviours(self, request: Request, value: str) -> Response:
        """One report per sandbox."""
        sha256, kept = self._file(value)
        reports = [_report(sha256, report) for report in kept.get("behaviours", [])]
        return self._collection(request, reports)

    def behaviour_summary(self, request: Request, value: str) -> Response:
        """All sandboxes' reports in one: lists are joined, each entry once."""
        _, kept = self._file(value)
        summary: Record = {}
        for report in kept.get("behaviours", []):
            for name, part in report.items():
                if isinstance(part, list):
                    summary[name] = summary.get(name, []) + [x for x in part if x not in summary.get(name, [])]
        return json_answer({"data": summary})

    def related_to_address(self, request: Request, value: str, relation: str) -> Response:
        return self._related(request, self._address(value), relation)

    def related_to_domain(self, request: Request, value: str, relation: str) -> Response:
        return self._related(request, self._domain(value), relation)

    def related_to_file(self, request: Request, value: str, relation: str) -> Response:
        return self._related(request, self._file(value)[1], relation)

    def _address(self, value: str) -> Record:
        try:
            ip_address(value)
        except ValueError:
            raise self.refuse(400, f'"{value}" is not a valid IP address', code="InvalidArgumentError") from None
        return self._found(self.world.known("intel", "ip").get(value), f'IP address "{value}" not found')

    def _domain(self, value: str) -> Record:
        if "." not in value:
            raise self.refuse(400, f'"{value}" is not a valid domain pattern', code="InvalidArgumentError")
        return self._found(self.world.known("intel", "domain").get(value.lower()), f'Domain "{value}" not found')

    def _file(self, value: str) -> tuple[str, Record]:
        wanted = value.lower()
        if not HASH.fullmatch(wanted):
            raise self.refuse(400, f'"{value}" is not a valid file hash', code="InvalidArgumentError")
        for sha256, kept in self.world.known("intel", "file").items():
            if wanted in (sha256.lower(), kept.get("md5"), kept.get("sha1")):
                return sha256, kept
        raise self.refuse(404, f'File "{value}" not found')

    def _found(self, kept: Record | None, missing: str) -> Record:
        if kept is None:
            raise self.refuse(404, missing)
        return kept

    def _object(self, request: Request, kind: str, value: str, kept: Record) -> Response:
        attributes = {name: part for name, part in kept.items() if name not in RELATED}
        return json_answer({"data": _entity(request, kind, value, attributes)})

    def _related(self, request: Request, kept: Record, relation: str) -> Response:
        if relation not in RELATED:
            raise self.refuse(404, f'Relationship "{relation}" not found')
        kind = {"contacted_ips": "ip_address", "contacted_domains": "domain"}.get(relation, "file")
        return self._collection(request, [self._related_entity(request, kind, x) for x in kept.get(relation, [])])

    def _related_entity(self, request: Request, kind: str, related: Any) -> Record:
        """Company data names the related object by its value; its attributes are what intel knows of it."""
        if isinstance(related, dict):
            return related
        family = {"ip_address": "ip"}.get(kind, kind)
        kept = self.world.known("intel", family).get(related, {})
        attributes = {name: part for name, part in kept.items() if name not in RELATED}
        return _entity(request, kind, str(related), attributes)

    def _collection(self, request: Request, data: list[Record]) -> Response:
        return json_answer({"data": data, "meta": {"count": len(data)}, "links": {"self": request.base_url}})


def _entity(request: Request, kind: str, value: str, attributes: Record) -> Record:
    plural = {"ip_address": "ip_addresses", "domain": "domains", "file": "files"}[kind]
    link = f"{request.url_root}vt/api/v3/{plural}/{value}"
    return {"id": value, "type": kind, "links": {"self": link}, "attributes": attributes}


def _report(sha256: str, report: Record) -> Record:
    name = f"{sha256}_{report.get('sandbox_name', 'Range sandbox')}"
    return {"id": name, "type": "file_behaviour", "attributes": report}
