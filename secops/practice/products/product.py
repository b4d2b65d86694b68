"""What the imitated products have in common: a prefix, routes, and answers in the vendor's own form."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from secops.practice.products.limits import Limiter
from secops.practice.products.world import World

MAX_REQUEST = 1_000_000  # bytes of a request's body


class Refusal(Exception):  # noqa: N818 - an answer on its way out, not a fault of ours
    """Ends a request with the vendor's own refusal."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Product:
    """One imitated product.

    `prefix` is where it lives, `routes` are (method, path, name of the method that answers). Each of them
    gets the request and the values of the path, and returns a Response or raises `Refusal`.
    """

    prefix: ClassVar[str]
    routes: ClassVar[list[tuple[str, str, str]]]
    #: What is counted: name -> (calls, seconds) pairs; see `limits.Limiter`.
    limits: ClassVar[Mapping[str, tuple[tuple[int, float], ...]]] = {}

    def __init__(self, world: World) -> None:
        self.world = world
        self.limiter = Limiter(self.limits)

    def guard(self, request: Request) -> None:
        """Raise `Refusal` unless the caller may ask at all."""

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        """A refusal with this status in the vendor's own form; empty texts become the vendor's usual ones."""
        raise NotImplementedError

    def refuse(self, status: int, message: str = "", *, code: str = "") -> Refusal:
        """The same as something to raise."""
        return Refusal(self.error(status, message, code=code))

    def count(self, name: str, caller: str) -> None:
        """Count a call against the limit of this name; raise `Refusal` with 429 when it is used up."""
        if wait := self.limiter.wait(name, caller):
            raise Refusal(self.error(429, retry_after=wait))

    def base(self, request: Request) -> str:
        """The address of this product as the caller sees it, without a slash at the end."""
        parts = urlsplit(request.url_root)
        return f"{parts.scheme}://{parts.netloc}{self.prefix}"

    def body(self, request: Request) -> dict[str, Any]:
        """The JSON object that was sent; raise `Refusal` with 400 for anything else."""
        try:
            sent = json.loads(request.get_data(cache=True) or b"null")
        except (ValueError, RecursionError, HTTPException):
            sent = None
        if not isinstance(sent, dict):
            raise self.bad_body()
        return sent

    def bad_body(self) -> Refusal:
        """What to raise for a body that is no JSON object."""
        return self.refuse(400)


def json_answer(
    body: Any, status: int = 200, *, kind: str = "application/json", headers: dict[str, str] | None = None
) -> Response:
    """A JSON body with a status."""
    return Response(msgspec.json.encode(body), status=status, content_type=kind, headers=headers)
