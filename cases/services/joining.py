"""Alerts into cases: one open case per fingerprint, joined and counted up, or opened. Writes all that hangs on a
case: its row, timeline, observables, devices and people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cases.choices import DeviceReason, DeviceState, Stage
from cases.models import Case, CaseDevice, CaseObservable, CasePerson, TimelineEntry
from cases.services import bulk, grouping, timeline
from cases.services.drafts import Draft
from cases.services.timeline import Head
from secops.chain import FIRST

_JOINED = (
    "SELECT c.id, c.fingerprint, c.severity, c.tlp, c.pap, c.is_unread, c.is_restricted, c.chain_seq, c.chain_head,"
    " c.last_alert_at, c.device_name, c.person_name, c.alert_count FROM cases_case c JOIN {keys} ON c.fingerprint = k.a"
    " WHERE NOT (c.stage = 'closed') "
)
_CASE = (
    *("id", "title", "kind_id", "stage", "disposition", "close_reason", "severity", "tlp", "pap"),
    *("is_restricted", "is_covert", "is_released_to_hr", "group_id", "assignee_id", "fingerprint", "is_unread"),
    *("alert_count", "event_count", "opened_at", "first_alert_at", "last_alert_at", "updated_at"),
    *("acknowledged_at", "sla_due_at", "closed_at", "device_name", "person_name", "target", "target_country"),
    *("is_planning_due", "cards", "enrichment", "risk_score", "risk", "enriched_at", "chain_seq", "chain_head"),
)
_CHANGED = (
    *("id", "alert_count", "event_count", "severity", "tlp", "pap", "is_unread", "last_alert_at"),
    *("device_name", "person_name", "chain_seq", "chain_head"),
)
_CHANGE = (
    "alert_count = cases_case.alert_count + v.alert_count, event_count = cases_case.event_count + v.event_count,"
    " severity = v.severity, tlp = v.tlp, pap = v.pap, is_unread = v.is_unread, last_alert_at = v.last_alert_at,"
    " updated_at = v.last_alert_at, device_name = v.device_name, person_name = v.person_name,"
    " chain_seq = v.chain_seq, chain_head = v.chain_head, is_planning_due = (1 = 1)"
)
_LINK = ("case_id", "observable_id", "role", "first_seen_at", "count")
_DEVICE = ("case_id", "device_id", "state", "state_at", "reason", "address", "added_at")
_PERSON = ("case_id", "person_id", "role")


@dataclass(slots=True)
class Joined:
    """A case of this batch, with the alerts that the batch brings to it."""

    pk: int
    fingerprint: str | None  # of a case that is full: none
    drafts: list[Draft]
    is_new: bool
    severity: int  # before the batch; of a new case: after it
    tlp: int
    pap: int
    is_unread: bool
    is_restricted: bool
    head: Head
    device_name: str = ""
    person_name: str = ""
    is_more: bool = False  # opened because the case before it is full
    new_devices: list[str] = field(default_factory=list)


def most_new(drafts: Sequence[Draft]) -> int:
    """How many cases these drafts open at most."""
    numbers = Counter(draft.fingerprint for draft in drafts)
    maxima = {draft.fingerprint: grouping.maximum_of(draft.kind) for draft in drafts}
    return sum(-(-number // maxima[key]) for key, number in numbers.items())


def join(drafts: Sequence[Draft], case_ids: Sequence[int], *, at: datetime) -> list[Joined]:
    """Find the case of each draft, or open one; `write` writes them. `case_ids` are new ones, as many as `most_new`
    says; the ids of the alerts are known, their rows not yet written."""
    groups: dict[str, list[Draft]] = {}
    for draft in drafts:
        groups.setdefault(draft.fingerprint, []).append(draft)
    known = _known(groups, at)
    room = {key: _room(row, groups[key]) for key, row in known.items()}
    ids = iter(case_ids)
    opened = [
        _opened(next(ids), key if is_last else None, share, is_more=is_more)
        for key in sorted(groups)  # every batch in the same order: no deadlock
        for share, is_more, is_last in _shares(groups[key], room.get(key))
    ]
    grown = [_grown(row, groups[key][: room[key]]) for key, row in known.items() if room[key]]
    if full := [row[0] for key, row in known.items() if len(groups[key]) > room[key]]:
        Case.objects.filter(pk__in=full).update(fingerprint=None)
    for joined in (*opened, *grown):
        for draft in joined.drafts:
            draft.case_id = joined.pk
    _note_devices(grown)
    return [*opened, *grown]


def _room(row: bulk.Row, drafts: Sequence[Draft]) -> int:
    """How many of these alerts the case takes: a restricted one takes all, since the next would be open to all."""
    return len(drafts) if row[6] else max(_most(drafts) - row[12], 0)


def _most(drafts: Sequence[Draft]) -> int:
    return grouping.maximum_of(drafts[0].kind)


def _shares(drafts: list[Draft], room: int | None) -> Iterator[tuple[list[Draft], bool, bool]]:
    """What goes into each new case, whether it is one more of the same story, and whether it takes the next alert;
    `room` is that of the case which is there."""
    left, most = drafts[room or 0 :], _most(drafts)
    for start in range(0, len(left), most):
        yield left[start : start + most], room is not None or start > 0, start + most >= len(left)


def write(cases: Sequence[Joined], *, at: datetime) -> None:
    """Write the cases of a batch and what hangs on them, their timelines last. Reads nothing."""
    opened = [joined for joined in cases if joined.is_new]
    grown = [joined for joined in cases if not joined.is_new]
    entries = [_entry(joined, at) for joined in cases]
    bulk.add(Case, _CASE, [_case_row(joined, at) for joined in opened])
    bulk.change(Case, _CHANGED, [_change_row(joined, at) for joined in grown], to=_CHANGE)
    _write_parts(opened, grown, at)
    bulk.add(TimelineEntry, timeline.COLUMNS, entries)


def _known(groups: Mapping[str, Sequence[Draft]], at: datetime) -> dict[str, bulk.Row]:
    """The open cases of these fingerprints, locked; one whose window is over gives its fingerprint away, unless it is
    restricted: its story stays with those who may see it."""
    rows = bulk.find(_JOINED + bulk.locked("c.id", "c"), "text", [(key,) for key in sorted(groups)])
    known = {row[1]: row for row in rows}
    expired = [row[0] for row in rows if not row[6] and _is_over(row, groups[row[1]], at)]
    if expired:
        Case.objects.filter(pk__in=expired).update(fingerprint=None)
    return {key: row for key, row in known.items() if row[0] not in expired}


def _is_over(row: bulk.Row, drafts: Sequence[Draft], at: datetime) -> bool:
    window: bool = bulk.read_time(row[9]) < at - grouping.window_of(drafts[0].kind)
    return window


def _opened(pk: int, key: str | None, drafts: list[Draft], *, is_more: bool) -> Joined:
    kind = drafts[0].kind
    return Joined(
        pk=pk,
        fingerprint=key,
        drafts=drafts,
        is_new=True,
        severity=max(draft.severity for draft in drafts),
        tlp=max(draft.alert.tlp for draft in drafts),
        pap=max(draft.alert.pap for draft in drafts),
        is_unread=True,
        is_restricted=bool(kind and kind.is_restricted),
        head=Head(0, FIRST),
        device_name=_device_name(drafts),
        person_name=_person_name(drafts),
        is_more=is_more,
    )


def _grown(row: bulk.Row, drafts: list[Draft]) -> Joined:
    pk, key, severity, tlp, pap, is_unread, is_restricted, seq, head, _, device_name, person_name, _ = row
    return Joined(
        pk=pk,
        fingerprint=key,
        drafts=drafts,
        is_new=False,
        severity=severity,
        tlp=max(tlp, *(draft.alert.tlp for draft in drafts)),
        pap=max(pap, *(draft.alert.pap for draft in drafts)),
        is_unread=bool(is_unread),
        is_restricted=bool(is_restricted),
        head=Head(seq, head),
        device_name=device_name or _device_name(drafts),
        person_name=person_name or _person_name(drafts),
    )


def _device_name(drafts: Iterable[Draft]) -> str:
    names = (draft.devices[0].name if draft.devices else draft.address for draft in drafts)
    return next((name for name in names if name), "")


def _person_name(drafts: Iterable[Draft]) -> str:
    people = [str(person) for draft in drafts for person, role in draft.people if role != "target"]
    return people[0][:255] if people else ""


def _note_devices(grown: Sequence[Joined]) -> None:
    """Which devices are new to the cases that were there."""
    pairs = {(joined.pk, device.pk): device for joined in grown for draft in joined.drafts for device in draft.devices}
    if not pairs:
        return
    had = set(CaseDevice.objects.filter(case_id__in={pk for pk, _ in pairs}).values_list("case_id", "device_id"))
    by_pk = {joined.pk: joined for joined in grown}
    for (case_id, device_id), device in pairs.items():
        if (case_id, device_id) not in had:
            by_pk[case_id].new_devices.append(device.name)


def _entry(joined: Joined, at: datetime) -> bulk.Row:
    """The batch's one line on a case's timeline; it also decides whether the case is unread again."""
    first, number = joined.drafts[0], len(joined.drafts)
    sentences = [
        grouping.words_for(
            source=first.read.source,
            number=number,
            first=f"ALR-{first.pk}",
            title=first.alert.title,
            is_new=joined.is_new,
            opened_as=first.kind,
        )
    ]
    severity = max(joined.severity, *(draft.severity for draft in joined.drafts))
    if not joined.is_new:
        sentences += grouping.words_for_news(
            was=joined.severity, now=severity, devices=joined.new_devices, was_read=not joined.is_unread
        )
        joined.is_unread = joined.is_unread or len(sentences) > 1
    if joined.is_more:
        sentences.append(f"The case before it has all {grouping.maximum_of(first.kind):,} alerts it takes")
    joined.severity = severity
    sentences += list(dict.fromkeys(note for draft in joined.drafts for note in draft.notes))
    return timeline.row(
        joined.head,
        joined.pk,
        " · ".join(sentences),
        kind=TimelineEntry.Kind.ALERT,
        who=first.read.source,
        refs={"alert": first.pk, "alerts": number},
        at=at,
    )


def _case_row(joined: Joined, at: datetime) -> bulk.Row:
    first, number = joined.drafts[0], len(joined.drafts)
    kind, alert = first.kind, first.alert
    due = at + timedelta(minutes=kind.sla_minutes) if kind else None
    detected = min(draft.alert.detected_at for draft in joined.drafts)
    return (
        *(joined.pk, alert.title[:300], kind.pk if kind else None, str(Stage.NEW), "", ""),
        *(joined.severity, joined.tlp, joined.pap, joined.is_restricted, bool(kind and kind.is_covert), False),
        *(kind.group_id if kind and kind.is_restricted else None, None, joined.fingerprint, True),
        *(number, sum(draft.count for draft in joined.drafts), at, detected, at, at, None, due, None),
        *(joined.device_name[:255], joined.person_name, grouping.target_of(alert, first.address), "", True),
        *("{}", "{}", None, "{}", None, joined.head.seq, joined.head.hash),
    )


def _change_row(joined: Joined, at: datetime) -> bulk.Row:
    events = sum(draft.count for draft in joined.drafts)
    return (
        *(joined.pk, len(joined.drafts), events, joined.severity, joined.tlp, joined.pap, joined.is_unread, at),
        *(joined.device_name[:255], joined.person_name, joined.head.seq, joined.head.hash),
    )


def _write_parts(opened: Sequence[Joined], grown: Sequence[Joined], at: datetime) -> None:
    """Observables, devices and people of the cases; those of a new case cannot be there yet."""
    bulk.add(CaseObservable, _LINK, _links(opened, at))
    count = "UPDATE SET count = cases_caseobservable.count + excluded.count"
    bulk.add_or(CaseObservable, _LINK, sorted(_links(grown, at)), key="case_id, observable_id, role", otherwise=count)
    bulk.add(CaseDevice, _DEVICE, _devices(opened, at))
    bulk.add_or(CaseDevice, _DEVICE, _devices(grown, at), key="case_id, device_id", otherwise="NOTHING")
    bulk.add(CasePerson, _PERSON, _people(opened))
    bulk.add_or(CasePerson, _PERSON, _people(grown), key="case_id, person_id, role", otherwise="NOTHING")


def _links(cases: Sequence[Joined], at: datetime) -> list[bulk.Row]:
    counts: dict[tuple[int, int, str], int] = {}
    for joined in cases:
        for draft in joined.drafts:
            for observable, role in draft.sightings:
                key = (joined.pk, observable, role)
                counts[key] = counts.get(key, 0) + 1
    return [(*key, at, count) for key, count in counts.items()]


def _devices(cases: Sequence[Joined], at: datetime) -> list[bulk.Row]:
    found: dict[tuple[int, int], bulk.Row] = {}
    for joined in cases:
        for draft in joined.drafts:
            for place, device in enumerate(draft.devices):
                address = draft.address if place == 0 else ""
                row = (joined.pk, device.pk, str(DeviceState.SUSPECTED), at, str(DeviceReason.ALERT), address, at)
                found.setdefault((joined.pk, device.pk), row)
    return [found[key] for key in sorted(found)]


def _people(cases: Sequence[Joined]) -> list[bulk.Row]:
    return sorted(
        {(joined.pk, person.pk, role) for joined in cases for draft in joined.drafts for person, role in draft.people}
    )
