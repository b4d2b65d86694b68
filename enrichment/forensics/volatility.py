"""What Volatility 3 wrote of a memory image: processes, commands, connections, in tables and as findings."""

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Annotated, Any

from msgspec import DecodeError, Meta, Struct, ValidationError
from msgspec.json import Decoder

from enrichment.forensics.image import Descriptor
from enrichment.forensics.notebook import Notebook
from enrichment.forensics.scanner import Rules

NAME, VERSION = "Volatility 3", ""
MOST_LINE = 64 * 2**20  # bytes of what one plugin says
SHOWN = 200
FOREIGN = ("ForeignAddr", "Destination Addr")  # columns that name the other end
# Of plugins with more columns than a table has: these come first.
TELLING = {
    "linux.pslist.PsList": ("PID", "PPID", "COMM", "UID", "EUID", "CREATION TIME"),
    "linux.sockstat.Sockstat": (
        *(
            "Process Name",
            "PID",
            "Proto",
            "Source Addr",
            "Source Port",
            "Destination Addr",
            "Destination Port",
            "State",
        ),
    ),
    "windows.pslist.PsList": ("PID", "PPID", "ImageFileName", "SessionId", "CreateTime", "ExitTime"),
    "windows.netscan.NetScan": (
        *("Proto", "LocalAddr", "LocalPort", "ForeignAddr", "ForeignPort", "PID", "Owner", "Created"),
    ),
}
COMMANDS = {"linux.bash.Bash": ("CommandTime", "Command"), "windows.cmdline.CmdLine": ("", "Args")}

type Cells = list[str | None]


class Said(Struct):
    """A line of out.jsonl."""

    plugin: Annotated[str, Meta(max_length=64)]
    columns: list[str] = []
    rows: list[Cells] = []
    error: str = ""

    def column(self, row: Cells, name: str) -> str:
        return row[self.columns.index(name)] or "" if name in self.columns else ""


class Tool:
    def __init__(self, rules: Rules, notebook: Notebook) -> None:
        self._notes = notebook

    def run(self, file: Descriptor) -> Iterator[bytes]:
        decoder = Decoder(Said)
        while line := file.readline(MOST_LINE):
            try:
                self._take(decoder.decode(line))
            except (DecodeError, ValidationError, RecursionError, IndexError):
                self._notes.limit("What a plugin of Volatility said could not be read.")
        return iter(())

    def _take(self, said: Said) -> None:
        if said.error:
            self._notes.limit(f"{said.plugin}: {said.error}")
        if not said.columns:
            return
        count = len(said.rows)
        if said.plugin == "banners.Banners":
            for banner in sorted({said.column(row, "Banner") for row in said.rows[:20]}):
                self._notes.fact("Banner", banner)
        else:
            self._notes.fact(said.plugin, f"{count:,} row{'s' if count != 1 else ''}")
        columns = sorted(said.columns, key=lambda name: name not in TELLING.get(said.plugin, ()))
        rows = [[said.column(row, name) for name in columns] for row in said.rows[:SHOWN]]
        self._notes.table(said.plugin, columns, rows)
        if count > SHOWN:
            self._notes.limit(f"{said.plugin}: only the first {SHOWN} of {count:,} rows are listed.")
        for row in said.rows:
            self._row(said, row)

    def _row(self, said: Said, row: Cells) -> None:
        text = " ".join(cell for cell in row if cell)
        if named := [cell for cell in row if cell and cell.lower() in self._notes.known]:
            self._notes.note(named[0], ["Named in this case"], details=f"{said.plugin}: {text}")
        for column in FOREIGN:
            if _is_outside(address := said.column(row, column)):
                self._notes.see("ip", address, "destination", how="memory")
        when, what = COMMANDS.get(said.plugin, ("", ""))
        if when and (at := _time(said.column(row, when))):
            process = said.column(row, "Process") or "shell"
            self._notes.event(at, f"Typed in {process}: {said.column(row, what)}")


def _is_outside(value: str) -> bool:
    try:
        return ip_address(value).is_global
    except ValueError:
        return False


def _time(value: Any) -> str | None:
    """As a report writes a time; without an offset it is UTC, as Volatility says its times."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
