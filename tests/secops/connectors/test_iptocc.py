"""The built-in country table."""

import pytest

from secops.connectors.base import Settings
from secops.connectors.iptocc import IpToCountry


@pytest.mark.parametrize(
    ("address", "country"), [("8.8.8.8", "US"), ("193.0.6.139", "NL"), ("2001:4860:4860::8888", "US")]
)
def test_a_public_address_has_a_country(address: str, country: str) -> None:
    found = IpToCountry(Settings()).locate(address)

    assert found is not None
    assert found.country == country


@pytest.mark.parametrize("address", ["10.0.0.1", "203.0.113.9", "127.0.0.1", "fe80::1", "2001:db8::1", "", "x"])
def test_a_reserved_address_has_none(address: str) -> None:
    assert IpToCountry(Settings()).locate(address) is None


def test_the_table_tests_itself() -> None:
    assert IpToCountry(Settings()).test()
