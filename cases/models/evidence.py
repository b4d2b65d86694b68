"""Evidence and its chain of custody: what is kept, and everything that ever happened to it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from cases.choices import CustodyAction, EvidenceKind
from secops.chain import FIRST


class Evidence(models.Model):
    """One item: a file in the store, or a physical exhibit. Written only by cases.services.evidence.

    `seq` counts from 1 per case; a working copy has the seq of its original and a `copy` above 0: E-1, E-1.1. So has
    what a tool took out of it, with bytes of its own.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="evidence")
    seq = models.PositiveIntegerField()
    copy = models.PositiveIntegerField(default=0)
    original = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="copies")
    kind = models.CharField(max_length=12, choices=EvidenceKind)
    title = models.CharField(max_length=200)
    is_hazardous = models.BooleanField(default=True, help_text="May be malware: leaves as an encrypted ZIP only.")

    # the file; empty for a physical exhibit
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(null=True)
    file_name = models.CharField(max_length=255, blank=True, help_text="As it came, as text; never a path of ours.")
    media_type = models.CharField(max_length=100, blank=True, help_text="As the sender called it; believed nowhere.")
    source_sha256 = models.CharField(max_length=64, blank=True, help_text="What the source hashed before sending.")

    wrong_members = models.PositiveIntegerField(
        null=True, help_text="How many files in it are not what the source hashed of them; empty: not compared."
    )

    # the exhibit
    serial = models.CharField(max_length=100, blank=True)
    seal_number = models.CharField(max_length=100, blank=True)
    shelf = models.CharField(max_length=150, blank=True)

    # how it was acquired, as far as was said
    acquired_at = models.DateTimeField(null=True)
    acquired_by = models.CharField(max_length=150, blank=True)
    acquired_from = models.CharField(max_length=300, blank=True)
    authority = models.CharField(max_length=300, blank=True)
    tool = models.CharField(max_length=100, blank=True)
    tool_version = models.CharField(max_length=100, blank=True)
    clock_offset_seconds = models.IntegerField(null=True, help_text="The source's clock minus ours.")
    read_errors = models.PositiveIntegerField(null=True)
    note = models.CharField(max_length=500, blank=True)
    source_ref = models.CharField(
        max_length=200, blank=True, help_text="Which part of which step it is a copy of: received once only."
    )

    # where it stands
    received_at = models.DateTimeField()
    received_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    holder = models.CharField(max_length=150, blank=True, help_text="Who has it now.")
    sealed_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True, help_text="When its file was last hashed, whatever came of it.")
    is_damaged = models.BooleanField(default=False, help_text="The file in the store is not what was received.")
    is_held = models.BooleanField(default=False, help_text="Legal hold: it may not be destroyed.")
    destroy_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    destroy_reason = models.CharField(max_length=500, blank=True)
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "evidence"
        ordering = ["seq", "copy"]
        constraints = [
            models.UniqueConstraint(fields=["case", "seq", "copy"], name="evidence_number_once"),
            models.CheckConstraint(
                name="evidence_file_or_exhibit",
                condition=Q(kind="exhibit", sha256="", size__isnull=True)
                | ~Q(kind="exhibit") & ~Q(sha256="") & Q(size__isnull=False),
            ),
            models.UniqueConstraint(fields=["source_ref"], name="evidence_source_once", condition=~Q(source_ref="")),
            models.CheckConstraint(
                name="evidence_held_is_kept", condition=Q(is_held=False) | Q(destroyed_at__isnull=True)
            ),
            models.CheckConstraint(
                name="evidence_copy_has_original",
                condition=Q(copy=0, original__isnull=True) | Q(copy__gt=0, original__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["sha256"], name="evidence_of_file", condition=~Q(sha256=""))]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"E-{self.label}"

    @property
    def label(self) -> str:
        """The number as its URL says it: 1, or 1.2 for the second working copy of the first."""
        return f"{self.seq}.{self.copy}" if self.copy else str(self.seq)

    @property
    def is_exhibit(self) -> bool:
        return self.kind == EvidenceKind.EXHIBIT

    @property
    def is_working_copy(self) -> bool:
        """The same bytes as its original; with others it was taken out of it."""
        return self.original is not None and self.sha256 == self.original.sha256

    @property
    def is_here(self) -> bool:
        """Has its file in the store, and the file is what was received."""
        return bool(self.sha256) and self.destroyed_at is None and not self.is_damaged

    @property
    def differs_from_source(self) -> bool:
        return bool(self.wrong_members) or (bool(self.source_sha256) and self.source_sha256 != self.sha256)

    @property
    def state(self) -> str:
        """received, sealed, verified, mismatch or destroyed: what its seal reads on a page."""
        if self.destroyed_at:
            return "destroyed"
        if self.is_damaged or self.differs_from_source:
            return "mismatch"
        if self.verified_at and self.verified_at > (self.sealed_at or self.received_at):
            return "verified"
        return "sealed" if self.sealed_at else "received"


class CustodyHead(models.Model):
    """Where a case's chain of custody stands: number and hash of its last entry; locked while one is appended."""

    case = models.OneToOneField("cases.Case", primary_key=True, on_delete=models.PROTECT, related_name="custody_head")
    seq = models.PositiveIntegerField(default=0)
    hash = models.CharField(max_length=64, default=FIRST)
    anchored = models.CharField(max_length=64, blank=True, help_text="The hash that was last written outside.")


class CustodyEntry(models.Model):
    """One thing that happened to one item. Append-only: the database itself refuses UPDATE and DELETE (migration 0002).

    So nothing here may be changed by a deletion elsewhere either: every foreign key protects.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="custody")
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="custody")
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    action = models.CharField(max_length=12, choices=CustodyAction)
    who = models.CharField(max_length=150)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    item = models.CharField(max_length=24, help_text="The number of the evidence: E-1.")
    sha256 = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "custody entries"
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["case", "seq"], name="custody_seq_once")]

    def __str__(self) -> str:
        return f"{self.item} {self.get_action_display().lower()}"

    def body(self) -> dict[str, Any]:
        """What the hash covers, and what an export carries."""
        return {
            "case": f"CASE-{self.case_id}",
            "evidence": self.item,
            "at": self.at.isoformat(),
            "action": self.action,
            "who": self.who,
            "sha256": self.sha256,
            "details": self.details,
        }
