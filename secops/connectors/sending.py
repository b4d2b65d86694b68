"""Sending an effect once, over a fresh connection, and what its answer leaves known."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from secops.connectors.base import DEFAULT_WAIT, Connector
from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceLimited, SourceRefused
from secops.http import Answer, HttpError

# Refusals that vendors document as "nothing was done".
NO_EFFECT = {400, 401, 403, 404, 405, 409, 413, 415, 422, 429}


@contextmanager
def before_the_effect() -> Iterator[None]:
    """Whatever fails here, nothing has been asked of the world."""
    try:
        yield
    except SourceLimited as error:
        raise NoEffect(str(error), error.retry_after) from error
    except SourceRefused as error:
        raise NoEffect(str(error)) from error
    except HttpError as error:
        raise HttpError(str(error), status=error.status, was_sent=False, retry_after=error.retry_after) from error


def send_once(connector: Connector, method: str, url: str, **parts: Any) -> Answer:
    """Any status is an answer; Doubt when the request may have arrived without one."""
    try:
        return connector.http.request(method, url, fresh=True, **parts)
    except HttpError as error:
        if not error.was_sent:
            raise
        raise Doubt(f"{error} after the request was sent") from error


def refuse(answer: Answer, what: str, *, later: float | None = None) -> NoReturn:
    """What an answer means that is not the wanted one. `later` = seconds after which the same may be taken anyhow."""
    if answer.status == 429:
        wait = answer.error().retry_after
        raise NoEffect(f"{answer.host} says later", DEFAULT_WAIT if wait is None else wait)
    if answer.status in NO_EFFECT:
        raise NoEffect(f"{answer.host} refused to {what} ({answer.status})", later)
    raise Doubt(f"{answer.host} answered {answer.status}: it may have done it")
