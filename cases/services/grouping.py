"""Which alerts make one case: the fingerprint, and what the row of a new case says of its story."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta

from cases.choices import GroupBy, ObservableKind, Role, Severity
from cases.intake.base import NormalAlert, NormalObservable
from cases.intake.networks import device_end
from cases.models import AlertKind
from cases.models.alerts import rule_and_device

HOURS = 24  # since the last alert, by time of receipt
BY = tuple(rule_and_device())
_UNLIMITED = 2_147_483_647

_TARGET_ROLES = (Role.DESTINATION, Role.REGISTRY, Role.FILE, Role.PROCESS, Role.MAIL, Role.ACCOUNT)
_TARGET_KINDS = (
    ObservableKind.DOMAIN,
    ObservableKind.IP,
    ObservableKind.REGISTRY_KEY,
    ObservableKind.REGISTRY_VALUE,
    ObservableKind.FILE_NAME,
    ObservableKind.FILE_PATH,
    ObservableKind.URL,
)


def fingerprint(alert: NormalAlert, kind: AlertKind | None, *, device_id: int | None, source: str, address: str) -> str:
    """Kind and what the kind groups by, as long as nobody chose: rule id (else title) and device (else source address,
    else person). With the sender's own incident id, that id instead of all of these.

    An alert that names nothing of what was chosen is grouped by rule and device besides: alerts that only lack the same
    things have nothing in common. The source alone says enough only where it was chosen alone.
    """
    by = kind.group_by if kind else BY
    if alert.grouping_key:
        shared = ["incident", source, alert.grouping_key]
    elif set(by) == set(BY):
        shared = [_rule(alert), _subject(alert, device_id, address)]
    else:
        said = {
            GroupBy.RULE: _rule(alert),
            GroupBy.DEVICE: _subject(alert, device_id, address),
            GroupBy.PERSON: _person(alert) or _subject(alert, device_id, address),
            GroupBy.DESTINATION: target_of(alert, address),
            GroupBy.SOURCE: source,
        }
        chosen = {name for name in by if name != GroupBy.SOURCE}
        if chosen and not any(value for name, value in said.items() if name in chosen):
            by = [*by, *BY]
        shared = [f"{name}\x1f{value}" for name, value in said.items() if name in by]
    whole = "\x1f".join((str(kind.pk if kind else 0), *shared))
    return hashlib.sha256(whole.encode()).hexdigest()


def window_of(kind: AlertKind | None) -> timedelta:
    """For how long after its last alert a case takes another one."""
    return timedelta(hours=kind.group_hours if kind else HOURS)


def maximum_of(kind: AlertKind | None) -> int:
    """How many alerts one case takes."""
    return (kind.group_maximum if kind else None) or _UNLIMITED


def _rule(alert: NormalAlert) -> str:
    return f"rule\x1f{alert.rule_id}" if alert.rule_id else f"title\x1f{alert.title}"


def _subject(alert: NormalAlert, device_id: int | None, address: str) -> str:
    if device_id:
        return f"device\x1f{device_id}"
    if address:
        return f"address\x1f{address}"
    return _person(alert)


def _person(alert: NormalAlert) -> str:
    person = alert.people[0] if alert.people else None
    return f"person\x1f{person.upn or person.login}" if person else ""


def of_told(source: str, reference: str) -> str:
    """The fingerprint of what a person told: its own."""
    return hashlib.sha256(f"told\x1f{source}\x1f{reference}".encode()).hexdigest()


def address_of(alert: NormalAlert) -> str:
    """The address of the alert's device at its time: as the alert says, else the internal end of its flow."""
    if named := next((device.address for device in alert.devices if device.address), ""):
        return named
    return device_end(alert.flow.src_ip, alert.flow.dst_ip) if alert.flow else ""


def target_of(alert: NormalAlert, address: str) -> str:
    """What the story is aimed at, in one value: the far end, else a registry key, a file."""
    others = [seen for seen in alert.observables if seen.value != address and seen.role in _TARGET_ROLES]
    best = min(others, key=_target_rank, default=None)
    if best is not None and best.role == Role.DESTINATION:
        return best.value[:300]
    ends = (alert.flow.dst_ip, alert.flow.src_ip) if alert.flow else ()
    far_end = next((end for end in ends if end and end != address), "")
    return far_end or (best.value[:300] if best else "")


def _target_rank(observable: NormalObservable) -> tuple[int, int]:
    roles = _TARGET_ROLES.index(observable.role) if observable.role in _TARGET_ROLES else 99
    kinds = _TARGET_KINDS.index(observable.kind) if observable.kind in _TARGET_KINDS else 99
    return roles, kinds


def severity_of(alert: NormalAlert, kind: AlertKind | None) -> int:
    """What the detector says, but at least what the kind says."""
    return max(alert.severity, (kind.severity if kind else None) or 0)


def words_for(*, source: str, number: int, first: str, title: str, is_new: bool, opened_as: AlertKind | None) -> str:
    """The timeline's sentence for the alerts that one batch brought to a case."""
    if number == 1:
        text = f"{first} of {source}: {title}"
    else:
        more = "" if is_new else " more"
        text = f"{number}{more} alerts of {source}; the first is {first}: {title}"
    if is_new and opened_as and opened_as.is_restricted:
        covert = " and covert" if opened_as.is_covert else ""
        text += f" · Born restricted{covert}: {opened_as.name.lower()}"
    return text


def words_for_news(*, was: int, now: int, devices: Iterable[str], was_read: bool) -> list[str]:
    """What makes a joined alert more than one of the same."""
    news = []
    if now > was:
        low, high = Severity(was).label.lower(), Severity(now).label.lower()
        news.append(f"Severity raised from {low} to {high}")
    if names := sorted(devices):
        news.append(f"New device{'s' if len(names) > 1 else ''}: {', '.join(names[:10])}")
    if news and was_read:
        news.append("Unread again")
    return news
