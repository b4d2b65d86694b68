"""One-time links, and the brake on guessing."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from secops.models import SignInLink, User
from secops.signin import TRIES, LinkUsedError, issue_link, redeem_link
from tests.factories import make_user

LOGIN = "/accounts/login/"
PASSWORD = "correct horse battery"


def try_password(client: Client, password: str, username: str = "ada", **extra: str) -> int:
    return client.post(LOGIN, {"username": username, "password": password}, headers=extra).status_code


def test_a_link_signs_in_once(client: Client, analyst: User) -> None:
    link = issue_link(analyst)

    first, second = client.post(link), Client().post(link)

    assert (first.status_code, first.headers["Location"]) == (302, "/queue/")
    assert client.get("/queue/").status_code == 200
    assert second.status_code == 410


def test_looking_at_a_link_does_not_use_it_up(client: Client, analyst: User) -> None:
    link = issue_link(analyst)

    assert client.get(link).status_code == 200
    assert "session" not in client.cookies
    assert client.post(link).status_code == 302


def test_the_page_of_a_used_or_unknown_link_says_so_and_has_no_button(client: Client, analyst: User) -> None:
    link = issue_link(analyst)
    fresh = client.get(link).content.decode()
    client.post(link)

    for bad in (link, "/signin/made-up/"):
        page = Client().get(bad).content.decode()
        assert "used or is too old" in page
        assert "<button" not in page
    assert "<button" in fresh


def test_a_guest_begins_on_a_page_of_their_own(client: Client, db: None) -> None:
    guest = make_user("lea", ["guest"])

    assert client.post(issue_link(guest)).headers["Location"] == "/guest/"
    assert client.get("/").headers["Location"] == "/guest/"
    assert 'href="/queue/" title="Queue"' not in client.get("/guest/").content.decode()


def test_only_the_hash_of_a_link_is_kept(analyst: User) -> None:
    secret = issue_link(analyst).split("/")[-2]

    row = SignInLink.objects.get()
    assert secret not in str(vars(row))
    assert re.fullmatch("[0-9a-f]{64}", row.sha256)


def test_an_old_an_unknown_and_a_disabled_persons_link_get_the_same_refusal(analyst: User) -> None:
    old = issue_link(analyst)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    disabled = issue_link(make_user("gone", is_active=False))

    said = set()
    for link in (old, disabled, "/signin/made-up/"):
        with pytest.raises(LinkUsedError) as refused:
            redeem_link(link.split("/")[-2])
        said.add(str(refused.value))
    assert len(said) == 1


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(client: Client, analyst: User) -> None:
    known = client.post(LOGIN, {"username": "ada", "password": "wrong"}).content.decode()
    unknown = client.post(LOGIN, {"username": "eve", "password": "wrong"}).content.decode()

    changing = r'value="[^"]*"|nonce="[^"]*"|x-csrftoken[^}]*'
    assert re.sub(changing, "", known) == re.sub(changing, "", unknown)


def test_too_many_tries_are_refused_even_with_the_right_password(client: Client, analyst: User) -> None:
    assert {try_password(client, "wrong") for _ in range(TRIES)} == {200}

    assert try_password(client, PASSWORD) == 429


def test_a_wrong_password_is_logged_by_its_address_without_what_was_typed(
    client: Client, analyst: User, caplog: pytest.LogCaptureFixture
) -> None:
    try_password(client, "a secret of another place", "ada@home.example")

    assert "Wrong password or unknown user, from 127.0.0.1" in caplog.text
    assert "secret" not in caplog.text
    assert "ada" not in caplog.text


def test_a_forged_forwarding_header_does_not_loosen_the_brake(client: Client, analyst: User) -> None:
    for number in range(TRIES):
        try_password(client, "wrong", f"user{number}", **{"X-Forwarded-For": f"198.51.100.{number}"})

    assert try_password(client, "wrong", "another", **{"X-Forwarded-For": "198.51.100.99"}) == 429


def test_the_right_password_signs_in(client: Client, analyst: User) -> None:
    assert try_password(client, PASSWORD) == 302
    cookie = client.cookies["session"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_the_admin_pages_have_no_sign_in_of_their_own_without_a_brake(client: Client, analyst: User) -> None:
    answer = client.post("/admin/login/?next=/admin/", {"username": "ada", "password": PASSWORD})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/?next=/admin/")
    assert "session" not in client.cookies


def test_who_may_not_administer_is_refused_and_not_sent_in_a_ring(client: Client, analyst: User) -> None:
    client.force_login(analyst)

    assert client.get("/admin/", follow=True).status_code == 403


def test_behind_a_proxy_the_brake_counts_what_the_proxy_saw(client: Client, analyst: User, settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for number in range(TRIES):
        try_password(client, "wrong", f"user{number}", **{"X-Forwarded-For": f"1.2.3.{number}, 198.51.100.7"})

    assert try_password(client, "wrong", "another", **{"X-Forwarded-For": "198.51.100.7"}) == 429
    assert try_password(client, PASSWORD, **{"X-Forwarded-For": "198.51.100.8"}) == 302
