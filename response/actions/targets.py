"""What a step is done to: a device, a person or an observable of its own case, named by an id."""

from collections.abc import Callable
from typing import Any

from django import forms

from cases.models import Case, CaseDevice, CaseObservable, CasePerson, Observable, Person

MAX_ID = 2**63 - 1  # what a primary key can hold


class DeviceField(forms.IntegerField):
    """The id of a device of the case; in a runbook mostly `${{ device.id }}`."""

    def __init__(self) -> None:
        super().__init__(label="Device", min_value=1, max_value=MAX_ID, help_text="Usually ${{ device.id }}.")


def case_device(case: Case, device_id: Any) -> CaseDevice | None:
    """The part that a device plays in the case, or None."""
    if not isinstance(device_id, int):
        return None
    return CaseDevice.objects.select_related("device__owner").filter(case=case, device_id=device_id).first()


class PersonField(forms.IntegerField):
    """The id of a person of the case; in a runbook mostly `${{ person.id }}`."""

    def __init__(self) -> None:
        super().__init__(label="Person", min_value=1, max_value=MAX_ID, help_text="Usually ${{ person.id }}.")


class ObservableField(forms.IntegerField):
    """The id of an observable of the case; in a runbook mostly an item of `${{ case.indicators }}`."""

    def __init__(self) -> None:
        super().__init__(label="Observable", min_value=1, max_value=MAX_ID, help_text="Usually ${{ item.id }}.")


def case_person(case: Case, person_id: Any) -> Person | None:
    """A person who plays a part in the case, or None."""
    if not isinstance(person_id, int):
        return None
    part = CasePerson.objects.select_related("person").filter(case=case, person_id=person_id).first()
    return part.person if part else None


def case_observable(case: Case, observable_id: Any) -> Observable | None:
    """An observable that the case names, or None."""
    if not isinstance(observable_id, int):
        return None
    link = CaseObservable.objects.select_related("observable").filter(case=case, observable_id=observable_id).first()
    return link.observable if link else None


OF_CASE: dict[str, Callable[[Case, Any], Any]] = {  # parameters that name a target of the case
    "device": case_device,
    "person": case_person,
    "observable": case_observable,
}
