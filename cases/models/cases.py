"""The case: the unit of an analyst's work, the only row that a queue shows."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Exists, OuterRef, Q

from cases.choices import NEXT_STAGES, Card, Circle, Disposition, Pap, Role, Severity, Stage, Tlp
from cases.models.alerts import AlertKind
from cases.models.inventory import CasePerson
from secops.access import May
from secops.chain import FIRST


class CaseQuerySet(models.QuerySet["Case"]):
    def open(self) -> "CaseQuerySet":
        return self.exclude(stage=Stage.CLOSED)

    def visible_to(self, user: Any) -> "CaseQuerySet":
        """Deny by default: a role that sees cases, then restriction, for everybody; a guest its own cases only.

        Whom a restricted case is about never sees it, nor does their manager: not by a role, a team or a membership.
        HR's memberships count for nothing until Legal lets HR be told, and again once Legal takes that back.
        """
        if not user.is_authenticated or not user.is_active:
            return self.none()
        member = Q(Exists(CaseMember.objects.filter(case=OuterRef("pk"), user=user)))
        if Circle.HR in user.group_names and Circle.LEGAL not in user.group_names:
            member &= Q(is_released_to_hr=True)
        about = Q(is_restricted=True) & Q(Exists(CasePerson.objects.filter(case=OuterRef("pk")).naming(user)))
        if user.may(May.SEE):
            return self.filter(Q(is_restricted=False) | Q(group__in=user.groups.all()) | member).exclude(about)
        return self.filter(member).exclude(about)


class Case(models.Model):
    """From the first alert to the disposition. Card states, counts and times stand here, written by services,
    so that a page of the queue reads one table."""

    title = models.CharField(max_length=300)
    kind = models.ForeignKey(AlertKind, null=True, on_delete=models.SET_NULL, related_name="cases")
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.NEW)
    disposition = models.CharField(max_length=24, choices=Disposition, blank=True)
    close_reason = models.TextField(blank=True)
    severity = models.PositiveSmallIntegerField(choices=Severity)
    tlp = models.PositiveSmallIntegerField(choices=Tlp, default=Tlp.AMBER)
    pap = models.PositiveSmallIntegerField(choices=Pap, default=Pap.AMBER)
    is_restricted = models.BooleanField(default=False)
    is_covert = models.BooleanField(default=False)
    is_released_to_hr = models.BooleanField(
        default=False, editable=False, help_text="As Legal's latest release says; written with it."
    )
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.PROTECT, related_name="cases")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="cases"
    )
    fingerprint = models.CharField(max_length=64, null=True, editable=False)
    is_unread = models.BooleanField(default=True)
    alert_count = models.PositiveIntegerField(default=0)
    event_count = models.PositiveBigIntegerField(default=0, help_text="Sum of the counts of its alerts.")

    opened_at = models.DateTimeField()
    first_alert_at = models.DateTimeField(help_text="When the first alert was detected: 'the past days' end here.")
    last_alert_at = models.DateTimeField(help_text="When the last alert was received: the grouping window.")
    updated_at = models.DateTimeField(help_text="Moves with every visible change; live cells ask for it.")
    acknowledged_at = models.DateTimeField(null=True, help_text="First human act.")
    sla_due_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    # what a row of the queue says of its story
    device_name = models.CharField(max_length=255, blank=True)
    person_name = models.CharField(max_length=255, blank=True)
    target = models.CharField(max_length=300, blank=True)
    target_country = models.CharField(max_length=2, blank=True)

    # written by enrichment through cases.services.answers
    is_planning_due = models.BooleanField(default=False)
    cards = models.JSONField(
        default=dict, help_text="{card: {verdict, label, headline, state, is_marked}} for each of the six."
    )
    enrichment = models.JSONField(
        default=dict, help_text="asked, answered, no_data, refused, failed, skipped, pending, seconds"
    )
    risk_score = models.PositiveSmallIntegerField(null=True)
    risk = models.JSONField(default=dict, help_text="{reasons: [{points, text, finding}], missing: []}")
    enriched_at = models.DateTimeField(null=True)

    # head of the timeline's hash chain
    chain_seq = models.PositiveIntegerField(default=0, editable=False)
    chain_head = models.CharField(max_length=64, default=FIRST, editable=False)

    objects = CaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=~Q(stage="closed"),
                name="one_open_case_per_fingerprint",
            ),
            models.CheckConstraint(name="case_stage_is_known", condition=Q(stage__in=Stage.values)),
            models.CheckConstraint(
                name="case_closed_says_when_and_how",
                condition=Q(stage="closed", closed_at__isnull=False) & ~Q(disposition="")
                | ~Q(stage="closed") & Q(closed_at__isnull=True, disposition=""),
            ),
            models.CheckConstraint(
                name="case_covert_is_restricted",
                condition=Q(is_covert=False) | Q(is_restricted=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["-severity", "-last_alert_at", "-id"],
                name="queue_of_open_cases",
                condition=~Q(stage="closed"),
            ),
            models.Index(fields=["is_planning_due"], name="case_to_plan", condition=Q(is_planning_due=True)),
            models.Index(fields=["-updated_at"], name="case_changed"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"CASE-{self.pk}"

    @property
    def marking(self) -> str:
        """tlp-amber-strict: the kind of page that carries its marking on paper."""
        return f"tlp-{Tlp(self.tlp).label.lower().replace('+', '-')}"

    @property
    def next_stages(self) -> tuple[Stage, ...]:
        return NEXT_STAGES[Stage(self.stage)]

    @property
    def is_open(self) -> bool:
        return self.stage != Stage.CLOSED

    def card(self, card: Card | str) -> dict[str, Any]:
        """One card's state, also before anything was asked."""
        known: dict[str, Any] = self.cards.get(str(card), {})
        return {"verdict": "", "label": "", "headline": "", "state": "none", "is_marked": False} | known


class CaseMember(models.Model):
    """A person who may see a restricted case by name, whatever their groups."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "user"], name="member_once")]


class CaseObservable(models.Model):
    """An observable of a case with the role it plays there; this one table answers 'seen in n other cases'."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="links")
    observable = models.ForeignKey("cases.Observable", on_delete=models.PROTECT, related_name="links")
    role = models.CharField(max_length=12, choices=Role)
    first_seen_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    found_in = models.ForeignKey(
        "cases.Evidence", null=True, on_delete=models.SET_NULL, related_name="+", help_text="Where a tool saw it first."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "observable", "role"], name="case_observable_once")]
        indexes = [models.Index(fields=["observable", "case"], name="cases_of_observable")]


class Note(models.Model):
    """What a person wrote down."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    text = models.TextField(max_length=20_000)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at"]
