"""A changed, removed, added or moved entry is found and named."""

from typing import Any

import pytest

from secops.chain import FIRST, canonical, entry_hash, first_problem

type Entry = tuple[int, str, str, dict[str, Any]]


def chain(length: int) -> list[Entry]:
    entries, head = [], FIRST
    for seq in range(1, length + 1):
        body = {"text": f"Entry {seq}"}
        own = entry_hash(seq, head, body)
        entries.append((seq, head, own, body))
        head = own
    return entries


def test_an_untouched_chain_has_no_problem() -> None:
    assert first_problem(chain(5)) is None
    assert first_problem([]) is None


def test_one_value_has_one_spelling() -> None:
    assert canonical({"b": 1, "a": ["é", None]}) == '{"a":["é",null],"b":1}'.encode()
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1})


def test_a_number_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))


def test_a_changed_text_is_found() -> None:
    entries = chain(5)
    entries[2] = (*entries[2][:3], {"text": "Nothing happened"})

    assert first_problem(entries) == (3, "was changed after it was written")


def test_a_rewritten_entry_with_a_fresh_hash_is_found_at_the_next_one() -> None:
    entries = chain(5)
    seq, previous, _, _ = entries[2]
    body = {"text": "Nothing happened"}
    entries[2] = (seq, previous, entry_hash(seq, previous, body), body)

    assert first_problem(entries) == (4, "does not follow the entry before it")


@pytest.mark.parametrize(
    ("spoil", "seq"),
    [
        (lambda entries: entries[:1] + entries[2:], 3),
        (lambda entries: entries[1:], 2),
        (lambda entries: [entries[1], entries[0], *entries[2:]], 2),
        (lambda entries: [*entries[:2], entries[1], *entries[2:]], 2),
    ],
    ids=["cut in the middle", "cut at the start", "swapped", "added"],
)
def test_a_cut_a_swap_and_an_addition_are_found(spoil: Any, seq: int) -> None:
    problem = first_problem(spoil(chain(5)))

    assert problem is not None
    assert problem[0] == seq
