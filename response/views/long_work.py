"""How far long work is, as the panel shows it: bytes, speed and time left, or only for how long."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from response.choices import StepState
from response.models import StepRun
from secops.wording import amount, duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`done` of `total` bytes for the bar; both None when the size is not known."""

    text: str
    done: int | None = None
    total: int | None = None


def progress_of(step: StepRun) -> Progress | None:
    """None when nothing long is under way. The speed is the mean since it began, or since its phase did."""
    if step.state != StepState.POLLING:
        return None
    began = datetime.fromisoformat(step.data["since"]) if "since" in step.data else step.state_at
    seconds = (timezone.now() - began).total_seconds()
    done, total = step.done_bytes, step.total_bytes
    if done is None or not total:
        return Progress(text=f"For {duration(seconds)}. Keeps running if you leave")
    done = min(done, total)
    said = [f"{amount(done)} of {amount(total)}"]
    if done and seconds >= 1:
        speed = done / seconds
        said += [f"{amount(speed)}/s", f"{duration((total - done) / speed)} left"]
    return Progress(text=" · ".join(said), done=done, total=total)
