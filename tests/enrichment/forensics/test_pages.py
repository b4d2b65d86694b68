"""What the pages show of the tools, and to whom."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cases.models import Case, Evidence
from cases.services import timeline
from enrichment.models import Examination
from enrichment.services.examinations import carry_out_one, start
from secops.models import User
from tests.cases.evidence.conftest import take
from tests.hostile import HIDDEN, START


@pytest.fixture
def image(case: Case, disk: Path) -> Evidence:
    return take(case, disk.read_bytes(), kind="disk")


@pytest.fixture
def page(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def text(response: Any) -> str:
    return str(response.content.decode())


def test_the_item_asks_for_its_panel_and_the_panel_offers_to_examine(page: Client, case: Case, image: Evidence) -> None:
    here = f"/cases/{case.number}/evidence/E-1/"

    assert f'hx-get="{here}tools/"' in text(page.get(here))
    panel = text(page.get(f"{here}tools/", headers={"HX-Request": "true"}))

    assert "No tool has read this item yet." in panel
    assert f'action="{here}examine/"' in panel
    assert "<html" not in panel


def test_examining_is_asked_for_and_the_panel_looks_again_until_it_ended(
    page: Client, case: Case, image: Evidence
) -> None:
    here = f"/cases/{case.number}/evidence/E-1/"

    assert page.post(f"{here}examine/").headers["Location"] == here
    waiting = text(page.get(f"{here}tools/"))
    assert 'hx-trigger="every 3s"' in waiting
    assert "Asked for by Ada Lind" in waiting
    carry_out_one()
    done = text(page.get(f"{here}tools/"))

    assert "every 3s" not in done
    for word in ("The Sleuth Kit", "/home/ada/updater.dll", "Deleted", "YARA: reverse_shell", "E-1.1"):
        assert word in done, word
    assert "examine/" not in done


def test_the_evidence_tab_shows_all_items(page: Client, case: Case, image: Evidence) -> None:
    take(case, b"a file")
    start(image.pk)
    carry_out_one()

    assert f'hx-get="/cases/{case.number}/examinations/"' in text(page.get(f"/cases/{case.number}/evidence/"))
    panel = text(page.get(f"/cases/{case.number}/examinations/"))

    assert panel.count("Not examined") == 2  # the file, and the recovered one
    assert "The Sleuth Kit" in panel


def test_the_attackers_lane_is_told_apart_and_can_be_read_alone(page: Client, case: Case, image: Evidence) -> None:
    timeline.record(case.pk, "Somebody said something", kind="person")
    start(image.pk)
    carry_out_one()

    everything = text(page.get(f"/cases/{case.number}/timeline/"))
    lane = text(page.get(f"/cases/{case.number}/timeline/?lane=attacker"))

    assert '<span class="chip crit">Attacker</span> <b class="num nowrap">2026-09-21 14:13:20</b>' in everything
    assert "Attacker’s lane" in everything
    assert "Somebody said something" in everything
    assert "Somebody said something" not in lane
    assert "run.sh last changed" in lane


def test_what_a_tool_says_is_only_ever_text(page: Client, case: Case, image: Evidence) -> None:
    bad = START + HIDDEN.replace("\0", "").replace("\ud800", "")
    notable = {"name": bad, "why": [bad], "size": 1, "sha256": None, "at": None, "details": bad}
    table = {"title": bad, "columns": [bad], "rows": [[bad]]}
    result = {"tool": bad, "version": bad, "facts": [{"label": bad, "value": bad}], "notable": [notable]}
    result |= {"tables": [table], "limits": [bad], "guards": [bad], "derived": []}
    Examination.objects.create(
        evidence=image, tool="disk", state="done", asked_at=image.received_at, asked_by=bad, result=result
    )

    for path in ("evidence/E-1/tools/", "examinations/"):
        html = text(page.get(f"/cases/{case.number}/{path}"))
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "\u202e" not in html


def test_an_approver_sees_and_is_not_offered_to_examine(client: Client, case: Case, image: Evidence) -> None:
    from tests.factories import make_user

    client.force_login(make_user("ap", ["approver"]))

    assert "examine/" not in text(client.get(f"/cases/{case.number}/evidence/E-1/tools/"))
    assert client.post(f"/cases/{case.number}/evidence/E-1/examine/").status_code == 403


def test_an_exhibit_has_no_panel(page: Client, case: Case, analyst: User) -> None:
    from cases.services import described, evidence

    words = {"title": "USB stick", "serial": "1", "seal_number": "2", "shelf": "3"}
    evidence.register(case.pk, **words, acquired=described.Acquired(), actor=analyst)

    assert "Forensic tools" not in text(page.get(f"/cases/{case.number}/evidence/E-1/"))
