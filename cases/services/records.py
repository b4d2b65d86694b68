"""The rows of alerts: what is known of a reference, new alerts with their payloads, later messages, and what could
not be read."""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cases.intake.base import FieldProblem, NormalAlert, NormalFlow
from cases.models import (
    Alert,
    AlertObservable,
    AlertPayload,
    AlertRevision,
    Case,
    RejectedPayload,
    SuppressedAlert,
    Suppression,
)
from cases.services import bulk, joining
from cases.services.drafts import MAX_COUNT, Draft, last_seen
from cases.services.joining import Joined
from cases.services.reading import Read

LEVEL = 1  # of zlib: 14 us for a usual payload

_KNOWN = (
    "SELECT a.source, a.source_ref, a.id, a.case_id, a.count, a.last_seen_at, a.status, p.sha256, c.is_restricted"
    " FROM cases_alert a JOIN {keys} ON a.source = k.a AND a.source_ref = k.b"
    " LEFT JOIN cases_alertpayload p ON p.alert_id = a.id LEFT JOIN cases_case c ON c.id = a.case_id"
)
_SEEN = (
    "SELECT p.sha256, a.id, a.case_id, a.source, a.detector, a.problems, c.is_restricted"
    " FROM cases_alertpayload p JOIN {keys} ON p.sha256 = k.a JOIN cases_alert a ON a.id = p.alert_id"
    " LEFT JOIN cases_case c ON c.id = a.case_id"
)
_ALERT = (
    *("id", "source", "source_ref", "detector", "kind_id", "case_id", "title", "description", "severity"),
    *("rule_id", "rule_name", "action", "status", "url", "tlp", "pap", "detected_at", "received_at"),
    *("last_seen_at", "count", "device_id", "src_ip", "src_port", "dst_ip", "dst_port", "proto"),
    *("bytes_out", "bytes_in", "details", "problems"),
)
_PAYLOAD = ("alert_id", "body", "sha256", "size")
_SIGHTING = ("alert_id", "observable_id", "role")
_REVISION = ("alert_id", "received_at", "body", "sha256", "size")
_SUPPRESSED = ("alert_id", "suppression_id", "at")
_HITS = ("id", "hits", "last_hit_at")
_HIT = "hits = cases_suppression.hits + v.hits, last_hit_at = v.last_hit_at"
_FOLLOWED = ("id", "count", "last_seen_at", "status")
_FOLLOW = "count = v.count, last_seen_at = v.last_seen_at, status = v.status"
_NO_FLOW = NormalFlow()
_BIG = 2**63 - 1


@dataclass(slots=True)
class Known:
    """An alert that was there before the batch."""

    pk: int
    case_pk: int | None
    count: int
    last_seen_at: datetime
    status: str
    sha256: str
    is_restricted: bool
    entered_with: Read | None = None  # the message of this batch with which it came into a case after all


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert that came with the very same bytes."""

    pk: int
    case_pk: int | None
    source: str
    detector: str
    problems: str  # JSON
    is_restricted: bool

    def is_meant(self, detector: str, source: str) -> bool:
        """Would reading the bytes again lead to it, and to nothing else? It does where its source is the one that
        stands in, unless it waits without a case: the rule that kept it out may be over."""
        if self.case_pk is None:
            return False
        return detector in {self.detector, "auto"} and self.source == (source or self.detector)

    def errors(self) -> tuple[FieldProblem, ...]:
        return tuple(FieldProblem(**problem) for problem in json.loads(self.problems))


def seen(bodies: Iterable[bytes]) -> dict[bytes, Seen]:
    """Alerts that came with these bytes: a batch that is sent again is known without being read."""
    by_hash = {sha256(body).hexdigest(): body for body in bodies}
    rows = bulk.find(_SEEN, "text", [(key,) for key in by_hash])
    return {
        by_hash[key]: Seen(pk, case, source, detector, problems, bool(restricted))
        for key, pk, case, source, detector, problems, restricted in rows
    }


def known(reads: Sequence[Read]) -> dict[tuple[str, str], Known]:
    """Alerts of these references that exist already."""
    rows = bulk.find(_KNOWN, "text text", sorted({read.key for read in reads}))
    return {
        (source, ref): Known(pk, case, count, bulk.read_time(last), status, digest or "", bool(restricted))
        for source, ref, pk, case, count, last, status, digest, restricted in rows
    }


def create(drafts: Sequence[Draft], at: datetime) -> list[Joined]:
    """Write new alerts and all that hangs on them; return the cases that they joined or opened."""
    if not drafts:
        return []
    going = [draft for draft in drafts if not draft.suppression]
    alert_ids, case_ids = bulk.new_ids((Alert, len(drafts)), (Case, joining.most_new(going)))
    for draft, pk in zip(drafts, alert_ids, strict=True):
        draft.pk = pk
    cases = joining.join(going, case_ids, at=at)
    ordered = sorted(drafts, key=lambda draft: draft.read.key)  # every batch in the same order: no deadlock
    sightings = [(draft.pk, *sighting) for draft in drafts for sighting in draft.sightings]
    revisions = [(draft.pk, later) for draft in drafts for later in draft.later]
    with bulk.together(len(drafts)):
        joining.write(cases, at=at)
        bulk.add(Alert, _ALERT, [_alert_row(draft, at) for draft in ordered])
        bulk.add(AlertPayload, _PAYLOAD, [(draft.pk, *_packed(draft.read)) for draft in drafts])
        bulk.add(AlertObservable, _SIGHTING, sightings)
        _revise((pair for pair in revisions if pair[1].sha256 not in _bodies(drafts)), at)
        _count_suppressed([draft for draft in drafts if draft.suppression], at)
    return cases


def _count_suppressed(drafts: Sequence[Draft], at: datetime) -> None:
    """Which rule kept which alert out, and the rules' counts; last, for batches that meet one rule wait for each other
    from here on."""
    bulk.add(SuppressedAlert, _SUPPRESSED, [(draft.pk, draft.suppression, at) for draft in drafts])
    hits = sorted(Counter(draft.suppression for draft in drafts).items())
    bulk.change(Suppression, _HITS, [(pk, number, at) for pk, number in hits], to=_HIT)


def _bodies(drafts: Iterable[Draft]) -> set[str]:
    return {draft.read.sha256 for draft in drafts if draft.later}


def follow(pairs: Sequence[tuple[Known, Read]], at: datetime) -> None:
    """A later message of a known alert: identity and first body stand; count, last seen and status follow it."""
    changed: dict[int, Known] = {}
    for old, read in pairs:
        alert = read.alert
        if alert is None or read.sha256 == old.sha256:
            continue
        new = (min(alert.count, MAX_COUNT), max(old.last_seen_at, last_seen(alert)), alert.status[:40])
        if new != (old.count, old.last_seen_at, old.status):
            old.count, old.last_seen_at, old.status = new
            changed[old.pk] = old
    rows = [(old.pk, old.count, old.last_seen_at, old.status) for _, old in sorted(changed.items())]
    bulk.change(Alert, _FOLLOWED, rows, to=_FOLLOW)
    _revise(((old.pk, read) for old, read in pairs if read.sha256 != old.sha256), at)


def fold(draft: Draft, read: Read) -> None:
    """A later message of an alert that is new in the same batch."""
    if read.alert is None or read.sha256 == draft.read.sha256:
        return
    draft.count, draft.status = min(read.alert.count, MAX_COUNT), read.alert.status[:40]
    draft.last_seen_at = max(draft.last_seen_at, last_seen(read.alert))
    draft.later.append(read)


def keep(reads: Sequence[tuple[Read, Sequence[FieldProblem]]], *, source: str, at: datetime) -> None:
    """Keep what could not be read, for inspection and replay."""
    RejectedPayload.objects.bulk_create(
        RejectedPayload(
            received_at=at,
            source=source or read.source,
            detector=read.detector,
            body=zlib.compress(read.body, LEVEL),
            size=len(read.body),
            problems=[asdict(problem) for problem in problems],
        )
        for read, problems in reads
    )


def _revise(pairs: Iterable[tuple[int, Read]], at: datetime) -> None:
    rows = {}
    for pk, read in pairs:
        body, digest, size = _packed(read)
        rows[pk, digest] = (pk, at, body, digest, size)
    bulk.add_or(AlertRevision, _REVISION, list(rows.values()), key="alert_id, sha256", otherwise="NOTHING")


def _packed(read: Read) -> tuple[bytes, str, int]:
    return zlib.compress(read.body, LEVEL), read.sha256, len(read.body)


def _alert_row(draft: Draft, at: datetime) -> bulk.Row:
    alert, read, flow = draft.alert, draft.read, draft.alert.flow or _NO_FLOW
    return (
        *(draft.pk, read.source, alert.source_ref, read.detector[:60], draft.kind.pk if draft.kind else None),
        *(draft.case_id or None, alert.title[:300], alert.description, alert.severity, alert.rule_id[:255]),
        *(alert.rule_name[:300], alert.action, draft.status, alert.url[:2000], alert.tlp, alert.pap),
        *(alert.detected_at, at, draft.last_seen_at, draft.count, draft.devices[0].pk if draft.devices else None),
        *(flow.src_ip[:45], flow.src_port, flow.dst_ip[:45], flow.dst_port, flow.proto[:12]),
        *(_size(flow.bytes_out), _size(flow.bytes_in), bulk.as_json(_details(alert)), bulk.as_json(read.problems)),
    )


def _size(number: int | None) -> int | None:
    return None if number is None else min(number, _BIG)


_DETAILS = (
    *("kind", "rule_version", "rule_url", "severity_raw", "is_severity_assumed", "confidence", "risk_score"),
    *("first_seen_at", "last_seen_at", "tags", "is_unmapped", "grouping_key"),
)


def _details(alert: NormalAlert) -> dict[str, Any]:
    """The rest of nightdesk.alert/1, without what is empty."""
    found = {name: value for name in _DETAILS if (value := getattr(alert, name)) or (value == 0 and value is not False)}
    if alert.flow and alert.flow.direction:
        found["direction"] = alert.flow.direction
    if alert.devices:
        found["devices"] = [_filled(device) for device in alert.devices]
    if alert.people:
        found["people"] = [_filled(person) for person in alert.people]
    if alert.attack:
        found["attack"] = [{"technique": technique, "tactic": tactic} for technique, tactic in alert.attack]
    if notes := [_filled(one) for one in alert.observables if one.note or one.tags]:
        found["observables"] = notes
    return found


def _filled(thing: Any) -> dict[str, Any]:
    return {name: value for name in thing.__slots__ if (value := getattr(thing, name))}
