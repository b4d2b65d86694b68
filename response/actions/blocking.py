"""What must never be blocked for everybody: the house's own, what everybody needs, and what stands on a list for it."""

from urllib.parse import urlsplit

from cases.choices import ObservableKind
from cases.models import Case, Device, Observable, Person
from response.actions.targets import case_observable
from secops import networks
from secops.connectors.base import connectors
from secops.errors import SecopsError
from secops.integrations import connector_of, with_capability
from secops.models import Integration

KINDS = (
    ObservableKind.IP,
    ObservableKind.DOMAIN,
    ObservableKind.URL,
    ObservableKind.HASH_SHA256,
    ObservableKind.HASH_SHA1,
    ObservableKind.HASH_MD5,
)
NEVER = {"resolver": "a public resolver", "noise": "harmless and used by everybody"}  # kinds of warning lists


def objection(case: Case, observable_id: int) -> str:
    """Why it is never blocked, from our own rows; empty when nothing is known against it."""
    observable = case_observable(case, observable_id)
    if observable is None:
        return ""
    if observable.kind not in KINDS:
        return f"{observable.get_kind_display()}s cannot be blocked, only addresses, domains, URLs and files."
    if observable.is_noise:
        return f"{observable} is on every device and is never blocked."
    name = name_of(observable)
    if not name:
        return ""
    if networks.is_address(name):
        return f"{name} is an address of the house and is never blocked." if networks.stays_inside(name) else ""
    if any(name == own or name.endswith(f".{own}") or own.endswith(f".{name}") for own in own_names()):
        return f"{name} is the house's own, or one that its tools need, and is never blocked."
    return ""


def listed(observable: Observable) -> str:
    """Why it is never blocked, from the warning lists on this machine; nothing is told to anybody."""
    for integration in with_capability("listings"):
        if not getattr(connectors.get(integration.connector), "is_local", False):
            continue
        try:
            found = connector_of(integration).listings(observable.kind, observable.value)  # type: ignore[attr-defined]
        except SecopsError:  # lists that cannot be read say nothing for it or against it
            continue
        if one := next((one for one in found if one.kind in NEVER), None):
            return f"{observable} stands on the list “{one.name}”: {NEVER[one.kind]}. It is not blocked from here."
    return ""


def name_of(observable: Observable) -> str:
    """The address or domain that would be out of reach; empty for a file."""
    if observable.kind == ObservableKind.URL:
        try:
            return (urlsplit(observable.value).hostname or "").lower()
        except ValueError:
            return ""
    return observable.value.lower() if observable.kind in {ObservableKind.IP, ObservableKind.DOMAIN} else ""


def own_names() -> set[str]:
    """Domains that the house's devices and people carry, and the hosts of its integrations."""
    names = {fqdn.partition(".")[2] for fqdn in Device.objects.exclude(fqdn="").values_list("fqdn", flat=True)}
    names |= {upn.rpartition("@")[2] for upn in Person.objects.exclude(upn="").values_list("upn", flat=True)}
    for integration in Integration.objects.filter(is_enabled=True):
        kind = connectors.get(integration.connector)
        pairs = kind.addresses(integration.settings) if kind else []
        names |= {pair.rpartition(":")[0] for pair in pairs}
    return {name.lower() for name in names if "." in name and not networks.is_address(name)}
