"""The gate and the splitter against hostile bytes (fault F20)."""

import tracemalloc
from time import process_time

import pytest

from cases.intake.base import RejectedError
from cases.intake.gate import MAX_TEXT, decode
from cases.intake.split import TooLargeError, split

REFUSED = {
    "depth": b"[" * 100_000 + b"]" * 100_000,
    "depth of objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "digits": b'{"n":' + b"9" * 5000 + b"}",
    "nan": b'{"a":{"b":NaN}}',
    "infinity": b'{"a":1e999}',
    "duplicate": b'{"a":{"b":1,"b":2}}',
    "values": b'{"a":[' + b"1," * 300_000 + b"1]}",
    "open strings": b'{"a":"' + b'\\"' * 400_000,
    "open brackets": b"{" * 900_000,
    "not json": b"hello",
    "nothing": b"",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_a_body_that_costs_or_misleads_is_refused_fast_and_in_little_memory(body):
    started = process_time()
    batch = split(body, max_alerts=1000, max_bytes=10_000_000)
    seconds = process_time() - started
    tracemalloc.start()
    split(body, max_alerts=1000, max_bytes=10_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert all(message.payload is None for message in batch.messages)
    assert batch.messages[0].problems[0].field
    assert seconds < 1  # 0.2 on a quiet machine
    assert peak < 50_000_000


@pytest.mark.parametrize("body", [b'{"a":"' + b"x" * 50_000_000 + b'"}', b"[" + b"1," * 999_999 + b"1]"])
def test_too_many_bytes_or_alerts_are_413(body):
    with pytest.raises(TooLargeError) as caught:
        split(body, max_alerts=1000, max_bytes=10_000_000)
    assert caught.value.status_code == 413


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"a":{"b":NaN}}', "a.b"),
        (b'{"a":[{"c":1,"c":2}]}', "a[0].c"),
        (b'{"n":' + b"9" * 401 + b"}", "n"),
        (b'{\n"a": 1,\n!}', "line 3 column 1"),
    ],
)
def test_a_refusal_names_the_path_or_the_line(body, field):
    with pytest.raises(RejectedError) as caught:
        decode(body)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_text_is_repaired_and_named_but_never_refused():
    body = b'\xef\xbb\xbf{"nul":"a\\u0000b","lone":"\\ud800x","pair":"\\ud83d\\ude00","long":"' + b"x" * 100_000 + b'"}'

    value, problems = decode(body)

    assert value["nul"] == "a\ufffdb"
    assert value["lone"] == "\ufffdx"
    assert value["pair"] == "\U0001f600"
    assert len(value["long"]) == MAX_TEXT
    assert value["long"].endswith("[cut]")
    assert {problem.field for problem in problems} == {"nul", "lone", "long"}


def test_numbers_of_four_hundred_digits_and_twenty_levels_pass():
    assert decode(b'{"n":' + b"9" * 400 + b"}")[0]["n"] > 0
    assert decode(b"[" * 20 + b"]" * 20)[0]
    with pytest.raises(RejectedError):
        decode(b"[" * 21 + b"]" * 21)
