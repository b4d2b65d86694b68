"""The heads of the chains go outside, hourly, and what was written there is what the verifiers read."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from cases import duties
from cases.models import Case, CustodyHead, Evidence
from cases.services import anchor, evidence
from secops import integrations
from secops.checks import anchor_is_elsewhere
from secops.connectors.capabilities.errors import Doubt
from secops.models import User
from secops.registry import duties as registered
from tests.cases.evidence.conftest import take
from tests.cases.evidence.test_custody import check, rewrite
from tests.factories import make_case


@pytest.fixture
def outside(settings: Any, tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    settings.NIGHTDESK_ANCHOR = str(tmp_path / "outside")
    return tmp_path / "outside" / anchor.FILE


def an_hour_passes(path: Path) -> None:
    os.utime(path, (1, 1))


def heads(path: Path) -> list[str]:
    return [line.rsplit(" ", 2)[0] for line in path.read_text().splitlines() if not line.startswith("#")]


def test_the_clock_has_the_duty() -> None:
    names = [name for name, _ in registered.items()]

    assert {"tick:custody-anchor", "enrichment:custody-anchor"} <= set(names)


def test_each_hour_what_grew_is_appended_and_a_line_says_so(outside: Path, item: Evidence, analyst: User) -> None:
    assert anchor.write_if_due() == 1
    assert anchor.write_if_due() == 0
    first = outside.read_text()

    an_hour_passes(outside)
    assert anchor.write_if_due() == 0
    evidence.hand_over(item.pk, to="Legal", reason="x", actor=analyst)
    an_hour_passes(outside)
    assert anchor.write_if_due() == 1

    assert outside.read_text().startswith(first)
    assert heads(outside) == [f"{item.case.number} 1", f"{item.case.number} 2"]
    assert outside.read_text().count("# ") == 3


def test_a_new_file_gets_every_head(outside: Path, item: Evidence) -> None:
    take(make_case(), b"other")
    anchor.write_if_due()
    outside.rename(outside.with_name("october.txt"))

    assert anchor.write_if_due() == 2


def test_what_it_writes_finds_a_rewritten_chain(outside: Path, case: Case, item: Evidence, analyst: User) -> None:
    evidence.hand_over(item.pk, to="Legal", reason="x", actor=analyst)
    anchor.write_if_due()
    assert check("--all", "--anchor", str(outside))[1] == 0

    rewrite(case, 2, who="Somebody else")

    assert check("--all")[1] == 0
    assert check("--all", "--anchor", str(outside))[1] == 1


def test_the_clock_looks_once_a_minute_and_a_place_that_is_away_stops_nothing(
    outside: Path, item: Evidence, caplog: Any, settings: Any
) -> None:
    settings.NIGHTDESK_ANCHOR = str(outside.parent / "away")
    clock = duties.AnchorClock()

    assert clock() == 0
    assert clock() == 0

    assert caplog.text.count("The anchor of custody cannot be written") == 1


def test_without_the_setting_nothing_is_written(item: Evidence, settings: Any) -> None:
    settings.NIGHTDESK_ANCHOR = ""

    assert duties.AnchorClock()() == 0
    assert duties.mail_anchor() == 0


class Mailbox:
    """A mail server that may break off."""

    def __init__(self) -> None:
        self.mails: list[dict[str, Any]] = []
        self.is_broken = False

    def send_mail(self, **mail: Any) -> str:
        if self.is_broken:
            raise Doubt("The mail server broke off.")
        self.mails.append(mail)
        return ""


@pytest.fixture
def mailbox(settings: Any, monkeypatch: Any, db: None) -> Mailbox:
    settings.NIGHTDESK_ANCHOR = "mailto:custody@legal.example"
    cache.clear()
    box = Mailbox()
    monkeypatch.setattr(integrations, "with_capability", lambda name: [name])
    monkeypatch.setattr(integrations, "connector_of", lambda _: box)
    return box


def test_a_mail_goes_out_by_a_worker_once_an_hour(
    mailbox: Mailbox, item: Evidence, enqueued: Any, analyst: User
) -> None:
    assert duties.AnchorClock()() == 1
    assert enqueued() == [("ring_enrichment",)]
    assert duties.mail_anchor() == 1
    evidence.hand_over(item.pk, to="Legal", reason="x", actor=analyst)
    assert duties.mail_anchor() == 0
    cache.delete(anchor.SENT)
    assert duties.mail_anchor() == 1

    assert [mail["to"] for mail in mailbox.mails] == [["custody@legal.example"]] * 2
    head = CustodyHead.objects.get()
    assert f"{item.case.number} 2 {head.hash} " in mailbox.mails[1]["text"]


def test_a_mail_that_did_not_go_out_is_tried_again(mailbox: Mailbox, item: Evidence, caplog: Any) -> None:
    mailbox.is_broken = True
    assert duties.mail_anchor() == 0
    assert "was not mailed: The mail server broke off." in caplog.text

    mailbox.is_broken = False
    assert duties.mail_anchor() == 0  # not at once
    cache.delete(anchor.SENT)
    assert duties.mail_anchor() == 1


@pytest.mark.parametrize(
    ("where", "is_fine"), [("", True), ("mailto:a@b.example", True), ("{data}", False), ("relative", False)]
)
def test_an_anchor_beside_the_database_is_refused_at_start(
    settings: Any, tmp_path: Path, where: str, is_fine: bool
) -> None:
    settings.DATA_DIR.mkdir()
    settings.NIGHTDESK_ANCHOR = where.format(data=settings.DATA_DIR)

    assert (anchor_is_elsewhere(None) == []) == is_fine


def test_an_anchor_that_is_away_stops_neither_clock_nor_queues(settings: Any, tmp_path: Path) -> None:
    settings.NIGHTDESK_ANCHOR = str(tmp_path / "away")

    assert [(one.id, one.is_serious()) for one in anchor_is_elsewhere(None)] == [("nightdesk.W001", False)]
