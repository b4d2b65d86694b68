"""Would a condition have matched? Over the last cases of the kinds that offer the runbook, within a short time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

from cases.models import Case
from response.models import Run, Runbook
from response.services import checks, scope
from secops import expressions
from secops.models import User

CASES = 50
SECONDS = 1.5  # for all conditions of a page together
READS = re.compile(r"\bsteps\.(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of one condition, in words that name what was not counted."""

    text: str
    is_error: bool = False


class Trials:
    """The cases that one person may see, read once for many conditions."""

    def __init__(self, runbook: Runbook, user: User, *, seconds: float = SECONDS) -> None:
        self.runbook, self.ends = runbook, monotonic() + seconds
        seen = Case.objects.visible_to(user).filter(kind__runbooks__runbook=runbook)
        self.cases = list(seen.select_related("kind").order_by("-pk")[:CASES])
        runs = Run.objects.filter(version__runbook=runbook, case__in=self.cases).order_by("pk")
        self.runs = {run.case_id: run for run in runs}  # the last one of each case
        self.keys = tuple(runbook.steps.values_list("key", flat=True))
        self.scopes: dict[int, tuple[expressions.Scope, set[str]]] = {}

    def of(self, source: str, *, is_list: bool = False) -> Trial:
        """Try it; an expression that does not hold together is named instead."""
        if problem := checks.expression_problem(source, checks.Around(earlier=self.keys, later=())):
            return Trial(text=problem, is_error=True)
        if not self.cases:
            return Trial(text="No case yet of a kind that offers this runbook: nothing to try it on.")
        answers, unknown, failed = [], 0, []
        for steps, data in self._scopes():
            if set(READS.findall(source)) - steps:
                unknown += 1
                continue
            try:
                answers.append(_answer(source, data, is_list=is_list))
            except expressions.ExpressionError as error:
                failed.append(str(error))
        return Trial(text=self._said(answers, unknown, failed, is_list=is_list), is_error=bool(failed) and not answers)

    def _scopes(self) -> Iterator[tuple[set[str], expressions.Scope]]:
        """Case by case until the time is over, kept for the next condition."""
        for case in self.cases:
            if monotonic() > self.ends:
                return
            if case.pk not in self.scopes:
                said = scope.steps_of(self.runs[case.pk]) if case.pk in self.runs else {}
                self.scopes[case.pk] = scope.of_case(case, said), set(said)
            data, steps = self.scopes[case.pk]
            yield steps, data

    def _said(self, answers: list[int], unknown: int, failed: list[str], *, is_list: bool) -> str:
        matched, tried = sum(1 for answer in answers if answer), len(answers) + unknown + len(failed)
        if unknown and not answers and not failed:
            return f"Not known: none of {unknown} cases has a run that says what its steps found."
        text = f"Would have matched {matched} of {len(answers)} cases"
        if is_list:
            text = f"Would have found {sum(answers)} items in {matched} of {len(answers)} cases"
        left = [f"{unknown} not counted, without a run that says what its steps found"] if unknown else []
        left += [f"{len(failed)} could not be evaluated: {failed[0]}"] if failed else []
        left += [f"{len(self.cases) - tried} not tried, the time was over"] if tried < len(self.cases) else []
        return f"{text}. {'; '.join(left)}".strip().rstrip(".") + "."


def _answer(source: str, data: expressions.Scope, *, is_list: bool) -> int:
    """The number of items, or 1 when it holds."""
    if not is_list:
        return int(expressions.holds(source, data))
    found: Any = expressions.evaluate(source, data)
    if not isinstance(found, list):
        raise expressions.ExpressionError(f"it gives {type(found).__name__}, not a list")
    return len(found)
