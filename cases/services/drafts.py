"""New alerts on their way into the record: their kind, devices, people and observables, found together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cases.intake.base import NormalAlert, NormalObservable
from cases.models import AlertKind, Device, Person
from cases.services import devices, grouping, kinds, observables, people, suppressing
from cases.services.reading import Read
from cases.services.suppressing import Seen

MAX_COUNT = 2_147_483_647


@dataclass(slots=True)
class Draft:
    """One new alert. `count`, `last_seen_at` and `status` follow later messages of the same reference."""

    read: Read
    alert: NormalAlert
    kind: AlertKind | None
    notes: list[str]
    severity: int  # at least what the kind says
    count: int
    last_seen_at: datetime
    status: str
    address: str
    devices: list[Device] = field(default_factory=list)
    people: list[tuple[Person, str]] = field(default_factory=list)
    sightings: list[tuple[int, str]] = field(default_factory=list)  # observable id, role
    fingerprint: str = ""
    suppression: int = 0  # the rule that keeps it out of the queue
    later: list[Read] = field(default_factory=list)  # in the same batch
    pk: int = 0
    case_id: int = 0

    def sign(self) -> None:
        """The fingerprint, once kind and devices are known."""
        device = self.devices[0].pk if self.devices else None
        self.fingerprint = grouping.fingerprint(
            self.alert, self.kind, device_id=device, source=self.read.source, address=self.address
        )


def drafted(reads: Sequence[Read], *, at: datetime, may_suppress: bool = True, is_told: bool = False) -> list[Draft]:
    """A draft of each new alert, complete but for the ids of alert and case. In a transaction."""
    sieves = kinds.enabled(at)
    drafts = [_draft(read, read.alert, sieves) for read in reads if read.alert]
    _find_devices(drafts)
    _find_people(drafts)
    _find_observables(drafts, at)
    for draft in drafts:
        draft.sign()
        if is_told:  # however its kind groups: a person's own words join nothing that others work on
            draft.fingerprint = grouping.of_told(draft.read.source, draft.alert.source_ref)
    if may_suppress and sieves.may_suppress:
        _suppress(drafts, at)
    return drafts


def last_seen(alert: NormalAlert) -> datetime:
    return alert.last_seen_at or alert.detected_at


def _draft(read: Read, alert: NormalAlert, sieves: kinds.Sieves) -> Draft:
    kind, notes = kinds.match(alert, sieves, detector=read.detector)
    return Draft(
        read=read,
        alert=alert,
        kind=kind,
        notes=notes,
        severity=grouping.severity_of(alert, kind),
        count=min(alert.count, MAX_COUNT),
        last_seen_at=last_seen(alert),
        status=alert.status[:40],
        address=grouping.address_of(alert),
    )


def _suppress(drafts: Sequence[Draft], at: datetime) -> None:
    """Never what belongs to a restricted case, or is about its devices or people: everybody reads what a rule kept
    out. That is asked only of what a rule fits."""
    rules = suppressing.in_force(at)
    fits: list[tuple[Draft, int]] = []
    for draft in drafts:
        seen = Seen(draft.alert, draft.kind, draft.read.source, draft.read.detector)
        if rule := suppressing.first_fit(rules, seen):
            fits.append((draft, rule))
    if not fits:
        return
    restricted = suppressing.restricted(
        {draft.fingerprint for draft, _ in fits},
        {device.pk for draft, _ in fits for device in draft.devices},
        {person.pk for draft, _ in fits for person, _ in draft.people},
    )
    for draft, rule in fits:
        if not restricted.concerns(draft.fingerprint, draft.devices, [person for person, _ in draft.people]):
            draft.suppression = rule


def _find_devices(drafts: Sequence[Draft]) -> None:
    wanted = list({device: None for draft in drafts for device in draft.alert.devices})
    if not wanted:
        return
    found = dict(zip(wanted, devices.resolve(wanted), strict=True))
    for draft in drafts:
        known = (found[device] for device in draft.alert.devices)
        draft.devices = list({device.pk: device for device in known if device}.values())


def _find_people(drafts: Sequence[Draft]) -> None:
    wanted = list({person: None for draft in drafts for person in draft.alert.people})
    if not wanted:
        return
    found = dict(zip(wanted, people.resolve(wanted), strict=True))
    for draft in drafts:
        known = ((found[person], person.role[:20]) for person in draft.alert.people)
        draft.people = list({(one.pk, role): (one, role) for one, role in known if one}.values())


def _find_observables(drafts: Sequence[Draft], at: datetime) -> None:
    wanted: dict[tuple[str, str], bool] = {}
    for draft in drafts:
        for seen in draft.alert.observables:
            key = _key(seen)
            wanted[key] = wanted.get(key, False) or seen.is_indicator
    if not wanted:
        return
    ids = observables.ids_of(((kind, value, bad) for (kind, value), bad in wanted.items()), at=at)
    for draft in drafts:
        found = {(ids[_key(seen)], seen.role): None for seen in draft.alert.observables}
        draft.sightings = list(found)


def _key(seen: NormalObservable) -> tuple[str, str]:
    return seen.kind, seen.value[: observables.MAX_VALUE]
