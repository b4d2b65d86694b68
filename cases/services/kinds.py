"""Which kind an alert is of: cheap equalities first, the expression only for candidates (PERFORMANCE.md, rule 11)."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import JSONField

from cases.choices import GroupBy
from cases.intake.base import NormalAlert
from cases.models import AlertKind
from cases.services import bulk
from secops.access import May, require
from secops.expressions import ExpressionError, Scope, holds, scope
from secops.models import AuditEntry, User

_SUPPRESSING = "EXISTS (SELECT 1 FROM cases_suppression s WHERE s.ended_at IS NULL AND s.expires_at > %s)"
MAX_NOTE = 200  # characters of what an expression said when it failed


@dataclass(frozen=True, slots=True)
class Sieve:
    """A kind, with its cheap tests made ready once per batch."""

    kind: AlertKind
    detectors: frozenset[str]
    prefixes: tuple[str, ...]
    words: "re.Pattern[str] | None"
    techniques: tuple[str, ...]

    def lets_pass(self, alert: NormalAlert, detector: str) -> bool:
        """May the alert be of this kind? Detector and rule must fit, and one of the signs, if any are listed."""
        if self.detectors and detector not in self.detectors:
            return False
        if self.prefixes and not alert.rule_id.startswith(self.prefixes):
            return False
        return self._has_sign(alert)

    def _has_sign(self, alert: NormalAlert) -> bool:
        if self.words is None and not self.techniques:
            return True
        if self.words and any(map(self.words.search, (alert.title, alert.rule_name, *alert.tags))):
            return True
        if self.techniques and any(technique.startswith(self.techniques) for technique, _ in alert.attack):
            return True
        return bool(self.words and self.words.search(alert.description))


class Sieves:
    """The kinds in the order in which they are asked; remembers which pass the cheap tests, for a batch has many
    alerts of few rules."""

    def __init__(self, sieves: Sequence[Sieve], *, may_suppress: bool) -> None:
        self.may_suppress = may_suppress  # is a rule of suppression in force?
        self.by_slug = {sieve.kind.slug: sieve.kind for sieve in sieves}
        self._sieves = sieves
        self._passed: dict[tuple[Any, ...], list[AlertKind]] = {}

    def candidates(self, alert: NormalAlert, detector: str) -> list[AlertKind]:
        rule = (detector, alert.rule_id, alert.title, alert.rule_name, alert.description, alert.tags, alert.attack)
        passed = self._passed.get(rule)
        if passed is None:
            passed = [sieve.kind for sieve in self._sieves if sieve.lets_pass(alert, detector)]
            self._passed[rule] = passed
        return passed


def enabled(at: datetime) -> Sieves:
    """The kinds that are on, for one batch. Their rows are read each time, for an admin may have changed them in
    another process; only from changed rows are kinds and sieves made again. The same statement says whether there are
    rules of suppression to be read, so that a house without any pays nothing for them."""
    rows = bulk.all_rows(AlertKind, beside=_SUPPRESSING, at=at)
    return Sieves(_made(tuple(row[:-1] for row in rows)), may_suppress=bool(rows[0][-1]) if rows else True)


@lru_cache(maxsize=1)
def _made(rows: tuple[bulk.Row, ...]) -> tuple[Sieve, ...]:
    fields = AlertKind._meta.concrete_fields
    names = [field.attname for field in fields]
    kinds = []
    for row in rows:
        values = [
            json.loads(value) if isinstance(field, JSONField) else field.to_python(value)
            for field, value in zip(fields, row, strict=True)
        ]
        kinds.append(AlertKind.from_db(DEFAULT_DB_ALIAS, names, values))
    kinds.sort(key=lambda kind: (kind.order, kind.pk))
    return tuple(_sieve(kind) for kind in kinds if kind.is_enabled)


def match(alert: NormalAlert, kinds: Sieves, *, detector: str = "") -> tuple[AlertKind | None, list[str]]:
    """The first kind that fits, and a sentence for each kind whose expression failed and that was skipped.

    A kind that the sender names is taken when there is one.
    """
    if named := kinds.by_slug.get(alert.kind):
        return named, []
    notes: list[str] = []
    data: Scope | None = None
    for kind in kinds.candidates(alert, detector):
        if not kind.match:
            return kind, notes
        try:
            data = scope_of(alert, detector=detector) if data is None else data
            if holds(kind.match, data):
                return kind, notes
        except ExpressionError as error:
            notes.append(f"The kind “{kind.name}” was skipped: {str(error)[:MAX_NOTE]}.")
    return None, notes


@transaction.atomic
def set_grouping(pk: int, by: Sequence[GroupBy], hours: int, maximum: int | None, *, actor: User) -> None:
    """How alerts of this kind become cases from now on; what is in cases stays there."""
    require(actor, May.ADMINISTER)
    kind = AlertKind.objects.select_for_update().get(pk=pk)
    kind.group_by, kind.group_hours, kind.group_maximum = [str(one) for one in by], hours, maximum
    kind.save(update_fields=["group_by", "group_hours", "group_maximum"])
    words = f"by {', '.join(kind.group_by)}, {hours} h, at most {maximum or 'any number of'} alerts in a case"
    AuditEntry.append(f"Changed how alerts of the kind {kind} are grouped: {words}", actor=actor)


def scope_of(alert: NormalAlert, *, detector: str = "") -> Scope:
    """What an expression sees as `alert`. Every key is always there: absent texts are "", absent numbers 0."""
    return scope(
        alert={
            "title": alert.title,
            "description": alert.description,
            "detector": detector,
            "source": alert.source,
            "severity": alert.severity,
            "rule": {"id": alert.rule_id, "name": alert.rule_name},
            "action": alert.action,
            "status": alert.status,
            "count": alert.count,
            "confidence": alert.confidence or 0,
            "risk_score": alert.risk_score or 0,
            "tags": alert.tags,
            "attack": [{"technique": technique, "tactic": tactic} for technique, tactic in alert.attack],
            "devices": _parts(alert.devices, ("name", "fqdn", "agent_id", "address", "os")),
            "people": _parts(alert.people, ("login", "upn", "domain", "role")),
            "flow": _flow(alert),
            "observables": _parts(alert.observables, ("kind", "value", "role")),
        }
    )


def _parts(things: Iterable[Any], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{name: getattr(thing, name) for name in names} for thing in things]


_TEXTS = ("src_ip", "dst_ip", "proto", "direction")
_NUMBERS = ("src_port", "dst_port", "bytes_out", "bytes_in")


def _flow(alert: NormalAlert) -> dict[str, Any]:
    flow = alert.flow
    return {name: getattr(flow, name, "") or "" for name in _TEXTS} | {
        name: getattr(flow, name, 0) or 0 for name in _NUMBERS
    }


def _sieve(kind: AlertKind) -> Sieve:
    return Sieve(
        kind=kind,
        detectors=frozenset(kind.detectors),
        prefixes=tuple(kind.rule_prefixes),
        words=_any_word(tuple(kind.words)),
        techniques=tuple(kind.techniques),
    )


@lru_cache(maxsize=200)
def _any_word(words: tuple[str, ...]) -> "re.Pattern[str] | None":
    """Whole words only: `cnc` must not be found in `concncept`."""
    if not words:
        return None
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, words))})(?![a-z0-9])", re.IGNORECASE)
