"""Microsoft Defender for Endpoint: machines, their health, and the actions that cut them off."""

import uuid
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Request, Response

from secops.practice.kql.table_files import Tables
from secops.practice.products import entra
from secops.practice.products.indicators import IndicatorPages, Indicators
from secops.practice.products.isolation import ActiveRequestError, MachineActions, NotActiveError
from secops.practice.products.machines import logon_users, machine, machines_of, missing_updates, software
from secops.practice.products.odata import ODataError, next_link, page
from secops.practice.products.product import Product, Refusal, json_answer
from secops.practice.products.world import Record, World

CONTEXT = "https://api.security.microsoft.com/api/$metadata#"
USUAL = {
    400: ("BadRequest", "The request is not valid."),
    401: ("Unauthorized", "The authorization header is invalid or expired."),
    403: ("Forbidden", "The token is valid, but its permissions do not allow this action."),
    404: ("NotFound", "The resource was not found."),
    405: ("BadRequest", "The method is not allowed here."),
    429: ("TooManyRequests", "The quota of requests is used up."),
    503: ("ServiceUnavailable", "The service is unavailable."),
}
ISOLATED_PLATFORMS = ("Windows", "macOS", "Linux", "Ubuntu", "Debian", "RedHat")
ISOLATION_TYPES = ("Full", "Selective", "UnManagedDevice")


class Defender(IndicatorPages, Product):
    """GET, POST and DELETE below /defender/api; 100 calls a minute and 1,500 an hour per application."""

    prefix = "/defender"
    limits = {"application": ((100, 60), (1500, 3600))}
    routes = [
        ("GET", "/api/machines", "machines"),
        ("GET", "/api/machines/<number>", "machine"),
        ("GET", "/api/machines/<number>/getmissingkbs", "missing_updates"),
        ("GET", "/api/machines/<number>/software", "software"),
        ("GET", "/api/machines/<number>/logonusers", "logon_users"),
        ("GET", "/api/users/<login>/machines", "machines_of"),
        ("POST", "/api/machines/<number>/isolate", "isolate"),
        ("POST", "/api/machines/<number>/unisolate", "unisolate"),
        ("GET", "/api/machineactions", "actions"),
        ("GET", "/api/machineactions/<number>", "action"),
        ("POST", "/api/machineactions/<number>/cancel", "cancel"),
        *IndicatorPages.indicator_routes,
    ]

    def __init__(self, world: World, tables: Tables, actions: MachineActions) -> None:
        super().__init__(world)
        self._tables, self._actions = tables, actions
        self._indicators = Indicators(world)

    def guard(self, request: Request) -> None:
        try:
            application = entra.check(self.world, request, "defender")
        except entra.TokenError as error:
            raise self.refuse(401, str(error)) from None
        self.count("application", application)

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        usual_code, usual = USUAL.get(status, ("InternalServerError", "An internal error occurred."))
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        error = {"code": code or usual_code, "message": message or usual, "target": str(uuid.uuid4())}
        return json_answer({"error": error}, status, headers=headers)

    def machines(self, request: Request) -> Response:
        """All machines, filtered."""
        found = [machine(self.world, device) for device in self.world.records("devices")]
        return self._list(request, "Machines", found)

    def machine(self, request: Request, number: str) -> Response:
        """One machine by its id or its full name."""
        found = machine(self.world, self._device(number))
        return json_answer({"@odata.context": f"{CONTEXT}Machines/$entity", **found})

    def missing_updates(self, request: Request, number: str) -> Response:
        device = self._device(number)
        return _collection(
            "Collection(microsoft.windowsDefenderATP.api.PublicProductFixDto)",
            missing_updates(self.world, device),
        )

    def software(self, request: Request, number: str) -> Response:
        return _collection("Software", software(self.world, self._device(number)))

    def logon_users(self, request: Request, number: str) -> Response:
        return _collection("Users", logon_users(self.world, self._tables, self._device(number)))

    def machines_of(self, request: Request, login: str) -> Response:
        """The machines that an account signed in to; none for an account that nobody has seen."""
        numbers = machines_of(self._tables, login)
        found = [machine(self.world, device) for device in self.world.records("devices") if device["mde_id"] in numbers]
        return self._list(request, "Machines", found)

    def isolate(self, request: Request, number: str) -> Response:
        """201 and a Pending action; 400 ActiveRequestAlreadyExists while one is open."""
        device, sent = self._device(number), self.body(request)
        scope = sent.get("IsolationType", "Full")
        if scope not in ISOLATION_TYPES:
            raise self.refuse(400, f"Invalid input IsolationType {scope!r}.", code="InvalidInput")
        return self._started(request, device, "Isolate", scope, sent)

    def unisolate(self, request: Request, number: str) -> Response:
        """Release; the same answers as `isolate`."""
        return self._started(request, self._device(number), "Unisolate", "Full", self.body(request))

    def actions(self, request: Request) -> Response:
        """All actions, newest first, filtered."""
        return self._list(request, "MachineActions", self._actions.all()[::-1])

    def action(self, request: Request, number: str) -> Response:
        found = self._actions.find(number)
        if found is None:
            raise self.refuse(404, f"Machine action {number} was not found", code="ResourceNotFound")
        return json_answer({"@odata.context": f"{CONTEXT}MachineActions/$entity", **found})

    def cancel(self, request: Request, number: str) -> Response:
        """Take back what is still Pending."""
        comment = self._comment(self.body(request))
        requestor = entra.check(self.world, request, "defender")
        try:
            found = self._actions.cancel(number, comment=comment, requestor=requestor)
        except KeyError:
            raise self.refuse(404, f"Machine action {number} was not found", code="ResourceNotFound") from None
        except NotActiveError:
            raise self.refuse(400, f"Machine action {number} has ended and cannot be cancelled") from None
        return json_answer({"@odata.context": f"{CONTEXT}MachineActions/$entity", **found})

    def body(self, request: Request) -> Record:
        if request.mimetype != "application/json":
            raise self.bad_body()
        return super().body(request)

    def bad_body(self) -> Refusal:
        return self.refuse(400, "Request body is incorrect", code="InvalidRequestBody")

    def _started(self, request: Request, device: Record, kind: str, scope: str, sent: Record) -> Response:
        comment = self._comment(sent)
        platform = machine(self.world, device)["osPlatform"]
        if not platform.startswith(ISOLATED_PLATFORMS):
            raise self.refuse(
                400, f"OS Platform {platform} isn't supported for this action.", code="OsPlatformNotSupported"
            )
        requestor = entra.check(self.world, request, "defender")
        try:
            found = self._actions.start(device, kind, scope=scope, comment=comment, requestor=requestor)
        except ActiveRequestError:
            raise self.refuse(400, "Action is already in progress", code="ActiveRequestAlreadyExists") from None
        return json_answer({"@odata.context": f"{CONTEXT}MachineActions/$entity", **found}, 201)

    def _comment(self, sent: Record) -> str:
        comment = sent.get("Comment")
        if not isinstance(comment, str) or not comment.strip():
            raise self.refuse(400, "Parameter Comment is missing.", code="MissingRequiredParameter")
        return comment

    def _device(self, number: str) -> Record:
        wanted = number.lower()
        domain = f".{self.world.company.get('domain', '')}"
        is_wanted: Callable[[Record], bool] = lambda d: (  # noqa: E731
            wanted in (str(d["mde_id"]).lower(), d["name"].lower() + domain)
        )
        device = self.world.find("devices", is_wanted)
        if device is None:
            raise self.refuse(404, f"Machine {number} was not found", code="ResourceNotFound")
        return device

    def _list(self, request: Request, kind: str, found: list[Record]) -> Response:
        try:
            chosen, following = page(found, request.args, default=10_000, most=10_000)
        except ODataError as error:
            raise self.refuse(400, str(error), code="ODataError") from None
        more: dict[str, Any] = {}
        if following is not None:
            more["@odata.nextLink"] = next_link(request.base_url, request.args, following)
        return _collection(kind, chosen, **more)


def _collection(kind: str, value: list[Record], **more: Any) -> Response:
    return json_answer({"@odata.context": f"{CONTEXT}{kind}", "value": value, **more})
