"""What closing an account, opening it and ending its sessions share: whose it is, and what hangs on it."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms

from cases.models import Case, Person
from response.actions.base import Action, Call
from response.actions.targets import PersonField, case_person
from response.choices import Effect, Phase, Risk
from response.errors import ActionError

_SERVICE = re.compile(r"^(svc|service|sa|app|bot)[._-]|[$]$|^(svc|service)", re.IGNORECASE)


class OnAccount(Action):
    """Something done to the account of a person of the case, and read back from the directory."""

    risk = Risk.DISRUPTIVE
    effect = Effect.VERIFY
    capability = "account"
    is_noticeable = True

    class Params(forms.Form):
        person = PersonField()


class ClosesAccount(OnAccount):
    """Never of a service account: whatever signs in with it would stop."""

    phase = Phase.CONTAINMENT

    @classmethod
    def objection(cls, case: Case, params: Mapping[str, Any]) -> str:
        person = case_person(case, params["person"])
        return service_words(person) if person is not None and is_service(person) else ""


def account_of(call: Call) -> str:
    """The name by which the directory knows the account; ActionError without one."""
    person = call.person
    name = person.upn or person.directory_id or person.login
    if not name:
        raise ActionError(f"No sign-in name of {person} is known.")
    return name


def is_service(person: Person) -> bool:
    """Does a machine sign in with it, as far as its name tells?"""
    return any(_SERVICE.search(name) for name in (person.login, person.upn.partition("@")[0]) if name)


def service_words(person: Person) -> str:
    """Why a machine does not touch a service account."""
    owner = f" Ask {person.manager_name} first." if person.manager_name else ""
    return (
        f"{person} is a service account: programs sign in with it and would stop. It is never closed or reset by "
        f"machine, its owner decides.{owner}"
    )


def who(call: Call) -> str:
    """The person, and what they work on, as the case and the directory know it."""
    person = call.person
    said = [", ".join(part for part in (str(person), person.title, person.department, person.site) if part)]
    if devices := [device.name for device in person.devices.order_by("name")[:5]]:
        said.append(f"Devices: {', '.join(devices)}")
    if person.is_privileged:
        said.append("Has an administrator's role: the product may refuse")
    return ". ".join(said)
