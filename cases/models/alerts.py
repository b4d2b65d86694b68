"""What detectors sent: alerts, their payloads, their kinds, and what could not be read."""

import zlib
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from cases.choices import AlertAction, GroupBy, Pap, Role, Severity, Tlp
from secops.access import May


def rule_and_device() -> list[str]:
    """What alerts of one case share unless a kind says otherwise."""
    return [str(GroupBy.RULE), str(GroupBy.DEVICE)]


class AlertKind(models.Model):
    """What sort of alert this is: decides severity, time to answer, who may see it, and how it is judged.

    The floors above hang their part on it: enrichment its questions, response the runbooks offered.
    """

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    order = models.PositiveSmallIntegerField(default=100, help_text="Lower is asked first; the first match wins.")
    is_enabled = models.BooleanField(default=True)
    detectors = models.JSONField(
        default=list, blank=True, help_text='Only these detectors, such as ["suricata"]; empty: all.'
    )
    rule_prefixes = models.JSONField(
        default=list, blank=True, help_text="Only rule ids that start so; a cheap test before the expression."
    )
    words = models.JSONField(
        default=list,
        blank=True,
        help_text="Only alerts with one of these words in title, rule name, description or tags, whatever the case.",
    )
    techniques = models.JSONField(
        default=list, blank=True, help_text='Only these ATT&CK techniques, such as ["T1091"]; sub-techniques count.'
    )
    match = models.CharField(
        max_length=1000, blank=True, help_text="CEL over `alert`, true or false; empty matches all."
    )
    severity = models.PositiveSmallIntegerField(
        choices=Severity, null=True, blank=True, help_text="At least this. Empty: as the detector says."
    )
    sla_minutes = models.PositiveIntegerField(default=240)
    group_by = models.JSONField(default=rule_and_device, help_text="What the alerts of one case share.")
    group_hours = models.PositiveSmallIntegerField(
        default=24, help_text="An alert joins an open case for so long after its last alert."
    )
    group_maximum = models.PositiveIntegerField(
        null=True, blank=True, help_text="Alerts in one case; the next opens another. Empty: no maximum."
    )
    how_we_judge = models.TextField(blank=True, help_text="Written by the best people; shown beside the cards.")
    is_restricted = models.BooleanField("born restricted", default=False)
    is_covert = models.BooleanField(
        "born covert", default=False, help_text="Forbids every action that the subject could notice."
    )
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.PROTECT, help_text="Who may see a restricted case."
    )

    class Meta:
        ordering = ["order", "pk"]
        constraints = [
            models.CheckConstraint(
                name="kind_restricted_names_a_group",
                condition=models.Q(is_restricted=False) | models.Q(group__isnull=False),
                violation_error_message="A restricted kind must name the group that may see it.",
            ),
            models.CheckConstraint(name="kind_groups_for_a_time", condition=models.Q(group_hours__gte=1)),
            models.CheckConstraint(
                name="kind_maximum_is_a_number",
                condition=models.Q(group_maximum__isnull=True) | models.Q(group_maximum__gte=1),
            ),
            models.CheckConstraint(
                name="kind_covert_is_restricted",
                condition=models.Q(is_covert=False) | models.Q(is_restricted=True),
                violation_error_message="A covert kind must be restricted too.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, user: Any) -> "AlertQuerySet":
        """Alerts of the cases that the user may see; suppressed ones for everybody who may see cases, unless their kind
        is restricted by now."""
        from cases.models.cases import Case

        cases = Case.objects.visible_to(user)
        if not user.may(May.SEE):
            return self.filter(case__in=cases)
        open_kind = models.Q(kind__isnull=True) | models.Q(kind__is_restricted=False)
        return self.filter(
            models.Q(case__in=cases)
            | models.Q(case__isnull=True) & (open_kind | models.Q(kind__group__in=user.groups.all()))
        )


class Alert(models.Model):
    """One message of a detector. A light row for lists; the bytes received stand in AlertPayload."""

    source = models.CharField(max_length=60)
    source_ref = models.CharField(max_length=255)
    detector = models.CharField(max_length=60)
    kind = models.ForeignKey(AlertKind, null=True, on_delete=models.SET_NULL, related_name="alerts")
    case = models.ForeignKey("cases.Case", null=True, on_delete=models.PROTECT, related_name="alerts")
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    severity = models.PositiveSmallIntegerField(choices=Severity)
    rule_id = models.CharField(max_length=255, blank=True)
    rule_name = models.CharField(max_length=300, blank=True)
    action = models.CharField(max_length=12, choices=AlertAction, default=AlertAction.UNKNOWN)
    status = models.CharField(max_length=40, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    tlp = models.PositiveSmallIntegerField(choices=Tlp, default=Tlp.AMBER)
    pap = models.PositiveSmallIntegerField(choices=Pap, default=Pap.AMBER)
    detected_at = models.DateTimeField()
    received_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    device = models.ForeignKey("cases.Device", null=True, on_delete=models.SET_NULL, related_name="alerts")
    src_ip = models.CharField(max_length=45, blank=True)
    src_port = models.PositiveIntegerField(null=True)
    dst_ip = models.CharField(max_length=45, blank=True)
    dst_port = models.PositiveIntegerField(null=True)
    proto = models.CharField(max_length=12, blank=True)
    bytes_out = models.BigIntegerField(null=True)
    bytes_in = models.BigIntegerField(null=True)
    details = models.JSONField(
        default=dict,
        help_text="The rest of nightdesk.alert/1: devices, people, attack, tags, flow direction, assumptions.",
    )
    problems = models.JSONField(default=list, help_text="Fields dropped or repaired: [{field, message}].")

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "source_ref"], name="alert_once_per_source"),
        ]
        indexes = [models.Index(fields=["case", "-received_at"], name="alert_of_case")]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"ALR-{self.pk}"


class AlertPayload(models.Model):
    """The bytes as received, zlib level 1; its own table, so that no list ever reads it."""

    alert = models.OneToOneField(Alert, primary_key=True, on_delete=models.CASCADE, related_name="payload")
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField(help_text="Bytes before compression.")

    class Meta:
        indexes = [models.Index(fields=["sha256"], name="payload_by_hash")]  # a batch sent again is known by its bytes

    def raw(self) -> bytes:
        return zlib.decompress(bytes(self.body))


class AlertRevision(models.Model):
    """A later message of the same reference with another body: the first body stands, the others are kept here."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="revisions")
    received_at = models.DateTimeField()
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "sha256"], name="alert_revision_once")]


class AlertObservable(models.Model):
    """An observable as an alert named it."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="sightings")
    observable = models.ForeignKey("cases.Observable", on_delete=models.PROTECT, related_name="sightings")
    role = models.CharField(max_length=12, choices=Role)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "observable", "role"], name="sighting_once_per_role")]


class RejectedQuerySet(models.QuerySet["RejectedPayload"]):
    def visible_to(self, user: Any) -> "RejectedQuerySet":
        """Admins only, since nobody knows yet whom such a text is about; and restriction is asked of them, too, once
        an alert has come of it."""
        if not user.may(May.ADMINISTER):
            return self.none()
        through = RejectedPayload.alerts.through.objects.filter(rejectedpayload=models.OuterRef("pk"))
        return self.exclude(models.Exists(through.exclude(alert__in=Alert.objects.visible_to(user))))

    def waiting(self) -> "RejectedQuerySet":
        """Those that nobody could read yet."""
        return self.filter(replayed_at=None)


class RejectedPayload(models.Model):
    """What could not be read, kept for inspection, repair and replay. `body` is as received and never changes."""

    received_at = models.DateTimeField()
    source = models.CharField(max_length=60)
    detector = models.CharField(max_length=60)
    body = models.BinaryField(help_text="zlib level 1, as in AlertPayload.")
    size = models.PositiveIntegerField(help_text="Bytes before compression.")
    problems = models.JSONField(default=list)
    repaired = models.BinaryField(null=True, help_text="What a person made of it, zlib; empty: nobody changed it.")
    repaired_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    repaired_at = models.DateTimeField(null=True)
    replayed_at = models.DateTimeField(null=True)
    alerts = models.ManyToManyField(Alert, related_name="+", help_text="What came of it.")

    objects = RejectedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["source", "detector"], name="rejected_waiting", condition=models.Q(replayed_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.source}, {self.received_at:%Y-%m-%d %H:%M}"

    def raw(self) -> bytes:
        return zlib.decompress(bytes(self.body))

    def latest(self) -> bytes:
        """As a person repaired it, else as received."""
        return self.raw() if self.repaired is None else zlib.decompress(bytes(self.repaired))


class Sender(models.Model):
    """A source and the token that speaks for it: another token can neither send as it nor read its alerts back."""

    source = models.CharField(max_length=60, unique=True)
    token = models.ForeignKey("secops.ApiToken", null=True, on_delete=models.SET_NULL, related_name="senders")
    first_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.source
