"""City and owner of an address, offline, from MMDB files or from CSV files in the form of @ip-location-db."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import maxminddb
from django import forms

from secops.connectors.base import Connector, Settings, connectors
from secops.connectors.capabilities.places import Place
from secops.connectors.iptocc import is_outside
from secops.connectors.range_csv import RangeTable
from secops.errors import SecopsError

DOCUMENTATION = [ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
ENDINGS = (".mmdb", ".csv", ".csv.gz")
Look = Callable[[str], dict[str, Any] | None]


@connectors.register
class GeoFiles(Connector):
    """Any such file, or a folder of them: what one does not say, the next may."""

    slug = "mmdb"
    label = "Geo and owner files (MMDB, CSV)"
    doc_url = "https://github.com/sapics/ip-location-db"
    is_local = True

    class SettingsForm(forms.Form):
        path = forms.CharField(help_text="A file, or a folder of files.")
        documentation_ranges = forms.BooleanField(
            required=False, help_text="Answer for documentation addresses, too; only a practice range needs it."
        )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._lock = threading.Lock()
        self._open: dict[Path, tuple[int, datetime, Look]] = {}

    def locate(self, address: str) -> Place | None:
        """Merged over all files, sorted by name; None when none knows the address."""
        if not is_outside(address) and not (self.setting("documentation_ranges") and _is_documentation(address)):
            return None
        found: dict[str, Any] = {}
        for _, made_at, look in self._files():
            facts = place_of(look(address) or {})
            if facts:
                found = facts | found
                found["as_of"] = min(made_at, found.get("as_of", made_at))
        return Place(**found) if found else None

    def test(self) -> str:
        return f"Files ready: {len(self._files())}."

    def _files(self) -> list[tuple[int, datetime, Look]]:
        """Opened once, and again when a file was replaced."""
        root = Path(self.setting("path"))
        paths = sorted(root.iterdir()) if root.is_dir() else [root]
        files = [path for path in paths if path.name.endswith(ENDINGS)]
        try:
            with self._lock:
                return [self._opened(path, path.stat().st_mtime_ns) for path in files] or _none(root)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise SecopsError(f"A geo file cannot be read: {type(error).__name__}") from error

    def _opened(self, path: Path, changed_ns: int) -> tuple[int, datetime, Look]:
        kept = self._open.get(path)
        if kept is None or kept[0] != changed_ns:
            if path.name.endswith(".mmdb"):
                reader = maxminddb.open_database(path, maxminddb.MODE_MMAP)
                made_at = datetime.fromtimestamp(reader.metadata().build_epoch, UTC)
                kept = changed_ns, made_at, _looking(reader)
            else:
                made_at = datetime.fromtimestamp(changed_ns / 1e9, UTC)
                kept = changed_ns, made_at, RangeTable.read(path).look
            self._open[path] = kept
        return kept


def place_of(record: dict[str, Any]) -> dict[str, Any]:
    """Fields of Place from a record: flat (@ip-location-db, IPinfo) or nested (GeoIP2)."""
    country = record.get("country_code") or _inner(record, "country", "iso_code")
    number = record.get("autonomous_system_number") or record.get("asn")
    owner = record.get("autonomous_system_organization") or record.get("as_organization") or record.get("as_name")
    found = {
        "country": str(country or "").upper()[:2],
        "city": str(_inner(record, "city", "names", "en") or ""),
        "asn": _number(number),
        "owner": str(owner or ""),
    }
    return {name: value for name, value in found.items() if value not in ("", None)}


def _inner(record: dict[str, Any], *names: str) -> Any:
    """A value that is nested in one form and plain in the other."""
    value: Any = record
    for name in names:
        if not isinstance(value, dict):
            return value
        value = value.get(name)
    return None if isinstance(value, dict) else value


def _number(text: Any) -> int | None:
    digits = str(text or "").upper().removeprefix("AS")
    return int(digits) if digits.isdecimal() else None


def _looking(reader: maxminddb.Reader) -> Look:
    def look(address: str) -> dict[str, Any] | None:
        if ip_address(address).version == 6 and reader.metadata().ip_version == 4:
            return None
        record = reader.get(address)
        return record if isinstance(record, dict) else None

    return look


def _is_documentation(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip.version == net.version and ip in net for net in DOCUMENTATION)


def _none(root: Path) -> list[tuple[int, datetime, Look]]:
    raise SecopsError("There is no geo file at this path.")
