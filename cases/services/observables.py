"""Things seen: one row for the whole house per kind and value, and where else they were seen."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from cases.choices import ObservableKind, Role, Verdict
from cases.intake.gate import clean_text
from cases.models import Case, CaseObservable, Evidence, Observable
from cases.services import bulk
from secops.models import User

MAX_VALUE = 4_096  # characters
MAX_OTHERS = 20  # cases that "seen before" names

_COLUMNS = ("kind", "value", "value_key", "is_indicator", "is_noise", "verdict", "first_seen_at")
_NOISE_KINDS = frozenset({ObservableKind.PORT, ObservableKind.USER_AGENT, ObservableKind.SUBNET})
_NOISE_VALUES = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",  # hashes of nothing
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "1.1.1.1",  # resolvers that everybody asks
        "1.0.0.1",
        "8.8.8.8",
        "8.8.4.4",
        "9.9.9.9",
        "localhost",
        "system",  # accounts that every device has
        "local service",
        "network service",
        "nt authority\\system",
    }
)

_LOCAL = ("0.", "127.", "169.254.", "22", "23", "::", "fe8", "fe9", "fea", "feb", "ff")  # parsed only if it may be


def key_of(kind: str, value: str) -> str:
    """What makes an observable one: SHA-256 of kind and value."""
    return hashlib.sha256(f"{kind}\n{value}".encode()).hexdigest()


def is_noise(kind: str, value: str) -> bool:
    """Would finding it in another case say nothing?"""
    if kind in _NOISE_KINDS or value.casefold() in _NOISE_VALUES or not value.strip("0"):
        return True
    if kind != ObservableKind.IP or not value.startswith(_LOCAL):
        return False
    try:
        address = ip_address(value)
    except ValueError:
        return False
    return address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local


def ids_of(wanted: Iterable[tuple[str, str, bool]], *, at: datetime) -> dict[tuple[str, str], int]:
    """Find or make many at once: (kind, value, is_indicator) in, ids by (kind, value) out."""
    rows = {key_of(kind, value): (kind, value, is_indicator) for kind, value, is_indicator in wanted}
    ordered = sorted(rows)  # every batch in the same order: no deadlock
    found = bulk.found_or_added(
        Observable,
        _COLUMNS,
        [(rows[key][0], rows[key][1], key, rows[key][2], is_noise(*rows[key][:2]), "", at) for key in ordered],
        key="value_key",
    )
    return {rows[key][:2]: pk for key, pk in found.items()}


@transaction.atomic
def attach(
    case_id: int,
    kind: str,
    value: str,
    role: str,
    *,
    actor: User | None = None,
    found_in: Evidence | None = None,
    at: datetime | None = None,
) -> Observable:
    """Note that a case has to do with this; safe to repeat. `actor` is None when a machine found it, `found_in` the
    item in which it did, and `at` when that first shows it."""
    now = timezone.now()
    value = clean_text(value)[:MAX_VALUE]
    pk = ids_of([(kind, value, False)], at=now)[(kind, value)]
    _, is_new = CaseObservable.objects.get_or_create(
        case_id=case_id,
        observable_id=pk,
        role=Role(role),
        defaults={"first_seen_at": at or now, "found_in": found_in},
    )
    if is_new:
        Case.objects.filter(pk=case_id).update(is_planning_due=True, updated_at=now)
    return Observable.objects.get(pk=pk)


_WORST_FIRST = [Verdict.MALICIOUS, Verdict.SUSPICIOUS, Verdict.BENIGN, Verdict.INFORMATIONAL, Verdict.UNKNOWN]


def set_verdict(kind: str, value: str, verdict: str) -> None:
    """Remember what a finding said of it; a milder word never replaces a worse one."""
    milder = ["", *_WORST_FIRST[_WORST_FIRST.index(Verdict(verdict)) + 1 :]]
    Observable.objects.filter(value_key=key_of(kind, value[:MAX_VALUE]), verdict__in=milder).update(
        verdict=verdict, is_indicator=F("is_indicator") if verdict != Verdict.MALICIOUS else True
    )


def seen_before(case: Case, user: User) -> list[dict[str, Any]]:
    """Other cases that share observables and that the user may see: [{case, shared: [Observable]}], newest first."""
    mine = case.links.filter(observable__is_noise=False).values("observable_id")
    others = (
        CaseObservable.objects.filter(observable_id__in=mine, case__in=Case.objects.visible_to(user))
        .exclude(case=case)
        .select_related("case", "observable")
        .order_by("-case__last_alert_at", "-case_id", "observable_id")
    )
    found: dict[int, dict[str, Any]] = {}
    for link in others[: MAX_OTHERS * 20]:
        entry = found.setdefault(link.case_id, {"case": link.case, "shared": []})
        if link.observable not in entry["shared"]:
            entry["shared"].append(link.observable)
    return list(found.values())[:MAX_OTHERS]
