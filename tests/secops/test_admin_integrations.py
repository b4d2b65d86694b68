"""The admin pages of integrations: forms of connectors, secrets that can only be written, paths kept in."""

from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from secops import integrations
from secops.models import AuditEntry, Integration, User

pytestmark = pytest.mark.django_db
LIST = "/admin/secops/integration/"
SECRET = "canary-s3cret"


@pytest.fixture
def admin(client: Client, admin_user: User) -> Client:
    client.force_login(admin_user)
    return client


@pytest.fixture
def virustotal() -> Integration:
    return integrations.add("virustotal", "VT", {"url": "https://vt.example"}, {"api_key": SECRET})


def page(integration: Integration) -> str:
    return f"{LIST}{integration.pk}/change/"


def test_adding_starts_with_the_choice_of_a_connector(admin: Client) -> None:
    body = admin.get(f"{LIST}add/").content.decode()

    assert "?connector=virustotal" in body
    assert "?connector=kea" in body


def test_an_integration_is_added_through_its_connectors_form(admin: Client) -> None:
    answer = admin.post(
        f"{LIST}add/?connector=virustotal",
        {"name": "VT", "is_enabled": "on", "set_url": "https://vt.example", "secret_api_key": SECRET},
    )

    assert answer.status_code == 302, answer.context["errors"]
    made = Integration.objects.get()
    assert (made.connector, made.settings) == ("virustotal", {"url": "https://vt.example", "calls_per_minute": None})
    assert integrations.connector_of(made).secret("api_key") == SECRET
    assert [entry.text for entry in AuditEntry.objects.all()] == ["Added integration VT (VirusTotal)"]
    assert AuditEntry.objects.get().who == "dee"


def test_a_secret_is_never_shown_again_and_stays_when_left_empty(admin: Client, virustotal: Integration) -> None:
    body = admin.get(page(virustotal)).content.decode()
    assert SECRET not in body
    assert virustotal.secrets["api_key"] not in body
    assert "Leave empty to keep it" in body

    answer = admin.post(page(virustotal), {"name": "VT 2", "set_url": "https://vt.example", "secret_api_key": ""})

    assert answer.status_code == 302
    changed = Integration.objects.get()
    assert (changed.name, changed.is_enabled) == ("VT 2", False)
    assert integrations.connector_of(changed).secret("api_key") == SECRET


def test_a_new_address_wants_the_secret_again(admin: Client, virustotal: Integration) -> None:
    moved = {"name": "VT", "set_url": "https://thief.example", "secret_api_key": ""}

    answer = admin.post(page(virustotal), moved)

    assert answer.status_code == 200
    assert "enter it again" in answer.content.decode()
    assert Integration.objects.get().settings["url"] == "https://vt.example"
    assert admin.post(page(virustotal), moved | {"secret_api_key": "new"}).status_code == 302


def test_a_bad_setting_is_a_form_error(admin: Client) -> None:
    answer = admin.post(f"{LIST}add/?connector=kea", {"name": "K", "set_url": "ftp://x"})

    assert answer.status_code == 200
    assert "base address" in answer.content.decode()
    assert not Integration.objects.exists()


def test_a_path_lies_below_an_allowed_folder(admin: Client, settings: Settings, tmp_path: Path) -> None:
    allowed, outside = tmp_path / "logs", tmp_path / "outside"
    allowed.mkdir()
    outside.mkdir()
    (allowed / "link").symlink_to(outside)
    settings.NIGHTDESK_LOG_DIRS = (str(allowed),)
    for place in (outside, allowed / "../outside", allowed / "link", Path("/etc")):
        answer = admin.post(f"{LIST}add/?connector=mmdb", {"name": "G", "set_path": str(place)})
        assert answer.status_code == 200, place
        assert "NIGHTDESK_LOG_DIRS" in answer.content.decode()

    assert not Integration.objects.exists()
    assert admin.post(f"{LIST}add/?connector=mmdb", {"name": "G", "set_path": str(allowed)}).status_code == 302


def test_a_path_set_by_the_command_line_may_stay(admin: Client, tmp_path: Path) -> None:
    made = integrations.add("mmdb", "G", {"path": str(tmp_path)})

    answer = admin.post(page(made), {"name": "Geo", "set_path": str(tmp_path)})

    assert answer.status_code == 302
    assert Integration.objects.get().name == "Geo"


def test_test_now_is_a_post_and_shows_health(admin: Client) -> None:
    made = integrations.add("iptocc", "Countries", {})
    assert admin.get(f"{LIST}{made.pk}/test/").status_code == 405
    assert Integration.objects.get().health_state == "unknown"

    answer = admin.post(f"{LIST}{made.pk}/test/", follow=True)

    assert "The country table answers." in answer.content.decode()
    assert Integration.objects.get().health_state == "ok"


def test_deleting_leaves_one_audit_line(admin: Client, virustotal: Integration) -> None:
    assert admin.post(f"{LIST}{virustotal.pk}/delete/", {"post": "yes"}).status_code == 302

    assert not Integration.objects.exists()
    assert [entry.text for entry in AuditEntry.objects.order_by("-seq")[:1]] == ["Removed integration VT"]


@pytest.mark.parametrize("path", [LIST, f"{LIST}add/?connector=kea", "{page}", "{test}"])
def test_nobody_but_an_admin_comes_in(client: Client, analyst: User, virustotal: Integration, path: str) -> None:
    client.force_login(analyst)
    url = path.format(page=page(virustotal), test=f"{LIST}{virustotal.pk}/test/")

    assert client.get(url).status_code in {302, 403}
    assert client.post(url).status_code in {302, 403}
    assert Integration.objects.get().health_state == "unknown"
