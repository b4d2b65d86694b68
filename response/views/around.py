"""What other rows say of the steps of a panel: asked once for all of them, since it is loaded every 2 seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cases.choices import CONTAINED
from cases.models import CaseDevice
from response.choices import CaptureState, Effect, StepState
from response.models import Capture, Run, StepRun
from response.views.captured import captures_of, words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Of steps of one case. `holding`: what is under way, or in doubt, by lane and target."""

    children: dict[int, Run]
    contained: set[int | None]  # ids of devices
    holding: dict[tuple[str, str], list[StepRun]]
    captures: dict[int, Capture]  # by step

    def child(self, step: StepRun) -> Run | None:
        """The run that the step started, or found, for its device."""
        return self.children.get(step.data["run"]) if "run" in step.data else None

    def said(self, step: StepRun) -> str:
        """What came of a step; of a capture, how it stands now."""
        capture = self.captures.get(step.pk)
        return words_of(capture, step.result) if capture else step.result

    def is_over(self, step: StepRun) -> bool:
        """Did what the step began end by itself, so that nothing is left to undo?"""
        capture = self.captures.get(step.pk)
        return capture is not None and capture.state != CaptureState.RUNNING

    def hits(self, step: StepRun) -> list[dict[str, Any]]:
        """The devices that the step found, each with where its containment stands now."""
        found: list[dict[str, Any]] = step.data.get("hits", [])
        return [hit | {"is_contained": hit.get("device_id") in self.contained} for hit in found]

    def held_by(self, step: StepRun) -> str:
        """Which other step is under way, or in doubt, at the same target; a restricted case's step is not named."""
        if step.effect == Effect.READ:
            return ""
        other = next((one for one in self.holding.get((step.lane, step.target), []) if one.pk != step.pk), None)
        if other is None:
            return ""
        if other.run_id != step.run_id and other.run.case.is_restricted:
            return "Waits for another step at the same target"
        return f"Waits for run {other.run_id}: {other.title}, “{other.get_state_display().lower()}”"


def around(case_id: int, steps: Sequence[StepRun]) -> Around:
    """Four questions at most, however many steps there are."""
    return Around(
        children=_children(case_id, steps),
        contained=_contained(case_id, steps),
        holding=_holding(steps),
        captures=captures_of(case_id, steps),
    )


def _children(case_id: int, steps: Sequence[StepRun]) -> dict[int, Run]:
    named = [step.data["run"] for step in steps if "run" in step.data]
    if not named:
        return {}
    found = Run.objects.select_related("version__runbook", "device").filter(pk__in=named, case=case_id)
    return {run.pk: run for run in found}


def _contained(case_id: int, steps: Sequence[StepRun]) -> set[int | None]:
    if not any(step.data.get("hits") for step in steps):
        return set()
    return set(CaseDevice.objects.filter(case=case_id, state__in=CONTAINED).values_list("device_id", flat=True))


def _holding(steps: Sequence[StepRun]) -> dict[tuple[str, str], list[StepRun]]:
    due = [step for step in steps if step.state == StepState.READY and step.effect != Effect.READ]
    found: dict[tuple[str, str], list[StepRun]] = {}
    if not due:
        return found
    lanes, targets = {step.lane for step in due}, {step.target for step in due}
    under_way = StepRun.objects.under_way().filter(lane__in=lanes, target__in=targets)
    for one in under_way.select_related("run__case"):
        found.setdefault((one.lane, one.target), []).append(one)
    return found
