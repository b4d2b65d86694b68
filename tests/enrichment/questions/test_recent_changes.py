"""What changed: telling kinds first, what stays after a restart weighs."""

from datetime import timedelta

from cases.choices import Verdict
from enrichment.questions.recent_changes import RecentChanges
from secops.connectors.capabilities.devices import Change
from tests.enrichment.questions.asking import AT, Says, about, ask, fact, points


def change(kind: str, hours: float, *, signer: str = "") -> Change:
    return Change(at=AT - timedelta(hours=hours), kind=kind, text=f"{kind} Ledgerline", signer=signer, actor="maya.o")


def test_something_new_that_starts_by_itself_weighs_and_speaks_first() -> None:
    judgement = ask(RecentChanges, about(), changes=[change("file", 0.1), change("task", 5), change("patch", 9)])

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Persistence")
    assert judgement.headline == "task Ledgerline."
    assert [one["text"] for one in judgement.data["lasting"]] == ["task Ledgerline"]


def test_a_signed_service_and_patches_are_told_and_weigh_nothing() -> None:
    judgement = ask(RecentChanges, about(), changes=[change("service", 2, signer="Stowage"), change("patch", 9)])

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert points(judgement) == 0


def test_a_flood_of_file_changes_does_not_push_the_telling_one_out() -> None:
    flood = [change("file", number / 100) for number in range(400)]

    judgement = ask(RecentChanges, about(), changes=[*flood, change("autorun", 70)])

    assert "autorun" in [row[1] for row in judgement.rows]
    assert fact(judgement, "72 hours") == "400 files, 1 autorun"
    assert len(judgement.rows) == 25


def test_the_rows_come_newest_first() -> None:
    judgement = ask(RecentChanges, about(), changes=[change("patch", 9), change("install", 2)])

    assert [row[1] for row in judgement.rows] == ["install", "patch"]


def test_a_source_without_a_change_is_no_answer() -> None:
    assert RecentChanges().ask(Says(changes=[]), about()) is None
