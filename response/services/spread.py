"""`for_each`: a step becomes one step for each item of its list, in the transaction in which its list is decided.

The row of the step itself stands for the list: over the cap it waits for a person who sees all of it, and never does
silently the first few. Its items share its `seq` and key; who needs the key waits for all of them.
"""

from typing import Any

from response.actions.base import actions
from response.actions.each import Each
from response.models import Run, StepRun
from response.services import clock
from response.services.rows import step_row
from secops import expressions

MOST_ITEMS = 200
NAMES = ("device", "name", "value", "id")  # of an item, the first that it has is how people know it
KEYS = ("device_id", "id", *NAMES)  # and the first of these tells it from others


def is_list(step: StepRun) -> bool:
    """Does the row stand for a list?"""
    return step.action == Each.slug


def listed(written: dict[str, Any], data: expressions.Scope) -> dict[str, Any]:
    """The parameters of the row: every item once, in the order of the list. ExpressionError when it is no list."""
    values = expressions.evaluate(written["for_each"], data)
    if not isinstance(values, list):
        raise expressions.ExpressionError(f"for_each gives {type(values).__name__}, not a list")
    items: dict[str, dict[str, Any]] = {}
    for value in values:
        key = _first(value, KEYS)
        items.setdefault(key, {"key": key, "name": _first(value, NAMES), "value": value})
    if len(items) > MOST_ITEMS:
        raise expressions.ExpressionError(f"for_each gives {len(items)} items; at most {MOST_ITEMS} are done")
    return {"what": written["title"], "cap": written["cap"], "items": list(items.values())}


def approvals_of(params: dict[str, Any], declared: int | None) -> int:
    """A list over its cap waits for a person, whatever the step declares for each item."""
    return max(1, declared or 0) if len(params["items"]) > params["cap"] else 0


def insert(run: Run, row: StepRun, written: dict[str, Any]) -> None:
    """The steps of the list; UNIQUE (run, seq, item) makes a repeat add none. The run's row is locked."""
    at = clock.now()
    steps = []
    for item in row.params["items"]:
        step = step_row(run, row.seq, written, row.requested_by, at, action=actions[written["action"]])
        step.item, step.data = item["key"], {"item": item["value"]}
        step.title = f"{written['title']}: {item['name']}"[:160]
        steps.append(step)
    StepRun.objects.bulk_create(steps)


def _first(value: Any, names: tuple[str, ...]) -> str:
    if isinstance(value, dict):
        value = next((value[name] for name in names if value.get(name)), value)
    return str(value)[:120]
