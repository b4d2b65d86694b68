"""What the interface promises, as its acceptance checks number it: paper, a dry run, runbooks out and in again."""

import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import call_command
from django.db import connection
from pypdf import PdfReader

from cases.choices import Card, Stage, Tlp
from cases.models import Case, CaseDevice, TimelineEntry
from cases.services import timeline
from response.models import Runbook
from response.models.runbooks import body_hash
from response.services import runbooks, shipped
from secops import integrations
from secops.models import User
from tests.browser.conftest import OpenPage
from tests.factories import make_case, make_device, make_user
from tests.findings import make_finding
from tests.response.conftest import CONFIRM, ISOLATE, drilled, make_runbook
from tests.secops.practice.conftest import IDS, Client, start_range

__all__ = ["start_range"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ana() -> User:
    return make_user("ana", ["analyst"], first_name="Ana", last_name="Lyst")


# --- 11: on paper -------------------------------------------------------------------------------------------------

EVENTS = 40
FANGED = re.compile(r"https?://|203\.0\.113\.|evil-\d+\.example|@bad\.example")


@pytest.fixture
def long_case(ana: User) -> Case:
    """40 events that name what is bad, with facts on each of the six cards."""
    case = make_case(title="Calls http://evil-1.example/a from 203.0.113.7", tlp=Tlp.AMBER_STRICT)
    asked = {"who": "person_profile", "where": "address_reputation", "traffic": "beacon_judged"}
    asked |= {"device": "hygiene", "changes": "recent_changes", "files": "file_reputation"}
    for question in asked.values():
        facts = [{"label": f"Fact {number}", "value": f"http://evil-{number}.example/"} for number in range(8)]
        make_finding(case, question, headline="Met 203.0.113.9 and m@bad.example", facts=facts)
    for number in range(EVENTS):
        words = "word " * (number % 40)
        text = f"Begin{number:02} http://evil-{number}.example/{number} by m@bad.example {words} End{number:02}"
        timeline.record(case.pk, text, kind=TimelineEntry.Kind.PERSON, actor=ana)
    return case


@pytest.mark.slow
def test_11_a_printed_case_is_marked_uncut_and_defanged(open_page: OpenPage, ana: User, long_case: Case) -> None:
    where = f"/cases/{long_case.number}/"
    page = open_page(ana, where)
    page.wait_for_selector("#card-files footer")
    printed = {"cards": page.pdf(prefer_css_page_size=True)}
    for name in ("timeline", "report"):
        page.goto(f"{where}{name}/")
        printed[name] = page.pdf(prefer_css_page_size=True)
    printed["pdf"] = page.context.request.get(f"{where}report.pdf").body()

    read = {name: pages_of(body) for name, body in printed.items()}
    for name, pages in read.items():
        assert len(pages) > 1, name
        assert "evil-1[.]example" in "".join(pages), name
        for number, text in enumerate(pages, start=1):
            assert text.count("TLP:AMBER+STRICT") >= 2, (name, number)
            assert f"Page{number}of{len(pages)}" in text, name
            assert FANGED.findall(text) == [], (name, number)
        for number in range(EVENTS if name != "cards" else 0):
            begins = [at for at, text in enumerate(pages) if f"Begin{number:02}" in text]
            ends = [at for at, text in enumerate(pages) if f"End{number:02}" in text]
            assert (begins, len(begins)) == (ends, 1), (name, number)
    for card in Card:
        assert any(is_whole(text, "".join(card.label.split()), "1of1") for text in read["cards"]), card


def pages_of(body: bytes) -> list[str]:
    """The text of each page without blanks: lines end where the paper does."""
    return ["".join(one.extract_text().split()) for one in PdfReader(io.BytesIO(body)).pages]


def is_whole(text: str, head: str, foot: str) -> bool:
    """Does this page hold a card from its question to the count at its end, with its last fact between them?"""
    _, found, rest = text.partition(head)
    upto, ended, _ = rest.partition(foot)
    return bool(found and ended and "Fact7" in upto)


# --- 13: a dry run ------------------------------------------------------------------------------------------------


def rows() -> dict[str, str]:
    """Every row of every table, as one digest for each."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            text = "\n".join(sorted(map(repr, cursor.fetchall())))
            found[table] = hashlib.sha256(text.encode()).hexdigest()
    return found


@pytest.mark.slow
def test_13_a_dry_run_sends_nothing_and_writes_nothing(
    open_page: OpenPage, start_range: Callable[[], Client], settings: Any, tmp_path: Path, transactional_db: None
) -> None:
    practice, rui = start_range(), make_user("rui", ["admin"])
    make_user("rosa", ["responder"], first_name="Rosa", last_name="Ponder")
    settings.NIGHTDESK_INTERNAL_HOSTS = [practice.base.removeprefix("http://")]
    keys = practice.credentials
    urls = {"login_url": f"{practice.base}/login", "api_url": f"{practice.base}/defender"}
    entra = {"tenant": keys["tenant_id"], "client_id": keys["client_id"]}
    drilled(integrations.add("defender", "Defender", entra | urls, {"client_secret": keys["client_secret"]}))
    case = make_case(stage=Stage.RESPONSE, device_name="LT-1")
    CaseDevice.objects.create(case=case, device=make_device("LT-1", agent_id=IDS["LT-1"]))
    runbook = make_runbook(CONFIRM, ISOLATE, actor=rui).runbook
    practice.fault(prefix="/", kind="status", status=503)  # the first request to any product would use it up
    editor = f"/admin/response/runbook/{runbook.pk}/change/"
    page = open_page(rui, editor)
    before = rows()

    page.select_option("[name=dry_case]", case.number)
    page.get_by_role("button", name="Save and run dry").last.click()
    page.wait_for_selector(".rb-dry li")
    assert "Isolate LT-1: 1 approval, of Rosa Ponder, not of who asks." in page.inner_text("#dry")
    assert {table for table, digest in rows().items() if digest != before[table]} == set()
    assert practice.effects() == []
    assert len(requests.get(f"{practice.base}/control/faults", timeout=10).json()) == 1


# --- 14: out and in again -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_14_every_shipped_runbook_goes_out_and_in_again_by_the_browser_and_by_the_command(
    open_page: OpenPage, tmp_path: Path
) -> None:
    shipped.install()
    page = open_page(make_user("rui", ["admin"]), "/admin/response/runbook/")
    found = list(Runbook.objects.filter(slug__in=shipped.SLUGS))
    assert len(found) == len(shipped.SLUGS) > 1

    for runbook in found:
        editor, kept = f"/admin/response/runbook/{runbook.pk}/change/", tmp_path / f"{runbook.slug}.yaml"
        page.goto(editor)
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Download YAML").click()
        waiting.value.save_as(kept)
        assert kept.read_text() == (shipped.FOLDER / kept.name).read_text()
        spoil(runbook)
        page.get_by_role("link", name="Upload YAML").click()
        page.set_input_files("[name=file]", kept)
        page.get_by_role("button", name="Make it the draft").click()
        page.wait_for_url(f"**{editor}")
        assert draft_hash(runbook) == live_hash(runbook), runbook.slug

        out = io.StringIO()
        call_command("runbook", "export", runbook.slug, stdout=out)
        assert out.getvalue() == kept.read_text()
        spoil(runbook)
        call_command("runbook", "import", str(kept), stdout=io.StringIO())
        assert draft_hash(runbook) == live_hash(runbook), runbook.slug


def spoil(runbook: Runbook) -> None:
    """So that only what is imported can bring the draft back."""
    Runbook.objects.filter(pk=runbook.pk).update(title="Spoiled")
    steps = runbook.steps.order_by("-order")
    steps[0].delete()
    assert draft_hash(runbook) != live_hash(runbook)


def draft_hash(runbook: Runbook) -> str:
    return body_hash(runbooks.frozen(Runbook.objects.get(pk=runbook.pk)))


def live_hash(runbook: Runbook) -> str:
    live = runbook.live
    assert live is not None
    return live.sha256
