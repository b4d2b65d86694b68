"""The pages of evidence: what comes in by a browser, what leaves through it, and who sees any of it."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import pyzipper
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cases.models import Case, CustodyEntry, Evidence
from cases.services import evidence, retention, tickets
from secops.models import User
from tests.cases.evidence.conftest import spoil, take
from tests.factories import make_case, make_user


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data" / "evidence"


@pytest.fixture
def case(db: None) -> Case:
    return make_case(title="Exfiltration by a leaver")


@pytest.fixture
def item(case: Case, analyst: User) -> Evidence:
    return take(case, b"MZ the loader", actor=analyst, is_hazardous=False, file_name="<b>a\u202e.exe")


@pytest.fixture
def page(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def upload(page: Client, case: Case, content: bytes = b"MZ", name: str = "a.exe", **fields: Any) -> Any:
    data = {"title": "Loader", "kind": "file", "is_hazardous": "on", "file": SimpleUploadedFile(name, content)}
    return page.post(f"/cases/{case.number}/evidence/add/", data | fields)


def ticket(response: Any) -> dict[str, str]:
    """The fields of the button that downloads."""
    found = {}
    for name in ("key", "password"):
        mark = f'name="{name}" value="'
        html = response.content.decode()
        if mark in html:
            found[name] = html.split(mark)[1].split('"')[0]
    return found


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_the_tab_says_what_there_is_and_what_to_do_when_there_is_nothing(page: Client, case: Case) -> None:
    assert "No evidence yet" in page.get(f"/cases/{case.number}/evidence/").content.decode()

    take(case, b"MZ")

    html = page.get(f"/cases/{case.number}/evidence/").content.decode()
    for words in ("E-1", "updater.dll", "Not sealed", "Export…", 'Evidence <span class="n">1</span>'):
        assert words in html


def test_an_upload_is_kept_and_leads_to_its_page(page: Client, case: Case) -> None:
    said = {"acquired_at": "2026-11-24 14:03:10", "tool": "velociraptor", "read_errors": "1", "source_sha256": "A" * 64}

    response = upload(page, case, **said)

    assert response.headers["Location"] == f"/cases/{case.number}/evidence/E-1/"
    kept = Evidence.objects.get()
    assert (kept.size, kept.file_name, kept.media_type, kept.is_hazardous) == (2, "a.exe", "text/plain", True)
    assert kept.acquired_at.isoformat() == "2026-11-24T14:03:10+00:00"  # type: ignore[union-attr]
    assert (kept.source_sha256, kept.read_errors) == ("a" * 64, 1)
    html = page.get(response.headers["Location"]).content.decode()
    for words in ("Differs from its source", "Acquired", "Received", "velociraptor", "May be malware"):
        assert words in html


def test_an_upload_of_three_megabytes_touches_no_folder_but_the_store(page: Client, case: Case, folder: Path) -> None:
    response = upload(page, case, b"x" * 3_000_000)

    assert response.status_code == 302
    assert Evidence.objects.get().size == 3_000_000
    assert list((folder / "tmp").iterdir()) == []


@pytest.mark.parametrize("fields", [{"title": ""}, {"kind": "exhibit"}, {"source_sha256": "zz"}, {"file": ""}])
def test_what_does_not_fit_is_said_and_nothing_is_kept(
    page: Client, case: Case, folder: Path, fields: dict[str, str]
) -> None:
    response = upload(page, case, **fields)

    assert response.status_code == 422
    assert not Evidence.objects.exists()
    assert not (folder / "sha256").exists()
    assert not (folder / "tmp").exists() or list((folder / "tmp").iterdir()) == []


def test_an_upload_over_the_limit_is_413_and_nothing_is_kept(
    page: Client, case: Case, folder: Path, settings: Any
) -> None:
    settings.EVIDENCE_ITEM_BYTES = 1_000

    assert upload(page, case, b"x" * 1_001).status_code == 413
    assert upload(page, case, b"x" * 2_000_000).status_code == 413
    assert not Evidence.objects.exists()
    assert list((folder / "tmp").iterdir()) == []
    assert upload(page, case, b"x" * 1_000).status_code == 302


def test_a_length_that_is_no_number_is_said(page: Client, case: Case) -> None:
    answer = page.generic("POST", f"/cases/{case.number}/evidence/add/", b"MZ", CONTENT_LENGTH="two")

    assert answer.status_code == 400
    assert b"Content-Length is not a number" in answer.content
    assert not Evidence.objects.exists()


def test_an_upload_without_room_is_507(page: Client, case: Case, settings: Any, monkeypatch: Any) -> None:
    settings.EVIDENCE_CASE_BYTES = 10
    take(case, b"x" * 10)

    assert upload(page, case, b"x").status_code == 507


def test_who_may_not_work_sends_no_byte(client: Client, case: Case, folder: Path) -> None:
    client.force_login(make_user("al", ["approver"]))

    assert upload(client, case).status_code == 403
    assert not folder.exists()


def test_an_upload_needs_the_token_of_its_page(analyst: User, case: Case) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(analyst)

    assert upload(client, case).status_code == 403
    assert not Evidence.objects.exists()


def test_a_hostile_name_is_shown_and_does_nothing(page: Client, item: Evidence) -> None:
    html = page.get(f"/cases/{item.case.number}/evidence/E-1/").content.decode()

    assert "&lt;b&gt;a�.exe" in html


def test_a_download_takes_a_reason_and_a_ticket_that_works_once(page: Client, item: Evidence) -> None:
    base = f"/cases/{item.case.number}/evidence"
    assert page.post(f"{base}/E-1/download/", {"reason": ""}).status_code == 422
    ready = page.post(f"{base}/E-1/download/", {"reason": "Check for credentials"})
    assert CustodyEntry.objects.count() == 1

    response = page.post(f"{base}/bytes/", ticket(ready))

    assert body(response) == b"MZ the loader"
    assert response.headers["Content-Type"] == "application/octet-stream"
    name = f"{item.case.number}_E-1_{item.sha256[:12]}.bin"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response.headers["Cache-Control"]
    last = CustodyEntry.objects.latest("seq")
    assert (last.action, last.who, last.details["reason"]) == ("viewed", "Ada Lind", "Check for credentials")
    again = page.post(f"{base}/bytes/", ticket(ready))
    assert again.status_code == 409
    assert "was used, is too old or is not yours" in again.content.decode()


def test_a_ticket_is_of_one_person_and_one_case(client: Client, analyst: User, responder: User, item: Evidence) -> None:
    other = make_case()
    what = {"what": "view", "item": item.pk, "case": item.case_id, "reason": "x"}
    key = tickets.issue(analyst, what)

    client.force_login(responder)
    assert client.post(f"/cases/{item.case.number}/evidence/bytes/", {"key": key}).status_code == 409
    client.force_login(analyst)
    assert client.post(f"/cases/{other.number}/evidence/bytes/", {"key": key}).status_code == 409
    assert client.post(f"/cases/{item.case.number}/evidence/bytes/", {"key": key}).status_code == 200


def test_a_ticket_dies_when_its_case_is_hidden_and_with_time(page: Client, analyst: User, item: Evidence) -> None:
    key = tickets.issue(analyst, {"what": "view", "item": item.pk, "case": item.case_id, "reason": "x"})
    Case.objects.update(is_restricted=True)
    assert page.post(f"/cases/{item.case.number}/evidence/bytes/", {"key": key}).status_code == 404
    Case.objects.update(is_restricted=False)

    cache.set(tickets._key(key), None, 0)
    assert page.post(f"/cases/{item.case.number}/evidence/bytes/", {"key": key}).status_code == 409


def test_what_may_be_malware_is_not_downloaded_as_it_is(page: Client, analyst: User, item: Evidence) -> None:
    Evidence.objects.update(is_hazardous=True)
    url = f"/cases/{item.case.number}/evidence"
    assert "Download…" not in page.get(f"{url}/E-1/").content.decode()

    key = tickets.issue(analyst, {"what": "view", "item": item.pk, "case": item.case_id, "reason": "x"})

    assert page.post(f"{url}/bytes/", {"key": key}).status_code == 409


def test_an_export_shows_its_password_once_and_opens_with_it(page: Client, case: Case, item: Evidence) -> None:
    base = f"/cases/{case.number}/evidence"
    ready = page.post(f"{base}/export/", {"reason": "For the court", "password": ""})
    fields = ticket(ready)
    assert ready.content.decode().count(fields["password"]) >= 2
    assert "kept nowhere" in ready.content.decode()

    response = page.post(f"{base}/bytes/", fields)

    with pyzipper.AESZipFile(BytesIO(body(response))) as archive:
        archive.setpassword(fields["password"].encode())
        assert archive.read(f"files/{item.sha256}") == b"MZ the loader"
    assert fields["password"] not in str(list(CustodyEntry.objects.values()))
    assert page.post(f"{base}/bytes/", fields).status_code == 409
    assert CustodyEntry.objects.filter(action="exported").count() == 1


def test_a_password_of_ones_own_is_taken_and_not_repeated_to_the_eye(page: Client, case: Case, item: Evidence) -> None:
    url = f"/cases/{case.number}/evidence/export/"
    assert page.post(url, {"reason": "x", "password": "short"}).status_code == 422

    ready = page.post(url, {"reason": "x", "password": "a password of mine"})

    assert ready.content.decode().count("a password of mine") == 1  # the hidden field


def test_no_password_is_ever_logged(page: Client, case: Case, item: Evidence, caplog: Any) -> None:
    caplog.set_level(0)
    fields = ticket(page.post(f"/cases/{case.number}/evidence/export/", {"reason": "x"}))
    body(page.post(f"/cases/{case.number}/evidence/bytes/", fields))

    assert fields["password"] not in caplog.text


@pytest.mark.parametrize(
    ("what", "answer"),
    [("seal", {}), ("handover", {"to": "Legal", "reason": "x"}), ("copy", {"reason": "x"}), ("hold", {"reason": "x"})],
)
def test_an_act_is_a_dialog_or_a_page_and_one_entry(
    page: Client, item: Evidence, what: str, answer: dict[str, str]
) -> None:
    url = f"/cases/{item.case.number}/evidence/E-1/{what}/"
    assert page.get(url, headers={"hx-request": "true"}).content.decode().strip().startswith("<dialog")
    assert "<html" in page.get(url).content.decode()

    response = page.post(url, answer | {"next": "/"}, headers={"hx-request": "true"})

    assert response.headers["HX-Redirect"] == f"/cases/{item.case.number}/evidence/E-1/"
    assert CustodyEntry.objects.count() == (3 if what == "seal" else 2)


def test_a_mismatch_is_a_banner_and_nothing_leaves(page: Client, item: Evidence) -> None:
    spoil(item)
    url = f"/cases/{item.case.number}/evidence/E-1/"

    page.post(f"{url}verify/")

    html = page.get(url).content.decode()
    assert "The file in the store is not what was received" in html
    assert "Download…" not in html


def test_destruction_is_asked_by_one_and_done_by_another(
    page: Client, item: Evidence, responder: User, analyst: User
) -> None:
    url = f"/cases/{item.case.number}/evidence/E-1/"
    page.post(f"{url}discard/", {"reason": "Retention is over"})
    assert "Somebody else decides" in page.get(url).content.decode()
    assert page.post(f"{url}destroy/", {"next": "/"}).status_code == 403

    page.force_login(responder)
    assert "Destroy…" in page.get(url).content.decode()
    page.post(f"{url}destroy/", {"next": "/"})

    html = page.get(url).content.decode()
    assert "Its row and chain stay" in html
    assert "Hand over…" not in html


def test_a_held_item_offers_no_destruction(page: Client, item: Evidence, analyst: User) -> None:
    retention.set_hold(item.pk, "Court", actor=analyst)

    html = page.get(f"/cases/{item.case.number}/evidence/E-1/").content.decode()

    assert "Legal hold" in html
    assert "Destroy…" not in html


def test_an_exhibit_has_a_page_without_a_file(page: Client, case: Case) -> None:
    response = page.post(
        f"/cases/{case.number}/evidence/exhibit/",
        {"title": "USB stick", "serial": "4C53", "seal_number": "S-1", "acquired_by": "Ada"},
    )

    html = page.get(response.headers["Location"]).content.decode()
    for words in ("USB stick", "4C53", "S-1", "Seal…"):
        assert words in html
    for words in ("Verify now", "Working copy…"):
        assert words not in html


def test_a_working_copy_has_a_page_and_its_original_names_it(page: Client, item: Evidence, analyst: User) -> None:
    evidence.working_copy(item.pk, "Look", actor=analyst)
    base = f"/cases/{item.case.number}/evidence"

    assert "E-1.1" in page.get(f"{base}/E-1/").content.decode()
    assert "Made from" in page.get(f"{base}/E-1.1/").content.decode()
    assert page.get(f"{base}/E-1.2/").status_code == 404


def test_the_case_json_carries_items_and_chain(page: Client, item: Evidence) -> None:
    told = page.get(f"/api/v1/cases/{item.case.number}/").json()["evidence"]

    assert [(one["id"], one["state"], one["sha256"]) for one in told] == [("E-1", "received", item.sha256)]
    assert [entry["action"] for entry in told[0]["custody"]] == ["received"]


def test_a_hidden_case_hides_its_evidence_from_every_door(page: Client, item: Evidence) -> None:
    Case.objects.update(is_restricted=True, is_covert=True)
    base = f"/cases/{item.case.number}/evidence"

    for path in ("", "/add", "/export", "/exhibit", "/E-1", "/E-1/seal", "/E-1/download", "/E-1/export"):
        assert page.get(f"{base}{path}/").status_code == 404, path
    for path in ("/add", "/export", "/exhibit", "/bytes", "/E-1/verify", "/E-1/seal", "/E-1/download", "/E-1/destroy"):
        assert page.post(f"{base}{path}/", {"reason": "x"}).status_code == 404, path
    assert CustodyEntry.objects.count() == 1


def test_a_file_sent_to_another_form_is_not_written_anywhere(
    page: Client, case: Case, tmp_path: Path, settings: Any
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "spool")
    (tmp_path / "spool").mkdir()
    seen: list[Path] = []

    page.post(f"/cases/{case.number}/note/", {"text": "x", "file": SimpleUploadedFile("a", b"x" * 3_000_000)})

    seen += (tmp_path / "spool").iterdir()
    assert seen == []
