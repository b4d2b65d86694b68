"""Procedures as carried out: the rows are the state machine, the queue only says that there may be work."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from cases.models import Case
from response.choices import (
    ENDED_RUN,
    ENDED_STEP,
    LIVE_EFFECT,
    Effect,
    OnFailure,
    Outcome,
    Risk,
    RunState,
    StepState,
)
from secops.chain import FIRST

HEARD = (StepState.SENDING, StepState.POLLING, StepState.VERIFYING, StepState.UNKNOWN, StepState.SUCCEEDED)
TRIED_TO_UNDO = "tried_to_undo"  # in the data of an undo that came to nothing: the step it was for


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: Any) -> "RunQuerySet":
        """Runs of the cases that the user may see."""
        return self.filter(case__in=Case.objects.visible_to(user))

    def active(self) -> "RunQuerySet":
        return self.exclude(state__in=ENDED_RUN)


class Run(models.Model):
    """A version carried out on a case. `request_id` comes from the form: a double click finds the same run."""

    request_id = models.UUIDField(unique=True)
    version = models.ForeignKey("response.RunbookVersion", on_delete=models.PROTECT, related_name="runs")
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="runs")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="runs")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    device = models.ForeignKey(
        "cases.Device",
        null=True,
        on_delete=models.PROTECT,
        related_name="runs",
        help_text="Which device of the case it acts on; empty: the one that came in with the alert.",
    )
    state = models.CharField(max_length=9, choices=RunState, default=RunState.RUNNING)
    state_reason = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    deadline = models.DateTimeField()
    cancel_requested_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="run_state_is_known", condition=Q(state__in=RunState.values)),
            models.CheckConstraint(
                name="run_ended_says_when",
                condition=Q(state__in=ENDED_RUN, ended_at__isnull=False)
                | ~Q(state__in=ENDED_RUN) & Q(ended_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["deadline"], name="run_deadline", condition=~Q(state__in=ENDED_RUN)),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED_RUN


class StepRunQuerySet(models.QuerySet["StepRun"]):
    def visible_to(self, user: Any) -> "StepRunQuerySet":
        """Steps of the cases that the user may see."""
        return self.filter(run__case__in=Case.objects.visible_to(user))

    def holding(self, lane: str, target: str) -> "StepRunQuerySet":
        """Steps that have, or may have, an effect under way there: the next one waits."""
        return self.under_way().filter(lane=lane, target=target)

    def under_way(self) -> "StepRunQuerySet":
        """Steps that have, or may have, an effect under way, wherever that is."""
        return self.filter(state__in=(*LIVE_EFFECT, StepState.UNKNOWN)).exclude(effect=Effect.READ)

    def heard(self, case_id: int, actions: tuple[str, ...]) -> "StepRunQuerySet":
        """The steps of these actions that the world heard of, in this case, the last first."""
        found = self.filter(run__case=case_id, action__in=actions, state__in=HEARD)
        return found.order_by("-state_at", "-pk")

    def last_at(self, case_id: int, actions: tuple[str, ...], **target: Any) -> "StepRun | None":
        """The step of these actions that the world last heard of there, in this case: confirmed, or may have happened.

        `target` is the parameter that names it, such as device=12.
        """
        named = {f"params__{name}": value for name, value in target.items()}
        return self.heard(case_id, actions).filter(**named).first()


class StepRun(models.Model):
    """One step of a run. Its state is written by response.services.transitions alone.

    `deadline` belongs to the state: of the answer while waiting, of the work afterwards. `not_before` is when the next
    try or read-back is due. `lane` is what of the target it touches: isolate and release share one.
    """

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="steps")
    seq = models.PositiveSmallIntegerField()
    item = models.CharField(max_length=120, blank=True, help_text="Of for_each; empty for a single step.")
    key = models.CharField(max_length=40)
    title = models.CharField(max_length=160)
    action = models.CharField(max_length=60)
    lane = models.CharField(max_length=60)
    target = models.CharField(max_length=120, blank=True, help_text="device:12, case:7, ...")
    params = models.JSONField(default=dict, help_text="Evaluated: what approvers see and what is sent.")
    params_sha256 = models.CharField(max_length=64, blank=True)
    effect = models.CharField(max_length=6, choices=Effect)
    risk = models.CharField(max_length=10, choices=Risk)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approvals_needed = models.PositiveSmallIntegerField(default=0)
    on_failure = models.CharField(max_length=8, choices=OnFailure, default=OnFailure.STOP)
    timeout_seconds = models.PositiveIntegerField(default=900)
    state = models.CharField(max_length=9, choices=StepState, default=StepState.PENDING)
    state_at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True, help_text="Why it is in this state.")
    result = models.CharField(max_length=1000, blank=True, help_text="One line: what came of it.")
    data = models.JSONField(default=dict, help_text="What other steps may read as steps.<key>.")
    idem_key = models.UUIDField(unique=True, default=uuid.uuid4)
    token = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    checks = models.PositiveIntegerField(default=0, help_text="Read-backs, or polls without an answer, in a row.")
    done_bytes = models.PositiveBigIntegerField(null=True, help_text="Of long work: how far it is.")
    total_bytes = models.PositiveBigIntegerField(null=True)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    deadline = models.DateTimeField(null=True)
    handle = models.CharField(max_length=200, blank=True, help_text="The product's name for what we asked.")
    connector = models.CharField(max_length=100, blank=True, help_text="Name of the integration used.")
    undoes = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="undone_by")
    chain_seq = models.PositiveIntegerField(default=0, editable=False)
    chain_head = models.CharField(max_length=64, default=FIRST, editable=False)

    objects = StepRunQuerySet.as_manager()

    class Meta:
        ordering = ["run", "seq", "pk"]  # the items of a list in the order of the list
        constraints = [
            models.UniqueConstraint(fields=["run", "seq", "item"], name="step_run_once"),
            models.CheckConstraint(name="step_state_is_known", condition=Q(state__in=StepState.values)),
            models.CheckConstraint(
                name="step_claimed_has_a_lease",
                condition=~Q(state__in=["claimed", "sending"]) | Q(lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="step_effect_has_a_target",
                condition=Q(effect="read") | Q(state__in=["pending", *ENDED_STEP]) | ~Q(target=""),
            ),
            models.UniqueConstraint(
                fields=["lane", "target"],
                condition=Q(state__in=LIVE_EFFECT) & ~Q(effect="read"),
                name="one_live_effect_per_target",
            ),
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"], name="step_due", condition=Q(state__in=["ready", "verifying", "polling"])
            ),
            models.Index(fields=["lease_until"], name="step_leased", condition=Q(state__in=["claimed", "sending"])),
            models.Index(fields=["state", "deadline"], name="step_deadline"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def word(self) -> str:
        """Its state for people: what only read or asked has nothing to confirm."""
        is_read = self.state == StepState.SUCCEEDED and self.effect == Effect.READ
        return "Done" if is_read else str(self.get_state_display())

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED_STEP

    @property
    def key_text(self) -> str:
        """The idempotency key as it is sent: the same for every attempt."""
        return str(self.idem_key)


class StepChange(models.Model):
    """One change of a step's state; append-only, a hash chain per step."""

    step = models.ForeignKey(StepRun, on_delete=models.PROTECT, related_name="changes")
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    old = models.CharField(max_length=9, choices=StepState)
    new = models.CharField(max_length=9, choices=StepState)
    token = models.PositiveIntegerField()
    who = models.CharField(max_length=150)
    text = models.CharField(max_length=500, blank=True)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["step", "seq"]
        constraints = [models.UniqueConstraint(fields=["step", "seq"], name="step_change_once")]

    def __str__(self) -> str:
        return f"{self.old} to {self.new}"

    def body(self) -> dict[str, Any]:
        """What the hash covers."""
        names = ("step_id", "old", "new", "token", "who", "text")
        return {"at": self.at.isoformat()} | {name: getattr(self, name) for name in names}


class Attempt(models.Model):
    """One try of a step. In doubt = sent, and neither done nor not done is known."""

    step = models.ForeignKey(StepRun, on_delete=models.PROTECT, related_name="tries")
    token = models.PositiveIntegerField()
    worker = models.CharField(max_length=120)
    claimed_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    detail = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["step", "token"]
        constraints = [models.UniqueConstraint(fields=["step", "token"], name="attempt_once_per_token")]

    def __str__(self) -> str:
        return f"Attempt {self.token}"


class Breaker(models.Model):
    """Whether steps through an integration are held after failures, one after another."""

    connector = models.CharField("integration", max_length=100, unique=True)
    failures = models.PositiveIntegerField(default=0, help_text="Since the last answer.")
    open_until = models.DateTimeField(null=True)
    trying_until = models.DateTimeField(null=True, help_text="One step tries whether it answers again.")

    def __str__(self) -> str:
        return self.connector


class KillSwitch(models.Model):
    """One row: while it is on, nothing that changes the world is sent."""

    is_on = models.BooleanField("nothing is sent", default=False)
    reason = models.CharField(max_length=300, blank=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "kill switch"
        constraints = [models.CheckConstraint(name="one_kill_switch", condition=Q(pk=1))]

    def __str__(self) -> str:
        return "On: nothing is sent" if self.is_on else "Off"
