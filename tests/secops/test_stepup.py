"""Second factors: enrolled with proof, taken once, braked, removed; and the session that they strengthen."""

import json
import re
from base64 import urlsafe_b64encode as b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.client import FakePayload
from django.utils import timezone
from fido2.webauthn import AuthenticatorData
from pytest_django.fixtures import Settings

from secops import codes, factors, signin, stepup
from secops import secrets as vault
from secops.errors import ConflictError, SecopsError
from secops.middleware import ProofMiddleware, SecopsErrorMiddleware
from secops.models import AuditEntry, Factor, User
from secops.proofs import LockedError, Proof, ProofError, ProvedBy, WrongProofError
from tests.factories import make_user
from tests.passkey import Passkey
from tests.racing import at_once

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of RFC 6238, appendix B, in base32


def app_of(user: User, secret: str = SECRET) -> Factor:
    """Enrolled long ago."""
    return factors.add_app(user, secret, 0)


def code_now(secret: str = SECRET, *, later: int = 0) -> str:
    return codes.code(secret, codes.interval() + later)


def wrong_code(secret: str = SECRET) -> str:
    """One that is none of those near now."""
    near = {code_now(secret, later=one) for one in range(-2, 3)}
    return next(one for one in (f"{number:06}" for number in range(10)) if one not in near)


@pytest.fixture
def client(client: Client, responder: User) -> Client:
    client.force_login(responder)
    return client


def prove(client: Client, code: str) -> Any:
    return client.post("/accounts/reauth/", {"code": code, "next": "/approvals/"})


def age(client: Client, what: str) -> None:
    """As if that had been ten minutes ago."""
    session = client.session
    session[what] |= {"at": (timezone.now() - timedelta(minutes=10)).isoformat()}
    session.save()


# --- codes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "said"), [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")]
)
def test_codes_are_those_of_the_standard(at: int, said: str) -> None:
    assert codes.code(SECRET, codes.interval(at)) == said[-6:]


def test_a_code_of_the_interval_before_and_after_counts_and_none_beyond() -> None:
    taken = [one for one in range(-4, 5) if codes.matching(SECRET, code_now(later=one)) is not None]

    assert {-1, 0, 1} <= set(taken) <= {-2, -1, 0, 1, 2}  # the clock may step between two lines


@pytest.mark.parametrize("said", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "1e5000"])
def test_what_is_no_code_matches_nothing(said: str) -> None:
    assert codes.matching(SECRET, said) is None


def test_a_code_is_taken_once_also_by_two_at_once(transactional_db: None) -> None:
    user = make_user("bo")
    app_of(user)
    said = code_now()

    answers = at_once(*[lambda: factors.check_code(user, said)] * 2)

    assert [isinstance(one, Factor) for one in answers].count(True) == 1
    assert [str(one) for one in answers if isinstance(one, WrongProofError)] == [
        "This code was used already. Wait for the next one."
    ]


def test_five_wrong_codes_end_their_session_and_no_other_of_the_person(client: Client, responder: User) -> None:
    app_of(responder)
    stolen = Client()
    stolen.force_login(responder)

    said = [prove(stolen, wrong_code()) for _ in range(5)]

    assert [one.status_code for one in said] == [422] * 4 + [429]
    assert "1 tries are left" in said[3].content.decode()
    assert "you are signed out" in said[4].content.decode()
    assert stolen.get("/me/security/").status_code == 302
    assert AuditEntry.objects.filter(text="5 wrong codes in one session of bo: it was ended").exists()
    assert prove(client, code_now()).headers["Location"] == "/approvals/"


def test_a_right_code_begins_the_count_of_a_session_anew(client: Client, responder: User) -> None:
    app_of(responder)
    for _ in range(4):
        prove(client, wrong_code())

    prove(client, code_now())

    assert factors.WRONG not in client.session


def test_requests_at_once_guess_no_more_than_their_session_may(transactional_db: None) -> None:
    user = make_user("bo")
    app_of(user)
    client = Client()
    client.force_login(user)
    key = client.session.session_key

    said = at_once(*[lambda: factors.check_code(user, wrong_code(), SessionStore(key))] * 8)

    assert sum(isinstance(one, WrongProofError) for one in said) == 8
    assert (Factor.objects.get().wrong, Session.objects.count()) == (factors.TRIES, 0)


def test_after_many_wrong_codes_the_right_one_waits_too_and_is_told_until_when(responder: User) -> None:
    factor = app_of(responder)

    for left in range(factors.MOST_WRONG - 1, 0, -1):
        with pytest.raises(WrongProofError, match=f"{min(left, factors.TRIES)} tries are left"):
            factors.check_code(responder, wrong_code())
    with pytest.raises(LockedError, match="taken again at"):
        factors.check_code(responder, wrong_code())
    with pytest.raises(LockedError, match=r"\d\d:\d\d UTC"):
        factors.check_code(responder, code_now())

    assert AuditEntry.objects.filter(text__startswith="15 wrong codes in a row: those of bo").count() == 1
    Factor.objects.filter(pk=factor.pk).update(wrong_at=timezone.now() - factors.LOCKED)
    assert factors.check_code(responder, code_now()) == factor
    assert Factor.objects.get().wrong == 0


def test_the_secret_is_kept_encrypted_and_follows_a_new_key(responder: User, settings: Settings) -> None:
    factor = app_of(responder)
    assert SECRET not in str(vars(factor))

    settings.SECRETS_KEYS = ("another key of at least forty characters, here", *settings.SECRETS_KEYS)

    assert (factors.rotate_secrets(), factors.rotate_secrets()) == (1, 0)
    factor.refresh_from_db()
    assert factor.secret.startswith(vault.current_key_id())
    assert vault.decrypt(factor.secret) == SECRET


def test_a_person_has_one_app_and_a_row_is_whole(responder: User) -> None:
    app_of(responder)

    with pytest.raises(IntegrityError), transaction.atomic():
        Factor.objects.create(user=responder, kind="app", secret="another")
    with pytest.raises(IntegrityError):
        Factor.objects.create(user=responder, kind="passkey", name="without a credential")


# --- the account's page ----------------------------------------------------------------------------------


def test_an_app_is_added_by_its_first_code_and_its_secret_is_shown_once(client: Client, responder: User) -> None:
    page = client.post("/me/security/app/").content.decode()
    secret = re.findall(r'id="secret">([A-Z2-7]{32})<', page)[0]
    assert '<svg class="qr"' in page
    assert secret not in str(client.session.items())

    refused = client.post("/me/security/app/confirm/", {"code": wrong_code(secret)})
    assert refused.status_code == 422
    assert "That is not the code of this secret" in refused.content.decode()
    assert secret not in refused.content.decode()

    said = code_now(secret)
    assert client.post("/me/security/app/confirm/", {"code": f"{said[:3]} {said[3:]}"}).status_code == 302
    after = client.get("/me/security/").content.decode()
    assert "Authenticator app" in after
    assert secret not in after
    assert AuditEntry.objects.filter(text__startswith="Added the second factor Authenticator app").exists()
    assert prove(client, said).status_code == 422  # the code of the confirmation is used up


def test_a_second_app_does_not_take_the_place_of_the_first(client: Client, responder: User) -> None:
    client.post("/me/security/app/")
    secret = vault.decrypt(client.session["new_app_secret"])
    app_of(responder)
    prove(client, code_now())

    assert client.post("/me/security/app/confirm/", {"code": code_now(secret)}).status_code == 409
    assert vault.decrypt(Factor.objects.get().secret) == SECRET


def test_a_session_left_open_adds_no_first_factor(client: Client) -> None:
    age(client, "signed_in")

    for where in ("app/", "passkey/", "passkey/add/", "app/confirm/"):
        assert client.post(f"/me/security/{where}").status_code == 403, where
    page = client.get("/me/security/").content.decode()
    assert "Sign out and in again" in page
    assert "Add an app" not in page


def test_who_has_a_factor_proves_it_before_another_is_added_or_one_removed(client: Client, responder: User) -> None:
    factor = app_of(responder)
    remove = f"/me/security/{factor.pk}/remove/"

    asked = client.post(remove)
    assert (asked.status_code, Factor.objects.count()) == (403, 1)
    assert "before your factors change" in asked.content.decode()

    assert prove(client, code_now()).headers["Location"] == "/approvals/"
    assert client.post(remove).status_code == 302
    assert not Factor.objects.exists()
    assert AuditEntry.objects.filter(text__startswith="Removed the second factor Authenticator app").exists()


def test_nobody_removes_the_factor_of_another(client: Client, analyst: User) -> None:
    factor = app_of(analyst)

    client.post(f"/me/security/{factor.pk}/remove/")

    assert Factor.objects.get() == factor


def test_an_admin_resets_the_factors_of_another_and_the_command_line_does(
    client: Client, responder: User, admin_user: User, settings: Settings
) -> None:
    app_of(responder)
    prove(client, code_now())
    admins = Client()
    admins.force_login(admin_user)
    form = {"action": "reset_factors", "_selected_action": responder.pk}

    assert admins.post("/admin/secops/user/", form).status_code == 302
    assert not Factor.objects.exists()
    entry = AuditEntry.objects.get(text__startswith="Reset")
    assert (entry.text, entry.user) == ("Reset the second factors of bo: 1 removed", admin_user)
    settings.STEPUP = "required"  # and what they proved is gone with it
    assert stepup.ask(_of_session(client)).must_enrol

    app_of(responder)
    call_command("signin", "bo", "--reset-factors")
    assert not Factor.objects.exists()


def test_an_admin_with_a_factor_proves_it_before_resetting_others(responder: User, admin_user: User) -> None:
    app_of(responder)
    app_of(admin_user)
    admins = Client()
    admins.force_login(admin_user)

    answer = admins.post("/admin/secops/user/", {"action": "reset_factors", "_selected_action": responder.pk})

    assert (answer.status_code, Factor.objects.filter(user=responder).count()) == (403, 1)


@pytest.mark.parametrize(
    "path",
    ["user/add/", "user/{user}/password/", "user/{user}/delete/", "group/add/", "apitoken/add/", "integration/add/"],
)
def test_an_admin_with_a_factor_proves_it_before_people_roles_and_secrets(admin_user: User, path: str) -> None:
    floor = "auth" if path.startswith("group") else "secops"
    where = f"/admin/{floor}/{path.format(user=admin_user.pk)}"
    admins = Client()
    admins.force_login(admin_user)
    assert admins.get(where).status_code == 200

    app_of(admin_user)

    assert (admins.get(where).status_code, admins.post(where).status_code) == (403, 403)
    prove(admins, code_now())
    assert admins.get(where).status_code == 200


def _of_session(client: Client) -> User:
    user = User.objects.get(username="bo")
    user.proof = stepup.proof_of(client.session)
    return user


# --- passkeys --------------------------------------------------------------------------------------------


def add_passkey(client: Client, passkey: Passkey) -> Any:
    answer = passkey.made(client.post("/me/security/passkey/").json())
    return client.post("/me/security/passkey/add/", {"name": " My\x00 phone ", "passkey": answer})


def use_passkey(client: Client, passkey: Passkey) -> Any:
    answer = passkey.used(client.post("/accounts/reauth/passkey/").json())
    return client.post("/accounts/reauth/", {"passkey": answer, "next": "/approvals/"})


def test_a_passkey_is_added_and_proves_its_owner(client: Client, responder: User) -> None:
    passkey = Passkey()

    assert add_passkey(client, passkey).status_code == 302
    assert use_passkey(client, passkey).headers["Location"] == "/approvals/"

    factor = Factor.objects.get()
    assert (factor.name, factor.counter) == ("My phone", 2)
    assert (_of_session(client).proof.by, _of_session(client).proof.factor) == (ProvedBy.PASSKEY, factor.pk)


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "http://testserver.example"},
        {"flags": AuthenticatorData.FLAG.UP},
        {"key": Passkey().key},
        {"id": b"another"},
    ],
    ids=["another site", "nobody unlocked it", "another key", "another credential"],
)
def test_an_answer_that_proves_nothing_is_refused_in_words(client: Client, change: dict[str, Any]) -> None:
    passkey = Passkey()
    add_passkey(client, passkey)
    for name, value in change.items():
        setattr(passkey, name, value)

    answer = use_passkey(client, passkey)

    assert answer.status_code == 422
    assert "That passkey did not prove that it is you" in answer.content.decode()
    assert not stepup.has_proved(_of_session(client))


def test_an_answer_is_taken_once(client: Client) -> None:
    passkey = Passkey()
    add_passkey(client, passkey)
    answer = passkey.used(client.post("/accounts/reauth/passkey/").json())
    client.post("/accounts/reauth/", {"passkey": answer})
    age(client, "proved")

    assert client.post("/accounts/reauth/", {"passkey": answer}).status_code == 422


def test_a_challenge_to_add_one_proves_nothing_and_is_used_up(client: Client) -> None:
    passkey = Passkey()
    add_passkey(client, passkey)
    use_passkey(client, passkey)
    options = client.post("/me/security/passkey/").json()
    age(client, "proved")
    answer = passkey.used({"publicKey": options["publicKey"] | {"rpId": options["publicKey"]["rp"]["id"]}})

    assert client.post("/accounts/reauth/", {"passkey": answer}).status_code == 422
    assert "passkey_challenge" not in client.session


def test_a_copied_passkey_is_noticed_by_its_counter(client: Client) -> None:
    passkey = Passkey(counter=5)
    add_passkey(client, passkey)
    passkey.counter = 5

    assert "seems to have been copied" in use_passkey(client, passkey).content.decode()
    assert not stepup.has_proved(_of_session(client))


def test_a_passkey_that_keeps_no_counter_works_again_and_again(client: Client) -> None:
    passkey = Passkey(counter=0)
    add_passkey(client, passkey)

    for _ in range(2):
        passkey.counter = 0
        assert use_passkey(client, passkey).status_code == 302
        age(client, "proved")


def test_the_passkey_of_another_proves_nothing(client: Client, analyst: User) -> None:
    passkey = Passkey()
    others = Client()
    others.force_login(analyst)
    add_passkey(others, passkey)

    assert use_passkey(client, passkey).status_code == 422


def _forged(raw: bytes) -> str:
    """An answer whose binary fields, which a small parser of the library reads, are these bytes."""
    said = b64encode(raw).decode()
    client_data = b64encode(b'{"type": "webauthn.create", "challenge": "YQ", "origin": "http://testserver"}').decode()
    fields = dict.fromkeys(("attestationObject", "authenticatorData", "signature"), said)
    response = fields | {"clientDataJSON": client_data}
    return json.dumps({"id": "YQ", "rawId": "YQ", "type": "public-key", "response": response})


@pytest.mark.parametrize(
    "answer",
    [
        *("{", "[]", '"x"', "{}", "9" * 30_000, '{"id": 1, "rawId": 2, "response": 3}'),
        '{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {}}',
        '{"id": "YQ", "rawId": "Yg", "response": {"clientDataJSON": "e30"}}',
        "[" * 19_000,  # nested deeper than a parser goes
        *(_forged(one) for one in (b"", b"\x59", b"\xfb\x00", b"\xa1\x63fmt", b"\x81" * 9_000)),
    ],
)
def test_whatever_a_browser_sends_is_answered_in_words(client: Client, answer: str) -> None:
    passkey = Passkey()
    add_passkey(client, passkey)

    client.post("/accounts/reauth/passkey/")
    assert client.post("/accounts/reauth/", {"passkey": answer}).status_code == 422
    use_passkey(client, passkey)
    client.post("/me/security/passkey/")
    assert client.post("/me/security/passkey/add/", {"passkey": answer}).status_code == 422


def test_the_page_says_that_an_address_has_no_passkeys(client: Client) -> None:
    by_address = client.get("/me/security/", headers={"host": "127.0.0.1:8000"}).content.decode()
    by_name = client.get("/me/security/", headers={"host": "localhost:8000"}).content.decode()

    assert "Passkeys belong to a name, not to an address: open this page at localhost:8000" in by_address
    assert "Add a passkey</button>" in by_name


# --- the session -----------------------------------------------------------------------------------------


def test_a_proof_gets_a_new_session_and_the_old_one_gains_nothing_and_ends_soon(
    client: Client, responder: User
) -> None:
    app_of(responder)
    before = client.cookies["session"].value

    prove(client, code_now())

    assert client.cookies["session"].value != before
    assert stepup.has_proved(_of_session(client))
    assert client.get("/queue/").status_code == 200
    other_tab = Client()
    other_tab.cookies["session"] = before
    polled = other_tab.get("/queue/")
    assert (polled.status_code, "session" in polled.cookies) == (200, False)
    assert not stepup.has_proved(_of_session(other_tab))
    other_tab.post("/me/security/app/")  # what is written into it makes it no older
    assert Session.objects.get(session_key=before).expire_date <= timezone.now() + stepup.OVERLAP
    Session.objects.filter(session_key=before).update(expire_date=timezone.now())
    assert other_tab.get("/queue/").status_code == 302


def test_a_proof_whose_answer_failed_leaves_the_session_as_it_was(
    client: Client, responder: User, rf: RequestFactory
) -> None:
    app_of(responder)
    before = client.cookies["session"].value

    def view(request: HttpRequest) -> HttpResponse:
        request.user = User.objects.get()
        return ProofMiddleware(failing)(request)

    def failing(request: HttpRequest) -> HttpResponse:
        stepup.answer(request, request.user)
        return HttpResponse(status=503)

    request = rf.post("/", {"code": code_now()})
    request.COOKIES["session"] = before
    answer = SessionMiddleware(view)(request)

    assert "session" not in answer.cookies
    assert (Session.objects.count(), client.get("/queue/").status_code) == (1, 200)
    assert not stepup.has_proved(_of_session(client))


def test_signing_out_elsewhere_while_a_proof_is_on_its_way_keeps_the_old_key_shut(client: Client) -> None:
    session = client.session
    assert stepup.SIGNED_IN in session
    Session.objects.all().delete()

    stepup.renew(session)

    assert Session.objects.get().session_key == session.session_key != client.cookies["session"].value


def test_a_proof_counts_for_some_minutes(client: Client, responder: User, settings: Settings) -> None:
    app_of(responder)
    prove(client, code_now())
    assert not stepup.ask(_of_session(client)).is_wanted

    age(client, "proved")
    assert stepup.ask(_of_session(client)).is_wanted
    settings.STEPUP_MINUTES = 15
    assert not stepup.ask(_of_session(client)).is_wanted


def test_signing_out_ends_the_proof(client: Client, responder: User) -> None:
    app_of(responder)
    prove(client, code_now())
    client.post("/accounts/logout/")
    client.force_login(responder)

    assert _of_session(client).proof.by == ""


def test_the_session_knows_how_it_was_opened(responder: User) -> None:
    by_link, by_password = Client(), Client()
    by_link.post(signin.issue_link(responder))
    by_password.post("/accounts/login/", {"username": "bo", "password": "correct horse battery"})

    assert stepup.proved(_of_session(by_link)).words == ", proved by one-time link only"
    assert stepup.proved(_of_session(by_password)).words == ", proved by password only"


def test_a_wrong_code_says_how_many_tries_are_left_and_leads_off_no_site(client: Client, responder: User) -> None:
    app_of(responder)

    answer = client.post("/accounts/reauth/", {"code": wrong_code(), "next": "https://elsewhere.example/"})

    assert answer.status_code == 422
    assert "4 tries are left" in answer.content.decode()
    assert "elsewhere" not in answer.content.decode()


def test_a_refused_get_leads_back_to_itself_and_a_page_of_the_account_to_security(
    client: Client, responder: User, admin_user: User
) -> None:
    admins = Client()
    admins.force_login(admin_user)
    for user in (responder, admin_user):
        app_of(user)
    form, of_list = "/admin/secops/user/add/?_popup=1", {"Referer": "http://testserver/admin/secops/user/"}
    confirm, of_secret = "/me/security/app/confirm/", {"Referer": "http://testserver/me/security/app/"}

    assert f'name="next" value="{form}"' in admins.get(form, headers=of_list).content.decode()
    assert 'name="next" value="/me/security/"' in client.post(confirm, headers=of_secret).content.decode()


class Unread(FakePayload):
    """A body that nobody may read."""

    def read(self, *args: Any, **kwargs: Any) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("error", [ProofError("Prove it"), ConflictError("Full")], ids=["proof", "other"])
def test_a_body_that_was_refused_unread_stays_unread(rf: RequestFactory, responder: User, error: SecopsError) -> None:
    request = rf.post("/cases/1/evidence/add/", {"next": "/queue/"})
    request._stream = Unread()
    request.user, request.session = responder, SessionStore()

    answer = SecopsErrorMiddleware(lambda _: HttpResponse()).process_exception(request, error)

    assert answer is not None
    assert answer.status_code == error.status_code
    with pytest.raises(AssertionError, match="was read"):
        assert request.POST


# --- who is asked ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "has_one", "wanted", "must_enrol"),
    [
        ("off", True, False, False),
        ("off", False, False, False),
        ("enrolled", True, True, False),
        ("enrolled", False, False, False),
        ("required", True, True, False),
        ("required", False, True, True),
    ],
)
def test_who_is_asked(
    responder: User, settings: Settings, mode: str, has_one: bool, wanted: bool, must_enrol: bool
) -> None:
    settings.STEPUP = mode
    if has_one:
        app_of(responder)

    found = stepup.ask(responder)

    assert (found.is_wanted, found.must_enrol) == (wanted, must_enrol)
    if wanted:
        with pytest.raises(ProofError):
            stepup.require(responder)
    else:
        assert stepup.require(responder).by == ""


def test_the_proof_of_another_persons_factor_does_not_count(responder: User, analyst: User) -> None:
    app_of(responder)
    theirs = app_of(analyst)
    responder.proof = Proof(by=ProvedBy.CODE, at=timezone.now(), factor=theirs.pk)

    assert stepup.ask(responder).is_wanted
