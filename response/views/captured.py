"""Packet captures at the steps that started them: a capture ends by itself, long after its step did."""

from collections.abc import Sequence

from response.actions.capture_packets import CapturePackets
from response.choices import CaptureState, StepState
from response.models import Capture, StepRun
from secops.wording import clock


def captures_of(case_id: int, steps: Sequence[StepRun]) -> dict[int, Capture]:
    """By step: its own capture, or the one that ran already on its device. One question, and none without a capture."""
    started = [one for one in steps if one.action == CapturePackets.slug and one.state == StepState.SUCCEEDED]
    if not started:
        return {}
    every = list(Capture.objects.filter(case=case_id).order_by("pk"))
    own, on_device = {one.step_id: one for one in every}, {one.device_id: one for one in every}
    found = ((step.pk, own.get(step.pk) or on_device.get(step.params.get("device", 0))) for step in started)
    return {pk: capture for pk, capture in found if capture is not None}


def words_of(capture: Capture, result: str) -> str:
    """What the step made of it while it runs; then that it ended, when and why."""
    if capture.state == CaptureState.RUNNING:
        return result
    if capture.stopped_at is None:
        return f"The capture ends with a last file. {capture.reason}".strip()
    ended = "failed" if capture.state == CaptureState.FAILED else "ended"
    return f"The capture {ended} {clock(capture.stopped_at)}. {capture.reason}".strip()
