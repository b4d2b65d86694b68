"""The token of a secret, read past the query compiler, is the row that the compiler would give."""

from datetime import timedelta

import pytest
from django.utils import timezone

from secops.models import ApiToken, User

LATER = timedelta(days=3, microseconds=5)


@pytest.mark.parametrize("is_whole", [True, False])
def test_it_is_the_row_as_the_orm_reads_it(analyst: User, is_whole: bool) -> None:
    now = timezone.now()
    times = {"expires_at": now + LATER, "revoked_at": now, "last_used_at": now - LATER} if is_whole else {}
    sources = ["acme-ids", "a\u0308 \U0001f600"] if is_whole else []
    made, secret = ApiToken.issue("siem", sources=sources, user=analyst if is_whole else None, **times)

    found = ApiToken.of_secret(secret)

    assert found is not None
    known = ApiToken.objects.get(pk=made.pk)
    names = [field.attname for field in ApiToken._meta.concrete_fields]
    assert {name: getattr(found, name) for name in names} == {name: getattr(known, name) for name in names}
    assert (found.is_live, found.user) == (not is_whole, analyst if is_whole else None)
    found.name = "siem 2"
    found.save()  # it is a row like any other
    assert ApiToken.objects.get(pk=made.pk).name == "siem 2"


def test_no_other_text_finds_one(db: None) -> None:
    ApiToken.issue("siem")
    for text in ("", "nd_", "'", "%", "\x00", "\u00fc" * 500):
        assert ApiToken.of_secret(text) is None
