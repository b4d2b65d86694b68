"""Which addresses are ours, and which never leave the house: one place for all floors."""

import pytest
from pytest_django.fixtures import Settings

from secops import networks


@pytest.mark.parametrize("address", ["10.1.2.3", "172.31.0.1", "192.168.1.1", "fd00::1"])
def test_private_addresses_are_internal(address: str) -> None:
    assert networks.is_internal(address)
    assert networks.stays_inside(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::1", "fe80::1"])
def test_what_no_packet_carries_outside_stays_inside_and_is_no_device_of_ours(address: str) -> None:
    assert networks.stays_inside(address)
    assert not networks.is_internal(address)


@pytest.mark.parametrize("text", ["203.0.113.9", "2001:db8::1", "FIN-LT-0142", "", "10.1.2", "10.0.0.1/8"])
def test_other_addresses_and_what_is_none_are_outside(text: str) -> None:
    assert not networks.is_internal(text)
    assert not networks.stays_inside(text)


def test_the_settings_add_the_companys_own_networks(settings: Settings) -> None:
    settings.NIGHTDESK_INTERNAL_NETWORKS = ("203.0.113.0/24",)

    assert networks.is_internal("203.0.113.9")
    assert networks.stays_inside("203.0.113.9")
    assert not networks.stays_inside("203.0.113.9", extra=())
