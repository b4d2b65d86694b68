"""The parameters of steps as people read them: a device, a person or an observable by its name, not by its number."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model

from cases.models import CaseDevice, CaseObservable, CasePerson
from response.models import StepRun

LINKS: dict[str, type[Model]] = {"device": CaseDevice, "person": CasePerson, "observable": CaseObservable}


def inputs_of(case_id: int, steps: Sequence[StepRun]) -> dict[int, list[tuple[str, Any]]]:
    """By step, as (name, value); one question for each kind of target. Who is not of the case stays a number."""
    names = {kind: _names(kind, case_id) for kind in LINKS if any(kind in step.params for step in steps)}
    return {step.pk: [_said(name, value, names) for name, value in _given(step)] for step in steps}


def _given(step: StepRun) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in step.params.items() if value not in ("", None, [])]


def _said(name: str, value: Any, names: dict[str, dict[int, str]]) -> tuple[str, Any]:
    """Of a list that somebody approves only how long it is: its names stand in the plan."""
    if name == "items":
        return name, f"{len(value)} items"
    return name, names[name].get(value, value) if name in names and isinstance(value, int) else value


def _names(kind: str, case_id: int) -> dict[int, str]:
    links = LINKS[kind]._default_manager.filter(case_id=case_id).select_related(kind)
    return {getattr(link, f"{kind}_id"): str(getattr(link, kind)) for link in links}
