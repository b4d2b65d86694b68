"""Devices, people and observables: one row each, by the strongest key."""

from dataclasses import replace

import pytest

from cases.choices import DeviceReason, DeviceState, Verdict
from cases.intake.base import NormalDevice, NormalPerson
from cases.models import Case, CaseMember, Device, Observable, Person
from cases.services import answers, devices, observables, people
from secops.connectors.capabilities.identity import DeviceRecord, PersonRecord
from secops.models import User
from tests.cases.messages import own, send
from tests.factories import make_case, make_observable

pytestmark = pytest.mark.django_db


def resolve(**keys: str) -> Device | None:
    return devices.resolve([NormalDevice(**keys)])[0]


def test_a_device_is_found_again_by_any_key_that_it_has() -> None:
    first = resolve(name="fin-lt-0142.brightwater.example", agent_id="a1", mac="AA:BB:CC:00:11:22")

    assert first
    assert first.name == "FIN-LT-0142"
    assert resolve(agent_id="a1") == first
    assert resolve(name="FIN-LT-0142") == first
    assert resolve(mac="aa:bb:cc:00:11:22", name="fin-lt-0142") == first
    assert Device.objects.count() == 1


def test_the_same_name_with_another_id_is_another_device() -> None:
    assert resolve(name="FIN-LT-0142", agent_id="a1") != resolve(name="FIN-LT-0142", agent_id="a2")
    assert resolve(name="FIN-LT-0142").agent_id == ""
    assert Device.objects.count() == 3


def test_the_same_name_in_another_domain_is_another_device() -> None:
    assert resolve(name="DC01", fqdn="dc01.one.example") != resolve(name="DC01", fqdn="dc01.two.example")


def test_a_dock_does_not_make_two_laptops_one() -> None:
    mac = "aa:bb:cc:00:11:22"
    assert resolve(name="ONE", mac=mac) != resolve(name="TWO", mac=mac)


def test_the_number_of_another_agent_is_not_taken_for_the_edr_s_id() -> None:
    seen = NormalDevice(name="FIN-LT-0142", agent_id="manager/034", is_edr=False)
    device = devices.resolve([seen])[0]

    assert device
    assert device.agent_id == ""  # what the EDR is asked by is looked up by name
    assert resolve(name="FIN-LT-0142", agent_id="a1") == devices.resolve([seen])[0] == device
    device.refresh_from_db()
    assert device.agent_id == "a1"


def test_an_address_alone_is_no_device() -> None:
    assert resolve(address="10.1.2.3") is None
    assert not Device.objects.exists()


def test_a_person_is_never_merged_on_a_bare_login_that_a_stronger_key_contradicts() -> None:
    one, other, bare = people.resolve(
        [
            NormalPerson(login="m.okafor", upn="m.okafor@one.example"),
            NormalPerson(login="m.okafor", upn="m.okafor@two.example"),
            NormalPerson(login="j.weil"),
        ]
    )

    assert one != other
    assert people.resolve([NormalPerson(login="j.weil", sid="S-1-5-21-1")]) == [bare]
    assert Person.objects.get(login="j.weil").sid == "S-1-5-21-1"


def test_a_device_found_later_gives_its_name_to_the_row_of_the_case() -> None:
    send(own(devices=[], flow={"src_ip": "10.20.3.14", "dst_ip": "203.0.113.44", "dst_port": 443, "proto": "tcp"}))
    case = Case.objects.get()
    assert (case.device_name, case.target) == ("10.20.3.14", "203.0.113.44")
    record = DeviceRecord(name="fin-lt-0142", agent_id="a1", group="Finance", is_critical=True)

    part = devices.attach(case.pk, record, address="10.20.3.14")
    again = devices.attach(case.pk, replace(record, site="Lisbon"), reason=DeviceReason.HUNT)

    case.refresh_from_db()
    assert part == again
    assert (case.device_name, part.address, case.case_devices.count()) == ("FIN-LT-0142", "10.20.3.14", 1)
    device = Device.objects.get()
    assert (device.group, device.site, device.is_critical) == ("Finance", "Lisbon", True)
    assert sum("FIN-LT-0142" in text for text in case.timeline.values_list("text", flat=True)) == 1


def test_the_owner_of_the_device_gives_the_row_its_person() -> None:
    send(own(people=[{"login": "svc-user", "role": "logged_on"}]))
    case = Case.objects.get()
    record = PersonRecord(login="m.okafor", upn="m.okafor@brightwater.example", name="Maya Okafor", is_leaver=True)

    people.attach(case.pk, record, "owner")
    people.attach(case.pk, record, "owner")

    case.refresh_from_db()
    assert case.person_name == "Maya Okafor"
    assert case.case_people.count() == 2
    assert Person.objects.get(login="m.okafor").is_leaver


def test_where_a_devices_containment_stands() -> None:
    send(own())
    part = Case.objects.get().case_devices.get()

    assert devices.set_state(part.case_id, part.device_id, DeviceState.ISOLATED).state == "isolated"


def test_a_milder_verdict_never_replaces_a_worse_one() -> None:
    seen = make_observable()

    for verdict in (Verdict.SUSPICIOUS, Verdict.MALICIOUS, Verdict.BENIGN):
        observables.set_verdict(seen.kind, seen.value, verdict)

    seen.refresh_from_db()
    assert (seen.verdict, seen.is_indicator) == ("malicious", True)


def test_seen_before_names_visible_cases_and_what_they_share(analyst: User) -> None:
    case, other, hidden, unrelated = make_case(), make_case(), make_case(is_restricted=True), make_case()
    for each in (case, other, hidden):
        observables.attach(each.pk, "ip", "203.0.113.9", "destination")
    for each in (case, unrelated):
        observables.attach(each.pk, "ip", "8.8.8.8", "destination")

    found = observables.seen_before(case, analyst)

    assert [entry["case"] for entry in found] == [other]
    assert [shared.value for shared in found[0]["shared"]] == ["203.0.113.9"]
    CaseMember.objects.create(case=hidden, user=analyst)
    assert len(observables.seen_before(case, analyst)) == 2


def test_an_observable_is_attached_once() -> None:
    case = make_case()

    first, second = (observables.attach(case.pk, "domain", "cdn.example", "destination") for _ in range(2))

    assert first == second
    assert case.links.count() == Observable.objects.count() == 1
    case.refresh_from_db()
    assert case.is_planning_due


def test_answers_stand_on_the_row_and_the_end_is_noted_once() -> None:
    case = make_case()

    def store(pending: int) -> None:
        whole = answers.CaseAnswers(
            case=case, cards={}, enrichment={"pending": pending}, risk_score=None, risk={}, target_country="NL"
        )
        answers.store([whole])
        case.refresh_from_db()

    store(2)
    assert (case.enriched_at, case.target_country) == (None, "NL")
    store(0)
    first = case.enriched_at
    assert first
    store(0)
    assert case.enriched_at == first
