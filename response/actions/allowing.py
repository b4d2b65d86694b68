"""What an approval of a step includes beside the step itself, as its parameters say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST = "contain_up_to"
GROUP = "contain_group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allows:
    """So many devices of a group may be cut off, if the step finds them."""

    group: str
    most: int

    @property
    def text(self) -> str:
        return f"up to {self.most} device{'' if self.most == 1 else 's'} of the group {self.group}"


def allows(params: Mapping[str, Any]) -> Allows | None:
    """None when the approval is of the step alone. Parameters of another action have none of these names."""
    most = params.get(MOST)
    return Allows(group=str(params[GROUP]), most=int(most)) if most else None
