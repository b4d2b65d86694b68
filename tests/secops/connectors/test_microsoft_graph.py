"""Microsoft Graph against the practice range, whose truth is known, and against broken answers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.connectors.capabilities.identity import Host
from secops.connectors.microsoft_graph import MicrosoftGraph
from secops.http import HttpError
from tests.secops.connectors.conftest import Range
from tests.secops.connectors.fake_http import answer, connected

DAY = timedelta(days=1)
VALUES = {"tenant": "t", "client_id": "c", "login_url": "https://login.test", "api_url": "https://graph.test"}
TOKEN = ("login.test", answer({"access_token": "tok", "expires_in": 3600}))


@pytest.fixture
def graph(attached: Callable[..., Any], practice: Range) -> Iterator[MicrosoftGraph]:
    values = practice.entra | {"api_url": f"{practice.base}/graph"}
    connector = attached(MicrosoftGraph, values, {"client_secret": practice.keys["client_secret"]})
    yield cast(MicrosoftGraph, connector)
    connector.http.request("DELETE", f"{practice.base}/control/limits")


def test_the_device_is_known_by_name_with_its_owner(graph: MicrosoftGraph, practice: Range) -> None:
    story = practice.story("bad_address")

    found = graph.find_device(Host(name=story["device"].lower()))

    assert found is not None
    assert (found.name, found.owner_login, found.group) == (story["device"], story["person"], "Finance")
    assert found.site == "Lisbon"
    again = graph.find_device(Host(agent_id=found.agent_id))
    assert again == found
    assert graph.find_device(Host(name="NO-SUCH-1")) is None
    assert graph.find_device(Host(address=story["address_of_device"])) is None  # never by address


def test_the_person_has_a_manager_hours_and_other_devices(graph: MicrosoftGraph, practice: Range) -> None:
    story = practice.story("bad_address")

    person = graph.find_person(story["person"])

    assert person is not None
    assert (person.manager_login, person.is_privileged, person.is_leaver) == (story["manager"], False, False)
    assert person.working_hours[2::6] == "::"
    assert {one.name for one in graph.devices_of(story["person"])} == {story["device"], *story["other_devices"]}
    assert graph.find_person("no.body") is None
    assert graph.devices_of("o'neill' or 'a' eq 'a") == []


def test_a_leaver_and_a_privileged_person_are_named_so(graph: MicrosoftGraph, practice: Range) -> None:
    leaver = graph.find_person(practice.story("usb")["person"])
    admin = graph.find_person("z.mendes")

    assert leaver is not None
    assert leaver.is_leaver
    assert admin is not None
    assert admin.is_privileged


def test_who_was_signed_in_is_a_person_at_the_console(graph: MicrosoftGraph, practice: Range) -> None:
    story = practice.story("usb")
    at = datetime.fromisoformat(story["mounted_at"])

    found = graph.sign_ins(Host(name=story["device"]), at - timedelta(minutes=5), at + timedelta(hours=1))

    assert {one.login for one in found} == {story["person"]}
    assert {one.kind for one in found} == {"interactive"}


def test_the_program_behind_a_connection_has_parents_and_no_signer(graph: MicrosoftGraph, practice: Range) -> None:
    story = practice.story("bad_address")

    found = graph.process_of(Host(name=story["device"]), story["peer"], practice.anchor - DAY, practice.anchor)

    assert [one.image for one in found] == [story["process_image"]]
    parent, grandparent = story["parents"]
    assert found[0].parents == [parent, grandparent.rsplit("\\", 1)[-1]]  # the event names the grandparent only
    assert (found[0].signer, found[0].is_signed, found[0].user) == ("", False, story["process_user"])
    assert (found[0].sha256, found[0].pid) == (story["sha256"], story["process_pid"])


@pytest.mark.parametrize("form", ["{key}\\{value}", "{key}", "HKEY_LOCAL_MACHINE\\{tail}\\{value}"])
def test_the_program_that_set_a_key_is_found_in_every_spelling(
    graph: MicrosoftGraph, practice: Range, form: str
) -> None:
    story = practice.story("registry")
    key = form.format(key=story["key"], value=story["value"], tail=story["key"].partition("\\")[2])
    at = datetime.fromisoformat(story["alert_at"])

    found = graph.processes_writing(Host(name=story["device"]), key, at - DAY, at + timedelta(minutes=5))

    assert [(one.image, one.is_signed) for one in found] == [(story["process_image"], False)]


def test_a_signed_program_is_said_to_be_signed(graph: MicrosoftGraph, practice: Range) -> None:
    device = practice.story("registry")["explained_elsewhere"]
    key = practice.story("registry")["key"]

    found = graph.processes_writing(Host(name=device), key, practice.anchor - DAY, practice.anchor)

    assert [(one.signer, one.is_signed) for one in found] == [("Stowage", True)]


def test_changes_tell_the_autorun_the_install_and_the_patch(graph: MicrosoftGraph, practice: Range) -> None:
    story = practice.story("registry")

    found = graph.changes(Host(name=story["device"]), practice.anchor - 3 * DAY, practice.anchor)

    assert found == sorted(found, key=lambda one: one.at, reverse=True)
    autorun = next(one for one in found if one.kind == "autorun")
    assert (autorun.process, autorun.target) == (
        story["process_image"],
        "HKEY_LOCAL_MACHINE\\" + story["key"].partition("\\")[2] + "\\" + story["value"],
    )
    assert {"install", "patch", "file"} <= {one.kind for one in found}
    task = [
        one
        for one in graph.changes(Host(name="FIN-LT-0142"), practice.anchor - DAY, practice.anchor)
        if one.kind == "task"
    ]
    assert [one.target for one in task] == [practice.story("bad_address")["task"]]


def test_what_was_copied_to_the_stick_adds_up(graph: MicrosoftGraph, practice: Range) -> None:
    story, device = practice.story("usb"), Host(name=practice.story("usb")["device"])

    copied = graph.file_events(device, practice.anchor - 2 * DAY, practice.anchor, removable=True)
    others = graph.file_events(device, practice.anchor - 2 * DAY, practice.anchor, removable=False)
    sticks = graph.removable_media(device, practice.anchor - 30 * DAY, practice.anchor)

    assert (len(copied), sum(one.size for one in copied)) == (story["files_copied"], story["bytes_copied"])
    assert {(one.kind, one.drive, one.user) for one in copied} == {("copied", story["drive"], story["person"])}
    assert all(one.origin.startswith(story["share"]) for one in copied)
    assert not {one.path for one in copied} & {one.path for one in others}
    assert [(one.serial, one.drive) for one in sticks] == [(story["serial"], story["drive"])]


def test_the_file_is_found_on_the_other_device_too(graph: MicrosoftGraph, practice: Range) -> None:
    story = practice.story("bad_address")

    hits = graph.find_file(story["sha256"].upper())

    assert {(one.device, one.has_run) for one in hits} == {
        (story["device"], True),
        (story["file_also_on"][0], True),
    }
    assert graph.find_file("0" * 64) == []


def test_software_says_how_many_of_the_group_have_it(graph: MicrosoftGraph, practice: Range) -> None:
    story = practice.story("bad_address")

    found = {one.name: (one.in_group, one.group_size) for one in graph.software(Host(name=story["device"]))}

    assert found["remotehelp_desk"] == (story["devices_with_it"], story["group_size"])
    assert found["quillmail"] == (story["group_size"], story["group_size"])


def test_posture_tells_firewall_disks_and_missing_patches(graph: MicrosoftGraph, practice: Range) -> None:
    story = practice.story("bad_address")

    bad = graph.posture(Host(name=story["device"]))
    good = graph.posture(Host(name=practice.story("registry")["device"]))

    assert bad is not None
    assert (bad.is_firewall_on, bad.is_encrypted, bad.is_agent_healthy) == (False, True, True)
    assert [one.split()[0] for one in bad.missing_patches] == story["missing_patches"]
    assert bad.critical_patches == story["critical_patches"]
    assert bad.last_patched_at is None  # not within the 30 days that are kept
    assert good is not None
    assert good.last_patched_at is not None
    assert graph.posture(Host(name="NO-SUCH-1")) is None


@pytest.mark.parametrize("name", ['x" or DeviceName != "', "x\\", "a\nb", "x | take 1"])
def test_a_name_never_becomes_part_of_a_query(graph: MicrosoftGraph, name: str) -> None:
    assert graph.find_device(Host(name=name)) is None
    assert graph.removable_media(Host(name=name), datetime.now(UTC) - DAY, datetime.now(UTC)) == []


def test_a_wrong_secret_is_a_refusal(attached: Callable[..., Any], practice: Range) -> None:
    values = practice.entra | {"api_url": f"{practice.base}/graph"}
    connector = attached(MicrosoftGraph, values, {"client_secret": "wr0ng"})

    with pytest.raises(SourceRefused, match="client secret") as caught:
        connector.test()
    assert "wr0ng" not in str(caught.value)


def test_the_same_query_asked_by_two_questions_is_one_call() -> None:
    rows = ("runHuntingQuery", answer({"schema": [], "results": [{"DeviceId": "d1"}]}))
    connector, http = connected(MicrosoftGraph, VALUES, {"client_secret": "s"}, [TOKEN, rows])

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(connector.hunt, ["DeviceInfo | take 1"] * 4))

    assert found == [[{"DeviceId": "d1"}]] * 4
    assert len(http.asked("runHuntingQuery")) == 1


def test_the_hunting_limit_is_a_wait(graph: MicrosoftGraph) -> None:
    for number in range(45):
        graph.hunt(f"DeviceInfo | take {number + 1}")

    with pytest.raises(SourceLimited) as caught:
        graph.hunt("DeviceInfo | take 99")
    assert 0 < caught.value.retry_after <= 60


def test_a_token_is_kept_and_an_ended_one_is_renewed_once() -> None:
    ended = ("runHuntingQuery", answer({"error": {}}, 401))
    rows = ("runHuntingQuery", answer({"schema": [], "results": []}))
    connector, http = connected(MicrosoftGraph, VALUES, {"client_secret": "s"}, [TOKEN, rows, ended, rows])

    connector.hunt("DeviceInfo | take 1")
    connector.hunt("DeviceInfo | take 2")

    assert len(http.asked("login.test")) == 2
    assert http.asked("login.test")[0].options["data"]["scope"] == "https://graph.microsoft.com/.default"
    assert len(http.asked("runHuntingQuery")) == 3


@pytest.mark.parametrize("body", [b"<html>", [], {"results": 3}, {}])
def test_a_broken_answer_is_an_error(body: Any) -> None:
    connector, _ = connected(MicrosoftGraph, VALUES, {"client_secret": "s"}, [TOKEN, ("runHuntingQuery", answer(body))])

    with pytest.raises(HttpError):
        connector.hunt("DeviceInfo | take 1")


def test_a_sign_in_name_from_an_alert_is_one_part_of_the_path() -> None:
    connector, http = connected(MicrosoftGraph, VALUES, {"client_secret": "s"}, [TOKEN, ("users", answer({}, 404))])

    assert connector.find_person("a@b.test/../../groups") is None

    assert http.asked("v1.0")[0].url.endswith("/v1.0/users/a@b.test%2F..%2F..%2Fgroups")
