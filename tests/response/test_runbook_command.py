"""`manage.py runbook`: files in and out, each error with its line, and a dry run that leaves no trace."""

import json
import socket
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.models import Device
from response.models import Run, Runbook, StepRun
from response.services import drafts, shipped
from secops import integrations
from secops.models import AuditEntry
from tests.factories import make_user
from tests.response.conftest import ASK, CONFIRM, ISOLATE, MAIL, begin, make_runbook, settle_down

WHOLE = """schema: nightdesk.runbook/1
slug: tell-them
title: Tell them
phase: containment
steps:
  - key: confirm
    action: confirm_device
    params:
      device: ${{ device.id }}

  - key: tell
    action: notify
    when: alert.severity >= 3
    params:
      to: soc@corp.example
      message: Look
    on_failure: continue
"""


def runbook(*args: str) -> str:
    out = StringIO()
    call_command("runbook", *args, stdout=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tell.yaml"
    path.write_text(WHOLE)
    return path


def rows() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in apps.get_models() if model._meta.managed}


def test_a_file_becomes_a_draft_and_comes_out_byte_for_byte(db, file):
    assert "tell-them into its draft" in runbook("import", str(file))

    assert runbook("export", "tell-them") == WHOLE
    assert Runbook.objects.get().live is None
    assert AuditEntry.objects.filter(text__startswith="Imported the draft of Tell them").exists()


def test_the_shipped_runbook_goes_out_and_in_again(db, tmp_path):
    shipped.install()
    text = runbook("export", "contain-device")
    path = tmp_path / "contain.yaml"
    path.write_text(text)

    assert runbook("import", str(path), "--publish") == "Contain a compromised device v1 is the same already\n"
    assert runbook("export", "contain-device") == text == runbook("export", "contain-device", "--version", "1")


def test_importing_and_publishing_says_the_version(db, file):
    author = make_user("dee", ["admin"])

    said = json.loads(runbook("import", str(file), "--publish", "--user", "dee", "--json"))

    assert said == {"runbook": "tell-them", "version": 1, "unmapped": []}
    assert Runbook.objects.get().live.author == author
    assert Runbook.objects.get().live.is_by_one_person
    assert AuditEntry.objects.filter(
        text__startswith="Published Tell them v1", text__contains=", by one person"
    ).exists()


def test_every_error_names_file_line_step_and_field_and_nothing_is_imported(db, file):
    runbook("import", str(file))
    before = list(Runbook.objects.values()) + list(Runbook.objects.get().steps.values())
    file.write_text(WHOLE.replace("action: notify", "action: notfy").replace("device.id", "device.idd"))

    with pytest.raises(CommandError) as caught:
        runbook("import", str(file))

    assert f"{file}: line 9, step 1 (confirm), Device: device has no field 'idd'" in str(caught.value)
    assert f"{file}: line 12, step 2 (tell), Action: there is no action 'notfy'. Did you mean 'notify'?" in str(
        caught.value
    )
    assert caught.value.returncode == 1
    assert list(Runbook.objects.values()) + list(Runbook.objects.get().steps.values()) == before


def test_a_warning_has_to_be_accepted_or_nothing_is_imported(db, file):
    file.write_text(WHOLE.replace("action: confirm_device", "action: isolate_device\n    approvals: 0"))

    assert "Warning." in runbook("check", str(file))
    with pytest.raises(CommandError, match="Tick that it shall be so: Step 1, Approvals: it is disruptive"):
        runbook("import", str(file), "--publish")
    assert Runbook.objects.count() == 0

    assert "Published Tell them v1" in runbook("import", str(file), "--publish", "--accept-warnings")


def test_check_takes_a_file_or_a_slug(db, file):
    assert "nothing forbids publishing" in runbook("check", str(file))
    assert Runbook.objects.count() == 0
    slug = make_runbook(CONFIRM, MAIL).runbook.slug
    Runbook.objects.get().steps.filter(key="tell").update(when="devise.id == 1")

    with pytest.raises(CommandError, match=f"{slug}: Step 2, When: unknown word 'devise' at 1. Did you mean 'device'"):
        runbook("check", slug)
    with pytest.raises(CommandError, match="no file and no runbook nothing") as caught:
        runbook("check", "nothing")
    assert caught.value.returncode == 2


def test_a_broken_text_is_named_by_its_line(db, file):
    file.write_text("slug: a\n  b: [\n")

    with pytest.raises(CommandError, match=r"tell.yaml: line 2: mapping values are not allowed here\."):
        runbook("check", str(file))


def test_a_dry_run_says_for_each_step_what_it_would_do_and_leaves_no_trace(case, world, approver, monkeypatch):
    condition = {"key": "later", "action": "notify", "when": "case.severity > 9", "params": MAIL["params"]}
    wrong = MAIL | {"key": "wrong", "params": {"to": "nobody", "message": "x"}, "on_failure": "continue"}
    open_end = MAIL | {"key": "hits", "when": "has(steps.confirm.owner)"}
    make_runbook(CONFIRM, ISOLATE, condition, open_end, ASK, slug="dry")
    steps = Runbook.objects.get(slug="dry").steps
    steps.create(order=9, **wrong)

    def refuse(*args: Any) -> None:
        raise AssertionError("a dry run spoke to the outside")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = rows()
    out = StringIO()
    with CaptureQueriesContext(connection) as asked, pytest.raises(CommandError, match="would fail in CASE"):
        call_command("runbook", "test", "dry", "--case", case.number, stdout=out)

    said = out.getvalue()
    assert "1. Confirm device and owner: would run. Confirm FIN-LT-0142 and its owner." in said
    assert "2. Isolate device: would ask. Isolate FIN-LT-0142: 1 approval, of eve, not of who asks." in said
    assert f"     device: {Device.objects.get().pk}\n" in said
    assert "would skip. Its condition does not hold: case.severity > 9" in said
    assert "not known yet. Known only once step confirm has run: it reads owner." in said
    assert "5. Ask the responder: would ask. The responder answers: And now?" in said
    assert "6. Notify by mail: would fail. To: Enter a valid email address." in said
    assert rows() == before
    assert (world.effects, Run.objects.count(), StepRun.objects.count()) == ([], 0, 0)
    assert not [one["sql"] for one in asked if one["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}]


def test_a_dry_run_takes_what_a_run_of_the_past_found(case, world, analyst, approver):
    known = MAIL | {"key": "hits", "when": "steps.confirm.device == 'FIN-LT-0142'"}
    run = begin(case, analyst, CONFIRM, known)
    settle_down()

    said = json.loads(runbook("test", run.version.runbook.slug, "--case", case.number, "--json"))

    assert [step["would"] for step in said["steps"]] == ["run", "run"]
    assert said["problem"] == ""


def test_a_dry_run_stops_where_the_run_would(case, device, world):
    device.is_protected = True
    device.save()
    make_runbook(ISOLATE, MAIL, slug="stops")

    out = StringIO()
    with pytest.raises(CommandError):
        call_command("runbook", "test", "stops", "--case", case.number, stdout=out)

    assert "FIN-LT-0142 is on the list of devices that are never touched" in out.getvalue()
    assert "Not reached: step 1, Isolate device, would fail, and the run stops there." in out.getvalue()


def test_a_dry_run_of_a_list_names_its_items_and_asks_over_the_cap(case, world):
    integrations.remove(integrations.Integration.objects.get())
    each = MAIL | {"for_each": "['a', 'b', 'c']", "params": {"to": "x@corp.example", "message": "${{ item }}"}}
    make_runbook(each | {"cap": 2}, slug="many")

    with pytest.raises(CommandError):
        runbook("test", "many", "--case", case.number)
    integrations.add("test_edr", "Test EDR", {})
    (step,) = json.loads(runbook("test", "many", "--case", case.number, "--json"))["steps"]

    assert (step["would"], step["params"]["items"]) == ("ask", "a, b, c")
    assert step["params"]["b, message"] == "b"
    assert "3 times. More than the 2" in step["why"]


def test_export_says_which_runbooks_there_are(db):
    make_runbook(CONFIRM, slug="one")

    with pytest.raises(CommandError, match=r"There is no runbook two\. There are: one"):
        runbook("export", "two")
    with pytest.raises(CommandError, match="one has no version 7"):
        runbook("export", "one", "--version", "7")


def test_a_text_of_another_runbook_is_refused(db):
    with pytest.raises(drafts.RunbookError, match="The text is of tell-them, this is one: change its slug line"):
        drafts.take(WHOLE, "file", actor=None, into=make_runbook(CONFIRM, slug="one").runbook)
