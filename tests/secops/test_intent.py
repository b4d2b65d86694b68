"""An intent is good for a while: after it nothing fresh is sent, and it is known that nothing was."""

import pytest

from secops import intent
from secops.http import HttpClient, HttpError


def test_outside_of_an_intent_nothing_is_spent() -> None:
    assert not intent.is_spent()


def test_a_fresh_request_after_the_moment_is_not_sent_and_says_so() -> None:
    with intent.good_until(intent.awake() - 1), pytest.raises(HttpError, match="frozen") as caught:
        HttpClient().request("POST", "https://edr.example/isolate", fresh=True)

    assert caught.value.was_sent is False
    assert not intent.is_spent()
