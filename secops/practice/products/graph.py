"""Microsoft Graph v1.0: people, managers, devices, and hunting over the tables."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from secops.practice.kql import query as kql
from secops.practice.kql.error import KqlError
from secops.practice.kql.table_files import Tables
from secops.practice.kql.timespan import interval
from secops.practice.products import directory, entra
from secops.practice.products.accounts import Accounts
from secops.practice.products.odata import ODataError, next_link, page, select
from secops.practice.products.product import Product, json_answer
from secops.practice.products.world import Record, World

CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"
HUNTING_RESULTS = "microsoft.graph.security.huntingQueryResults"
USUAL = {
    400: ("BadRequest", "The request is not valid."),
    401: ("InvalidAuthenticationToken", "Access token validation failure."),
    403: ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    404: ("Request_ResourceNotFound", "The resource does not exist."),
    405: ("Request_BadRequest", "The method is not allowed here."),
    429: ("TooManyRequests", "Too many requests."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
}


class Graph(Product):
    """GET below /graph/v1.0, PATCH of a user's accountEnabled, POST revokeSignInSessions, and POST
    /graph/v1.0/security/runHuntingQuery (45 a minute, 30 days of data)."""

    prefix = "/graph"
    limits = {"hunting": ((45, 60),), "directory": ((2000, 60),)}
    routes = [
        ("GET", "/v1.0/users", "users"),
        ("GET", "/v1.0/users/<key>", "user"),
        ("PATCH", "/v1.0/users/<key>", "update"),
        ("POST", "/v1.0/users/<key>/revokeSignInSessions", "revoke"),
        ("GET", "/v1.0/users/<key>/manager", "manager"),
        ("GET", "/v1.0/users/<key>/directReports", "reports"),
        ("GET", "/v1.0/users/<key>/ownedDevices", "owned_devices"),
        ("GET", "/v1.0/users/<key>/registeredDevices", "owned_devices"),
        ("GET", "/v1.0/users/<key>/transitiveMemberOf", "memberships"),
        ("GET", "/v1.0/users/<key>/memberOf", "memberships"),
        ("GET", "/v1.0/users/<key>/mailboxSettings", "mailbox_settings"),
        ("GET", "/v1.0/devices", "devices"),
        ("GET", "/v1.0/devices/<key>", "device"),
        ("GET", "/v1.0/devices/<key>/registeredOwners", "owners"),
        ("POST", "/v1.0/security/runHuntingQuery", "hunt"),
        ("POST", "/v1.0/security/microsoft.graph.security.runHuntingQuery", "hunt"),
    ]

    def __init__(self, world: World, tables: Tables) -> None:
        super().__init__(world)
        self._tables = tables
        self._accounts = Accounts(world)
        # One query after the other, always in the same thread: a big one must not swell the memory of each.
        self._hunter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="practice-hunt")

    def guard(self, request: Request) -> None:
        try:
            application = entra.check(self.world, request, "graph")
        except entra.TokenError as error:
            raise self.refuse(401, str(error)) from None
        self.count("hunting" if request.path.endswith("unHuntingQuery") else "directory", application)

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        usual_code, usual = USUAL.get(status, ("generalException", "An internal server error occurred."))
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        error = {
            "code": code or usual_code,
            "message": message or usual,
            "innerError": entra.tracking(self.world),
        }
        return json_answer({"error": error}, status, headers=headers)

    def users(self, request: Request) -> Response:
        found = [self._whole(person) for person in self.world.records("people")]
        return self._list(request, "users", found, directory.USER_USUAL)

    def user(self, request: Request, key: str) -> Response:
        """One person; $expand=manager puts the manager in."""
        person = self._person(key)
        chosen = self._selected(request, self._whole(person), directory.USER_USUAL)
        if request.args.get("$expand", "").startswith("manager"):
            boss = self.world.person(person.get("manager") or "")
            chosen["manager"] = directory.user_short(self.world, boss) if boss else None
        return json_answer({"@odata.context": f"{CONTEXT}users/$entity", **chosen})

    def update(self, request: Request, key: str) -> Response:
        """accountEnabled alone may be changed here; 403 for holders of an administrator's role."""
        person, sent = self._person(key), self.body(request)
        if set(sent) != {"accountEnabled"} or not isinstance(sent["accountEnabled"], bool):
            raise self.refuse(400, "Only accountEnabled, true or false, can be updated by this application.")
        self._refuse_administrator(person)
        self._accounts.enable(person, sent["accountEnabled"])
        return Response(status=204)

    def revoke(self, request: Request, key: str) -> Response:
        """All refresh tokens and session cookies of before this moment end; access tokens live on for up to an hour."""
        person = self._person(key)
        self._refuse_administrator(person)
        self._accounts.revoke(person)
        return json_answer({"@odata.context": f"{CONTEXT}Edm.Boolean", "value": True})

    def _refuse_administrator(self, person: Record) -> None:
        """An application needs a role of its own, which the range's has not, to touch an administrator."""
        if person.get("is_privileged"):
            raise self.refuse(403)

    def _whole(self, person: Record) -> Record:
        return directory.user(self.world, person) | self._accounts.state(person)

    def manager(self, request: Request, key: str) -> Response:
        boss = self.world.person(self._person(key).get("manager") or "")
        if boss is None:
            raise self.refuse(404, "Resource 'manager' does not exist.")
        chosen = self._selected(request, directory.user(self.world, boss), directory.USER_USUAL)
        return json_answer(
            {
                "@odata.context": f"{CONTEXT}directoryObjects/$entity",
                "@odata.type": "#microsoft.graph.user",
                **chosen,
            }
        )

    def reports(self, request: Request, key: str) -> Response:
        login = self._person(key)["login"]
        found = [directory.user(self.world, p) for p in self.world.records("people") if p["manager"] == login]
        return self._list(request, "directoryObjects", found, directory.USER_USUAL)

    def owned_devices(self, request: Request, key: str) -> Response:
        login = self._person(key)["login"]
        found = [directory.device(d) for d in self.world.records("devices") if d.get("owner") == login]
        return self._list(request, "directoryObjects", found, directory.DEVICE_USUAL)

    def memberships(self, request: Request, key: str) -> Response:
        found = directory.memberships(self._person(key))
        return json_answer({"@odata.context": f"{CONTEXT}directoryObjects", "value": found})

    def mailbox_settings(self, request: Request, key: str) -> Response:
        settings = directory.mailbox_settings(self._person(key))
        return json_answer({"@odata.context": f"{CONTEXT}users('{key}')/mailboxSettings", **settings})

    def devices(self, request: Request) -> Response:
        found = [directory.device(device) for device in self.world.records("devices")]
        return self._list(request, "devices", found, directory.DEVICE_USUAL)

    def device(self, request: Request, key: str) -> Response:
        """One device by its object id."""
        chosen = self._selected(request, directory.device(self._device(key)), directory.DEVICE_USUAL)
        return json_answer({"@odata.context": f"{CONTEXT}devices/$entity", **chosen})

    def owners(self, request: Request, key: str) -> Response:
        owner = self.world.person(self._device(key).get("owner") or "")
        found = [directory.user(self.world, owner)] if owner else []
        return self._list(request, "directoryObjects", found, directory.USER_USUAL)

    def hunt(self, request: Request) -> Response:
        """Run a query of the KQL subset; 400 names the position of what cannot be read."""
        sent = self.body(request)
        query = sent.get("Query", sent.get("query"))
        if not isinstance(query, str) or not query.strip():
            raise self.refuse(400, "The query is empty.")
        now = self.world.now()
        try:
            start, end = interval(sent.get("Timespan", sent.get("timespan")), now)
            return self._hunter.submit(self._hunted, query, now, start, end).result()
        except (KqlError, ValueError, OverflowError) as error:
            raise self.refuse(400, str(error)) from None

    def _hunted(self, query: str, now: datetime, start: datetime, end: datetime) -> Response:
        found = kql.run(query, self._tables, now=now, start=start, end=end)
        return json_answer({"@odata.context": f"{CONTEXT}{HUNTING_RESULTS}", **found})

    def body(self, request: Request) -> Record:
        if request.mimetype != "application/json":
            raise self.refuse(400, "Write requests must contain the Content-Type header application/json.")
        return super().body(request)

    def _person(self, key: str) -> Record:
        found = self.world.find("people", lambda p: key.lower() in (p["upn"].lower(), p["id"].lower()))
        if found is None:
            raise self._missing(key)
        return found

    def _device(self, key: str) -> Record:
        found = self.world.find("devices", lambda d: key.lower() == d["id"].lower())
        if found is None:
            raise self._missing(key)
        return found

    def _missing(self, key: str) -> Exception:
        return self.refuse(
            404,
            f"Resource '{key}' does not exist or one of its queried reference-property objects are not present.",
        )

    def _selected(self, request: Request, record: Record, usual: tuple[str, ...]) -> Record:
        try:
            return select(record, request.args, usual)
        except ODataError as error:
            raise self.refuse(400, str(error), code="Request_BadRequest") from None

    def _list(self, request: Request, kind: str, found: list[Record], usual: tuple[str, ...]) -> Response:
        try:
            chosen, following = page(found, request.args, default=100, most=999)
            value = [select(record, request.args, usual) for record in chosen]
        except ODataError as error:
            raise self.refuse(400, str(error), code="Request_BadRequest") from None
        body: dict[str, Any] = {"@odata.context": f"{CONTEXT}{kind}", "value": value}
        if "$count" in request.args:
            body["@odata.count"] = len(found)
        if following is not None:
            body["@odata.nextLink"] = next_link(request.base_url, request.args, following)
        return json_answer(body)
