"""A dry run: what a body would do in a case of the past. Reads our own rows only; nothing is sent, nothing written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cases.models import Case
from response.actions.base import Action, Call, actions
from response.choices import OnFailure, StepState
from response.models import Run, Runbook, RunbookVersion, StepRun
from response.services import checks, drafts, drills, policy, protection, scope, spread
from response.services.checks import Problem
from response.services.progress import filled
from secops import expressions
from secops.errors import SecopsError
from secops.integrations import with_capability
from secops.models import User

RUN, ASK, SKIP, FAIL, LATER = "run", "ask", "skip", "fail", "later"
WORDS = {RUN: "would run", ASK: "would ask", SKIP: "would skip", FAIL: "would fail", LATER: "not known yet"}
READS = re.compile(r"\bsteps\.(\w+)\.(\w+)")
ALWAYS = {"state", "result", "target"}  # of a step that was not done, what can be assumed
SHOWN_ITEMS = 3  # of a list, with their parameters
SHOWN_PEOPLE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What would become of one step."""

    number: int
    key: str
    title: str
    verdict: str
    why: str = ""
    params: list[tuple[str, str]] = field(default_factory=list)  # evaluated, as people read them

    @property
    def word(self) -> str:
        return WORDS[self.verdict]

    def __str__(self) -> str:
        return f"{self.number}. {self.title}: {self.word}{f'. {self.why}' if self.why else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """`problem`: why it would not start at all. `run`: the run of the past whose findings were taken for true."""

    case: Case
    steps: list[Told]
    problem: str = ""
    run: Run | None = None

    @property
    def is_well(self) -> bool:
        return not self.problem and all(step.verdict != FAIL for step in self.steps)


def rehearse(runbook: Runbook, body: Mapping[str, Any], case: Case) -> Rehearsal:
    """Each step with what it would do and why; whoever calls has asked whether the case may be seen."""
    run = Run.objects.filter(version__runbook=runbook, case=case).order_by("-pk").first() if runbook.pk else None
    stage = _Stage(runbook, case, scope.steps_of(run) if run else {}, checks.problems_of(drafts.steps_of(body)))
    problem = ""
    if scope.needs_device(body["steps"]) and not scope.has_device(case):
        problem = f"{case.number} names no device, and {runbook.title} acts on one."
    return Rehearsal(
        case=case, steps=[stage.play(*one) for one in enumerate(body["steps"], 1)], problem=problem, run=run
    )


class _Stage:
    """What is known so far: the outcomes of the steps before, real ones where a run of the past has them."""

    def __init__(self, runbook: Runbook, case: Case, past: dict[str, Any], problems: list[Problem]) -> None:
        self.case, self.past, self.stopped_by = case, past, ""
        self.problems = {problem.number: problem for problem in reversed(problems) if not problem.is_warning}
        self.steps: dict[str, Any] = {}
        version = RunbookVersion(runbook=runbook, author=runbook.edited_by)
        self.run = Run(case=case, version=version)  # never saved: what the engine's own questions are asked with

    def play(self, number: int, written: dict[str, Any]) -> Told:
        try:
            told = self._told(number, written)
        except (SecopsError, ValueError) as error:
            told = self._say(number, written, FAIL, str(error).partition("\n")[0])
        state = {SKIP: StepState.SKIPPED, FAIL: StepState.FAILED}.get(told.verdict, StepState.SUCCEEDED)
        assumed = {"state": str(state), "result": "", "target": ""}
        self.steps[written["key"]] = self.past.get(written["key"], assumed)
        if told.verdict == FAIL and written["on_failure"] == OnFailure.STOP and not self.stopped_by:
            self.stopped_by = f"step {number}, {written['title']}, would fail, and the run stops there"
        return told

    def _told(self, number: int, written: dict[str, Any]) -> Told:
        if self.stopped_by:
            return self._say(number, written, SKIP, f"Not reached: {self.stopped_by}.")
        if problem := self.problems.get(number):
            return self._say(number, written, FAIL, f"{problem.field}: {problem.text}")
        kind = actions[written["action"]]
        if when := written.get("when"):
            if open_end := self._open_end(when):
                return self._say(number, written, LATER, open_end)
            if not expressions.holds(when, self._scope()):
                return self._say(number, written, SKIP, f"Its condition does not hold: {when}")
        play = self._list if written.get("for_each") else self._single
        return play(number, written, kind())

    def _single(self, number: int, written: dict[str, Any], action: Action) -> Told:
        if open_end := self._open_end(str(written["params"])):
            return self._say(number, written, LATER, open_end)
        params = action.clean(filled(written["params"], self._scope()), self.case)
        shown = [(name, _shown(value)) for name, value in params.items() if value not in ("", None)]
        verdict, why = self._fate(action, params, written)
        return self._say(number, written, verdict, why, shown)

    def _list(self, number: int, written: dict[str, Any], action: Action) -> Told:
        if open_end := self._open_end(written["for_each"]):
            return self._say(number, written, LATER, open_end)
        listed = spread.listed(self.run, written, self._scope())
        items = listed["items"]
        if not items:
            return self._say(number, written, SKIP, "There is nothing to do it for.")
        shown = [("items", ", ".join(item["name"] for item in items))]
        verdict, why = ASK if listed["asks"] else RUN, ""
        for item in items[:SHOWN_ITEMS]:
            params = action.clean(filled(written["params"], self._scope(item["value"])), self.case)
            shown += [(f"{item['name']}, {name}", _shown(value)) for name, value in params.items() if value]
            verdict, why = self._fate(action, params, written)
            if verdict == FAIL:
                return self._say(number, written, FAIL, f"{item['name']}: {why}", shown)
        if spread.approvals_of(listed, written.get("approvals")):
            verdict, why = ASK, f"More than the {listed['cap']} that need no person who reads the list first. {why}"
        return self._say(number, written, verdict, f"{len(items)} times. {why}".strip(), shown)

    def _fate(self, action: Action, params: dict[str, Any], written: dict[str, Any]) -> tuple[str, str]:
        """run, ask or fail, and why, of a step whose parameters hold."""
        if problem := policy.refusal(action, self.case, params) or drills.problem(action, self.case, params):
            return FAIL, problem
        if action.capability and not with_capability(action.capability):
            return FAIL, f"No integration is set up that can do this ({action.capability})."
        call = Call(case=self.case, step_id=0, params=params, key="")
        plan = action.plan(call)
        if action.waits_for_person:
            return ASK, f"The responder answers: {plan.what}"
        window = protection.maintained(action, self.case, params)
        held = "".join(f" {text}." for text in (policy.hold(action), window.text if window else "") if text)
        needed = policy.approvals_needed(action, params, self.case, written.get("approvals"), is_undo=False)
        return (ASK, f"{plan.what}: {self._askers(needed)}{held}") if needed else (RUN, f"{plan.what}.{held}")

    def _askers(self, needed: int) -> str:
        count = "1 approval" if needed == 1 else f"{needed} approvals"
        names = [person.display_name for person in self._deciders]
        if len(names) < needed:
            return f"{count}, but only {len(names)} could decide."
        more = f" and {len(names) - SHOWN_PEOPLE} more" if len(names) > SHOWN_PEOPLE else ""
        return f"{count}, of {', '.join(names[:SHOWN_PEOPLE])}{more}, not of who asks."

    @cached_property
    def _deciders(self) -> list[User]:
        return policy.deciders(StepRun(run=self.run))

    def _open_end(self, source: str) -> str:
        """Why it cannot be known before the run: it reads what a step finds that was never carried out here."""
        for key, name in READS.findall(source):
            if key not in self.past and name not in ALWAYS:
                return f"Known only once step {key} has run: it reads {name}."
        return ""

    def _scope(self, item: Any = None) -> expressions.Scope:
        return scope.of_case(self.case, self.steps, item)

    def _say(self, number: int, written: dict[str, Any], verdict: str, why: str, params: Any = ()) -> Told:
        title = written["title"] or written["key"]
        return Told(number=number, key=written["key"], title=title, verdict=verdict, why=why, params=list(params))


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
