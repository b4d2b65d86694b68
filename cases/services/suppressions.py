"""Rules of suppression: written, ended, and what they kept out let in after all. Each change is in the audit log."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from cases.errors import BusyError, IncompleteError, TransitionError
from cases.intake.gate import clean_text
from cases.models import AlertKind, SuppressedAlert, Suppression
from cases.models.suppressions import CONDITIONS
from cases.services import entering, stored
from cases.services.alerts import is_race
from cases.services.devices import host_name
from cases.services.suppressing import network_of
from cases.signals import planning_due
from secops.access import May, require
from secops.models import AuditEntry, User
from secops.wording import refang

MOST_DAYS = 90
MOST_AT_ONCE = 1_000  # alerts let in by one click: one transaction


@dataclass(frozen=True, slots=True)
class LetIn:
    """`left`: alerts that wait for another click."""

    alerts: int
    cases: int
    left: int


def cleaned(conditions: dict[str, str]) -> dict[str, str]:
    """The conditions as they will be stored, without the empty ones; IncompleteError says what is wrong."""
    found = {name: value for name in CONDITIONS if (value := clean_text(conditions.get(name, "")).strip())}
    if not found:
        raise IncompleteError("Say at least one property: a rule without any would suppress everything.")
    if "observable" in found:
        found["observable"] = refang(found["observable"])
    if "device" in found and not host_name(found["device"]):
        raise IncompleteError("This device has no host name: a domain alone would fit every device without a name.")
    if "network" in found:
        found["network"] = _network(refang(found["network"]))
    if (kind := found.get("kind")) and AlertKind.objects.filter(slug=kind, is_restricted=True).exists():
        raise IncompleteError("Alerts of a kind that is born restricted are never suppressed.")
    return found


def _network(text: str) -> str:
    try:
        network = network_of(text)
    except ValueError:
        raise IncompleteError("This is neither an address nor a network.") from None
    if not network.prefixlen:
        raise IncompleteError("A network of /0 is every address: name a smaller one.")
    return str(network)


@transaction.atomic
def write(conditions: dict[str, str], reason: str, expires_at: datetime, *, actor: User) -> Suppression:
    """From here on new alerts that fit make no case. Who writes the rule owns it."""
    require(actor, May.WORK)
    found, reason, now = cleaned(conditions), clean_text(reason).strip()[:1000], timezone.now()
    if not reason:
        raise IncompleteError("Say in a sentence why: the next shift will read it.")
    if not now < expires_at <= now + timedelta(days=MOST_DAYS):
        raise IncompleteError(f"A rule ends within {MOST_DAYS} days, and not before now.")
    rule = Suppression.objects.create(**found, reason=reason, owner=actor, written_at=now, expires_at=expires_at)
    words = ", ".join(f"{name} {value}" for name, value in found.items())[:250]
    AuditEntry.append(
        f"Wrote {rule.number} until {expires_at:%Y-%m-%d %H:%M} UTC: suppress {words}. {reason}", actor=actor
    )
    return rule


@transaction.atomic
def end(pk: int, *, actor: User) -> Suppression:
    """Nothing more is suppressed by it; what was stays so until it is let in."""
    require(actor, May.WORK)
    rule = Suppression.objects.select_for_update().get(pk=pk)
    if rule.is_over:
        raise TransitionError(f"{rule.number} is over.")
    rule.ended_at, rule.ended_by = timezone.now(), actor
    rule.save(update_fields=["ended_at", "ended_by"])
    AuditEntry.append(f"Ended {rule.number}, which suppressed {rule.hits:,} alerts", actor=actor)
    return rule


def let_in(pk: int, *, actor: User) -> LetIn:
    """The alerts of the past days that the rule kept out, into cases as if they came now, but with their own times. The
    rule itself goes on. Safe to press twice: each alert goes in once."""
    require(actor, May.WORK)
    try:
        return _let_in(pk, actor)
    except (IntegrityError, OperationalError) as error:  # an alert of the same story opened its case, or is about to
        if not is_race(error):
            raise
        raise BusyError("A new alert came in between. Nothing was let in; press once more.") from error


@transaction.atomic
def _let_in(pk: int, actor: User) -> LetIn:
    """Locks what is let in, then its cases, and never the rule: intake counts its hits with the cases locked."""
    rule, now = Suppression.objects.get(pk=pk), timezone.now()
    waiting = waiting_of(rule, now)
    ids = list(waiting.select_for_update().order_by("pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    if not ids:
        raise TransitionError(f"{rule.number} keeps no alert of the last {stored.DAYS} days out.")
    drafts = entering.drafts_of(ids, now, may_suppress=False)
    for draft in drafts:
        draft.notes.append(f"Let in by {actor.display_name}; {rule.number} had suppressed it")
    cases = entering.enter(drafts, now, by=actor)
    planning_due.send(None, case_ids=[case.pk for case in cases])
    AuditEntry.append(f"Let {len(ids):,} alerts in that {rule.number} had suppressed", actor=actor)
    return LetIn(len(ids), len(cases), waiting.count())


def waiting_of(rule: Suppression, now: datetime) -> QuerySet[SuppressedAlert]:
    """What can still be let in."""
    since = now - timedelta(days=stored.DAYS)
    return SuppressedAlert.objects.filter(suppression=rule, let_in_at__isnull=True, at__gte=since)
