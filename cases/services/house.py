"""Names that belong to the house itself: never an attacker's, and never a new destination."""

from cases.models import Device, Person
from secops import networks
from secops.connectors.base import connectors
from secops.models import Integration


def own_names() -> set[str]:
    """Domains that the house's devices and people carry, and the hosts of its integrations."""
    names = {fqdn.partition(".")[2] for fqdn in Device.objects.exclude(fqdn="").values_list("fqdn", flat=True)}
    names |= {upn.rpartition("@")[2] for upn in Person.objects.exclude(upn="").values_list("upn", flat=True)}
    for integration in Integration.objects.filter(is_enabled=True):
        kind = connectors.get(integration.connector)
        pairs = kind.addresses(integration.settings) if kind else []
        names |= {pair.rpartition(":")[0] for pair in pairs}
    return {name.lower() for name in names if "." in name and not networks.is_address(name)}
