"""The services of a try-out: which of them are watched, and by what sign."""

from pathlib import Path

from secops.tryout.processes import Child, Household
from secops.tryout.start import Tryout
from secops.tryout.visitor import Visitor


class Listed(Household):
    """Starts nothing."""

    def start(self, child: Child) -> Child:
        self.children.append(child)
        return child


class Answered(Visitor):
    def is_up(self) -> bool:
        return True


def test_the_clock_and_both_clusters_must_give_a_sign_of_life(tmp_path: Path) -> None:
    tryout = Tryout(tmp_path, 8123, lambda text: None)
    tryout.household, tryout.visitor = Listed(), Answered(tryout.base)

    tryout._services()

    signs = {child.name: child.sign.name for child in tryout.household.children if child.sign}
    assert signs == {"tick": "tick", "response": "queue-response", "enrichment": "queue-enrichment"}
