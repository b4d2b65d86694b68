"""A new key takes over from the command line; a key that is missing is named."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from secops import secrets as vault
from secops.models import AuditEntry, Factor, Integration, User
from tests.secops.test_stepup import SECRET, app_of


def test_every_secret_goes_under_the_new_key_and_the_old_key_may_go(responder: User, settings: Settings) -> None:
    old, new = settings.SECRETS_KEYS, ("new" * 16,)
    factor = app_of(responder)
    integration = Integration.objects.create(connector="smtp", name="Mail", secrets={"password": vault.encrypt("word")})
    out = StringIO()

    settings.SECRETS_KEYS = (*new, *old)
    for _ in range(2):
        call_command("rotate_secrets", stdout=out)

    settings.SECRETS_KEYS = new
    assert vault.decrypt(Factor.objects.get(pk=factor.pk).secret) == SECRET
    assert vault.decrypt(Integration.objects.get(pk=integration.pk).secrets["password"]) == "word"
    assert [line.partition(",")[0] for line in out.getvalue().splitlines()] == [
        "Encrypted anew: 1 integrations and 1 authenticator apps",
        "Encrypted anew: 0 integrations and 0 authenticator apps",
    ]
    assert AuditEntry.objects.filter(text__startswith="Secrets encrypted anew").count() == 1


def test_a_key_that_is_missing_is_named(responder: User, settings: Settings) -> None:
    old = vault.current_key_id()
    app_of(responder)
    settings.SECRETS_KEYS = ("new" * 16,)

    with pytest.raises(CommandError, match=f"The key {old} of a secret is not among"):
        call_command("rotate_secrets")
