"""The one WSGI application of the range: it finds the product, lets it guard itself, and injects faults."""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from waitress.channel import ClientDisconnected
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from secops.practice.products.control import Control
from secops.practice.products.faults import Fault, Faults
from secops.practice.products.product import MAX_REQUEST, Product, Refusal, json_answer

Start = Callable[..., Any]


class Application:
    """WSGI: /<product>/... for the products, /control/... for tests on this host."""

    def __init__(self, products: Sequence[Product], faults: Faults, control: Control) -> None:
        self._products = {product.prefix: product for product in (*products, control)}
        self._faults = faults
        rules = [
            Rule(product.prefix + path, methods=[method], endpoint=(product.prefix, name))
            for product in self._products.values()
            for method, path, name in product.routes
        ]
        self._map = Map(rules, strict_slashes=False, redirect_defaults=False, merge_slashes=False)

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = MAX_REQUEST
        answer = self._with_faults(request)
        answer.headers["X-Practice-Range"] = "simulated"
        return answer(environ, start_response)

    def _with_faults(self, request: Request) -> Response:
        fault = None
        if not request.path.startswith("/control"):
            fault = self._faults.take(request.method, request.path)
        return self._answer(request) if fault is None else self._broken(request, fault)

    def _broken(self, request: Request, fault: Fault) -> Response:
        """The answer with the fault; a dropped connection is what waitress makes of `ClientDisconnected`."""
        product = self._product(request.path)
        if fault.kind == "status":
            return product.error(fault.status, retry_after=fault.retry_after)
        if fault.kind == "delay":
            time.sleep(fault.seconds)
            return self._answer(request)
        if fault.kind == "lie":  # an id is all that any product's yes is asked for
            return json_answer({"id": str(uuid.uuid4())}, 200)
        if fault.kind == "late":
            self._answer_later(request, fault.seconds)
        elif fault.kind != "drop_before":
            self._answer(request)
        if fault.kind == "status_after":
            return product.error(fault.status, retry_after=fault.retry_after)
        raise ClientDisconnected

    def _answer_later(self, request: Request, seconds: float) -> None:
        """The request as a new one, because waitress closes this one when the connection drops."""
        again = Request(
            EnvironBuilder(
                path=request.path,
                query_string=request.query_string.decode("latin-1"),
                method=request.method,
                headers=Headers(request.headers),
                data=request.get_data(),
                environ_overrides={"REMOTE_ADDR": request.remote_addr},
            ).get_environ()
        )
        timer = threading.Timer(seconds, self._answer, [again])
        timer.daemon = True
        timer.start()

    def _answer(self, request: Request) -> Response:
        product = self._product(request.path)
        router: MapAdapter = self._map.bind_to_environ(request.environ)
        try:
            product.guard(request)
            (_, name), values = router.match()
            answer: Response = getattr(product, name)(request, **values)
        except Refusal as refusal:
            return refusal.answer
        except NotFound:
            return product.error(404)
        except MethodNotAllowed:
            return product.error(405)
        except RequestEntityTooLarge:
            return product.error(413)
        except HTTPException as error:
            return product.error(error.code or 400)
        return answer

    def _product(self, path: str) -> Product:
        prefix = "/" + path.split("/", 2)[1] if path.startswith("/") else path
        return self._products.get(prefix) or Nothing(self._products["/control"].world)


class Nothing(Product):
    """What answers where no product lives: the list of those that do."""

    prefix = ""
    routes = []

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        text = "Practice range: /kea/ /login/ /graph/ /defender/ /vt/ /rdap/ /grr/ /ise/ /arkime/ /cape/"
        return json_answer({"error": message or text}, 404)
