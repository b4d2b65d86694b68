"""`for_each`: a step becomes one step for each item of its list, in the transaction in which its list is decided.

The row of the step itself stands for the list: over the cap it waits for a person who sees all of it, and never does
silently the first few. Its items share its `seq` and key; who needs the key waits for all of them.
"""

from typing import Any

from response.actions.base import actions
from response.actions.each import Each
from response.errors import ActionError
from response.models import Run, StepRun
from response.models.runbooks import body_hash
from response.services import clock, incidents, policy
from response.services.rows import step_row
from secops import expressions

MOST_ITEMS = 50  # of one list: a person must be able to read it, and it becomes steps in one transaction
NAMES = ("device", "name", "value", "id")  # of an item, the first that it has is how people know it
KEYS = ("device_id", "id", *NAMES)  # and the first of these is what it is called in the run
MOST_KEY = 100  # characters


class TooLongError(expressions.ExpressionError):
    """More items than one list may hold: nothing is done for the first few in silence."""


def is_list(step: StepRun) -> bool:
    """Does the row stand for a list?"""
    return step.action == Each.slug


def listed(run: Run, written: dict[str, Any], data: expressions.Scope) -> dict[str, Any]:
    """The parameters of the row: every item, equal ones once, in the order of the list.

    ExpressionError when it is no list or holds something without a name, TooLongError when it is too long; ActionError
    when the case refuses what each item would do.
    """
    action = actions[written["action"]]()
    if problem := policy.refusal(action, run.case, {}):
        raise ActionError(problem)
    values = written["for_each"]  # a list as it is in a version of the product's own, else what gives one
    if isinstance(values, str):
        values = expressions.evaluate(values, data)
    if not isinstance(values, list):
        raise expressions.ExpressionError(f"for_each gives {type(values).__name__}, not a list")
    found = list({body_hash(value): value for value in values}.values())
    if len(found) > MOST_ITEMS:
        raise TooLongError(f"for_each gives {len(found)} items; at most {MOST_ITEMS} are done")
    asks = policy.approvals_needed(action, {}, run.case, written.get("approvals"), is_undo=False) > 0
    return {"what": written["title"], "cap": incidents.list_cap(written["cap"]), "asks": asks, "items": _items(found)}


def _items(values: list[Any]) -> list[dict[str, Any]]:
    items: dict[str, dict[str, Any]] = {}
    for value in values:
        name, key = _first(value, NAMES), _first(value, KEYS)[:MOST_KEY]
        if not key.strip():
            raise expressions.ExpressionError("for_each gives an item without a value")
        number = sum(other == key or other.startswith(f"{key} #") for other in items)
        key = f"{key} #{number + 1}" if number else key  # another item of the same name is another item
        items[key] = {"key": key, "name": name, "value": value}
    return list(items.values())


def approvals_of(params: dict[str, Any], declared: int | None) -> int:
    """A list over its cap waits for a person, whatever the step declares for each item."""
    return max(1, declared or 0) if len(params["items"]) > params["cap"] else 0


def insert(run: Run, row: StepRun, written: dict[str, Any]) -> None:
    """The steps of the list. The row has just succeeded, under the run's lock, and no row succeeds twice."""
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
    return str(value)
