"""Names that belong to the house itself: never an attacker's, and never a new destination."""

from collections.abc import Iterable
from functools import cache

from publicsuffixlist import PublicSuffixList

from cases.models import Device, Person
from secops import networks
from secops.connectors.base import connectors
from secops.models import Integration


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Under which anybody may have a name or a mailbox: whoever is called so there makes nobody else the house's own.
_PROVIDERS = _words(
    "163.com aol.com fastmail.com free.fr gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hotmail.com"
    " icloud.com laposte.net libero.it live.com mac.com mail.com mail.ru me.com msn.com onmicrosoft.com orange.fr"
    " outlook.com pm.me posteo.de proton.me protonmail.com qq.com seznam.cz t-online.de tuta.com tutanota.com web.de"
    " wp.pl yahoo.com yandex.com yandex.ru ymail.com zoho.com"
)
_PROVIDER_FAMILIES = frozenset({"gmx", "hotmail", "live", "outlook", "yahoo", "yandex"})  # hotmail.co.uk and the like
_HOSTERS = _words(
    "amazonaws.com appspot.com azurewebsites.net cloudapp.azure.com cloudapp.net duckdns.org dyndns.org github.io"
    " googleusercontent.com herokuapp.com linode.com netlify.app ngrok.io no-ip.org pages.dev trycloudflare.com"
    " vercel.app windows.net workers.dev"
)


def own_names() -> set[str]:
    """Domains of the devices and people that a directory knows, and the hosts of the house's integrations. What only an
    alert names is nobody's own: its text may be an attacker's."""
    devices = Device.objects.exclude(fqdn="").exclude(directory_id="").values_list("fqdn", flat=True)
    people = Person.objects.exclude(upn="").exclude(directory_id="").values_list("upn", flat=True)
    names = _of_one(fqdn.partition(".")[2] for fqdn in devices) | _of_one(upn.rpartition("@")[2] for upn in people)
    for integration in Integration.objects.filter(is_enabled=True):
        kind = connectors.get(integration.connector)
        pairs = kind.addresses(integration.settings) if kind else []
        names |= {pair.rpartition(":")[0].lower() for pair in pairs}
    return {name for name in names if "." in name and not networks.is_address(name)}


def _of_one(names: Iterable[str]) -> set[str]:
    """Those that one owner has: no public suffix, no provider of mail, nothing under a hoster's name."""
    return {name for name in (each.lower().strip(".") for each in names) if not _is_shared(name)}


def _is_shared(name: str) -> bool:
    if _suffixes().is_public(name):
        return True
    is_family = name == _suffixes().privatesuffix(name) and name.partition(".")[0] in _PROVIDER_FAMILIES
    is_hosted = any(name == hoster or name.endswith(f".{hoster}") for hoster in _HOSTERS)
    return name in _PROVIDERS or is_family or is_hosted


@cache
def _suffixes() -> PublicSuffixList:
    """The list of publicsuffix.org as the package brings it: nothing is fetched. Read once, in a part of a second."""
    return PublicSuffixList()
