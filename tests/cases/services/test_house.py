"""Whose names are the house's own: never by the word of an alert, and never what everybody may have a name under."""

import pytest

from cases.services import house
from tests.factories import make_device, make_person


def test_only_what_a_directory_knows_makes_a_name_the_houses_own(db: None) -> None:
    make_device("A", fqdn="a.evil.example")  # by an alert alone
    make_person("eve", upn="eve@evil.example")
    make_device("B", fqdn="b.corp.example", directory_id="d1")
    make_person("ada", upn="ada@Mail.Example", directory_id="p1")

    assert house.own_names() == {"corp.example", "mail.example"}


@pytest.mark.parametrize(
    "name",
    ["acme.co.uk", "acme.com.au", "acme.com", "ip-10-0-0-1.eu-west-1.compute.amazonaws.com", "acme.onmicrosoft.com"],
)
def test_what_everybody_may_have_a_name_under_is_nobodys_own(name: str, db: None) -> None:
    make_device("B", fqdn=name, directory_id="d1")
    make_device("C", fqdn="c.acme.co.uk", directory_id="d2")

    assert house.own_names() == {"acme.co.uk"}


@pytest.mark.parametrize("provider", ["gmail.com", "outlook.com", "hotmail.co.uk", "yahoo.fr"])
def test_a_guests_mail_provider_is_nobodys_own(provider: str, db: None) -> None:
    make_person("guest", upn=f"guest@{provider}", directory_id="p1")

    assert house.own_names() == set()
