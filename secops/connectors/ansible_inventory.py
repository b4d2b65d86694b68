"""The hosts that a site lets us reach over SSH, as its admin writes them down."""

import re
from dataclasses import dataclass

from secops.connectors.capabilities.identity import Host

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
ADDRESS = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:]+\]):([0-9]{1,5})")
WORDS = {  # of a line, after name and address
    "id": NAME,
    "disk": re.compile(r"/dev/[A-Za-z0-9/_.:-]+"),
    "hypervisor": NAME,
    "qmp": re.compile(r"/[A-Za-z0-9/_.-]+"),
}
HELP = (
    "A line each: name host:port, then what is known of it: id=<its id in the EDR>, disk=/dev/sda (its system disk), "
    "hypervisor=<name of another line> with qmp=<control socket of the guest there>."
)


class InventoryError(ValueError):
    """The text names the line, which an admin wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One host. `id` is its id in the EDR where it is not its name here."""

    name: str
    address: str
    port: int
    id: str = ""
    disk: str = ""
    hypervisor: str = ""
    qmp: str = ""

    @property
    def pair(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def door(self) -> tuple[str, int]:
        return self.address.lower(), self.port

    def is_meant(self, host: Host) -> bool:
        """By its id; by its name where no id contradicts it: the same name with another id is another device."""
        if host.agent_id and self.id:
            return host.agent_id == self.id
        return self.name.lower() in {host.agent_id.lower(), host.name.lower()}


def parse(text: str) -> list[Entry]:
    """The entries in their order; InventoryError for the first line that cannot be read."""
    entries: dict[str, Entry] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if words := line.partition("#")[0].split():
            entry = _entry(number, words)
            if entry.name.lower() in entries:
                raise InventoryError(f"Line {number}: {entry.name} is there twice.")
            entries[entry.name.lower()] = entry
    for entry in entries.values():
        if bool(entry.hypervisor) != bool(entry.qmp) or (entry.hypervisor and entry.hypervisor.lower() not in entries):
            raise InventoryError(f"{entry.name}: hypervisor names another line, and qmp the socket of its guest.")
    return list(entries.values())


def _entry(number: int, words: list[str]) -> Entry:
    found = ADDRESS.fullmatch(words[1]) if len(words) > 1 else None
    if not NAME.fullmatch(words[0]) or found is None or not 0 < int(found[2]) < 65_536:
        raise InventoryError(f"Line {number} does not begin with a name and host:port.")
    known = {}
    for word in words[2:]:
        name, _, value = word.partition("=")
        if name not in WORDS or not WORDS[name].fullmatch(value):
            raise InventoryError(f"Line {number}: {name} is not one of {', '.join(WORDS)}, or its value does not fit.")
        known[name] = value
    return Entry(name=words[0], address=found[1].strip("[]"), port=int(found[2]), **known)
