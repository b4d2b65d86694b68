"""What the rows of an osquery result hold, by the names of its tables' columns; every value is a text."""

from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalFlow, NormalObservable
from cases.intake.flows import add_ends
from cases.intake.harvest import harvest
from cases.intake.observables import Observables
from cases.intake.paths import Document

LEFT_OUT = frozenset({"env", "cdhash", "config_hash"})  # a whole environment, and hashes of no file's content
_NAMED = frozenset({"username", "user", "path", "name", "serial", "serial_number"})


def read_row_observables(rows: list[Document], flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    """Accounts, processes, files, registry keys, addresses and hashes."""
    found = Observables()
    add_ends(found, flow)
    for row in rows:
        for name in row.texts("username", "user"):
            found.add(ObservableKind.USER, name, Role.ACCOUNT)
        _add_path(found, row)
        if row.text("model", "vendor"):  # of usb_devices, where a serial names the thing itself
            found.add(ObservableKind.SERIAL, row.text("serial", "serial_number"), note=row.text("model")[:300])
        harvest(found, {name: value for name, value in row.payload.items() if _is_worth_it(name, value)})
    return found.all()


def _is_worth_it(name: str, value: Any) -> bool:
    """Counters and numbers of processes are everywhere, and `cmdline_count` is no command line."""
    return name not in _NAMED | LEFT_OUT and isinstance(value, str) and not value.isdigit()


def _add_path(found: Observables, row: Document) -> None:
    """A key of the registry, the program of a process, or a file."""
    path = row.text("path")
    if found.add(ObservableKind.REGISTRY_KEY, path, Role.REGISTRY):
        return
    if row.text("pid"):
        found.add(ObservableKind.PROCESS, path or row.text("name"), Role.PROCESS)
    else:
        found.add(ObservableKind.FILE_PATH, path, Role.FILE)
