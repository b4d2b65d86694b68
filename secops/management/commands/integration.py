"""`manage.py integration add|list|test|remove`: the admin page of integrations, for scripts."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from secops import integrations
from secops.connectors.base import Connector, connectors
from secops.errors import SecopsError
from secops.models import Integration


class Command(BaseCommand):
    help = "Add, list, test or remove integrations. Secrets are read from standard input, one line each."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add")
        add.add_argument("connector")
        add.add_argument("name")
        add.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="values")
        add.add_argument("--secret", action="append", default=[], metavar="KEY", dest="secrets")
        listing = verbs.add_parser("list")
        listing.add_argument("--json", action="store_true", dest="as_json")
        for verb in ("test", "remove"):
            verbs.add_parser(verb).add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {"add": self._add, "list": self._list, "test": self._test, "remove": self._remove}
        try:
            verbs[options["verb"]](options)
        except SecopsError as error:
            raise CommandError(str(error), returncode=1) from error

    def _add(self, options: dict[str, Any]) -> None:
        kind = connectors.get(options["connector"])
        if kind is None:
            known = ", ".join(sorted(one.slug for one in connectors))
            raise CommandError(f"There is no connector {options['connector']}. There are: {known}", returncode=2)
        values = _pairs(options["values"], kind)
        integration = integrations.add(kind.slug, options["name"], values, _secrets(options["secrets"], kind))
        self.stdout.write(f"Added {integration.name}: {', '.join(integrations.capabilities(integration))}")

    def _list(self, options: dict[str, Any]) -> None:
        rows: list[dict[str, Any]] = [
            {
                "name": one.name,
                "connector": one.connector,
                "capabilities": integrations.capabilities(one),
                "health": one.health_state,
                "enabled": one.is_enabled,
                "simulated": one.is_simulated,
            }
            for one in Integration.objects.all()
        ]
        if options["as_json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            state = row["health"] if row["enabled"] else "switched off"
            self.stdout.write(f"{row['name']}  {row['connector']}  {state}  {', '.join(row['capabilities'])}")

    def _test(self, options: dict[str, Any]) -> None:
        integration = _named(options["name"])
        is_well = integrations.test(integration)
        if not is_well:
            raise CommandError(f"{integration.name}: {integration.health_text}", returncode=1)
        self.stdout.write(f"{integration.name}: {integration.health_text}")

    def _remove(self, options: dict[str, Any]) -> None:
        integration = _named(options["name"])
        integrations.remove(integration)
        self.stdout.write(f"Removed {options['name']}. Findings that it gave stay.")


def _named(name: str) -> Integration:
    integration = Integration.objects.filter(name=name).first()
    if integration is None:
        raise CommandError(f"There is no integration named {name}.", returncode=1)
    return integration


def _pairs(texts: list[str], kind: type[Connector]) -> dict[str, str]:
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"--set wants KEY=VALUE, not {text}", returncode=2)
        if name in kind.secret_fields:
            raise CommandError(f"{name} is a secret: use --secret {name} and standard input", returncode=2)
        values[name] = value
    return values


def _secrets(names: list[str], kind: type[Connector]) -> dict[str, str]:
    """One line of standard input for each, in the order of the options."""
    secrets = {}
    for name in names:
        if name not in kind.secret_fields:
            raise CommandError(f"{kind.label} has no secret {name}", returncode=2)
        text = sys.stdin.readline().rstrip("\r\n")
        if not text:
            raise CommandError(f"Standard input holds no line for {name}", returncode=2)
        secrets[name] = text
    return secrets
