"""`manage.py runbook check|import|export|test`: runbooks as files, and a dry run."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from cases.management.commands.case import case_of
from response.errors import RunbookError
from response.formats import yaml
from response.models import Runbook
from response.models.runbooks import body_hash
from response.services import drafts, rehearsal, runbooks
from secops.errors import SecopsError
from secops.models import User


class Command(BaseCommand):
    help = "Runbooks as files: check one, import one into its draft, print one, or try one on a case."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="exit 1 names each line that forbids publishing")
        check.add_argument("what", metavar="FILE|SLUG")
        taking = verbs.add_parser("import", help="a file becomes the draft of its runbook, all of it or nothing")
        taking.add_argument("file")
        taking.add_argument("--publish", action="store_true", help="and the draft its next version")
        taking.add_argument("--accept-warnings", action="store_true", help="publish in spite of them")
        taking.add_argument("--user", help="who wrote it: does not approve its steps")
        taking.add_argument("--json", action="store_true", dest="as_json")
        giving = verbs.add_parser("export", help="the draft as YAML; a published one with --version")
        giving.add_argument("slug")
        giving.add_argument("--version", type=int, dest="number")
        giving.add_argument("--format", choices=["yaml"], default="yaml")
        trying = verbs.add_parser("test", help="what each step of the draft would do; nothing is sent or written")
        trying.add_argument("slug")
        trying.add_argument("--case", required=True, metavar="CASE-n")
        trying.add_argument("--version", type=int, dest="number")
        trying.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {"check": self._check, "import": self._import, "export": self._export, "test": self._test}
        try:
            verbs[options["verb"]](options)
        except SecopsError as error:
            raise CommandError(str(error), returncode=1) from error

    def _check(self, options: dict[str, Any]) -> None:
        what = options["what"]
        if Path(what).is_file():
            _, errors, warnings = drafts.examined(_read(what), what)
        else:
            found = runbooks.check(_runbook(what, "no file and no runbook"))
            errors = [f"{what}: {problem}" for problem in found if not problem.is_warning]
            warnings = [f"{what}: {problem}" for problem in found if problem.is_warning]
        for line in warnings:
            self.stdout.write(f"Warning. {line}")
        if errors:
            raise CommandError("\n".join(errors), returncode=1)
        self.stdout.write(f"{what}: nothing forbids publishing")

    def _import(self, options: dict[str, Any]) -> None:
        name, author = options["file"], _user(options["user"])
        text = _read(name)
        with transaction.atomic():  # not imported when it cannot be published
            runbook = drafts.take(text, name, actor=author)
            said = f"Imported {runbook.slug} into its draft"
            live = runbook.live
            if options["publish"] and live is not None and live.sha256 == body_hash(runbooks.frozen(runbook)):
                said = f"{live} is the same already"
            elif options["publish"]:
                accepts = runbooks.warnings_of(runbook) if options["accept_warnings"] else []
                live = runbooks.publish(runbook, actor=None, note=f"From {Path(name).name}", accepts=accepts)
                said = f"Published {live}"
        as_json: dict[str, Any] = {"runbook": runbook.slug, "version": live.number if live else None, "unmapped": []}
        self.stdout.write(json.dumps(as_json) if options["as_json"] else said)

    def _export(self, options: dict[str, Any]) -> None:
        runbook = _runbook(options["slug"])
        self.stdout.write(yaml.write(_body(runbook, options["number"])), ending="")

    def _test(self, options: dict[str, Any]) -> None:
        runbook, case = _runbook(options["slug"]), case_of(options["case"])
        found = rehearsal.rehearse(runbook, _body(runbook, options["number"]), case)
        if options["as_json"]:
            self.stdout.write(json.dumps(_as_json(found), ensure_ascii=False))
        else:
            self.stdout.write("\n".join([*([found.problem] if found.problem else []), *_lines(found)]))
        if not found.is_well:
            raise CommandError(f"{runbook.title} would fail in {case.number}", returncode=1)


def _lines(found: rehearsal.Rehearsal) -> list[str]:
    lines = []
    for step in found.steps:
        lines.append(str(step))
        lines += [f"     {name}: {value}" for name, value in step.params]
    return lines


def _as_json(found: rehearsal.Rehearsal) -> dict[str, Any]:
    steps = [
        {"key": one.key, "title": one.title, "would": one.verdict, "why": one.why, "params": dict(one.params)}
        for one in found.steps
    ]
    return {"case": found.case.number, "problem": found.problem, "steps": steps}


def _body(runbook: Runbook, number: int | None) -> dict[str, Any]:
    if number is None:
        return runbooks.frozen(runbook)
    version = runbook.versions.filter(number=number).first()
    if version is None:
        raise RunbookError(f"{runbook.slug} has no version {number}.")
    return dict(version.body)


def _runbook(slug: str, what: str = "no runbook") -> Runbook:
    runbook = Runbook.objects.filter(slug=slug).first()
    if runbook is None:
        known = ", ".join(Runbook.objects.order_by("slug").values_list("slug", flat=True)) or "none"
        raise CommandError(f"There is {what} {slug}. There are: {known}", returncode=2)
    return runbook


def _user(name: str | None) -> User | None:
    if not name:
        return None
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name}.", returncode=2)
    return user


def _read(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read: {error}", returncode=2) from error
