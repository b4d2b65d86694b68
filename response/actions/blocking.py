"""What must never be blocked for everybody: the house's own, what everybody needs, and what stands on a list for it."""

from urllib.parse import urlsplit

from cases.choices import ObservableKind
from cases.models import Case, Observable
from cases.services.house import own_names
from response.actions.targets import case_observable
from secops import networks
from secops.connectors.base import connectors
from secops.errors import SecopsError
from secops.integrations import connector_of, with_capability

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
