"""Who counts at the end of the storm: everything that is asked of the rows, as JSON for the test."""

import json
from collections import Counter
from statistics import median
from typing import Any

from cases.models import Person
from response.choices import Effect, Outcome, StepState
from response.models import Attempt, Run, StepChange, StepRun
from response.services import invariants, spread
from response.services.transitions import in_doubt


def tell() -> None:
    steps = list(StepRun.objects.select_related("run__version").order_by("pk"))
    people = dict(Person.objects.values_list("pk", "upn"))
    print(
        json.dumps(
            {
                "runs": Counter(Run.objects.values_list("state", flat=True)),
                "states": Counter(step.state for step in steps),
                "outcomes": Counter(Attempt.objects.values_list("outcome", flat=True)),
                "steps": [_step(step, people) for step in steps if step.effect != Effect.READ],
                "unknown": _through(StepState.UNKNOWN),
                "verifying": _through(StepState.VERIFYING),
                "recovered": _recovered(),
                "lost": _lost(),
                "stuck": [f"{run!r} {run.state} {run.state_reason}: {_left(run)}" for run in Run.objects.active()],
                "broken": invariants.broken(),
            }
        )
    )


def _step(step: StepRun, people: dict[int, str]) -> dict[str, Any]:
    """What the ledger is asked about it. `sent_at` is when the world may first have heard of it."""
    first = Attempt.objects.filter(step=step, sent_at__isnull=False).order_by("token").first()
    return {
        "id": step.pk,
        "key": step.key_text,
        "action": step.action,
        "effect": step.effect,
        "state": step.state,
        "reason": step.reason,
        "target": step.target,
        "account": people.get(step.params.get("person"), ""),
        "sent_at": first.sent_at.isoformat() if first and first.sent_at else "",
        "in_doubt": in_doubt(step),
        "was_begun": StepChange.objects.filter(step=step, new=StepState.POLLING).exists(),
    }


def _through(state: StepState) -> int:
    return StepChange.objects.filter(new=state).values("step").distinct().count()


def _left(run: Run) -> list[str]:
    return [f"{step.key} {step.state} {step.reason}" for step in StepRun.objects.filter(run=run) if not step.is_ended]


def _recovered() -> dict[str, float]:
    """How long it took until somebody noticed that a worker was gone: seconds from the claim to the end of its try."""
    lost = Attempt.objects.filter(outcome__in=(Outcome.LOST, Outcome.NOT_DONE), ended_at__isnull=False)
    gone = lost.filter(detail__startswith="The worker ended")
    seconds = sorted((one.ended_at - one.claimed_at).total_seconds() for one in gone if one.ended_at)
    if not seconds:
        return {"steps": 0}
    return {"steps": len(seconds), "seconds, median": round(median(seconds), 1), "worst": round(seconds[-1], 1)}


def _lost() -> list[str]:
    """A run has the steps of its version, and a list that was made has a step for each item: no more, no fewer."""
    found = []
    for run in Run.objects.select_related("version"):
        own = list(StepRun.objects.filter(run=run, undoes__isnull=True).exclude(data__has_key="tried_to_undo"))
        single = sorted(step.key for step in own if not step.item)
        if single != sorted(written["key"] for written in run.version.body["steps"]):
            found.append(f"{run!r}: {single}")
        for step in own:
            if spread.is_list(step) and not step.item and step.state == StepState.SUCCEEDED:
                items = sorted(one.item for one in own if one.item and one.key == step.key)
                if items != sorted(item["key"] for item in step.params["items"]):
                    found.append(f"{run!r}: {step.key} has {items}")
    return found
