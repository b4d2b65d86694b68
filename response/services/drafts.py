"""Write a draft as a whole: from a text, from an earlier version, as a copy of another runbook, in another order."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from response.errors import RunbookError
from response.formats import yaml
from response.models import Runbook, RunbookVersion, Step
from response.services import checks
from response.services.checks import Problem
from response.services.runbooks import frozen, note_writer
from secops.access import May, require
from secops.models import AuditEntry, User

HEAD = ("title", "description", "phase")
WRITTEN = (
    *("action", "title", "help_text", "params", "when", "for_each", "cap"),
    *("needs", "approvals", "timeout_seconds", "on_failure", "if_unanswered"),
    *("max_attempts", "backoff_seconds", "undo_after"),
)


def text_of(runbook: Runbook) -> str:
    """The draft as canonical YAML."""
    return yaml.write(frozen(runbook))


def examined(text: str, name: str) -> tuple[yaml.Document, list[str], list[str]]:
    """The document, what forbids taking it and what only warns; each line names file, line, step and field."""
    document = yaml.read(text)
    if document.faults:
        return document, [f"{name}: {fault}" for fault in document.faults], []
    runbook = Runbook(slug=document.body["slug"], **_head(document.body))
    found = checks.problems_of(steps_of(document.body), runbook)
    errors = [_said(name, document, problem) for problem in found if not problem.is_warning]
    return document, errors, [_said(name, document, problem) for problem in found if problem.is_warning]


def take(text: str, name: str, *, actor: User | None, into: Runbook | None = None) -> Runbook:
    """A text becomes the draft of its runbook, all of it or nothing; RunbookError names each line that forbids it."""
    document, errors, _ = examined(text, name)
    if errors:
        raise RunbookError("Nothing was imported.\n" + "\n".join(errors))
    slug = document.body["slug"]
    if into is not None and into.slug != slug:
        raise RunbookError(f"Nothing was imported. The text is of {slug}, this is {into.slug}: change its slug line.")
    with transaction.atomic():
        runbook = into or Runbook.objects.filter(slug=slug).first() or Runbook(slug=slug)
        _replace(runbook, document.body, actor)
        AuditEntry.append(f"Imported the draft of {runbook} from {name}", actor=actor)
    return runbook


def restore(version: RunbookVersion, *, actor: User) -> Runbook:
    """The version becomes the draft; versions and runs stay as they are."""
    with transaction.atomic():
        runbook = version.runbook
        _replace(runbook, version.body, actor)
        AuditEntry.append(f"Restored {version} into the draft", actor=actor)
    return runbook


def discard(runbook: Runbook, *, actor: User) -> Runbook:
    """The draft becomes what is live again."""
    if (live := runbook.live) is None:
        raise RunbookError("There is no live version to go back to.")
    return restore(live, actor=actor)


def duplicate(runbook: Runbook, *, actor: User) -> Runbook:
    """A new runbook with the same draft, not published and offered to no kind."""
    require(actor, May.ADMINISTER)
    taken = set(Runbook.objects.values_list("slug", flat=True))
    names = (f"{runbook.slug[:50]}-copy{number if number > 1 else ''}" for number in range(1, len(taken) + 2))
    slug = next(name for name in names if name not in taken)
    copy = Runbook(slug=slug, is_enabled=runbook.is_enabled, draft_authors=runbook.draft_authors)
    body = frozen(runbook) | {"title": f"{runbook.title[:112]} (copy)"}
    try:
        with transaction.atomic():
            _replace(copy, body, actor)
            AuditEntry.append(f"Duplicated {runbook} as {slug}", actor=actor)
    except IntegrityError as error:
        raise RunbookError("Somebody made the same copy this moment. Try again.") from error
    return copy


def move(step: Step, places: int, *, actor: User) -> None:
    """A step goes so many places down, or up when negative; steps are numbered from 1 again."""
    require(actor, May.ADMINISTER)
    with transaction.atomic():
        Runbook.objects.select_for_update().get(pk=step.runbook_id)
        steps = list(Step.objects.filter(runbook=step.runbook_id))
        at = next(index for index, one in enumerate(steps) if one.pk == step.pk)
        steps.insert(max(0, at + places), steps.pop(at))
        if _numbered(steps):
            note_writer(step.runbook, actor)


def number(runbook: Runbook) -> None:
    """Steps are numbered from 1, in their order."""
    _numbered(list(runbook.steps.all()))


def steps_of(body: Mapping[str, Any]) -> list[Step]:
    """The steps of a body as rows that are not kept."""
    return [Step(order=order, key=step["key"], **_written(step)) for order, step in enumerate(body["steps"], start=1)]


def _numbered(steps: list[Step]) -> bool:
    moved = [step for order, step in enumerate(steps, start=1) if step.order != order]
    for order, step in enumerate(steps, start=1):
        step.order = order
    Step.objects.bulk_update(moved, ["order"])
    return bool(moved)


def _replace(runbook: Runbook, body: Mapping[str, Any], actor: User | None) -> None:
    """Head and steps as the body says; a step of the same key keeps its row."""
    if actor is not None:
        require(actor, May.ADMINISTER)
    head = _head(body)
    is_kept = runbook.pk is not None
    if is_kept:
        Runbook.objects.select_for_update().get(pk=runbook.pk)
    for name, value in head.items():
        setattr(runbook, name, value)
    runbook.save(update_fields=list(head) if is_kept else None)  # not what was asked for meanwhile, or published
    kept = {step.key: step.pk for step in Step.objects.select_for_update().filter(runbook=runbook)}
    steps = steps_of(body)
    Step.objects.filter(runbook=runbook).exclude(key__in=[step.key for step in steps]).delete()
    for step in steps:
        step.runbook, step.pk = runbook, kept.get(step.key)
        step.save()
    note_writer(runbook, actor)


def _head(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in HEAD if name in body}


def _written(step: Mapping[str, Any]) -> dict[str, Any]:
    return {name: step[name] for name in WRITTEN if name in step}


def _said(name: str, document: yaml.Document, problem: Problem) -> str:
    line = document.line(problem.number, problem.name)
    step = f", step {problem.number} ({problem.step})" if problem.number else ""
    return f"{name}: line {line}{step}, {problem.field}: {problem.text}"
