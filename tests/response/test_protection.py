"""What is left alone: devices on the list, and everything during maintenance."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from cases.models import Case, Device
from response.choices import StepState
from response.models import (
    Approval,
    KindRunbook,
    MaintenanceWindow,
    Override,
    ProtectedDevices,
    Run,
    StandingApproval,
    StepRun,
)
from response.services import decisions, invariants, protection, recovery, rehearsal, runbooks, standing, steps
from secops.models import AuditEntry
from tests.factories import make_device, make_kind, make_user
from tests.response.conftest import CONFIRM, ISOLATE, MAIL, begin, make_due, make_runbook, say_yes, settle_down, step_of

LISTED = "FIN-LT-0142 is a file server, on the do-not-isolate list. Close its port instead."


@pytest.fixture
def file_server(device: Device) -> Device:
    ProtectedDevices.objects.create(what="a file server", kind="server", reason="Close its port instead.")
    device.kind = "server"
    device.save()
    return device


@pytest.fixture
def patches(db: None) -> MaintenanceWindow:
    """For the next two hours."""
    now = timezone.now()
    return MaintenanceWindow.objects.create(
        reason="monthly patches", begins_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=2)
    )


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({"kind": "Server"}, True),
        ({"group": "branch servers"}, True),
        ({"name_pattern": "fs-*"}, True),
        ({"kind": "server", "name_pattern": "DC-*"}, False),
        ({"group": "IT"}, False),
        ({"name_pattern": "FS"}, False),
    ],
)
def test_an_entry_fits_when_all_that_is_filled_in_fits(fields, holds):
    device = Device(name="FS-HAM-02", kind="server", group="Branch servers")

    assert ProtectedDevices(what="a file server", **fields).holds(device) == holds


def test_an_entry_that_names_nothing_is_refused(db):
    with pytest.raises(ValidationError, match="Say which devices"):
        ProtectedDevices(what="anything").full_clean()


def test_a_listed_device_is_refused_before_anybody_is_asked(world, case, file_server, analyst):
    run = begin(case, analyst, CONFIRM, ISOLATE)
    settle_down()

    step = step_of(run, "isolate")
    assert (step.state, step.reason) == (StepState.FAILED, LISTED)
    assert step_of(run, "confirm").state == StepState.SUCCEEDED  # it only reads
    assert world.effects == []
    assert invariants.broken() == {}


def test_a_device_that_came_onto_the_list_after_the_approval_is_refused_at_intent(
    world, case, device, analyst, responder
):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    ProtectedDevices.objects.create(what="a file server", name_pattern="FIN-*")

    settle_down()

    assert step_of(run, "isolate").reason == "FIN-LT-0142 is a file server, on the do-not-isolate list"
    assert world.effects == []


def test_a_listed_device_is_still_released(world, case, device, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    settle_down()
    ProtectedDevices.objects.create(what="a file server", name_pattern="FIN-*")

    say_yes(decisions.undo(step_of(run, "isolate").pk, actor=analyst), responder)
    settle_down()

    assert [kind for kind, *_ in world.effects] == ["isolate", "release"]


def test_the_offer_warns_before_the_start(client, world, case, file_server, analyst):
    kind = make_kind()
    case.kind = kind
    case.save()
    KindRunbook.objects.create(kind=kind, runbook=make_runbook(ISOLATE).runbook)
    client.force_login(analyst)

    text = client.get(reverse("response:panel", args=[case.pk])).content.decode()

    assert f"Will be refused:</b> {LISTED}" in text
    assert not Run.objects.exists()


def test_a_dry_run_says_so_too(world, case, file_server):
    runbook = make_runbook(ISOLATE).runbook

    told = rehearsal.rehearse(runbook, runbooks.frozen(runbook), case)

    assert (told.steps[0].verdict, told.steps[0].why) == ("fail", LISTED)


def test_servers_are_on_the_list_from_the_start_and_an_admin_may_take_them_off(db):
    protection.install()
    assert protection.listed(make_device("FS-HAM-02", kind="server")) is not None
    ProtectedDevices.objects.filter(kind="server").delete()

    protection.install()

    assert protection.listed(Device.objects.get()) is None


@pytest.mark.slow
def test_an_approved_step_waits_for_the_end_of_maintenance_and_then_goes(
    client, world, case, patches, analyst, responder
):
    run = begin(case, analyst, ISOLATE)
    client.force_login(responder)
    text = client.get(reverse("response:approval", args=[step_of(run, "isolate").pk])).content.decode()
    assert "Once approved it waits: Maintenance until" in text
    say_yes(step_of(run, "isolate"), responder)
    assert Approval.objects.get().expires_at > patches.ends_at
    for _ in range(3):
        make_due()
        steps.work()

    step = step_of(run, "isolate")
    assert (step.state, step.attempts) == (StepState.READY, 0)
    assert step.reason == f"Maintenance until {_said(patches.ends_at)} UTC: monthly patches"
    assert step.deadline > patches.ends_at
    assert step.reason in client.get(reverse("response:panel", args=[case.pk])).content.decode()
    assert world.effects == []

    patches.delete()
    settle_down()
    assert step_of(run, "isolate").state == StepState.SUCCEEDED
    assert invariants.broken() == {}


def test_maintenance_holds_no_mail_and_no_device_of_another_group(world, case, patches, analyst, responder):
    MaintenanceWindow.objects.update(device_group="Branch laptops")
    run = begin(case, analyst, ISOLATE, MAIL)
    say_yes(step_of(run, "isolate"), responder)

    settle_down()

    assert {step.state for step in StepRun.objects.filter(run=run)} == {StepState.SUCCEEDED}


def test_a_weekly_window_knows_its_end_also_over_midnight():
    window = MaintenanceWindow(reason="backup", weekdays="5", starts=time(22), ends=time(4), zone="Europe/Lisbon")
    friday = datetime(2026, 11, 27, 23, tzinfo=UTC)

    assert window.covers(friday)
    assert window.until(friday) == datetime(2026, 11, 28, 4, tzinfo=UTC)
    assert window.until(friday + timedelta(hours=3)) == datetime(2026, 11, 28, 4, tzinfo=UTC)
    assert not window.covers(friday + timedelta(days=1))
    assert not window.covers(friday - timedelta(hours=2))


def test_a_window_says_when_it_ends():
    with pytest.raises(ValidationError, match="last for ever"):
        MaintenanceWindow(reason="x", begins_at=timezone.now()).clean()


def test_a_standing_approval_is_not_used_up_while_maintenance_lasts(world, case, device, patches, analyst):
    Device.objects.filter(pk=device.pk).update(group="Laptops")
    Case.objects.filter(pk=case.pk).update(risk_score=95)
    allowed = StandingApproval.objects.create(
        title="At once",
        action="isolate_device",
        device_group="Laptops",
        is_after_rota=False,
        expires_at=timezone.now() + timedelta(days=1),
    )
    for name in ("sam", "tess"):
        standing.sign(allowed.pk, bounds_sha256=allowed.bounds_sha256, actor=make_user(name, ["approver"]))
    run = begin(case, analyst, ISOLATE)

    recovery.tick()
    assert step_of(run, "isolate").state == StepState.WAITING
    assert not Override.objects.exists()

    patches.delete()
    make_due()
    recovery.tick()
    assert step_of(run, "isolate").state == StepState.READY


def test_an_admin_writes_both_in_the_administration(client, db):
    client.force_login(make_user("dee", ["admin"]))

    client.post(
        reverse("admin:response_protecteddevices_add"), {"what": "a file server", "kind": "server", "is_enabled": "on"}
    )
    client.post(
        reverse("admin:response_maintenancewindow_add"),
        {"reason": "patches", "weekdays": "7", "starts": "01:00", "ends": "05:00", "zone": "UTC"},
    )

    assert ProtectedDevices.objects.get().kind == "server"
    assert MaintenanceWindow.objects.get().hours_text == "Sun 01:00 to 05:00 UTC"
    assert "Added do-not-isolate list a file server" in {entry.text for entry in AuditEntry.objects.all()}
    client.force_login(make_user("mia", ["responder"]))
    assert client.get(reverse("admin:response_maintenancewindow_changelist")).status_code == 302


def _said(at: datetime) -> str:
    day = "" if at.date() == timezone.now().date() else f"{at.day} {at:%b} "
    return f"{day}{at:%H:%M}"
