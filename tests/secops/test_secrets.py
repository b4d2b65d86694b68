"""Secrets at rest: encrypted, named by their key, and rotated."""

import pytest
from pytest_django.fixtures import Settings

from secops.secrets import SecretError, current_key_id, decrypt, encrypt, rotated

OLD, NEW = "o" * 48, "n" * 48


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> None:
    settings.SECRETS_KEYS = (OLD,)


def test_a_secret_comes_back_and_does_not_stand_in_its_token() -> None:
    token = encrypt("correct horse")

    assert decrypt(token) == "correct horse"
    assert "horse" not in token
    assert token != encrypt("correct horse")


def test_the_token_names_its_key_without_telling_it() -> None:
    token = encrypt("x")

    assert token.startswith(current_key_id() + ":")
    assert OLD[:8] not in token


def test_rotation_twice_leaves_the_secret_and_drops_the_old_keys(settings: Settings) -> None:
    token = encrypt("s3cret")
    for keys in ((NEW, OLD), ("third" * 10, NEW)):
        settings.SECRETS_KEYS = keys
        assert decrypt(token) == "s3cret"
        token = rotated(token)
        assert token.startswith(current_key_id() + ":")

    settings.SECRETS_KEYS = ("third" * 10,)
    assert decrypt(token) == "s3cret"
    assert rotated(token) == token


def test_a_lost_key_is_said_by_its_name_only(settings: Settings) -> None:
    token = encrypt("s3cret")
    lost = current_key_id()
    settings.SECRETS_KEYS = (NEW,)

    with pytest.raises(SecretError, match=lost) as caught:
        decrypt(token)
    assert token not in str(caught.value)


def test_a_changed_token_opens_nothing() -> None:
    token = encrypt("s3cret")

    with pytest.raises(SecretError):
        decrypt(token[:-6] + "AAAA==")
