"""Two at once: one chain without gaps, one ticket for one, and no bytes lost between the last item and the next."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cases.choices import CustodyAction
from cases.models import Case, CustodyEntry, Evidence
from cases.services import custody, evidence, folder, inbox, inspection, retention, store, tickets
from cases.services.collecting import Source, collect
from cases.services.described import Acquired
from secops.models import User
from tests.cases.evidence.conftest import path_of, take
from tests.factories import make_case, make_user
from tests.owner import unprotected
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def case(transactional_db: None) -> Iterator[Case]:
    """Afterwards the tables are emptied, which the chain of custody refuses on SQLite."""
    yield make_case()
    with unprotected():
        CustodyEntry.objects.all()._raw_delete("default")


@pytest.fixture
def ada(case: Case) -> User:
    return make_user("ada", ["analyst"], first_name="Ada")


def test_entries_of_many_at_once_make_one_chain(case: Case, ada: User) -> None:
    item = take(case, b"MZ", actor=ada)

    at_once(*[lambda: evidence.hand_over(item.pk, to="Legal", reason="x", actor=ada)] * 6)

    assert list(CustodyEntry.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 8))
    assert custody.verify(case.pk) is None


def test_files_of_many_at_once_get_a_number_each(case: Case) -> None:
    at_once(*[lambda content=content: take(case, content) for content in (b"a", b"b", b"a", b"c")])

    assert sorted(case.evidence.values_list("seq", flat=True)) == [1, 2, 3, 4]
    assert list(inspection.problems(case)) == []


def test_a_file_is_sealed_by_one_of_many(case: Case, ada: User) -> None:
    item = take(case, b"MZ", actor=ada)
    assert not item.sealed_at

    said = at_once(*[lambda: evidence.seal(item.pk, actor=ada)] * 4)

    assert sorted(type(one).__name__ for one in said) == ["Evidence", *["EvidenceError"] * 3]
    assert CustodyEntry.objects.filter(action=CustodyAction.SEALED).count() == 1


def test_a_ticket_is_taken_by_one(case: Case, ada: User) -> None:
    key = tickets.issue(ada, {"what": "view", "item": 1, "case": case.pk, "reason": "x"})

    said = at_once(*[lambda: tickets.redeem(key, ada, case.pk)] * 4)

    assert sum(isinstance(one, dict) for one in said) == 1


@pytest.mark.parametrize("_", range(5))
def test_the_last_item_destroyed_and_the_same_bytes_received_lose_nothing(case: Case, ada: User, _: int) -> None:
    item = take(case, b"MZ", actor=ada)
    retention.ask_destruction(item.pk, "x", actor=ada)
    bo = make_user("bo", ["responder"])

    at_once(lambda: retention.destroy(item.pk, actor=bo), lambda: take(case, b"MZ"))

    assert Evidence.objects.filter(destroyed_at__isnull=True).count() == 1
    assert list(inspection.problems(case)) == []


def test_bytes_received_while_the_file_is_moved_aside_are_placed_again(
    case: Case, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file goes between the new row's place and its commit: the draft still has the bytes."""
    item = take(case, b"MZ", actor=ada)
    placed = inbox.FileDraft.place

    def place_and_lose(draft: inbox.FileDraft) -> None:
        placed(draft)
        monkeypatch.setattr(inbox.FileDraft, "place", placed)
        path_of(item).unlink()

    monkeypatch.setattr(inbox.FileDraft, "place", place_and_lose)

    take(case, b"MZ")

    assert list(inspection.problems(case)) == []


def test_a_row_that_came_at_the_last_moment_keeps_the_file(
    case: Case, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = take(case, b"MZ", actor=ada)

    assert not store.store().remove(item.sha256, unless=lambda: True)
    assert path_of(item).exists()
    assert store.store().remove(item.sha256, unless=lambda: False)
    assert not path_of(item).exists()


@pytest.mark.parametrize("came_again", [False, True])
def test_a_file_left_aside_by_a_remover_that_was_killed_is_put_back(
    case: Case, ada: User, monkeypatch: pytest.MonkeyPatch, came_again: bool
) -> None:
    item = take(case, b"MZ", actor=ada)

    def killed() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.store().remove(item.sha256, unless=killed)
    assert not path_of(item).exists()
    if came_again:
        path_of(item).write_bytes(b"MZ")

    take(case, b"young: another process may be at it")
    assert path_of(item).exists() == came_again
    monkeypatch.setattr(folder, "ASIDE_SECONDS", -1)
    take(case, b"old")

    assert list(inspection.problems(case)) == []
    assert not list(path_of(item).parents[3].joinpath("tmp").iterdir())


def test_many_workers_that_fetch_the_same_keep_one_item(case: Case, folder: Path) -> None:
    content = bytes(range(256)) * 20_000
    pieces = range(0, len(content), 500_000)
    source = Source(
        ref="step 7: disk.raw",
        size=len(content),
        read=lambda offset: (content[at : at + 500_000] for at in pieces if at >= offset),
    )

    def work() -> Evidence | None:
        for _ in range(100):
            found = collect(case.pk, source, Acquired(), seconds=0.01, kind="disk", title="Disk")
            if found.item:
                return found.item
            time.sleep(0.02)
        return None

    items = at_once(*[work] * 4)

    item = Evidence.objects.get()
    assert items == [item] * 4
    assert item.sha256 == hashlib.sha256(content).hexdigest()
    assert list((folder / "tmp").iterdir()) == []
    assert list(inspection.problems(case)) == []
