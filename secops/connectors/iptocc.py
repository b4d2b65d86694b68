"""The country of an address, offline, from the registries' delegations that come with the package `iptocc`."""

from ipaddress import ip_address

from iptocc import country_code

from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.places import Place
from secops.errors import SecopsError


def is_outside(address: str) -> bool:
    """Whether the address can have a place: a private, reserved or documentation one has none."""
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


@connectors.register
class IpToCountry(Connector):
    """Where the range was registered, not where the machine stands."""

    slug = "iptocc"
    label = "Country of an address (built in)"
    needs_settings = False
    is_local = True

    def locate(self, address: str) -> Place | None:
        code = country_code(address) if is_outside(address) else None
        return Place(country=code) if code else None

    def test(self) -> str:
        if country_code("8.8.8.8") != "US":
            raise SecopsError("The country table does not know a well-known address.")
        return "The country table answers."
