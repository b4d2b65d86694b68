"""What a case gives questions to ask about: its devices, addresses, names, hashes, keys, people."""

import hashlib
from collections.abc import Container, Iterable
from datetime import UTC, datetime, timedelta

from cases.choices import ObservableKind, Role
from cases.models import Alert, Case, CaseDevice, CaseObservable, CasePerson
from enrichment.choices import SubjectKind
from enrichment.questions.base import Question, Subject
from secops.chain import canonical
from secops.connectors.capabilities.identity import Host
from secops.networks import is_internal, stays_inside

MOST_ADDRESSES = 5  # of one case, the first seen first
MOST_OTHERS = 10
_SEEN = ("detected_at", "src_ip", "dst_ip")
HASHES = (ObservableKind.HASH_SHA256, ObservableKind.HASH_SHA1, ObservableKind.HASH_MD5)


def subjects_of(case: Case, unheard: Container[str] = ()) -> list[Subject]:
    """Everything that the case can be asked about now; grows when a lookup names a device or a person.

    `unheard` holds the keys of subjects that no source knows.
    """
    at = case.first_alert_at
    links = list(CaseObservable.objects.filter(case=case).select_related("observable").order_by("pk")[:200])
    hosts, inside = _hosts(case, unheard)
    outside = [
        Subject(kind=SubjectKind.ADDRESS, at=at, value=link.observable.value, value_kind="ip")
        for link in _of_kinds(links, ObservableKind.IP)
        if not stays_inside(link.observable.value)
    ][:MOST_ADDRESSES]
    return [
        *(_lease(address, minute) for address, minute in inside.items()),
        *outside,
        *_values(links, SubjectKind.DOMAIN, at, ObservableKind.DOMAIN),
        *_values(links, SubjectKind.HASH, at, *HASHES),
        *(Subject(kind=SubjectKind.HOST, at=at, host=host) for host in hosts),
        *(
            Subject(kind=SubjectKind.PAIR, at=at, host=host, value=one.value, value_kind="ip")
            for host in hosts
            for one in outside
        ),
        *(
            Subject(kind=SubjectKind.REGISTRY, at=at, host=host, value=link.observable.value, value_kind="registry_key")
            for host in hosts
            for link in _of_kinds(links, ObservableKind.REGISTRY_KEY)[:2]
        ),
        *_people(case, hosts, at),
        Subject(kind=SubjectKind.CASE, at=at, value=str(case.pk)),
    ]


def key_of(subject: Subject) -> str:
    """The same whoever asks: kind and values, without the time.

    The name speaks for the device, because its id is often learnt only on the way, and what was asked by name must not
    be asked again by id.
    """
    plain = subject.plain()
    host = plain["host"]
    strongest = host.get("name", "").upper() or host.get("agent_id") or host.get("address") or ""
    return hashlib.sha256(canonical([plain["kind"], plain["value_kind"], plain["value"], strongest])).hexdigest()


def bucket_of(question: type[Question], at: datetime) -> str:
    """The start of the time that one answer is good for, such as 2026-11-24T14:00."""
    seconds = max(int(question.bucket.total_seconds()), 60)
    start = datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)
    return f"{start:%Y-%m-%dT%H:%M}/{timedelta(seconds=seconds).total_seconds():.0f}"


def _hosts(case: Case, unheard: Container[str]) -> tuple[list[Host], dict[str, datetime]]:
    """Devices of the case; and the inside addresses whose lease is to be asked, each with the minute of the first
    alert that names it: hours later another device may have it.

    An address alone becomes a host only when nobody can say whose it was: acting and asking go by device.
    """
    devices = list(CaseDevice.objects.filter(case=case).select_related("device").order_by("pk")[:MOST_OTHERS])
    named: dict[str, datetime] = {}
    for at, *addresses in Alert.objects.filter(case=case).order_by("pk").values_list(*_SEEN)[:20]:
        for address in addresses:
            if address and is_internal(address):
                named.setdefault(address, at)
    inside = dict(list(named.items())[:MOST_ADDRESSES])
    known = {one.address for one in devices if one.address}
    hosts = [one.device.host(one.address) for one in devices if one.reason != "hunt"]
    lost = [one for one in inside if one not in known and key_of(_lease(one, case.first_alert_at)) in unheard]
    return hosts or [Host(address=address) for address in lost[:1]], inside


def _lease(address: str, at: datetime) -> Subject:
    return Subject(kind=SubjectKind.LEASE, at=at, value=address, host=Host(address=address))


def _of_kinds(links: Iterable[CaseObservable], *kinds: str) -> list[CaseObservable]:
    return list({link.observable_id: link for link in links if link.observable.kind in kinds}.values())


def _values(links: Iterable[CaseObservable], kind: SubjectKind, at: datetime, *kinds: str) -> list[Subject]:
    return [
        Subject(kind=kind, at=at, value=link.observable.value, value_kind=link.observable.kind)
        for link in _of_kinds(links, *kinds)
    ][:MOST_ADDRESSES]


def _people(case: Case, hosts: list[Host], at: datetime) -> list[Subject]:
    rows = CasePerson.objects.filter(case=case).exclude(person__login="").select_related("person").order_by("pk")
    logins = list(dict.fromkeys(row.person.login for row in rows if row.role != Role.OTHER))[:3]
    host = hosts[0] if hosts else Host()
    return [Subject(kind=SubjectKind.PERSON, at=at, value=login, host=host) for login in logins]
