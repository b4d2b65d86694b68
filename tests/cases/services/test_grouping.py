"""A kind's own rule of grouping: what its alerts share, for how long, and how many; and what it would have done."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cases.models import AlertKind, Case
from cases.services import timeline, weighing
from secops.models import AuditEntry, User
from tests.cases.messages import own, send
from tests.factories import make_kind, make_user

pytestmark = pytest.mark.django_db


def alert(**fields: Any) -> dict[str, Any]:
    return own(**{"kind": "scan", "people": [{"login": "m.okafor"}]} | fields)


def numbers() -> list[int]:
    return list(Case.objects.order_by("pk").values_list("alert_count", flat=True))


def test_a_kind_that_nobody_touched_keeps_the_fingerprint_that_open_cases_have() -> None:
    kind = make_kind("scan")
    send(alert())

    case = Case.objects.get()
    device = case.case_devices.get().device_id
    whole = "\x1f".join((str(kind.pk), "rule\x1fr7", f"device\x1f{device}"))
    assert case.fingerprint == hashlib.sha256(whole.encode()).hexdigest()


@pytest.mark.parametrize(
    ("by", "same", "other"),
    [
        (["rule"], {"devices": [{"name": "B"}]}, {"rule": {"id": "r8"}}),
        (["device"], {"rule": {"id": "r8"}}, {"devices": [{"name": "B"}]}),
        (["person"], {"devices": [{"name": "B"}], "rule": {"id": "r8"}}, {"people": [{"login": "j.doe"}]}),
        (["source"], {"devices": [{"name": "B"}]}, {"source": "acme-edr"}),
        (
            ["destination"],
            {"devices": [{"name": "B"}], "flow": {"src_ip": "10.1.2.3", "dst_ip": "203.0.113.9"}},
            {"flow": {"src_ip": "10.1.2.3", "dst_ip": "203.0.113.10"}},
        ),
        (["rule", "person"], {"devices": [{"name": "B"}]}, {"rule": {"id": "r8"}}),
    ],
    ids=lambda value: "-".join(value),
)
def test_alerts_are_one_case_by_what_the_kind_chose_and_the_preview_says_so_before(
    admin_user: User, by: list[str], same: dict[str, Any], other: dict[str, Any]
) -> None:
    flow = {"flow": {"src_ip": "10.1.2.3", "dst_ip": "203.0.113.9"}}
    kind = make_kind("scan", group_by=by)

    send(alert(**flow), alert(**flow | same), alert(**flow | other))

    assert numbers() == [2, 1] or numbers() == [1, 2]
    weighed = weighing.grouping_of(kind, by, 24, None, admin_user)
    assert (weighed.total, weighed.cases, weighed.now, weighed.largest) == (3, 2, 2, 2)


def test_a_person_s_alerts_without_a_person_are_grouped_by_device_and_not_all_together() -> None:
    make_kind("scan", group_by=["person"])

    send(alert(people=[]), alert(people=[], devices=[{"name": "B"}]))

    assert numbers() == [1, 1]


@pytest.mark.parametrize("by", [["destination"], ["person"], ["device"], ["destination", "source"]], ids="-".join)
def test_alerts_that_name_nothing_of_what_the_kind_chose_are_one_case_by_rule_and_device_only(
    admin_user: User, by: list[str]
) -> None:
    kind = make_kind("scan", group_by=by)
    bare: dict[str, Any] = {"people": [], "devices": []}

    send(alert(**bare), alert(**bare), alert(**bare, rule={"id": "r8"}), alert(**bare, rule={}, title="Another story"))

    assert sorted(numbers()) == [1, 1, 2]
    assert weighing.grouping_of(kind, by, 24, None, admin_user).cases == 3


def test_a_window_of_the_kind(admin_user: User) -> None:
    kind = make_kind("scan", group_hours=2)
    now = timezone.now()
    for hours in (10, 9, 6, 0):
        send(alert(), received_at=now - timedelta(hours=hours))

    assert numbers() == [2, 1, 1]
    assert weighing.grouping_of(kind, kind.group_by, 2, None, admin_user).cases == 3
    assert weighing.grouping_of(kind, kind.group_by, 24, None, admin_user).cases == 1


@pytest.mark.parametrize("batches", [[7], [1, 6], [3, 4], [2, 2, 2, 1]], ids=str)
def test_a_case_takes_no_more_than_its_kind_allows_and_the_last_one_takes_the_next(
    admin_user: User, batches: list[int]
) -> None:
    kind = make_kind("scan", group_maximum=3)
    for number in batches:
        send(*[alert() for _ in range(number)])

    assert numbers() == [3, 3, 1]
    assert [bool(case.fingerprint) for case in Case.objects.order_by("pk")] == [False, False, True]
    first, *more = Case.objects.order_by("pk")
    assert "takes" not in first.timeline.first().text
    assert all("The case before it has all 3 alerts it takes" in case.timeline.first().text for case in more)
    assert all(timeline.verify(case) is None for case in Case.objects.all())
    assert weighing.grouping_of(kind, kind.group_by, 24, 3, admin_user).cases == 3


def test_a_case_that_people_restricted_takes_every_alert_of_its_story_so_none_opens_a_case_for_all() -> None:
    make_kind("scan", group_maximum=2, group_hours=1)
    now = timezone.now()
    send(alert(), received_at=now - timedelta(hours=9))
    Case.objects.update(is_restricted=True)

    send(*[alert() for _ in range(5)], received_at=now - timedelta(hours=5))
    receipt = send(alert(), received_at=now)

    case = Case.objects.get()
    assert (case.alert_count, bool(case.fingerprint), receipt.results[0].is_restricted) == (7, True, True)
    assert timeline.verify(case) is None
    Case.objects.update(is_restricted=False)
    send(alert(), received_at=now)
    assert numbers() == [7, 1]


def test_a_preview_counts_only_what_the_admin_may_see(admin_user: User) -> None:
    team = make_user("t", ["team"]).groups.get()
    kind = make_kind("scan", is_restricted=True, group=team)
    send(alert(), alert())

    assert weighing.grouping_of(kind, kind.group_by, 24, None, admin_user).total == 0
    admin_user.groups.add(team)
    assert weighing.grouping_of(kind, kind.group_by, 24, None, admin_user).total == 2


def test_an_admin_weighs_a_rule_on_its_page_saves_it_and_the_audit_log_says_so(
    client: Client, admin_user: User
) -> None:
    kind = make_kind("scan", name="Scan <b>of</b> ports")
    send(alert(), alert(rule={"id": "r8"}), alert(rule={"id": "r9"}))
    client.force_login(admin_user)
    page = f"/admin/cases/alertkind/{kind.pk}/grouping/"

    assert "Would have made 3 cases of 3 alerts" in client.get(page).content.decode()
    tried = client.post(page, {"by": ["device"], "hours": "12", "maximum": ""})
    kind.refresh_from_db()
    assert "Would have made 1 case of 3 alerts" in tried.content.decode()
    assert "<b>of</b>" not in tried.content.decode()
    assert kind.group_by == ["rule", "device"]
    assert client.post(page, {"by": [], "hours": "0", "save": "1"}).status_code == 422
    saved = client.post(page, {"by": ["device"], "hours": "12", "maximum": "200", "save": "1"}, follow=True)

    kind.refresh_from_db()
    assert (kind.group_by, kind.group_hours, kind.group_maximum) == (["device"], 12, 200)
    assert page in saved.content.decode()
    text = AuditEntry.objects.get().text
    assert text.endswith("are grouped: by device, 12 h, at most 200 alerts in a case")


@pytest.mark.parametrize("who", ["analyst", "stranger"])
def test_nobody_but_an_admin_opens_it(client: Client, request: pytest.FixtureRequest, who: str) -> None:
    kind: AlertKind = make_kind("scan")
    client.force_login(request.getfixturevalue(who))
    page = f"/admin/cases/alertkind/{kind.pk}/grouping/"

    for answer in (client.get(page), client.post(page, {"by": ["rule"], "hours": "1", "save": "1"})):
        assert answer.status_code in (302, 403, 404)
    kind.refresh_from_db()
    assert kind.group_hours == 24
