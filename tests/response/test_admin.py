"""The runbook editor, used as a browser without JavaScript uses it."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.urls import reverse

from response.models import KillSwitch, Runbook
from tests.factories import make_user
from tests.response.conftest import CONFIRM, ISOLATE, begin, make_runbook


@pytest.fixture
def admin(client, db):
    user = make_user("dee", ["admin"])
    client.force_login(user)
    return user


@pytest.fixture
def alone(settings):
    """One admin may publish."""
    settings.PUBLISH_ALONE = True


class Fields(HTMLParser):
    """Names and values of the fields of the page's form, as a browser would send them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.name = self.area = ""
        self.is_inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value")
        self.is_inside = self.is_inside or given.get("id") == "runbook_form"
        if not self.is_inside or "form" in given:
            return
        if tag == "input" and given.get("type") not in {"submit", "file"}:
            is_box = given.get("type") == "checkbox"
            if not is_box or "checked" in given:
                self.found.setdefault(name, []).append(value or ("on" if is_box else ""))
        elif tag == "select":
            self.name = name
            self.found[name] = [""]
        elif tag == "option" and "selected" in given:
            self.found[self.name] = [value or ""]
        elif tag == "textarea":
            self.area = name
            self.found[name] = [""]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_inside = False
        if tag == "textarea":
            self.area = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.found[self.area] = [self.found[self.area][0] + data.removeprefix("\n")]


def form_of(text: str) -> dict[str, Any]:
    return Fields(text).found


def open_form(client, runbook):
    return client.get(reverse("admin:response_runbook_change", args=[runbook.pk])).content.decode()


def save(client, runbook, **changes):
    data = form_of(open_form(client, runbook)) | changes
    return client.post(reverse("admin:response_runbook_change", args=[runbook.pk]), data, follow=True)


def test_the_page_shows_each_step_with_the_typed_parameters_of_its_action(client, admin):
    runbook = make_runbook(CONFIRM, ISOLATE).runbook

    text = open_form(client, runbook)

    assert 'name="steps-1-p_device"' in text
    assert 'name="steps-1-p_comment"' in text
    assert "No problems found" in text
    assert "v1 is live" in text


@pytest.mark.slow
def test_saving_unchanged_keeps_the_draft(client, admin):
    runbook = make_runbook(CONFIRM, ISOLATE).runbook
    before = list(runbook.steps.values())

    answer = save(client, runbook, _continue="1")

    assert "was changed successfully" in answer.content.decode()
    assert list(runbook.steps.values()) == before


def test_a_broken_parameter_is_named_and_not_published(client, admin, alone):
    runbook = make_runbook(CONFIRM, ISOLATE).runbook

    text = save(client, runbook, **{"steps-1-p_device": "${{ device.serial }}", "_publish": "1"}).content.decode()

    assert "Not published. Step 2, Device: device has no field" in text
    assert '<a href="#steps-1">Step 2, Device</a>' in text
    assert runbook.versions.count() == 1


def test_publishing_freezes_the_draft_with_its_author(client, admin, alone):
    runbook = make_runbook(CONFIRM, ISOLATE).runbook

    text = save(
        client, runbook, **{"steps-1-p_comment": "Look", "_publish": "1", "publish_note": "Why"}
    ).content.decode()

    assert "Published Contain v2" in text
    live = Runbook.objects.get().live
    assert (live.number, live.author, live.note) == (2, admin, "Why")
    assert live.body["steps"][1]["params"]["comment"] == "Look"


@pytest.mark.slow
def test_a_step_is_added_and_reordered_without_javascript(client, admin, alone):
    runbook = make_runbook(CONFIRM).runbook
    new = {"steps-1-order": "0", "steps-1-key": "ask", "steps-1-action": "ask_person"}

    save(client, runbook, **new, _continue="1")
    text = open_form(client, runbook)
    save(client, runbook, **{"steps-0-p_question": "And now?", "steps-0-p_choices": "Go\nStop", "_publish": "1"})

    assert 'name="steps-0-p_question"' in text
    steps = Runbook.objects.get().live.body["steps"]
    assert [step["key"] for step in steps] == ["ask", "confirm"]
    assert steps[0]["params"] == {"question": "And now?", "choices": "Go\nStop"}


def test_choosing_another_action_loads_its_parameters(client, admin):
    url = reverse("admin:response_runbook_params")

    text = client.get(url, {"steps-3-action": "notify"}).content.decode()

    assert 'name="steps-3-p_to"' in text
    assert 'name="steps-3-p_message"' in text
    assert "No parameters" in client.get(url, {"steps-3-action": "nothing"}).content.decode()


def test_the_editor_has_no_inline_script_or_style(client, admin):
    text = open_form(client, make_runbook(CONFIRM).runbook)

    assert "<style" not in text
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*src=)", text)


def test_a_published_version_is_read_only(client, admin):
    version = make_runbook(CONFIRM)
    url = reverse("admin:response_runbookversion_change", args=[version.pk])

    assert "confirm_device" in client.get(url).content.decode()
    assert client.post(url, {"note": "x"}).status_code == 403


def test_the_kill_switch_is_one_row_and_says_who(client, admin):
    client.post(reverse("admin:response_killswitch_add"), {"is_on": "on", "reason": "drill"})

    switch = KillSwitch.objects.get()
    assert (switch.pk, switch.is_on, switch.changed_by) == (1, True, admin)
    assert client.get(reverse("admin:response_killswitch_add")).status_code == 403


def test_nobody_but_the_admin_role_opens_the_editor(client, db):
    runbook = make_runbook(CONFIRM).runbook
    client.force_login(make_user("root", ["responder"], is_staff=True, is_superuser=True))

    answer = client.get(reverse("admin:response_runbook_change", args=[runbook.pk]))

    assert answer.status_code in {302, 403}


@pytest.mark.slow
def test_who_only_publishes_does_not_take_the_place_of_who_wrote_the_steps(client, admin, alone):
    runbook = make_runbook(CONFIRM, ISOLATE).runbook
    save(client, runbook, **{"steps-1-p_comment": "Mine", "_continue": "1"})
    other = make_user("fay", ["admin"])
    client.force_login(other)

    save(client, runbook, _publish="1")

    live = Runbook.objects.get().live
    assert (live.number, live.author, live.published_by) == (2, admin, other)


def test_the_count_of_a_versions_runs_leaves_out_what_the_admin_may_not_see(client, admin, world, case, analyst):
    run = begin(case, analyst, CONFIRM)
    assert "1 run" in open_form(client, run.version.runbook)

    case.is_restricted = True
    case.save()

    assert "1 run" not in open_form(client, run.version.runbook)
