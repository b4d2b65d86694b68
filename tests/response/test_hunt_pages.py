"""The pages of hunts: hits first, what was not answered said, nothing of a restricted case in another's list."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from cases.models import Case, CaseDevice, CaseMember, CaseObservable
from response.choices import StepState
from response.models import Hunt, KindRunbook, Run, RunbookVersion, StepRun
from response.services import steps
from secops.connectors.capabilities.errors import SourceRefused
from secops.models import User
from tests.factories import make_kind, make_observable
from tests.response.conftest import begin, make_runbook, say_yes, step_of
from tests.response.test_hunts import FIELD, HUNT, field, hit, hunt_on

__all__ = ["field"]
pytestmark = pytest.mark.usefixtures("field")


def page(user: User, path: str, **more: Any) -> str:
    client = Client()
    client.force_login(user)
    response = client.get(path, **more)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def post(user: User, path: str, **data: Any) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(path, data | {"request_id": str(uuid4())})


def hunted(case: Case, user: User) -> Hunt:
    begin(case, user, HUNT)
    hunt_on()
    return Hunt.objects.get()


def test_a_hunt_shows_hits_first_and_what_no_source_said(case: Case, analyst: User) -> None:
    FIELD.hits = [hit("A-1", what="C:\\evil<b>.dll", has_run=True), hit("FIN-LT-0142")]
    FIELD.wrong["test_hunt_two"] = [SourceRefused("It keeps no hashes.") for _ in range(2)]
    FIELD.more = {"covers_from": timezone.now(), "notes": ("The last event is old.",), "is_cut": True}
    hunt = hunted(case, analyst)

    said = page(analyst, f"/hunts/{hunt.pk}/")

    assert said.index("A-1") < said.index("FIN-LT-0142") < said.index("What each source said")
    assert "C:\\evil&lt;b&gt;.dll" in said
    assert "Not contained" in said
    assert "Of the case before" in said
    assert "2 of 2 sources answered, 1 hit" in said
    assert "It keeps no hashes." in said
    assert "2 questions unanswered" in said
    assert "Searched from" in said
    assert "There is more" in said
    assert "The last event is old." in said
    assert 'hx-trigger="every 2s"' not in said.split('id="hunt"')[1].split(">")[0]


def test_a_running_hunt_renews_itself_and_a_failed_one_never_reads_as_nothing_found(case: Case, analyst: User) -> None:
    FIELD.wrong = {
        name: [SourceRefused("No licence.") for _ in range(2)] for name in ("test_hunt_one", "test_hunt_two")
    }
    begin(case, analyst, HUNT)
    steps.work()
    path = f"/hunts/{Hunt.objects.get().pk}/"

    part = page(analyst, path, headers={"HX-Request": "true"})
    assert part.startswith('<div id="hunt"')
    assert 'hx-trigger="every 2s"' in part
    hunt_on()
    said = page(analyst, path)

    assert "No source could answer" in said
    assert "On no device" not in said
    assert "unknown" in page(analyst, "/hunts/")


def test_hunts_of_a_restricted_case_are_in_its_members_lists_alone(case: Case, analyst: User, responder: User) -> None:
    hunt = hunted(case, analyst)
    Case.objects.filter(pk=case.pk).update(is_restricted=True)
    CaseMember.objects.create(case=case, user=analyst)

    assert hunt.title in page(analyst, "/hunts/")
    assert f"/hunts/{hunt.pk}/" in page(analyst, f"/cases/{case.number}/hunts/")
    assert hunt.title not in page(responder, "/hunts/")
    client = Client()
    client.force_login(responder)
    assert client.get(f"/hunts/{hunt.pk}/").status_code == 404
    assert post(responder, f"/hunts/{hunt.pk}/retry/").status_code == 404


def test_a_hunt_is_started_by_form_from_observables_values_and_a_rule(case: Case, analyst: User) -> None:
    seen = make_observable("updater.dll", "file_name")
    CaseObservable.objects.create(case=case, observable=seen, role="file", first_seen_at=case.opened_at)
    path = f"/cases/{case.number}/hunts/start/"
    assert "updater.dll" in page(analyst, path)
    rule = "title: Sync\nlogsource: {category: process_creation}\ndetection:\n  s: {Image: x}\n  condition: s\n"

    sent = post(analyst, path, observables=[seen.pk], kind="domain", values="cdn[.]example\n\n", rule=rule, days=7)
    hunt_on()

    assert sent.status_code == 302
    assert [one["kind"] for one in Hunt.objects.get().clauses] == ["file_name", "domain", "sigma"]
    assert StepRun.objects.get().state == StepState.SUCCEEDED
    assert "File name updater.dll and 2 more" in page(analyst, f"/cases/{case.number}/hunts/")
    assert "Hunts</a>" in page(analyst, f"/cases/{case.number}/")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"days": 7}, "nothing to hunt for"),
        ({"kind": "sha256", "values": "abc", "days": 7}, "64 hexadecimal digits"),
        ({"rule": "a: b", "days": 7}, "no detection"),
        ({"kind": "path", "values": "*", "days": 7}, "nearly everything"),
    ],
)
def test_a_form_that_says_nothing_to_look_for_is_shown_again(
    case: Case, analyst: User, data: dict[str, Any], why: str
) -> None:
    answer = post(analyst, f"/cases/{case.number}/hunts/start/", **data)

    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Run.objects.exists()


def test_over_the_cap_the_case_says_that_it_waits_and_the_approval_names_the_number(
    case: Case, analyst: User, approver: User
) -> None:
    FIELD.devices = 4_120
    run = begin(case, analyst, HUNT)
    steps.work()

    assert "4120 devices: more than 500 need an approval" in page(analyst, f"/cases/{case.number}/hunts/")
    said = page(approver, f"/approvals/{step_of(run, 'hunt').pk}/")
    assert "It asks about 4120 devices; over 500 a person decides." in said
    assert "SHA-256 aaaa…aaaa" in said


def offered(case: Case) -> RunbookVersion:
    """A runbook that the case's kind offers."""
    kind = make_kind()
    Case.objects.filter(pk=case.pk).update(kind=kind)
    version = make_runbook({"key": "ask", "action": "ask_person", "params": {"question": "?", "choices": ["Go", "No"]}})
    KindRunbook.objects.create(kind=kind, runbook=version.runbook)
    return version


@pytest.mark.slow
def test_chosen_hits_are_answered_by_a_run_each_and_many_by_one_list_of_names(
    case: Case, analyst: User, approver: User
) -> None:
    version = offered(case)
    FIELD.hits = [hit(f"PC-{number}") for number in range(7)]
    hunt = hunted(case, analyst)
    ids = list(CaseDevice.objects.filter(case=case, reason="hunt").values_list("device_id", flat=True))
    assert 'name="device"' in page(analyst, f"/hunts/{hunt.pk}/")

    assert (
        post(analyst, f"/hunts/{hunt.pk}/answer/", device=[ids[0], 10**12], runbook=version.runbook.slug).status_code
        == 302
    )
    hunt_on()
    assert list(Run.objects.exclude(device=None).values_list("device_id", flat=True)) == [ids[0]]
    post(analyst, f"/hunts/{hunt.pk}/answer/", device=ids, runbook=version.runbook.slug)
    waiting = StepRun.objects.get(state=StepState.WAITING, action="each")
    said = page(approver, f"/approvals/{waiting.pk}/")
    assert all(f"PC-{number}" in said for number in range(7))
    say_yes(waiting, approver)
    hunt_on()

    assert Run.objects.exclude(device=None).count() == 7
    assert post(analyst, f"/hunts/{hunt.pk}/answer/", device=ids, runbook="no-such").status_code == 400


@pytest.mark.slow
def test_as_many_hits_as_a_list_may_hold_are_answered_and_their_names_are_only_text(
    case: Case, analyst: User, approver: User
) -> None:
    version = offered(case)
    names = ["PC-'}] + [${{ case.id }}", *(f"A-LAPTOP-WITH-A-LONG-NAME-{number:02}" for number in range(50))]
    FIELD.hits = [hit(name) for name in names]
    hunt = hunted(case, analyst)
    path, before = f"/hunts/{hunt.pk}/answer/", Run.objects.count()
    parts = CaseDevice.objects.filter(case=case, reason="hunt").order_by("pk")
    ids = list(parts.values_list("device_id", flat=True))
    assert len(ids) == 51
    refused = post(analyst, path, device=ids, runbook=version.runbook.slug)
    assert (refused.status_code, Run.objects.count()) == (400, before)

    post(analyst, path, device=ids[:50], runbook=version.runbook.slug)

    waiting = StepRun.objects.get(action="each")
    assert waiting.state == StepState.WAITING, waiting.reason
    found = {one["value"]["device_id"]: one["name"] for one in waiting.params["items"]}
    assert found == dict(parts.filter(device__in=ids[:50]).values_list("device_id", "device__name"))
    assert any("${{" in name for name in found.values())
    say_yes(waiting, approver)
    steps.work_once()
    answers = StepRun.objects.filter(run=waiting.run).exclude(item="")
    assert {step.params["device"] for step in answers} == set(found)
