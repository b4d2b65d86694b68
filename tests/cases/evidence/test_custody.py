"""The chain of custody: what it says, what the database refuses, what is found when it was changed all the same."""

import subprocess
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from cases.choices import CustodyAction
from cases.duties import RehashClock
from cases.errors import EvidenceError, IncompleteError
from cases.models import Case, CustodyEntry, CustodyHead, Evidence, TimelineEntry
from cases.services import custody, evidence, retention
from cases.services.folder import FolderStore
from secops.chain import FIRST, entry_hash
from secops.errors import NotAllowedError
from secops.models import User
from tests.cases.evidence.conftest import path_of, spoil, take
from tests.factories import make_case, make_user
from tests.owner import unprotected


def check(*words: str) -> tuple[list[str], int]:
    """What verify_evidence prints, and its exit code."""
    out = StringIO()
    try:
        call_command("verify_evidence", *words, stdout=out)
    except SystemExit as end:
        return out.getvalue().splitlines(), int(end.code or 0)
    return out.getvalue().splitlines(), 0


def long_ago(item: Evidence) -> None:
    """As if its file was last read a month ago."""
    at = timezone.now() - timedelta(days=30)
    Evidence.objects.filter(pk=item.pk).update(received_at=at, checked_at=None)


def rewrite(case: Case, seq: int, **fields: Any) -> None:
    """As somebody would who owns the database and knows how the chain is made."""
    with unprotected():
        CustodyEntry.objects.filter(case=case, seq=seq).update(**fields)
        previous = FIRST
        for entry in CustodyEntry.objects.filter(case=case).order_by("seq"):
            own = entry_hash(entry.seq, previous, entry.body())
            CustodyEntry.objects.filter(pk=entry.pk).update(previous=previous, hash=own)
            previous = own
    CustodyHead.objects.filter(case=case).update(hash=previous)


def anchor_of(case: Case) -> str:
    head = CustodyHead.objects.get(case=case)
    return f"{case.number} {head.seq} {head.hash} 2026-11-24T14:00:00+00:00\n"


@pytest.fixture
def handed(item: Evidence, analyst: User) -> Evidence:
    """Three entries: received, sealed after verified, handed over."""
    evidence.seal(item.pk, actor=analyst)
    return evidence.hand_over(item.pk, to="Legal", reason="They asked for it", actor=analyst)


def test_each_act_is_an_entry_and_a_line_with_the_one_who_did_it(
    item: Evidence, analyst: User, responder: User
) -> None:
    evidence.seal(item.pk, actor=analyst)
    evidence.hand_over(item.pk, to="Legal", reason="They asked for it", shelf="Safe 2", actor=responder)
    retention.set_hold(item.pk, "Court order 12/26", actor=analyst)
    retention.lift_hold(item.pk, "Settled", actor=responder)

    entries = list(CustodyEntry.objects.values_list("seq", "action", "who"))
    assert entries == [
        (1, "received", "Ada Lind"),
        (2, "verified", "Ada Lind"),
        (3, "sealed", "Ada Lind"),
        (4, "handed_over", "Bo Mars"),
        (5, "hold_set", "Ada Lind"),
        (6, "hold_lifted", "Bo Mars"),
    ]
    assert CustodyEntry.objects.get(seq=4).details == {
        "from": "Nightdesk",
        "to": "Legal",
        "reason": "They asked for it",
        "shelf": "Safe 2",
        "login": "bo",
    }
    told = list(TimelineEntry.objects.filter(refs__evidence="E-1").order_by("seq").values_list("text", flat=True))
    assert told[1:] == [
        "E-1 verified: it is what was received.",
        "E-1 sealed.",
        "E-1 handed over to Legal.",
        "Legal hold set on E-1: Court order 12/26",
        "Legal hold on E-1 lifted: Settled",
    ]
    item.refresh_from_db()
    assert (item.state, item.holder, item.shelf, item.is_held) == ("sealed", "Legal", "Safe 2", False)


@pytest.mark.parametrize("what", ["update", "save", "delete", "queryset"])
def test_the_database_refuses_to_change_or_delete_an_entry(item: Evidence, what: str) -> None:
    entry = CustodyEntry.objects.get()
    acts = {
        "update": lambda: CustodyEntry.objects.update(who="Somebody else"),
        "save": lambda: entry.save(),
        "delete": lambda: entry.delete(),
        "queryset": lambda: CustodyEntry.objects.filter(pk=entry.pk)._raw_delete("default"),
    }

    with pytest.raises((DatabaseError, IntegrityError), match="append-only"), transaction.atomic():
        acts[what]()

    assert CustodyEntry.objects.get().who == "Ada Lind"


def test_it_refuses_plain_sql_too(item: Evidence) -> None:
    for order in ("UPDATE cases_custodyentry SET who = 'x'", "DELETE FROM cases_custodyentry"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(order)


def test_a_case_or_a_person_in_a_chain_cannot_be_deleted(case: Case, item: Evidence, analyst: User) -> None:
    for row in (case, item, analyst):
        with pytest.raises(ProtectedError):
            row.delete()


def test_two_cases_have_two_chains(item: Evidence) -> None:
    other = take(make_case(), b"other")

    assert list(CustodyEntry.objects.filter(case=other.case).values_list("seq", "previous")) == [(1, FIRST)]


def test_whole_evidence_verifies(case: Case, handed: Evidence) -> None:
    take(make_case(), b"other")

    assert check("--all") == (["2 chains of custody checked, 0 problems"], 0)
    assert check(case.number)[1] == 0


@pytest.mark.parametrize("words", [(), ("--all", "CASE-1")])
def test_it_must_be_told_what_to_check(db: None, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as error:
        check(*words)
    assert error.value.returncode == 2


@pytest.mark.parametrize("change", [{"who": "Somebody"}, {"details": {}}, {"item": "E-2"}, {"action": "viewed"}])
def test_a_changed_entry_is_named(case: Case, handed: Evidence, change: dict[str, Any]) -> None:
    with unprotected():
        CustodyEntry.objects.filter(seq=3).update(**change)

    printed, code = check("--all")

    row = CustodyEntry.objects.get(seq=3).pk
    assert (printed[0], code) == (f"{case.number}: entry 3 (row {row}) was changed after it was written", 1)


@pytest.mark.parametrize("seq", [1, 2, 4], ids=["first", "middle", "last"])
def test_a_dropped_entry_is_noticed(case: Case, handed: Evidence, seq: int) -> None:
    with unprotected():
        CustodyEntry.objects.filter(seq=seq)._raw_delete("default")

    printed, code = check("--all")

    assert code == 1
    assert printed[0].startswith(f"{case.number}: entry {min(seq + 1, 4)} ")


def test_a_flipped_byte_is_noticed(case: Case, handed: Evidence) -> None:
    spoil(handed)

    printed, code = check("--all")

    assert code == 1
    assert printed[0].startswith(f"{case.number}: E-1 (file {handed.sha256[:12]}…) was changed; it is now ")


def test_a_missing_file_is_noticed(case: Case, handed: Evidence) -> None:
    path_of(handed).unlink()

    assert check("--all")[0][0] == f"{case.number}: E-1 (file {handed.sha256[:12]}…) is missing"


def test_two_swapped_files_are_noticed(case: Case, handed: Evidence) -> None:
    other = take(case, b"another")
    one, two = path_of(handed), path_of(other)
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)

    printed, code = check(case.number)

    assert code == 1
    assert ["E-1" in printed[0], "E-2" in printed[1]] == [True, True]


def test_a_row_that_points_to_another_file_is_noticed(case: Case, handed: Evidence) -> None:
    other = take(case, b"another")
    Evidence.objects.filter(pk=handed.pk).update(sha256=other.sha256, size=other.size)

    assert check("--all")[0][0] == f"{case.number}: E-1 is not what entry 1 says was received"


def test_a_row_marked_as_destroyed_by_hand_is_noticed(case: Case, handed: Evidence) -> None:
    Evidence.objects.filter(pk=handed.pk).update(destroyed_at="2026-11-24T00:00Z")

    assert check("--all")[0][0] == f"{case.number}: E-1 is listed as destroyed; no entry says so"


def test_a_chain_rewritten_as_a_whole_is_found_with_the_anchor_only(
    case: Case, handed: Evidence, tmp_path: Any
) -> None:
    anchor = tmp_path / "anchor.txt"
    anchor.write_text("# a heartbeat\n" + anchor_of(case))
    assert check("--all", "--anchor", str(anchor))[1] == 0

    rewrite(case, 4, details={"to": "Nobody"})

    assert check("--all")[1] == 0
    printed, code = check("--all", "--anchor", str(anchor))
    assert code == 1
    assert "entry 4 (row" in printed[0]
    assert "is missing or was rewritten since it was anchored at 2026-11-24T14:00:00+00:00" in printed[0]


def test_a_chain_that_is_gone_altogether_is_found_with_the_anchor(case: Case, handed: Evidence, tmp_path: Any) -> None:
    anchor = tmp_path / "anchor.txt"
    anchor.write_text(anchor_of(case))
    with unprotected():
        CustodyEntry.objects.all()._raw_delete("default")
    Evidence.objects.all()._raw_delete("default")
    CustodyHead.objects.all().delete()

    assert check("--all")[1] == 0
    assert (
        check("--all", "--anchor", str(anchor))[0][0] == f"{case.number}: was anchored and has no chain of custody here"
    )


def test_a_file_without_a_row_is_told_and_kept(handed: Evidence) -> None:
    place = path_of(handed).parents[2] / "00" / "00"
    place.mkdir(parents=True)
    (place / ("0" * 64)).write_bytes(b"")

    printed, code = check("--all")

    assert (printed[0], code) == ("file 000000000000… has no row; it is kept", 0)
    assert (place / ("0" * 64)).exists()


def test_a_mismatch_is_an_entry_an_alarm_and_heals_when_the_file_is_back(
    case: Case, item: Evidence, analyst: User
) -> None:
    path = path_of(item)
    good = path.read_bytes()
    spoil(item)
    Case.objects.update(is_unread=False)

    long_ago(item)

    assert check("--due") == (["1 items hashed again, 1 did not match"], 1)

    item.refresh_from_db()
    case.refresh_from_db()
    assert (item.state, case.is_unread) == ("mismatch", True)
    last = CustodyEntry.objects.latest("seq")
    assert (last.action, last.who, last.details["matches"]) == ("verified", "Nightdesk", False)
    assert "does not match" in TimelineEntry.objects.latest("seq").text
    with pytest.raises(EvidenceError, match="not what was received"):
        evidence.seal(item.pk, actor=analyst)

    path.write_bytes(good)
    assert evidence.verify(item.pk, actor=analyst)
    item.refresh_from_db()
    assert item.state == "verified"


def test_a_routine_check_that_matches_only_notes_the_time(item: Evidence) -> None:
    assert evidence.verify_due() == (0, 0, [])  # it was hashed when it came
    long_ago(item)
    assert evidence.verify_due() == (1, 0, [])
    assert evidence.verify_due() == (0, 0, [])

    item.refresh_from_db()
    assert item.verified_at
    assert CustodyEntry.objects.count() == 1


def test_a_damaged_item_does_not_keep_the_others_from_being_checked(case: Case, item: Evidence) -> None:
    other = evidence.receive(case.pk, [b"other"], kind="file", title="Other", actor=None)
    spoil(item)
    for one in (item, other):
        long_ago(one)
    assert evidence.verify_due() == (2, 1, [])
    assert not evidence.due_for_check().exists()


def test_the_clock_starts_the_check_when_something_is_due_and_once_an_hour(
    item: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command: started.append(command))
    assert RehashClock()() == 0
    long_ago(item)
    clock = RehashClock()
    assert [clock(), clock()] == [1, 0]
    assert [command[-2:] for command in started] == [("verify_evidence", "--due")]


def test_two_persons_destroy_and_the_row_and_chain_stay(
    case: Case, item: Evidence, analyst: User, responder: User
) -> None:
    with pytest.raises(EvidenceError, match="Nobody asked"):
        retention.destroy(item.pk, actor=responder)
    retention.ask_destruction(item.pk, "Retention is over", actor=responder)
    with pytest.raises(EvidenceError, match="Two persons"):
        retention.destroy(item.pk, actor=responder)
    with pytest.raises(NotAllowedError):
        retention.destroy(item.pk, actor=analyst)

    retention.destroy(item.pk, actor=make_user("al", ["approver"], first_name="Al"))

    item.refresh_from_db()
    assert item.state == "destroyed"
    assert not path_of(item).exists()
    last = CustodyEntry.objects.latest("seq")
    assert (last.action, last.who, last.details["asked_by"]) == (CustodyAction.DESTROYED, "Al", "Bo Mars")
    assert check("--all") == (["1 chains of custody checked, 0 problems"], 0)
    for act in (lambda: evidence.verify(item.pk), lambda: evidence.seal(item.pk, actor=analyst)):
        with pytest.raises(EvidenceError, match="was destroyed"):
            act()


def test_a_file_that_stayed_although_destroyed_is_told_and_removed_once_more(
    case: Case, item: Evidence, analyst: User, responder: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied")

    retention.ask_destruction(item.pk, "Done", actor=analyst)
    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "remove", broken)
        with pytest.raises(EvidenceError, match="is still here: Permission denied"):
            retention.destroy(item.pk, actor=responder)

    short = item.sha256[:12]
    told = f"{case.number}: E-1 is destroyed, its file ({short}…) is still here: destroy it again"
    assert (check("--all")[0][0], check("--all")[1]) == (told, 1)
    with pytest.raises(NotAllowedError):
        retention.destroy(item.pk, actor=analyst)

    retention.destroy(item.pk, actor=responder)

    assert not path_of(item).exists()
    assert check("--all") == (["1 chains of custody checked, 0 problems"], 0)
    assert CustodyEntry.objects.filter(action="destroyed").count() == 1
    with pytest.raises(EvidenceError, match="was destroyed"):
        retention.destroy(item.pk, actor=responder)


def test_bytes_that_another_item_has_stay(case: Case, item: Evidence, analyst: User, responder: User) -> None:
    copy = evidence.working_copy(item.pk, "Look", actor=analyst)

    retention.ask_destruction(item.pk, "Done", actor=analyst)
    retention.destroy(item.pk, actor=responder)

    assert path_of(copy).exists()
    assert check("--all")[1] == 0


def test_nothing_under_legal_hold_is_destroyed(item: Evidence, analyst: User, responder: User) -> None:
    retention.ask_destruction(item.pk, "Done", actor=analyst)
    retention.set_hold(item.pk, "Court order", actor=analyst)

    for act in (
        lambda: retention.ask_destruction(item.pk, "Done", actor=analyst),
        lambda: retention.destroy(item.pk, actor=responder),
    ):
        with pytest.raises(EvidenceError, match="legal hold"):
            act()
    with pytest.raises(NotAllowedError):
        retention.lift_hold(item.pk, "Please", actor=analyst)

    retention.lift_hold(item.pk, "Settled", actor=responder)
    with pytest.raises(EvidenceError, match="Nobody asked"):
        retention.destroy(item.pk, actor=responder)


def test_the_database_knows_no_held_item_that_was_destroyed(item: Evidence) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Evidence.objects.filter(pk=item.pk).update(is_held=True, destroyed_at="2026-11-24T00:00Z")


def test_a_physical_exhibit_has_serial_seal_and_place_and_is_sealed_again(case: Case, analyst: User) -> None:
    stick = evidence.register(
        case.pk,
        title="USB stick",
        serial="4C530001",
        seal_number="S-100",
        shelf="Safe 2",
        acquired=evidence.Acquired(
            acquired_by="Ada Lind", acquired_from="Desk 4.12", authority="Works council, 24 Nov"
        ),
        actor=analyst,
    )

    with pytest.raises(IncompleteError):
        evidence.seal(stick.pk, actor=analyst)
    evidence.seal(stick.pk, seal_number="S-101", actor=analyst)
    with pytest.raises(EvidenceError, match="has no file"):
        evidence.verify(stick.pk, actor=analyst)

    assert [(entry.action, entry.details.get("seal_number")) for entry in CustodyEntry.objects.all()] == [
        ("acquired", None),
        ("received", "S-100"),
        ("sealed", "S-100"),
        ("sealed", "S-101"),
    ]
    assert check("--all")[1] == 0


def test_an_act_needs_a_reason_and_the_right(item: Evidence, analyst: User) -> None:
    with pytest.raises(IncompleteError):
        evidence.hand_over(item.pk, to="Legal", reason=" ", actor=analyst)
    with pytest.raises(NotAllowedError):
        evidence.hand_over(item.pk, to="Legal", reason="x", actor=make_user("al", ["approver"]))
    assert custody.verify(item.case_id) is None
    assert CustodyEntry.objects.count() == 1


def test_nothing_is_written_when_the_timeline_cannot_be(item: Evidence, analyst: User, monkeypatch: Any) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(custody.timeline, "record", broken)
    with pytest.raises(RuntimeError):
        evidence.hand_over(item.pk, to="Legal", reason="x", actor=analyst)

    monkeypatch.undo()
    assert CustodyEntry.objects.count() == 1
    assert custody.verify(item.case_id) is None
