"""The names of all capabilities, and which of them a connector has."""

from typing import Any

from secops.connectors.capabilities.acquisition import Acquires
from secops.connectors.capabilities.capture import Captures
from secops.connectors.capabilities.containment import Accounts, Blocks, Quarantine
from secops.connectors.capabilities.detonation import Detonates
from secops.connectors.capabilities.devices import Changes, Inventory, Postures, Processes
from secops.connectors.capabilities.effects import Isolation, Mailer, Outlet, Pager
from secops.connectors.capabilities.files import FileActivity, FileUses, FindFile
from secops.connectors.capabilities.hunting import Hunts
from secops.connectors.capabilities.identity import Directory, Leases, SignIns
from secops.connectors.capabilities.places import Listings, Locate, Register, Reputations
from secops.connectors.capabilities.traffic import Flows, WebRequests

CAPABILITIES: dict[str, type[Any]] = {
    "leases": Leases,
    "directory": Directory,
    "sign_ins": SignIns,
    "locate": Locate,
    "registration": Register,
    "listings": Listings,
    "reputation": Reputations,
    "flows": Flows,
    "web_requests": WebRequests,
    "posture": Postures,
    "software": Inventory,
    "changes": Changes,
    "processes": Processes,
    "file_activity": FileActivity,
    "file_use": FileUses,
    "find_file": FindFile,
    "hunt": Hunts,
    "detonate": Detonates,
    "isolate": Isolation,
    "quarantine": Quarantine,
    "account": Accounts,
    "block": Blocks,
    "acquire": Acquires,
    "capture": Captures,
    "mail": Mailer,
    "page": Pager,
    "push": Outlet,
}


def capabilities_of(connector: type[Any]) -> list[str]:
    """The names of the capabilities whose methods the class has."""
    return [name for name, protocol in CAPABILITIES.items() if _implements(connector, protocol)]


def _implements(connector: type[Any], protocol: type[Any]) -> bool:
    wanted: set[str] = getattr(protocol, "__protocol_attrs__", set())
    return all(callable(getattr(connector, name, None)) for name in wanted)
