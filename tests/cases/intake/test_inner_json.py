"""JSON inside texts: opened where it is whole, left alone where it is not."""

import pytest

from cases.intake.inner_json import inner_document, inner_list, opened


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        (' ["x"]', ["x"]),
        ({"a": 1}, {"a": 1}),
        ('{"a": 1', '{"a": 1'),
        ('{"a": NaN}', '{"a": NaN}'),
        ("[" * 5000, "[" * 5000),
        ("plain", "plain"),
        (None, None),
        (7, 7),
    ],
)
def test_a_text_is_opened_only_where_it_holds_something(value, found):
    assert opened(value) == found


def test_an_object_and_a_list_are_always_there():
    assert inner_document('{"Role": "x"}').text("role") == "x"
    assert inner_document("[1]").payload == {}
    assert (inner_list('["a", "b"]'), inner_list("a"), inner_list(""), inner_list(None)) == (["a", "b"], ["a"], [], [])
