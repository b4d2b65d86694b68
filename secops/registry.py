"""Plugins by slug: a class joins by decorator, its module by its place. Also what apps lend to the ground."""

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any, ClassVar, Protocol

from django.core.exceptions import ImproperlyConfigured


class Plugin(Protocol):
    """What a class needs to be found: a slug for machines, a label for people."""

    slug: ClassVar[str]
    label: ClassVar[str]


class Registry[P: Plugin]:
    """Classes of one group; built-ins and third-party packages come through the same door."""

    def __init__(self, group: str) -> None:
        self.group = group
        self._plugins: dict[str, type[P]] = {}

    def register[T](self, plugin: type[T]) -> type[T]:
        """Add a class; a second class with the same slug is a mistake, never a replacement."""
        slug = plugin.slug  # type: ignore[attr-defined]
        if self._plugins.setdefault(slug, plugin) is not plugin:  # type: ignore[arg-type]
            raise ImproperlyConfigured(f"Two {self.group} named {slug!r}")
        return plugin

    def discover(self, package: str) -> None:
        """Import every module of the package, then the entry points of `secops.<group>`."""
        for module in iter_modules(import_module(package).__path__):
            import_module(f"{package}.{module.name}")
        for entry_point in entry_points(group=f"secops.{self.group}"):
            entry_point.load()

    def __getitem__(self, slug: str) -> type[P]:
        return self._plugins[slug]

    def __contains__(self, slug: str) -> bool:
        return slug in self._plugins

    def get(self, slug: str) -> type[P] | None:
        return self._plugins.get(slug)

    def __iter__(self) -> Iterator[type[P]]:
        return iter(sorted(self._plugins.values(), key=lambda plugin: plugin.label))

    def choices(self) -> list[tuple[str, str]]:
        """Slug and label of each, for a form field."""
        return [(plugin.slug, plugin.label) for plugin in self]


class Shelf[T]:
    """Named things that each app puts on a shelf of the ground from its AppConfig, in the order they came."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._things: dict[str, T] = {}

    def put(self, key: str, thing: T) -> None:
        """Add a thing; the same key twice is a mistake unless it is the same thing."""
        if self._things.setdefault(key, thing) is not thing:
            raise ImproperlyConfigured(f"Two {self.name} named {key!r}")

    def items(self) -> list[tuple[str, T]]:
        return list(self._things.items())

    def __getitem__(self, key: str) -> T:
        return self._things[key]

    def __contains__(self, key: str) -> bool:
        return key in self._things


class Duty(Protocol):
    """Work of the clock: do what is due now and say how much was done."""

    def __call__(self) -> int: ...


duties: Shelf[Duty] = Shelf("duties")
"""What `tick` and `drain` carry on. Each returns the number of things that it moved; 0 means nothing was due."""

overdue: Shelf[Callable[[float], bool]] = Shelf("overdue checks")
"""By queue: has work been due for longer than so many seconds, so that its cluster must be frozen or dead?"""

due_counts: Shelf[Callable[[], dict[str, Any]]] = Shelf("due counts")
"""What is left and when: each returns {"<what>": n, "next_at": datetime | None} for `drain` to print."""

shipped: Shelf[Callable[[], str]] = Shelf("shipped content")
"""What `setup` installs; each is safe to repeat and returns one line that says what it did."""

banners: Shelf[Callable[[], list[str]]] = Shelf("banners")
"""Lines that stand on every page of whoever may see cases; asked once for each whole page."""

attached: Shelf[Callable[[], None]] = Shelf("things of the practice range")
"""What `practice_attach` makes of the range once its integrations stand; each is safe to repeat."""

benches: Shelf[type] = Shelf("benches")
"""Classes of `manage.py bench`, see secops/bench.py."""

case_sections: Shelf[Callable[[Any], dict[str, Any]]] = Shelf("case sections")
"""Parts of the whole-case JSON: each takes a Case and returns keys to merge (CONTRACTS part 2)."""

kind_inlines: Shelf[type] = Shelf("kind inlines")
"""Inline classes that the floors above hang on the admin page of an alert kind."""
