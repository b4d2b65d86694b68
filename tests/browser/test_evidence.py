"""Evidence by hand: a file in, its page, its acts, and bytes out; with scripts and without, on every width."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import pyzipper
from playwright.sync_api import Page

from cases.models import Case, CustodyEntry, Evidence
from cases.services import evidence, retention
from secops.models import User
from tests.browser.conftest import OpenPage
from tests.factories import make_case, make_user
from tests.owner import unprotected

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ana(settings: Any, tmp_path: Path, transactional_db: None) -> Iterator[User]:
    """Afterwards the tables are emptied, which the chain of custody refuses on SQLite."""
    settings.DATA_DIR = tmp_path / "data"
    yield make_user("ana", ["analyst"], first_name="Ana", last_name="Lyst")
    with unprotected():
        CustodyEntry.objects.all()._raw_delete("default")


@pytest.fixture
def case(ana: User) -> Case:
    return make_case(title="Exfiltration by a leaver")


def downloaded(page: Page, button: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.click(button)
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


@pytest.mark.parametrize("has_scripts", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_file_comes_in_is_sealed_and_leaves_encrypted(
    open_page: OpenPage, ana: User, case: Case, has_scripts: bool
) -> None:
    page = open_page(ana, f"/cases/{case.number}/evidence/", has_scripts=has_scripts)
    assert "No evidence yet" in page.inner_text("main")

    page.click("a:has-text('File')")
    page.set_input_files("input[type=file]", {"name": "a.exe", "mimeType": "x/y", "buffer": b"MZ the loader"})
    page.fill("input[name=title]", "Loader")
    page.click("button:has-text('Add file')")
    page.wait_for_url("**/evidence/E-1/")
    page.click("a:has-text('Seal…')")
    page.click("button:has-text('Seal')")
    page.wait_for_selector(".meta:has-text('Sealed')")

    page.click("a:has-text('Export…')")
    page.fill("textarea[name=reason]", "For the court")
    page.click("button:has-text('Prepare export')")
    page.wait_for_selector("text=Ready to download")
    password = page.inner_text("code.strong")
    name, content = downloaded(page, "button:has-text('Download')")

    assert name.startswith(f"{case.number}-E-1-evidence-")
    with pyzipper.AESZipFile(BytesIO(content)) as archive:
        archive.setpassword(password.encode())
        assert archive.read(f"files/{Evidence.objects.get().sha256}") == b"MZ the loader"
    assert CustodyEntry.objects.latest("seq").action == "exported"


def test_what_is_no_malware_is_downloaded_with_a_reason(open_page: OpenPage, ana: User, case: Case) -> None:
    evidence.receive(case.pk, [b"a log"], kind="logs", title="Proxy log", is_hazardous=False, actor=ana)
    page = open_page(ana, f"/cases/{case.number}/evidence/E-1/")

    page.click("a:has-text('Download…')")
    page.fill("dialog[open] textarea", "Look for the first request")
    page.click("dialog[open] button:has-text('Prepare')")
    page.wait_for_selector("text=Ready to download")
    name, content = downloaded(page, "dialog[open] button:has-text('Download')")

    assert (name.endswith(".bin"), content) == (True, b"a log")


@pytest.mark.parametrize("width", [320, *(pytest.param(one, marks=pytest.mark.slow) for one in (390, 1100))])
def test_no_page_of_evidence_scrolls_sideways(open_page: OpenPage, ana: User, case: Case, width: int) -> None:
    name = "HKLM-SOFTWARE-Microsoft-Windows-CurrentVersion-Run-with-a-very-long-name-that-never-ends.exe"
    item = evidence.receive(case.pk, [b"MZ"], kind="file", title=name, file_name=name, actor=ana)
    evidence.hand_over(item.pk, to=name, reason=name, shelf=name, actor=ana)
    retention.ask_destruction(item.pk, name, actor=ana)
    page = open_page(ana, f"/cases/{case.number}/evidence/", width=width)

    for path in ("", "add/", "exhibit/", "export/", "E-1/", "E-1/handover/"):
        page.goto(f"/cases/{case.number}/evidence/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
