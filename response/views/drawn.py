"""What the editor draws of a draft: its steps in one line each, and what stands between it and a version."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from cases.models import Case
from response.actions.base import actions
from response.actions.start_runbook import StartRunbook
from response.choices import Effect, OnFailure, Risk
from response.formats import yaml
from response.forms.steps import PARAM
from response.models import Run, Runbook, Step
from response.models.runbooks import body_hash
from response.services import rehearsal, runbooks
from response.services.checks import Problem
from response.services.trials import Trials
from response.views.comparison import lines_between
from secops.models import User

CASES = 30  # to choose from for a dry run
DIFF_LINES = 24  # beside the draft; all of them have a page of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """A step as one line: `needs` are the numbers of the steps that it waits for."""

    number: int
    title: str
    action: str
    needs: list[str]
    beside: list[str]  # the numbers of those that wait for the same, so run at the same time
    approval: str
    asks: bool
    on_failure: str
    undo: str
    errors: list[Problem]
    warnings: list[Problem]


def step_lines(steps: list[Step], problems: list[Problem]) -> dict[int, StepLine]:
    """By primary key."""
    numbers = {step.key: str(number) for number, step in enumerate(steps, start=1)}
    waits = [
        [numbers.get(key, "?") for key in step.needs] or ([str(number)] if number else [])
        for number, step in enumerate(steps)
    ]
    found = {}
    for number, step in enumerate(steps, start=1):
        action = actions.get(step.action)
        mine = [problem for problem in problems if problem.number == number]
        needs = waits[number - 1]
        asks, approval = _approval(step)
        found[step.pk] = StepLine(
            number=number,
            title=step.title or (action.label if action else step.key),
            action=step.action,
            needs=needs,
            beside=[str(other) for other, one in enumerate(waits, 1) if other != number and set(one) == set(needs)],
            approval=approval,
            asks=asks,
            on_failure=OnFailure(step.on_failure).label,
            undo=_undo(step),
            errors=[problem for problem in mine if not problem.is_warning],
            warnings=[problem for problem in mine if problem.is_warning],
        )
    return found


def state_of(runbook: Runbook, user: User) -> dict[str, Any]:
    """The state of the draft for its page: problems, who may do what next, changes since the live version."""
    problems, live, body = runbooks.check(runbook), runbook.live, runbooks.frozen(runbook)
    errors = [problem for problem in problems if not problem.is_warning]
    sha256, is_changed = body_hash(body), live is None or live.sha256 != body_hash(body)
    changes = lines_between(yaml.write(live.body), yaml.write(body), around=0) if live else []
    return {
        "problems": problems,
        "errors_left": errors,
        "warnings_left": [problem for problem in problems if problem.is_warning],
        "live": live,
        "live_runs": Run.objects.visible_to(user).filter(version=live).count() if live else 0,
        "kinds": list(runbook.kinds.values_list("kind__name", flat=True)),
        "next_number": live.number + 1 if live else 1,
        "is_changed": is_changed,
        "sha256": sha256,
        "why_not": "" if errors or not is_changed else runbooks.why_not_publish(runbook, user, sha256),
        "is_void": bool(runbook.proposed_sha256) and runbook.proposed_sha256 != sha256,
        "may_ask": not errors and is_changed and runbook.edited_by in {None, user},
        "changes": [line for line in changes if line.kind != "place"][:DIFF_LINES],
        "changes_left": max(0, sum(line.kind != "place" for line in changes) - DIFF_LINES),
    }


def cases_to_try(runbook: Runbook, user: User) -> list[Case]:
    """The newest cases that the user may see, those of kinds that offer the runbook before any other."""
    seen = Case.objects.visible_to(user).order_by("-pk")
    own = list(seen.filter(kind__runbooks__runbook=runbook)[:CASES])
    return own or list(seen[:CASES])


def rehearsal_of(runbook: Runbook, user: User, number: str) -> rehearsal.Rehearsal | None:
    """A dry run of the draft against a case that the user may see, or none."""
    digits = number.upper().removeprefix("CASE-")
    if not (digits.isascii() and digits.isdigit()):
        return None
    case = Case.objects.visible_to(user).select_related("kind").filter(pk=int(digits[:18])).first()
    return rehearsal.rehearse(runbook, runbooks.frozen(runbook), case) if case else None


def dress(formsets: Any, runbook: Runbook, user: User, problems: list[Problem], is_tried: bool) -> None:
    """Give the form of each step its line, and its conditions what they would have matched."""
    lines = step_lines(list(runbook.steps.all()), problems)
    trials = Trials(runbook, user) if is_tried else None
    for formset in formsets:
        for form in formset.formset.forms:
            step: Step = form.instance
            form.line = lines.get(step.pk)
            form.try_conditions_at(reverse("admin:response_runbook_trial", args=[runbook.pk]))
            if trials and step.pk:
                form.when_trial = trials.of(step.when) if step.when else None
                form.for_each_trial = trials.of(step.for_each, is_list=True) if step.for_each else None
            for problem in (*form.line.errors, *form.line.warnings) if form.line else ():
                name = problem.name.replace("params.", PARAM)
                if name in form.fields:  # the same bound field is drawn
                    form[name].problem = problem


def _approval(step: Step) -> tuple[bool, str]:
    action = actions.get(step.action)
    if action is not None and action.waits_for_person:
        return False, "An answer"
    count = step.approvals
    if count is None:
        count = 1 if action is None or action.risk == Risk.DISRUPTIVE else 0
    words = {0: "No approval", 1: "1 approval"}
    return count > 0, words.get(count, f"{count} approvals")


def _undo(step: Step) -> str:
    action = actions.get(step.action)
    if action is None:
        return ""
    if action is StartRunbook:
        return "undo in its own run"
    return "undo" if action.undone_by else "changes nothing" if action.effect == Effect.READ else "no undo"
