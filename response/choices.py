"""The fixed words of response: CONTRACTS.md part 3, RELIABILITY.md part 3."""

from django.db import models


class Phase(models.TextChoices):
    """What an action is for: NIST SP 800-61 rev. 2."""

    DETECTION = "detection", "Detection"
    CONTAINMENT = "containment", "Containment"
    ERADICATION = "eradication", "Eradication"
    RECOVERY = "recovery", "Recovery"
    POST_INCIDENT = "post_incident", "Post-incident"


class Risk(models.TextChoices):
    READ = "read", "Reads only"
    REVERSIBLE = "reversible", "Reversible"
    DISRUPTIVE = "disruptive", "Disruptive"


class Effect(models.TextChoices):
    """What a machine may do when it cannot know whether the effect happened."""

    READ = "read", "Changes nothing: again"
    KEYED = "keyed", "The device dedupes on our key: again"
    VERIFY = "verify", "The wanted state can be read back"
    ONCE = "once", "Neither: a person decides"


class RunState(models.TextChoices):
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    STOPPING = "stopping", "Stopping"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class StepState(models.TextChoices):
    """On screen waiting, ready, sending and succeeded read asked, approved, sent and confirmed."""

    PENDING = "pending", "Not started"
    WAITING = "waiting", "Asked"
    READY = "ready", "Approved"
    CLAIMED = "claimed", "Starting"
    SENDING = "sending", "Sent"
    POLLING = "polling", "Working"
    VERIFYING = "verifying", "Verifying"
    SUCCEEDED = "succeeded", "Confirmed"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"
    UNKNOWN = "unknown", "May have happened"


ENDED_RUN = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)
ENDED_STEP = (
    StepState.SUCCEEDED,
    StepState.FAILED,
    StepState.SKIPPED,
    StepState.REJECTED,
    StepState.EXPIRED,
    StepState.CANCELLED,
)
LIVE_EFFECT = (StepState.CLAIMED, StepState.SENDING, StepState.POLLING, StepState.VERIFYING)


class HuntState(models.TextChoices):
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"
    FAILED = "failed", "Failed"


class AskState(models.TextChoices):
    """Where one question of a hunt to one source stands."""

    DUE = "due", "Waits"
    ASKING = "asking", "Being asked"
    ANSWERED = "answered", "Answered"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"
    STOPPED = "stopped", "Stopped"


OPEN_ASK = (AskState.DUE, AskState.ASKING)


class Outcome(models.TextChoices):
    """How an attempt ended."""

    OK = "ok", "Done"
    LATER = "later", "Later"
    REFUSED = "refused", "Refused"
    DOUBT = "doubt", "In doubt"
    NOT_DONE = "not_done", "Not done"
    LOST = "lost", "Lost"


class CaptureState(models.TextChoices):
    RUNNING = "running", "Capturing"
    STOPPING = "stopping", "Ending"
    STOPPED = "stopped", "Ended"
    FAILED = "failed", "Failed"


LIVE_CAPTURE = (CaptureState.RUNNING, CaptureState.STOPPING)


class Decision(models.TextChoices):
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"


class Consent(models.TextChoices):
    """Why a step went without an answer of that moment."""

    STANDING = "standing", "Standing approval"
    BREAK_GLASS = "break", "Break-glass"


class PageReason(models.TextChoices):
    ASKED = "asked", "Asked to decide"
    TOLD = "told", "Told what was done"


class PageState(models.TextChoices):
    DUE = "due", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Not sent"


class IfUnanswered(models.TextChoices):
    """What a step does to its run when nobody decided in time and nothing was allowed ahead."""

    AS_FAILURE = "", "As after a failure"
    STOP = "stop", "Stop the run"
    CONTINUE = "continue", "Go on without it"


class OnFailure(models.TextChoices):
    STOP = "stop", "Stop the run"
    CONTINUE = "continue", "Go on"
    ASK = "ask", "Ask the responder"


BEFORE_SENDING = (StepState.PENDING, StepState.WAITING, StepState.READY, StepState.CLAIMED)
IN_DOUBT = ("", Outcome.DOUBT, Outcome.LOST)  # outcomes of a sent attempt that leave open whether it happened
