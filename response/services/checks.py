"""What speaks against publishing a draft: each problem names step and field, and says what would mend it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from response.actions.base import Action, actions
from response.choices import Risk
from response.models import Runbook, Step
from response.services.scope import FIELDS
from secops import expressions
from secops.wording import did_you_mean

PLACEHOLDER = re.compile(r"\$\{\{(.+?)\}\}", re.DOTALL)
FIELD = re.compile(r"\b(case|alert|device|person)\.(\w+)")
EARLIER = re.compile(r"\bsteps\.(\w+)")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
OWN_ITEM = re.compile(r"\(\s*item\s*,")
ITEM = re.compile(r"(?<![\w.])item\b")
UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
LONE_EQUALS = re.compile(r"(?<![=!<>])=(?!=)")
WORD = re.compile(r"(?<![\w.])(and|or|not)\b")
SIGNS = {"and": "&&", "or": "||", "not": "!"}
FUNCTIONS = ("has", "size", "all", "exists", "filter", "map", "contains", "startsWith", "endsWith", "matches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, and where: `number` of the step from 1 (0: the runbook), `field` as the editor names it."""

    number: int
    step: str
    field: str
    text: str
    name: str = ""  # of the field, for machines: when, needs, params.device
    is_warning: bool = False

    def __str__(self) -> str:
        place = f"Step {self.number}, {self.field}" if self.number else self.field
        return f"{place}: {self.text}"

    @property
    def mark(self) -> str:
        """What a person ticks to publish in spite of a warning."""
        return f"{self.step}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a step may refer to: the keys before it, and those that come later."""

    earlier: tuple[str, ...]
    later: tuple[str, ...]

    def unknown(self, key: str) -> str:
        """Why the key cannot be referred to; empty when it can."""
        if key in self.earlier:
            return ""
        mend = " It comes later: move it up." if key in self.later else did_you_mean(key, self.earlier)
        return f"no step before it is called {key!r}.{mend}"


def problems_of(steps: list[Step], runbook: Runbook | None = None) -> list[Problem]:
    """Everything that speaks against publishing, and warnings, in the order of the steps; writes nothing."""
    found = [Problem(number=0, step="", field=label, name=name, text=text) for name, label, text in _head(runbook)]
    if not steps:
        return [*found, Problem(number=0, step="", field="Steps", name="steps", text="there are none.")]
    keys = tuple(step.key for step in steps)
    for number, step in enumerate(steps, start=1):
        around = Around(earlier=keys[: number - 1], later=keys[number:])
        for name, label, text in (*_own_fields(step, around), *_problems_of(step, around)):
            found.append(Problem(number=number, step=step.key, field=label, name=name, text=text))
        if (action := actions.get(step.action)) and action.risk == Risk.DISRUPTIVE and step.approvals == 0:
            text = "it is disruptive and asks nobody. Leave approvals empty: then its risk decides."
            found.append(
                Problem(number=number, step=step.key, field="Approvals", name="approvals", text=text, is_warning=True)
            )
    return found


def _head(runbook: Runbook | None) -> Iterator[tuple[str, str, str]]:
    if runbook is None:
        return
    try:
        runbook.clean_fields()
    except ValidationError as error:
        for name, texts in error.message_dict.items():
            yield name, name.capitalize(), " ".join(texts)


def _own_fields(step: Step, around: Around) -> Iterator[tuple[str, str, str]]:
    """What does not fit into its column; a file may hold anything."""
    try:
        step.clean_fields(exclude={"runbook", "order"})
    except ValidationError as error:
        for name, texts in error.message_dict.items():
            yield name, _label(name), " ".join(texts)
    if step.key in around.earlier:
        yield "key", "Key", f"a step before it is called {step.key!r} too."


def _problems_of(step: Step, around: Around) -> Iterator[tuple[str, str, str]]:
    action = actions.get(step.action)
    if action is None or not action.is_written:
        known = [one.slug for one in actions if one.is_written]
        yield "action", "Action", f"there is no action {step.action!r}.{did_you_mean(step.action, known)}"
        return
    yield from _parameter_problems(step, action, around)
    yield from _condition_problems(step, around)
    yield from _item_problems(step)
    if step.undo_after and not action.undone_by:
        yield "undo_after", "Undo after", f"{action.label} cannot be undone."
    for key in step.needs:
        if text := around.unknown(key):
            yield "needs", "Needs", text


def _condition_problems(step: Step, around: Around) -> Iterator[tuple[str, str, str]]:
    for name, source in (("when", step.when), ("for_each", step.for_each)):
        if source and (text := expression_problem(source, around)):
            yield name, _label(name), text


def _item_problems(step: Step) -> Iterator[tuple[str, str, str]]:
    """Where `item` is read and there is none: in conditions, which are asked before the list is, and without a list."""
    sources = {"when": [step.when], "for_each": [step.for_each]}
    if not step.for_each:
        sources |= {f"params.{name}": PLACEHOLDER.findall(str(value)) for name, value in step.params.items()}
    for name, found in sources.items():
        if any(map(_reads_item, found)):
            yield name, _label(name), "it reads item, which only parameters of a step with a list can."


def _reads_item(source: str) -> bool:
    """Whether it reads `item`, other than in quotes or as the variable of its own comprehension."""
    bare = QUOTED.sub("", source)
    return bool(ITEM.search(bare)) and not OWN_ITEM.search(bare)


def _parameter_problems(step: Step, action: type[Action], around: Around) -> Iterator[tuple[str, str, str]]:
    fields = action.Params.base_fields
    for name in sorted(set(step.params) - set(fields)):
        yield f"params.{name}", name, f"{action.label} has no such parameter.{did_you_mean(name, fields)}"
    if "${{" not in str(step.params) and not set(step.params) - set(fields):
        form = action.Params(step.params)
        for text in form.non_field_errors():
            yield "params", "Parameters", str(text)
    for name, field in fields.items():
        label = str(field.label or _label(name))
        for text in _value_problems(step, field, step.params.get(name, ""), around):
            yield f"params.{name}", label, text


def _value_problems(step: Step, field: forms.Field, value: Any, around: Around) -> Iterator[str]:
    if getattr(field, "chooses_receiver", False) and "${{" in str(value) and not step.approvals:
        yield "an alert could choose who receives it: write addresses, or ask for an approval."
    if "${{" in str(value):
        yield from _template_problems(value, around)
        return
    try:
        field.clean(value)
    except forms.ValidationError as error:
        yield " ".join(error.messages)


def _template_problems(value: Any, around: Around) -> Iterator[str]:
    for text in value if isinstance(value, list) else [value]:
        found = PLACEHOLDER.findall(str(text))
        if str(text).count("${{") > len(found):
            yield "${{ is not closed by }}."
        for source in found:
            if problem := expression_problem(source.strip(), around):
                yield problem


def expression_problem(source: str, around: Around) -> str:
    """What is wrong with an expression, and what would mend it; empty when nothing is."""
    try:
        expressions.compiled(source)
    except expressions.ExpressionError as error:
        return _mended(source, str(error))
    for name, field in FIELD.findall(QUOTED.sub("''", source)):
        if field not in FIELDS[name]:
            near = did_you_mean(field, FIELDS[name], most=0)
            return f"{name} has no field {field!r}; it has {', '.join(FIELDS[name])}.{near}"
    unknown = (around.unknown(key) for key in EARLIER.findall(QUOTED.sub("''", source)))
    return next((text for text in unknown if text), "")


def _mended(source: str, said: str) -> str:
    """The library's own words in one line, with what is usually meant."""
    if unknown := UNDECLARED.search(said):
        name = unknown[1].partition(".")[0]
        return (
            f"unknown word {name!r} at {source.find(name) + 1}.{did_you_mean(name, (*expressions.NAMES, *FUNCTIONS))}"
        )
    line = said.partition("\n")[0].partition(" expecting ")[0].replace("'<EOF>'", "the end").rstrip(".")
    bare = QUOTED.sub("''", source)
    if word := WORD.search(bare):
        return f"{line}. Write {SIGNS[word[1]]} for {word[1]}."
    return f"{line}. Two things are compared by ==." if LONE_EQUALS.search(bare) else f"{line}."


def _label(name: str) -> str:
    return name.removeprefix("params.").replace("_", " ").capitalize()
