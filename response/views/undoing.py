"""The undo of a run as a whole, as its card offers it."""

from dataclasses import dataclass

from response.actions.base import actions
from response.models import Run
from response.services import undoing
from secops.access import May
from secops.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAll:
    """What the undo of the whole run would ask for, in its order, and what stays as it is."""

    can: list[tuple[str, str]]  # title, what undoes it
    cannot: list[str]


def undo_all(run: Run, user: User) -> UndoAll | None:
    """None when there is nothing to offer to this reader."""
    if not user.may(May.WORK) or undoing.why_not(run):
        return None
    can, cannot = undoing.of_run(run)
    labels = [(step.title, actions[step.action].undo_label) for step in can]
    return UndoAll(can=labels, cannot=[step.title for step in cannot])
