"""Stored alerts that a rule kept out, into cases after all: as they came in, joined as if they came now."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from cases.intake.base import NormalObservable
from cases.models import Alert, AlertObservable, Case, SuppressedAlert
from cases.services import bulk, joining, stored
from cases.services.drafts import Draft, drafted
from cases.services.joining import Joined
from cases.services.reading import Read
from cases.services.records import Known
from secops.models import User

_INTO = ("id", "case_id", "kind_id")


def locked(alert_ids: Iterable[int]) -> dict[int, int]:
    """Those that nobody let in yet, each with its rule; locked, always in the same order and before any case."""
    waiting = SuppressedAlert.objects.filter(pk__in=alert_ids, let_in_at__isnull=True)
    return dict(waiting.select_for_update().order_by("pk").values_list("pk", "suppression_id"))


def drafts_of(alert_ids: Sequence[int], at: datetime, *, may_suppress: bool) -> list[Draft]:
    """As they came in, sorted by the time of it; the device that was found then stays the first."""
    seen: dict[int, list[NormalObservable]] = {}
    links = AlertObservable.objects.filter(alert__in=alert_ids).order_by("pk").select_related("observable")
    for link in links:
        one = NormalObservable(kind=link.observable.kind, value=link.observable.value, role=link.role)
        seen.setdefault(link.alert_id, []).append(one)
    rows = {row.pk: row for row in Alert.objects.filter(pk__in=alert_ids).select_related("device")}
    reads = [
        Read(body=b"", detector=row.detector, source=row.source, index=pk, alert=stored.normal(row, seen.get(pk, ())))
        for pk, row in rows.items()
    ]
    drafts = drafted(sorted(reads, key=lambda read: read.index), at=at, may_suppress=may_suppress)
    for draft in drafts:
        row = rows[draft.read.index]
        draft.pk = row.pk
        if row.device:
            draft.devices = list({device.pk: device for device in (row.device, *draft.devices)}.values())
            draft.sign()
    return drafts


def enter(drafts: Sequence[Draft], at: datetime, *, by: User | None) -> list[Joined]:
    """Into their cases, which are returned; `by` whom, or by their sender, who told of them again."""
    cases = joining.join(drafts, bulk.new_ids((Case, joining.most_new(drafts)))[0], at=at)
    joining.write(cases, at=at)
    rows = [(draft.pk, draft.case_id, draft.kind.pk if draft.kind else None) for draft in drafts]
    bulk.change(Alert, _INTO, rows, to="case_id = v.case_id, kind_id = v.kind_id")
    SuppressedAlert.objects.filter(pk__in=[draft.pk for draft in drafts]).update(let_in_at=at, let_in_by=by)
    return cases


def enter_again(
    pairs: Iterable[tuple[Known, Read]], rules: Mapping[int, int], at: datetime, *, may_suppress: bool
) -> list[Joined]:
    """Alerts that came again, into their cases, which are returned: those of `rules` (see `locked`) that no rule in
    force fits now. Who sends an alert until it is over would otherwise never make a case of it."""
    drafts = drafts_of(sorted(rules), at, may_suppress=may_suppress)
    entering = {draft.pk: draft for draft in drafts if not draft.suppression}
    if not entering:
        return []
    for draft in entering.values():
        draft.notes.append(f"SUP-{rules[draft.pk]} had suppressed it when it came first")
    cases = enter(list(entering.values()), at, by=None)
    restricted = {case.pk for case in cases if case.is_restricted}
    for old, read in pairs:
        if old.pk in entering and old.entered_with is None:
            old.case_pk, old.entered_with = entering[old.pk].case_id, read
            old.is_restricted = old.case_pk in restricted
    return cases
