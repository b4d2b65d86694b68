"""Three months of files on the practice range, whose truth is known: the leaver stands out, and nobody else does."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cases.choices import Role, Verdict
from cases.models import Case
from cases.services import people
from enrichment.choices import SubjectKind
from enrichment.models import KindQuestion
from enrichment.questions.base import Judgement
from enrichment.questions.file_use import FilesOverMonths
from enrichment.services import planning
from secops.charts import chart
from secops.connectors.capabilities.files import FileUse
from secops.connectors.capabilities.identity import PersonRecord
from secops.connectors.capabilities.traffic import Window
from secops.logfiles import fileuse
from secops.logfiles.store import LogStore
from tests.enrichment.conftest import Answers
from tests.enrichment.questions.asking import AT, Says, about, ask, fact, points
from tests.factories import make_alert, make_case, make_kind
from tests.secops.practice.generated_week import document, story, week

LEAVER = "i.rocha"
SUBJECT = about(SubjectKind.PERSON, LEAVER)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LogStore:
    """Only the logs that the question reads."""
    folder: Path = tmp_path_factory.mktemp("files")
    for name in ("fileserver", "dlp"):
        shutil.copytree(week() / "logs" / name, folder / name)
    return LogStore(folder, tmp_path_factory.mktemp("cache"))


def judged(store: LogStore, login: str) -> Judgement:
    at = datetime.fromisoformat(story("usb")["alert_at"])
    return ask(
        FilesOverMonths,
        about(SubjectKind.PERSON, login, at=at),
        file_use=lambda *asked: fileuse.file_use(store, *asked),
        peer_file_use=lambda *asked: fileuse.peer_file_use(store, *asked),
        file_use_windows=lambda: fileuse.file_use_windows(store),
    )


def test_the_leavers_weeks_are_told_in_their_order(store: LogStore) -> None:
    truth = story("usb")["file_use"]

    judgement = judged(store, LEAVER)

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Unusual files")
    assert judgement.data["shares"] == [truth["share"]]
    assert judgement.data["files"] == truth["files"]
    assert judgement.data["first_at"][:13] == truth["first_at"][:13]
    assert f"{truth['files']} files on {truth['days']} days" in fact(judgement, "Unusual share")
    assert judgement.data["removable_bytes"] == story("usb")["bytes_copied"]
    happened = [text for _, text in judgement.rows]
    assert happened[0].startswith(f"first opened {truth['share']}")
    assert happened[-1].startswith(f"first copy to the drive {story('usb')['serial']}: 9.4 GB")
    assert points(judgement) > 0
    assert "<rect" in str(chart(judgement.series))


@pytest.mark.slow
def test_nobody_else_of_the_company_stands_out(store: LogStore) -> None:
    others = [person["login"] for person in document("company.json")["people"] if person["login"] != LEAVER]

    told = {login: judged(store, login) for login in others}

    assert len(told) == 29
    assert [login for login, one in told.items() if one.verdict != Verdict.INFORMATIONAL or points(one) > 0] == []
    assert "0A71C2D4490B" in fact(told["v.novak"], "Removable drive")
    assert "used on" in fact(told["v.novak"], "Removable drive")


def test_the_peers_are_known_by_pseudonyms_only(store: LogStore) -> None:
    truth, judgement = story("usb")["file_use"], judged(store, LEAVER)
    at = datetime.fromisoformat(story("usb")["alert_at"])

    peers = {one.peer for one in fileuse.peer_file_use(store, LEAVER, at - timedelta(days=90), at)}

    assert judgement.data["peers"] == len(peers) == len(truth["peers"]) == 4
    assert all(peer.startswith("Peer ") for peer in peers)
    assert not [login for login in truth["peers"] if login in repr(judgement)]


def test_the_card_says_what_the_logs_cover(store: LogStore) -> None:
    judgement = judged(store, LEAVER)

    covered = [one.value for one in judgement.facts if one.label == "Covered"]
    assert covered == [
        "file servers: 27 Aug to 23 Nov, 89 of 90 days",
        "data loss prevention: 27 Aug to 23 Nov, 88 of 90 days",
    ]


def test_a_log_that_is_not_there_is_said_too() -> None:
    windows = {"file servers": Window(start=AT - timedelta(days=30), end=AT), "dlp": Window(start=None, end=None)}
    use = FileUse(at=AT - timedelta(days=1), way="opened", place="\\\\FS\\a", files=2)

    judgement = ask(FilesOverMonths, SUBJECT, file_use=[use], peer_file_use=[], file_use_windows=windows)

    assert [one.value for one in judgement.facts if one.label == "Covered"] == [
        "file servers: 08 Feb to 10 Mar, 30 of 90 days",
        "dlp: no log of the 90 days asked for",
    ]
    assert (judgement.label, points(judgement)) == ("", 0)


def test_who_is_in_no_log_gives_no_answer() -> None:
    assert FilesOverMonths().ask(Says(file_use=[]), SUBJECT) is None


def _planned(source: Answers, *named: str) -> set[str]:
    kind = make_kind("of-people")
    KindQuestion.objects.bulk_create(KindQuestion(kind=kind, question=slug) for slug in named)
    case = make_case(kind=kind)
    make_alert(case)
    people.attach(case.pk, PersonRecord(login=LEAVER), Role.ACCOUNT)
    Case.objects.filter(pk=case.pk).update(is_planning_due=True)
    planning.plan_due()
    return set(case.lookups.values_list("question", flat=True))


def test_it_is_asked_only_where_a_kind_names_it(source: Answers) -> None:
    asked = _planned(source)

    assert "person_profile" in asked
    assert "file_use" not in asked


def test_a_kind_that_names_it_asks_it(source: Answers) -> None:
    assert _planned(source, "file_use") == {"file_use"}
