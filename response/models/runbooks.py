"""Procedures as written: a runbook with its draft steps, its frozen versions, and the kinds that it is offered for."""

import hashlib
from typing import Any, NoReturn

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from response.choices import IfUnanswered, OnFailure, Phase
from response.errors import RunbookError
from secops.chain import canonical

STEP_KEY = RegexValidator(r"^[a-z][a-z0-9_]{0,39}$", "Lower-case letters, digits and _, starting with a letter.")


class Runbook(models.Model):
    """What to do against one sort of incident. Its steps are the draft; runs follow a published version."""

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    phase = models.CharField(max_length=14, choices=Phase, default=Phase.CONTAINMENT)
    is_enabled = models.BooleanField("offered", default=True)
    is_internal = models.BooleanField(default=False, editable=False, help_text="Written by the product itself.")
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    draft_authors = models.JSONField(
        default=list, editable=False, help_text="Ids of everybody who changed the draft since the live version."
    )
    updated_at = models.DateTimeField(auto_now=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True, editable=False)
    proposed_sha256 = models.CharField(max_length=64, blank=True, editable=False, help_text="Of the draft asked for.")
    proposed_note = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    @property
    def live(self) -> "RunbookVersion | None":
        """The version that new runs follow."""
        return self.versions.order_by("-number").first()


class Step(models.Model):
    """One step of the draft. `needs` empty means the step before; parameters may hold `${{ }}`."""

    runbook = models.ForeignKey(Runbook, on_delete=models.CASCADE, related_name="steps")
    order = models.PositiveSmallIntegerField(default=0)
    key = models.CharField(max_length=40, validators=[STEP_KEY], help_text="What other steps call it.")
    action = models.CharField(max_length=60)
    title = models.CharField(max_length=120, blank=True, help_text="Empty: the name of the action.")
    help_text = models.CharField(max_length=500, blank=True, help_text="For the responder, shown in the step.")
    params = models.JSONField(default=dict, blank=True)
    when = models.CharField(max_length=1000, blank=True, help_text="CEL, true or false; empty: always.")
    for_each = models.CharField(
        "for each",
        max_length=1000,
        blank=True,
        help_text="CEL, a list: the step is done for each item, which parameters read as item. Empty: once.",
    )
    cap = models.PositiveSmallIntegerField(
        default=5, help_text="With for each: how many items need no person who reads the list first."
    )
    needs = models.JSONField(default=list, blank=True, help_text="Keys of the steps that it waits for.")
    approvals = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(2)], help_text="Empty: by risk."
    )
    timeout_seconds = models.PositiveIntegerField(
        "timeout, seconds", default=900, validators=[MinValueValidator(1), MaxValueValidator(7 * 86_400)]
    )
    max_attempts = models.PositiveSmallIntegerField(
        "tries",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="Of what is known not to have happened, or does no harm twice. Empty: the action's own.",
    )
    backoff_seconds = models.PositiveIntegerField(
        "between tries, seconds",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(86_400)],
        help_text="Before the second try; doubled after each further one. Empty: 2 seconds, at most 2 minutes.",
    )
    undo_after = models.PositiveIntegerField(
        "undo after, seconds",
        null=True,
        blank=True,
        validators=[MinValueValidator(60), MaxValueValidator(30 * 86_400)],
        help_text="It is undone by itself then, unless somebody extends it; nobody is asked again. Empty: never.",
    )
    on_failure = models.CharField(max_length=8, choices=OnFailure, default=OnFailure.STOP)
    if_unanswered = models.CharField(
        max_length=8,
        choices=IfUnanswered,
        blank=True,
        default=IfUnanswered.AS_FAILURE,
        help_text="A milder step can follow with the condition steps.<key>.state == 'expired'.",
    )

    class Meta:
        ordering = ["order", "pk"]
        constraints = [models.UniqueConstraint(fields=["runbook", "key"], name="step_key_once")]

    def __str__(self) -> str:
        return self.title or self.key


class FrozenQuerySet(models.QuerySet["RunbookVersion"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise RunbookError("A published version never changes.")

    def delete(self) -> NoReturn:
        raise RunbookError("A published version is kept for good.")


class RunbookVersion(models.Model):
    """A runbook as published: never changed, never deleted; a run keeps its version for good."""

    runbook = models.ForeignKey(Runbook, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    body = models.JSONField(help_text="{slug, title, description, phase, steps: [...]}")
    sha256 = models.CharField(max_length=64)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="authored_versions"
    )
    authors = models.JSONField(default=list, help_text="Ids of everybody who changed the draft that was published.")
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="published_versions"
    )
    published_at = models.DateTimeField(auto_now_add=True)
    note = models.CharField(max_length=300, blank=True)

    objects = FrozenQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["runbook", "number"], name="version_number_once")]

    def __str__(self) -> str:
        return f"{self.runbook.title} v{self.number}"

    def save(self, **kwargs: Any) -> None:
        if not self._state.adding:
            raise RunbookError("A published version never changes.")
        self.sha256 = body_hash(self.body)
        super().save(**kwargs)

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:
        raise RunbookError("A published version is kept for good.")

    @property
    def is_by_one_person(self) -> bool:
        """Did somebody who wrote it publish it, themselves or by the shell, with nobody else looking?"""
        is_by_shell = self.published_by_id is None and bool(self.writers)
        return is_by_shell or self.published_by_id in self.writers

    @property
    def writers(self) -> set[int]:
        """The ids of all who wrote it: none of them approves its steps."""
        return {*self.authors, *([self.author_id] if self.author_id is not None else [])}

    @property
    def is_intact(self) -> bool:
        """Does the body still have the hash it was published with?"""
        return self.sha256 == body_hash(self.body)


class KindRunbook(models.Model):
    """A runbook that cases of a kind are offered, in this order."""

    kind = models.ForeignKey("cases.AlertKind", on_delete=models.CASCADE, related_name="runbooks")
    runbook = models.ForeignKey(
        Runbook, on_delete=models.CASCADE, related_name="kinds", limit_choices_to={"is_internal": False}
    )
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["order", "pk"]
        verbose_name = "runbook offered"
        verbose_name_plural = "runbooks offered"
        constraints = [models.UniqueConstraint(fields=["kind", "runbook"], name="runbook_once_per_kind")]

    def __str__(self) -> str:
        return str(self.runbook)


def body_hash(body: Any) -> str:
    """SHA-256 of the canonical JSON; also what approvals of parameters are bound to."""
    return hashlib.sha256(canonical(body)).hexdigest()
