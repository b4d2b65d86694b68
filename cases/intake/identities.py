"""Devices and people: cleaned keys, and what is neither (STANDARDS.md part 1.2)."""

from collections.abc import Iterable
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake import names
from cases.intake.absent import plain
from cases.intake.base import NormalDevice, NormalPerson
from cases.intake.networks import address
from cases.intake.observables import Observables, mac

MAX_KEY = 255
_NO_DEVICES = frozenset({"localhost", "localhost.localdomain", "localhost.local", "workgroup"})
_NO_DOMAINS = frozenset({"workgroup", "."})
_SERVICE_SIDS = frozenset({"S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-0-0", "S-1-5-7"})
_SERVICE_DOMAINS = frozenset(
    {"nt authority", "nt-autorität", "nt service", "window manager", "font driver host", "iis apppool", "builtin"}
)
_SERVICES = frozenset({"system", "local service", "network service", "localsystem", "anonymous logon"})


def device(
    name: Any = "",
    *,
    domain: Any = "",
    agent_id: Any = "",
    is_edr: bool = True,
    directory_id: Any = "",
    mac_address: Any = "",
    ip: Any = "",
    os: Any = "",
) -> NormalDevice | None:
    """A device with the keys that are there, or None; a full name also gives the short one, and a bare name with a
    domain of several labels the full one."""
    sent = plain(name)[:MAX_KEY].removesuffix(".")
    if "." not in sent and names.ascii_name(sent) and names.domain(plain(domain)):
        sent = f"{sent}.{plain(domain)}"[:MAX_KEY]
    own_address = address(plain(ip))
    if address(sent):  # some senders put the address where the name belongs
        own_address, sent = own_address or address(sent), ""
    if sent.casefold() in _NO_DEVICES:
        sent = ""
    found = NormalDevice(
        agent_id=plain(agent_id)[:MAX_KEY],
        is_edr=is_edr,
        directory_id=plain(directory_id)[:MAX_KEY],
        mac=mac(plain(mac_address)),
        fqdn=names.domain(sent),
        name=sent.partition(".")[0] if names.domain(sent) else sent,
        address=own_address if own_address and not own_address.startswith("127.") else "",
        os=plain(os)[:MAX_KEY],
    )
    keys = (found.agent_id, found.directory_id, found.mac, found.fqdn, found.name, found.address)
    return found if any(keys) else None


def person(
    name: Any = "",
    *,
    domain: Any = "",
    sid: Any = "",
    upn: Any = "",
    directory_id: Any = "",
    role: str = "actor",
) -> NormalPerson | None:
    """A person, or None for machine accounts, services and nobody; `name` may be `DOMAIN\\user`, a UPN or a SID."""
    login, group, own_sid, own_upn = plain(name), plain(domain), plain(sid), plain(upn)
    before, backslash, after = (own_sid if not _is_sid(own_sid) and "\\" in own_sid else login).rpartition("\\")
    if backslash:
        group, login = before or group, after
    if _is_sid(login):
        own_sid, login = own_sid or login, ""
    if "@" in login:
        own_upn, login = own_upn or names.email(login), login.partition("@")[0]
    own_sid = own_sid if _is_sid(own_sid) else ""
    if _is_service(login, group, own_sid):
        return None
    found = NormalPerson(
        directory_id=plain(directory_id)[:MAX_KEY],
        sid=own_sid[:MAX_KEY],
        upn=own_upn.lower()[:MAX_KEY] if "@" in own_upn else "",
        login=login.lower()[:MAX_KEY],
        domain="" if group.casefold() in _NO_DOMAINS else group[:MAX_KEY],
        role=role,
    )
    return found if found.directory_id or found.sid or found.upn or found.login else None


def add_people(found: Observables, people: Iterable[NormalPerson]) -> None:
    """Add the accounts of people as observables: the UPN, else `DOMAIN\\user`."""
    for one in people:
        full = f"{one.domain}\\{one.login}" if one.domain and one.login else one.login
        found.add(ObservableKind.USER, one.upn or full, Role.ACCOUNT)


def distinct[T](things: list[T | None]) -> tuple[T, ...]:
    """Those that are there, each once, in order."""
    return tuple(dict.fromkeys(thing for thing in things if thing is not None))


def _is_sid(text: str) -> bool:
    return text[:4].upper() == "S-1-" and text[4:].replace("-", "").isdigit()


def _is_service(login: str, group: str, sid: str) -> bool:
    return (
        login.endswith("$")
        or sid.upper() in _SERVICE_SIDS
        or sid.upper().startswith(("S-1-5-80-", "S-1-5-90-", "S-1-5-96-"))
        or group.casefold() in _SERVICE_DOMAINS
        or login.casefold() in _SERVICES
    )
