"""The PDF of a report: marked on each page, made without fetching anything, in time, and hostile text stays text."""

import io
import json
import re
from time import monotonic
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from cases.choices import Disposition, Tlp
from cases.models import Case, Note
from cases.services import cases as services
from cases.services import timeline
from secops import pdf
from secops.models import ApiToken, User
from tests.factories import make_case, make_device
from tests.findings import make_finding
from tests.hostile import START, TEXT, alert, everywhere

pytestmark = pytest.mark.django_db
CSS = "@page { size: A4; }"


def pdf_of(client: Client, case: Case, query: str = "") -> PdfReader:
    answer = client.get(f"/cases/{case.number}/report.pdf{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    return PdfReader(io.BytesIO(answer.content))


def words(text: str) -> str:
    """Without line breaks, which stand where the paper ends."""
    return "".join(text.split())


@pytest.fixture
def page(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


@pytest.mark.parametrize(
    "tlp", [Tlp.AMBER, *(pytest.param(one, marks=pytest.mark.slow) for one in Tlp if one != Tlp.AMBER)]
)
def test_each_page_bears_its_marking_twice_its_number_and_its_case(page: Client, analyst: User, tlp: Tlp) -> None:
    case = make_case(tlp=tlp)
    for number in range(60):
        timeline.record(case.pk, f"Entry {number} " + "word " * 60, kind="person", actor=analyst)

    pages = pdf_of(page, case).pages

    assert len(pages) > 3
    for number, one in enumerate(pages, start=1):
        text = one.extract_text()
        assert text.count(f"TLP:{tlp.label}") >= 2, number
        assert f"Page {number} of {len(pages)}" in text
        assert f"{case.number} · Nightdesk" in text
    told = re.search(r"Timeline,\s*(\d+)", pages[0].extract_text())
    assert told
    assert "Entry 0 word" in pages[int(told[1]) - 1].extract_text()  # the contents name the page


def test_hostile_text_stays_text(client: Client, analyst: User) -> None:
    _, secret = ApiToken.issue("sensor")
    sensor = {"Authorization": f"Bearer {secret}"}
    body = json.dumps(alert())
    sent = client.post("/api/v1/alerts/", body, content_type="application/json", headers=sensor)
    case = Case.objects.get(pk=int(sent.json()["case"].removeprefix("CASE-")))
    finding: dict[str, Any] = everywhere({"headline": "x", "label": "x", "facts": [{"label": "x", "value": "x"}] * 20})
    clean = json.loads(json.dumps(finding).replace("\\u0000", "").replace("\\ud800", ""))
    make_finding(case, "address_place", source=START, about=START, **clean | {"headline": START, "label": START[:60]})
    Note.objects.create(case=case, author=analyst, text=START * 100)
    services.close(case.pk, Disposition.TRUE_POSITIVE, START + "x" * 100_000, actor=analyst)
    client.force_login(analyst)

    shown = client.get(f"/cases/{case.number}/report/").content.decode()
    started = monotonic()
    read = pdf_of(client, case)

    assert monotonic() - started < pdf.SECONDS
    assert "<script>alert" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    text = words(" ".join(one.extract_text() for one in read.pages))
    assert words("<script>alert(1)</script>{{7*7}}") in text
    assert "⟨U+202E⟩" in text
    assert_is_inert(read)


def assert_is_inert(read: PdfReader) -> None:
    """No script, no action, no link out, no attachment, no form."""
    root = read.trailer["/Root"].get_object()
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(root)
    assert not read.attachments
    for one in read.pages:
        for note in one.get("/Annots") or []:
            assert "/URI" not in str(note.get_object())
    for number in range(1, len(read.xref_objStm) + len(read.xref.get(0, {})) + 1):
        assert b"/JavaScript" not in repr(read.get_object(number)).encode()


@pytest.mark.slow
def test_a_case_with_fields_of_100_kb_is_printed_in_time(page: Client, analyst: User) -> None:
    case = make_case(title="t" * 300)
    for number in range(20):
        facts = [{"label": f"Fact {number}", "value": TEXT[-100_000:]} for number in range(5)]
        make_finding(case, "address_place", source=f"Source {number}", headline="h" * 400, facts=facts)
    services.close(case.pk, Disposition.BENIGN_TRUE_POSITIVE, "z " * 50_000, actor=analyst)
    started = monotonic()

    read = pdf_of(page, case)

    assert monotonic() - started < pdf.SECONDS
    assert 5 < len(read.pages) < 120
    assert "cut; the whole stands in the case" in " ".join(one.extract_text() for one in read.pages)


def test_nothing_is_fetched(tmp_path: Any, live_server: Any) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text("<svg xmlns='http://www.w3.org/2000/svg'><text y='20'>secretword</text></svg>")
    asked = (
        f'<p>kept</p><img src="file://{secret}"><img src="{live_server.url}/health/"><object data="file://{secret}">'
        f'</object><link rel="stylesheet" href="file:///etc/passwd"><link rel="attachment" href="file://{secret}">'
        '<img src="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22%3E%3Ctext%3Einline%3C/text%3E%3C/svg%3E">'
        f'<svg><image href="file://{secret}"/><use href="file://{secret}#x"/></svg>'
        f'<style>@import url("file://{secret}"); body {{ background: url("file://{secret}") }}</style>'
    )

    read = PdfReader(io.BytesIO(pdf.render(asked, CSS)))

    text = read.pages[0].extract_text()
    assert "kept" in text
    assert "secretword" not in text
    assert "inline" not in text
    assert not read.attachments


def test_what_is_too_large_or_too_slow_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pdf.PdfError, match="too large"):
        pdf.render("x" * (pdf.MOST_HTML + 1), CSS)

    monkeypatch.setattr(pdf, "SECONDS", 0.05)
    with pytest.raises(pdf.PdfError, match="took longer"):
        pdf.render("<p>x</p>", CSS)


def test_a_third_rendering_at_once_is_told_to_come_back() -> None:
    taken = [pdf._room.acquire(blocking=False) for _ in range(pdf.AT_ONCE)]
    try:
        with pytest.raises(pdf.PdfError, match="Try again"):
            pdf.render("<p>x</p>", CSS)
    finally:
        for _ in taken:
            pdf._room.release()


def test_an_error_leads_back_and_is_not_written_down_as_an_export(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(device_name=make_device().name)
    monkeypatch.setattr(pdf, "MOST_HTML", 10)

    answer = page.post(f"/cases/{case.number}/report.pdf")

    assert answer.status_code == 503
    assert "Print the page instead" in answer.content.decode()
    assert not case.timeline.exists()
