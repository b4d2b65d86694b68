"""What a sender brings to its alert later, when others bring the same or the alert has another case by then."""

import pytest

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalObservable
from cases.models import Alert, CaseObservable, TimelineEntry
from cases.services import later
from tests.factories import make_alert, make_case
from tests.racing import at_once

FOUND = [NormalObservable(kind=ObservableKind.IP, value=f"203.0.113.{n}", role=Role.OTHER) for n in range(20)]


@pytest.mark.django_db
def test_what_is_added_goes_to_the_case_that_the_alert_has_by_now() -> None:
    stale = make_alert(make_case())
    other = make_case()
    Alert.objects.filter(pk=stale.pk).update(case=other)

    later.add_observables(stale, FOUND[:2])
    later.keep_files(stale, [later.SentFile(name="a.bin", media_type="", body=b"MZ")])

    assert set(CaseObservable.objects.values_list("case", flat=True)) == {other.pk}
    assert other.evidence.get().file_name == "a.bin"


@pytest.mark.django_db(transaction=True)
def test_two_who_add_the_same_in_another_order_do_not_wait_for_each_other() -> None:
    alert = make_alert(make_case())

    numbers = at_once(
        lambda: later.add_observables(Alert.objects.get(), FOUND),
        lambda: later.add_observables(Alert.objects.get(), FOUND[::-1]),
    )

    assert sorted(str(one) for one in numbers) == ["0", "20"]
    assert alert.sightings.count() == 20
    assert TimelineEntry.objects.filter(text__contains="adds to").count() == 1
