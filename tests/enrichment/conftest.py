"""A source of this test run: a connector with every capability, whose answers a test sets."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from secops import integrations
from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.catalogue import CAPABILITIES
from secops.models import Integration


class Answers:
    """What the source says by method name: a value, an exception to raise, or a function of the arguments."""

    def __init__(self) -> None:
        self.by_method: dict[str, Any] = {}
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def give(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.calls.append((method, args))
        answer = self.by_method.get(method)
        if isinstance(answer, Exception):
            raise answer
        return answer(*args, **kwargs) if callable(answer) else answer


ANSWERS = Answers()


def _method(name: str) -> Callable[..., Any]:
    def ask(self: Connector, *args: Any, **kwargs: Any) -> Any:
        return ANSWERS.give(name, args, kwargs)

    return ask


class AskedSource(Connector):
    """Registered for the test run only."""

    slug = "asked-source"
    label = "Asked source"
    is_local: ClassVar[bool] = True


for _protocol in CAPABILITIES.values():
    for _name in _protocol.__protocol_attrs__:
        setattr(AskedSource, _name, _method(_name))
connectors.register(AskedSource)


@pytest.fixture
def source(db: None) -> Answers:
    """One integration of it, named Source; answers are None until the test sets them."""
    ANSWERS.by_method, ANSWERS.calls = {}, []
    Integration.objects.all().delete()
    integrations.add("asked-source", "Source", {})
    return ANSWERS
