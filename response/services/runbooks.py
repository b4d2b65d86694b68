"""Check a draft so that a slip of the pen never reaches a run, and publish it as a frozen version."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import transaction

from cases.models import AlertKind, Case
from response.actions.base import Action, actions
from response.choices import Risk
from response.errors import RunbookError
from response.models import KindRunbook, Runbook, RunbookVersion, Step
from response.models.runbooks import body_hash
from response.services.scope import FIELDS
from secops import expressions
from secops.access import May, require
from secops.models import AuditEntry, User

PLACEHOLDER = re.compile(r"\$\{\{(.+?)\}\}", re.DOTALL)
FIELD = re.compile(r"\b(case|alert|device|person)\.(\w+)")
EARLIER = re.compile(r"\bsteps\.(\w+)")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
OWN_ITEM = re.compile(r"\(\s*item\s*,")
ITEM = re.compile(r"(?<![\w.])item\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, and where: `number` of the step from 1 (0: the runbook), `field` as the editor names it."""

    number: int
    step: str
    field: str
    text: str
    is_warning: bool = False

    def __str__(self) -> str:
        place = f"Step {self.number}, {self.field}" if self.number else self.field
        return f"{place}: {self.text}"


def check(runbook: Runbook) -> list[Problem]:
    """Everything that speaks against publishing, and warnings, in the order of the steps."""
    steps = list(runbook.steps.all())
    if not steps:
        return [Problem(number=0, step="", field="Steps", text="there are none.")]
    found: list[Problem] = []
    for number, step in enumerate(steps, start=1):
        earlier = {other.key for other in steps[: number - 1]}
        for field, text, is_warning in _problems_of(step, earlier):
            found.append(Problem(number=number, step=step.key, field=field, text=text, is_warning=is_warning))
    return found


def publish(runbook: Runbook, *, actor: User | None, note: str = "") -> RunbookVersion:
    """Freeze the draft as the next version; RunbookError names step and field of each problem."""
    if actor is not None:
        require(actor, May.ADMINISTER)
    if problems := [problem for problem in check(runbook) if not problem.is_warning]:
        raise RunbookError("Not published. " + " ".join(str(problem) for problem in problems))
    with transaction.atomic():
        Runbook.objects.select_for_update().get(pk=runbook.pk)
        live, body = runbook.live, frozen(runbook)
        if live is not None and live.sha256 == body_hash(body):
            raise RunbookError(f"Nothing changed since v{live.number}.")
        version = RunbookVersion(
            runbook=runbook,
            number=live.number + 1 if live else 1,
            body=body,
            author=runbook.edited_by or actor,
            published_by=actor,
            note=note[:300],
        )
        version.save()
        AuditEntry.append(f"Published {version}, sha256 {version.sha256[:12]}", actor=actor)
    return version


def frozen(runbook: Runbook) -> dict[str, Any]:
    """The draft as plain JSON; needs are written out."""
    steps: list[dict[str, Any]] = []
    for step in runbook.steps.all():
        before = [steps[-1]["key"]] if steps else []
        steps.append(
            {
                "key": step.key,
                "action": step.action,
                "title": step.title or actions[step.action].label,
                "help_text": step.help_text,
                "params": step.params,
                "when": step.when,
                "needs": step.needs or before,
                "approvals": step.approvals,
                "timeout_seconds": step.timeout_seconds,
                "on_failure": str(step.on_failure),
            }
            | ({"for_each": step.for_each, "cap": step.cap} if step.for_each else {})
            | ({"if_unanswered": str(step.if_unanswered)} if step.if_unanswered else {})
        )
    return {
        "slug": runbook.slug,
        "title": runbook.title,
        "description": runbook.description,
        "phase": str(runbook.phase),
        "steps": steps,
    }


def offered(case: Case) -> list[RunbookVersion]:
    """The live versions that the case's kind offers, in the order of the kind's page."""
    links = KindRunbook.objects.filter(kind=case.kind_id, runbook__is_enabled=True).select_related("runbook")
    return [live for link in links if (live := link.runbook.live) is not None]


def ensure(data: dict[str, Any], kinds: list[str]) -> str:
    """Install shipped content once; a runbook that is there already stays as people made it."""
    runbook = Runbook.objects.filter(slug=data["slug"]).first()
    if runbook is not None:
        return f"Runbook {runbook.title} is there"
    with transaction.atomic():
        runbook = Runbook.objects.create(**{name: data[name] for name in ("slug", "title", "description", "phase")})
        for order, step in enumerate(data["steps"], start=1):
            Step.objects.create(runbook=runbook, order=order, **step)
        publish(runbook, actor=None, note="Shipped")
        for kind in AlertKind.objects.filter(slug__in=kinds, is_covert=False):
            KindRunbook.objects.get_or_create(kind=kind, runbook=runbook)
    return f"Runbook {runbook.title} installed"


def _problems_of(step: Step, earlier: set[str]) -> Iterator[tuple[str, str, bool]]:
    action = actions.get(step.action)
    if action is None or not action.is_written:
        yield "Action", f"there is no action {step.action!r}.", False
        return
    for name, text in _parameter_problems(step, action, earlier):
        yield name, text, False
    for name, text in (*_condition_problems(step, earlier), *_item_problems(step)):
        yield name, text, False
    for key in step.needs:
        if key not in earlier:
            yield "Needs", f"no step before it is called {key!r}.", False
    if action.risk == Risk.DISRUPTIVE and step.approvals == 0:
        yield "Approvals", "it is disruptive and asks nobody.", True


def _condition_problems(step: Step, earlier: set[str]) -> Iterator[tuple[str, str]]:
    for name, source in (("When", step.when), ("For each", step.for_each)):
        if source and (text := _expression_problem(source, earlier)):
            yield name, text


def _item_problems(step: Step) -> Iterator[tuple[str, str]]:
    """Where `item` is read and there is none: in conditions, which are asked before the list is, and without a list."""
    sources = {"When": [step.when], "For each": [step.for_each]}
    if not step.for_each:
        sources |= {name: PLACEHOLDER.findall(str(value)) for name, value in step.params.items()}
    for name, found in sources.items():
        if any(map(_reads_item, found)):
            yield name, "it reads item, which only parameters of a step with a list can."


def _reads_item(source: str) -> bool:
    """Whether it reads `item`, other than in quotes or as the variable of its own comprehension."""
    bare = QUOTED.sub("", source)
    return bool(ITEM.search(bare)) and not OWN_ITEM.search(bare)


def _parameter_problems(step: Step, action: type[Action], earlier: set[str]) -> Iterator[tuple[str, str]]:
    fields = action.Params.base_fields
    for name in sorted(set(step.params) - set(fields)):
        yield name, f"{action.label} has no such parameter."
    for name, field in fields.items():
        label = str(field.label or name.replace("_", " ").capitalize())
        value = step.params.get(name, "")
        if getattr(field, "chooses_receiver", False) and "${{" in str(value) and not step.approvals:
            yield label, "an alert could choose who receives it: write addresses, or ask for an approval."
        if "${{" in str(value):
            for text in _template_problems(value, earlier):
                yield label, text
            continue
        try:
            field.clean(value)
        except forms.ValidationError as error:
            yield label, " ".join(error.messages)


def _template_problems(value: Any, earlier: set[str]) -> Iterator[str]:
    for text in value if isinstance(value, list) else [value]:
        found = PLACEHOLDER.findall(str(text))
        if "${{" in str(text) and not found:
            yield "${{ is not closed by }}."
        for source in found:
            if problem := _expression_problem(source.strip(), earlier):
                yield problem


def _expression_problem(source: str, earlier: set[str]) -> str:
    try:
        expressions.compiled(source)
    except expressions.ExpressionError as error:
        return str(error)
    for name, field in FIELD.findall(source):
        if field not in FIELDS[name]:
            return f"{name} has no field {field!r}; it has {', '.join(FIELDS[name])}."
    for key in EARLIER.findall(source):
        if key not in earlier:
            return f"no step before it is called {key!r}."
    return ""
