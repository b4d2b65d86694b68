"""Plain functions that make rows for tests."""

from datetime import timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from cases.choices import ObservableKind, Severity
from cases.models import Alert, AlertKind, Case, Device, Observable, Person
from secops.models import User

_number = count(1)


def make_user(username: str = "", roles: tuple[str, ...] | list[str] = (), **fields: Any) -> User:
    """A user with roles by name."""
    user = User.objects.create_user(username or f"user{next(_number)}", password="correct horse battery", **fields)
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def make_kind(slug: str = "", **fields: Any) -> AlertKind:
    slug = slug or f"kind-{next(_number)}"
    return AlertKind.objects.create(slug=slug, name=fields.pop("name", slug), **fields)


def make_case(**fields: Any) -> Case:
    """An open case of two minutes ago."""
    at = timezone.now() - timedelta(minutes=2)
    times = {"opened_at": at, "first_alert_at": at, "last_alert_at": at, "updated_at": at}
    return Case.objects.create(
        **{"title": "Beacon to a new domain", "severity": Severity.HIGH, "alert_count": 1} | times | fields
    )


def make_alert(case: Case | None = None, **fields: Any) -> Alert:
    at = timezone.now() - timedelta(minutes=2)
    return Alert.objects.create(
        **{
            "case": case,
            "source": "acme-ids",
            "source_ref": f"ref-{next(_number)}",
            "detector": "nightdesk",
            "title": "Beacon to a new domain",
            "severity": Severity.HIGH,
            "detected_at": at,
            "received_at": at,
            "last_seen_at": at,
        }
        | fields
    )


def make_device(name: str = "", **fields: Any) -> Device:
    name = name or f"FIN-LT-{next(_number):04}"
    return Device.objects.create(**{"name": name, "agent_id": f"agent-{name}"} | fields)


def make_person(login: str = "", **fields: Any) -> Person:
    login = login or f"person{next(_number)}"
    return Person.objects.create(**{"login": login, "name": login.title()} | fields)


def make_observable(value: str = "203.0.113.44", kind: str = ObservableKind.IP, **fields: Any) -> Observable:
    """Through the same key as the service uses."""
    from cases.services.observables import key_of

    return Observable.objects.create(
        kind=kind, value=value, value_key=key_of(kind, value), first_seen_at=timezone.now(), **fields
    )
