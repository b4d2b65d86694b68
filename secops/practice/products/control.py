"""The range's own controls, for tests and drills on this host: faults, quotas, plugging a device out."""

from collections.abc import Sequence
from dataclasses import asdict
from ipaddress import ip_address

from werkzeug.wrappers import Request, Response

from secops.practice.products.faults import Fault, Faults
from secops.practice.products.isolation import MachineActions
from secops.practice.products.product import Product, json_answer
from secops.practice.products.world import World


class Control(Product):
    """/control/...: no product's API, and open to this host only."""

    prefix = "/control"
    routes = [
        ("GET", "/health", "health"),
        ("GET", "/faults", "show_faults"),
        ("POST", "/faults", "add_fault"),
        ("DELETE", "/faults", "clear_faults"),
        ("DELETE", "/limits", "forget_calls"),
        ("PUT", "/devices/<name>", "plug"),
    ]

    def __init__(self, world: World, faults: Faults, actions: MachineActions, products: Sequence[Product]) -> None:
        super().__init__(world)
        self._faults, self._actions, self._products = faults, actions, products

    def guard(self, request: Request) -> None:
        if not ip_address(request.remote_addr or "0.0.0.0").is_loopback:  # noqa: S104 - "from nowhere"
            raise self.refuse(403, "The controls answer this host only.")

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        return json_answer({"error": message or "The request cannot be read."}, status)

    def health(self, request: Request) -> Response:
        """Whether the range has a company."""
        return json_answer({"company": self.world.company.get("name"), "anchor": self.world.company.get("anchor")})

    def show_faults(self, request: Request) -> Response:
        return json_answer([asdict(fault) for fault in self._faults.waiting()])

    def add_fault(self, request: Request) -> Response:
        """See `faults.Fault` for the body."""
        try:
            fault = Fault.from_json(self.body(request))
        except ValueError as error:
            raise self.refuse(400, str(error)) from None
        self._faults.add(fault)
        return json_answer(asdict(fault), 201)

    def clear_faults(self, request: Request) -> Response:
        self._faults.clear()
        return Response(status=204)

    def forget_calls(self, request: Request) -> Response:
        """All quotas are whole again."""
        for product in self._products:
            product.limiter.forget()
        return Response(status=204)

    def plug(self, request: Request, name: str) -> Response:
        """{"online": true or false} plugs a device in or out."""
        device, sent = self.world.device(name), self.body(request)
        if device is None:
            raise self.refuse(404, f"There is no device {name}.")
        if not isinstance(sent.get("online"), bool):
            raise self.refuse(400, "online must be true or false.")
        self._actions.set_online(device, sent["online"])
        return json_answer(
            {
                "name": device["name"],
                "online": sent["online"],
                "isolated": self._actions.is_isolated(device["mde_id"]),
            }
        )
