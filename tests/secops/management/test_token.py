"""Tokens and sign-in links from the command line: shown once, scoped, noted in the audit."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client

from secops.models import ApiToken, AuditEntry, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_a_token_is_printed_alone_once_and_kept_as_a_hash() -> None:
    secret = said("token", "create", "acme-ids", "--source", "acme-dlp").strip()

    token = ApiToken.objects.get()
    assert secret.startswith("nd_")
    assert token.sha256 == ApiToken.hashed(secret)
    assert (token.scope, token.sources) == ("intake", ["acme-dlp"])
    assert token.may_send_as("acme-dlp")
    assert not token.may_send_as("other")
    assert secret not in said("token", "list")
    assert secret not in "".join(AuditEntry.objects.values_list("text", flat=True))


def test_a_revoked_token_opens_nothing() -> None:
    secret = said("token", "create", "acme-ids").strip()
    headers = {"Authorization": f"Bearer {secret}"}
    body = {"schema": "nightdesk.alert/1"}
    before = Client().post("/api/v1/alerts/", body, content_type="application/json", headers=headers).status_code

    said("token", "revoke", str(ApiToken.objects.get().pk))

    after = Client().post("/api/v1/alerts/", body, content_type="application/json", headers=headers).status_code
    assert before not in (401, 403)
    assert after == 401
    assert "revoked" in said("token", "list")


@pytest.mark.parametrize(
    "arguments",
    [("create", "taken"), ("create", "reader", "--scope", "read"), ("revoke", "999")],
    ids=["a name twice", "read without a person", "an unknown id"],
)
def test_a_mistake_is_said_and_makes_nothing(arguments: tuple[str, ...]) -> None:
    ApiToken.issue("taken")

    with pytest.raises(CommandError):
        said("token", *arguments)
    assert ApiToken.objects.live().count() == 1


def test_the_first_admin_is_made_with_a_link_that_works(client: Client) -> None:
    Group.objects.get_or_create(name="admin")
    link = said("signin", "dee", "--create", "--role", "admin").strip()

    assert client.post(link[link.index("/signin/") :]).status_code == 302
    assert User.objects.get(username="dee").group_names == {"admin"}


def test_a_disabled_person_gets_neither_link_nor_role() -> None:
    Group.objects.get_or_create(name="admin")
    gone = make_user("gone", is_active=False)

    with pytest.raises(CommandError, match="disabled"):
        said("signin", "gone", "--role", "admin")
    assert not gone.groups.exists()


def test_an_unknown_person_is_not_made_by_accident() -> None:
    with pytest.raises(CommandError, match="no user"):
        said("signin", "dee")
    assert not User.objects.filter(username="dee").exists()
