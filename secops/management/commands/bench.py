"""`manage.py bench`: speed and size against a baseline of the same run, each in a database of its own."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from secops.bench import Result, machine, run
from secops.registry import benches
from secops.tryout.processes import manage

INSIDE = "NIGHTDESK_BENCH"  # set for the child that works in the database made for it


class Command(BaseCommand):
    help = "Measure what PERFORMANCE.md part 5 names; without NAME all that need neither a browser nor a million rows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME")
        parser.add_argument("--size", choices=["10k", "100k", "1M"], default="10k")
        parser.add_argument("--repeat", type=int, default=5)
        parser.add_argument("--check", action="store_true", help="exit 1 on a miss")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--markdown", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        known = [name for name, _ in benches.items()]
        if unknown := sorted(set(options["names"]) - set(known)):
            raise CommandError(f"There is no bench {', '.join(unknown)}; there are {', '.join(known)}", returncode=2)
        names = options["names"] or known
        if os.environ.get(INSIDE):
            self._measure(names, options)
        else:
            self._report([self._result(name, options) for name in names], options)

    def _measure(self, names: list[str], options: dict[str, Any]) -> None:
        """In the child: every result as a line of JSON."""
        call_command("setup", stdout=open(os.devnull, "w"))  # noqa: SIM115 - the process ends soon
        os.environ["NIGHTDESK_BENCH_SIZE"] = options["size"]
        for name in names:
            self.stdout.write(json.dumps(run(benches[name], options["repeat"]).plain()))

    def _result(self, name: str, options: dict[str, Any]) -> Result:
        """Measured in a process and a database of its own: no figure depends on what was measured before it."""
        asked = manage("bench", name, "--size", options["size"], "--repeat", str(options["repeat"]))
        with own_database() as env:
            ended = subprocess.run(asked, env=env, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603
        if ended.returncode:
            raise CommandError(f"The bench {name} ended with {ended.returncode}", returncode=ended.returncode)
        result = Result.of(benches[name], json.loads(ended.stdout.splitlines()[-1]))
        if not options["json"] and not options["markdown"]:
            self.stdout.write(result.line())
            self.stdout.flush()
        return result

    def _report(self, results: list[Result], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps({"results": [one.plain() for one in results], "machine": machine()}))
        if options["markdown"]:
            self._table(results)
        if options["check"] and any(one.ok is False for one in results):
            raise SystemExit(1)

    def _table(self, results: list[Result]) -> None:
        self.stdout.write("| name | value | baseline | ratio | target | |\n|---|---|---|---|---|---|")
        for one in results:
            sign = "<=" if one.is_ceiling else ">="
            ratio = f"{one.ratio:.2f} ({one.min:.2f}-{one.max:.2f})" if one.ratio is not None else ""
            base = f"{one.baseline:,.4g} ({one.baseline_name})" if one.baseline is not None else ""
            said = {True: "ok", False: "missed", None: "noisy"}[one.ok]
            self.stdout.write(
                f"| `{one.name}` | {one.value:,.4g} {one.unit} | {base} | {ratio} | {sign} {one.target:g} | {said} |"
            )
        self.stdout.write("\n" + ", ".join(f"{key} {value}" for key, value in machine().items()))


@contextmanager
def own_database() -> Iterator[dict[str, str]]:
    """The environment of a child with a fresh data folder and database; both are gone at the end."""
    folder = tempfile.mkdtemp(prefix="nightdesk-bench-")
    env = os.environ | {"NIGHTDESK_DATA": folder, INSIDE: "1", "DJANGO_SETTINGS_MODULE": "secops.settings"}
    name = f"nightdesk_bench_{os.getpid()}"
    is_postgres = connection.vendor == "postgresql"
    try:
        if is_postgres:
            _execute(f'CREATE DATABASE "{name}"')
            parts = urlsplit(os.environ["DATABASE_URL"])
            env["DATABASE_URL"] = urlunsplit(parts._replace(path=f"/{name}"))
        yield env
    finally:
        if is_postgres:
            _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        shutil.rmtree(folder, ignore_errors=True)


def _execute(sql: str) -> None:
    """On the server's own database: the one that is configured need not exist, and is never touched."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(sql)
