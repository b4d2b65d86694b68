"""Lookups and their findings, shared by all cases that need them; examinations; pushes; the questions of a kind."""

from typing import Any
from uuid import uuid4

from django.db import models
from django.db.models import Q

from cases.choices import Card, Verdict
from enrichment.choices import ExaminationState, ForensicTool, LookupState, PushState


class Examination(models.Model):
    """One forensic tool over one item of evidence, once. Written only by enrichment.services.examinations."""

    evidence = models.ForeignKey("cases.Evidence", on_delete=models.PROTECT, related_name="examinations")
    tool = models.CharField(max_length=12, choices=ForensicTool)
    state = models.CharField(max_length=10, choices=ExaminationState, default=ExaminationState.DUE)
    token = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=150, help_text="The name of who asked, for good.")
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, help_text="Why failed or refused.")
    usual = models.JSONField(default=list, help_text="Destinations that are no news there: they join no case.")
    result = models.JSONField(default=dict, help_text="The report as enrichment.forensics.report says; plain data.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["evidence", "tool"], name="examination_once"),
            models.CheckConstraint(
                name="examination_claimed_has_a_lease", condition=~Q(state="claimed") | Q(lease_until__isnull=False)
            ),
        ]
        indexes = [models.Index(fields=["id"], name="examination_due", condition=Q(state="due"))]

    def __str__(self) -> str:
        return f"{self.tool} of {self.evidence_id}"

    @property
    def is_pending(self) -> bool:
        return self.state in (ExaminationState.DUE, ExaminationState.CLAIMED)


class KindQuestion(models.Model):
    """A question that cases of a kind ask; a kind without any asks all whose subject the alert has."""

    kind = models.ForeignKey("cases.AlertKind", on_delete=models.CASCADE, related_name="questions")
    question = models.CharField(max_length=60)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "question"], name="question_once_per_kind")]

    def __str__(self) -> str:
        return self.question


class LookupQuerySet(models.QuerySet["Lookup"]):
    def due(self, now: Any) -> "LookupQuerySet":
        return self.filter(state=LookupState.DUE).filter(Q(not_before__isnull=True) | Q(not_before__lte=now))


class Lookup(models.Model):
    """One question to one source about one subject in one time bucket: an alert storm costs one request.

    A row with `integration` empty and state skipped says that no source with the capability is set up; a question
    that reasons over other findings has `connector_name` 'Nightdesk'.
    """

    question = models.CharField(max_length=60)
    integration = models.ForeignKey("secops.Integration", null=True, on_delete=models.SET_NULL)
    connector_name = models.CharField(max_length=100, help_text="Copied: findings outlive the integration.")
    subject_kind = models.CharField(max_length=10)
    subject = models.JSONField(help_text="Plain values of the subject, as enrichment.subjects writes them.")
    subject_key = models.CharField(max_length=64, help_text="SHA-256 of kind and subject.")
    bucket = models.CharField(max_length=32, help_text="The time that an answer is good for.")
    tlp = models.PositiveSmallIntegerField(help_text="Of the case that asked first.")
    state = models.CharField(max_length=10, choices=LookupState, default=LookupState.DUE)
    token = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True, help_text="Why refused, failed, skipped or waiting.")
    cases = models.ManyToManyField("cases.Case", through="CaseLookup", related_name="lookups")

    objects = LookupQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["question", "connector_name", "subject_key", "bucket"], name="lookup_once"),
            models.CheckConstraint(
                name="lookup_claimed_has_a_lease",
                condition=~Q(state="claimed") | Q(lease_until__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["integration", "not_before", "id"], name="lookup_due", condition=Q(state="due")),
            models.Index(fields=["lease_until"], name="lookup_leased", condition=Q(state="claimed")),
        ]

    def __str__(self) -> str:
        return f"{self.question} to {self.connector_name}"


class CaseLookup(models.Model):
    """A lookup that a case waits for; `depth` counts the pivots that led to it."""

    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, related_name="case_lookups")
    lookup = models.ForeignKey(Lookup, on_delete=models.CASCADE, related_name="case_lookups")
    depth = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "lookup"], name="case_lookup_once")]


class Finding(models.Model):
    """What a question made of an answer: plain data, rendered by one template."""

    lookup = models.OneToOneField(Lookup, on_delete=models.CASCADE, related_name="finding")
    card = models.CharField(max_length=8, choices=Card)
    verdict = models.CharField(max_length=13, choices=Verdict)
    label = models.CharField(max_length=60, blank=True, help_text="The card's word: Beacon, At risk, ...")
    headline = models.CharField(max_length=400)
    facts = models.JSONField(default=list, help_text="[{label, value, verdict?}]")
    table = models.JSONField(default=dict, help_text="{columns: [], rows: [[]]}; may be empty.")
    series = models.JSONField(default=dict, help_text="{kind: beacon|volume|scan|spark, ...}; may be empty.")
    points = models.JSONField(default=list, help_text="[{points, text}]: what it adds to the risk, also negative.")
    data = models.JSONField(default=dict, help_text="Values that other questions and tests read.")
    as_of = models.DateTimeField()
    is_stale = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.headline


class PushQuerySet(models.QuerySet["Push"]):
    def sendable(self) -> "PushQuerySet":
        """Due, of a case that is complete at this moment, to an outlet that is not switched off."""
        enabled = Q(integration=None) | Q(integration__is_enabled=True)
        return self.filter(enabled, state=PushState.DUE, case__is_planning_due=False, case__enrichment__pending=0)

    def due(self, now: Any) -> "PushQuerySet":
        """Of those that may be sent now; an outlet that rests is held as a whole, however much is due for it."""
        rested = Q(integration__hold_until__isnull=True) | Q(integration__hold_until__lte=now)
        return self.sendable().filter(rested, Q(not_before__isnull=True) | Q(not_before__lte=now))


class Push(models.Model):
    """One completion of a case, for one outlet. Written only by enrichment.services: pushes and pushing."""

    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, related_name="pushes")
    integration = models.ForeignKey("secops.Integration", null=True, on_delete=models.SET_NULL)
    outlet = models.CharField(max_length=100, help_text="Its name, copied: the row outlives the integration.")
    number = models.PositiveIntegerField(help_text="Of the completions of the case that this outlet is told.")
    key = models.UUIDField(default=uuid4, unique=True, help_text="Sent along: the receiver knows a repetition by it.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was complete: the same is never sent twice.")
    state = models.CharField(max_length=10, choices=PushState, default=PushState.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, help_text="While it is sent: the end of the worker's lease.")
    noted_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True, help_text="Why not sent, or not yet.")

    objects = PushQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "pushes"
        constraints = [models.UniqueConstraint(fields=["case", "integration", "number"], name="push_once")]
        indexes = [models.Index(fields=["attempts", "id"], name="push_due", condition=Q(state="due"))]

    def __str__(self) -> str:
        return f"{self.number} of case {self.case_id} to {self.outlet}"
