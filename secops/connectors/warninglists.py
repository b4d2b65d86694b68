"""MISP warning lists, offline: hosting, cloud, VPN, resolvers, scanners, sinkholes, reserved ranges, usual noise."""

import hashlib
import threading
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from django import forms
from django.conf import settings as deployment

from secops.connectors.base import Connector, Settings, connectors
from secops.connectors.capabilities.places import Listing
from secops.connectors.warninglist_index import Index, load
from secops.errors import SecopsError


@connectors.register
class WarningLists(Connector):
    """The lists that come with the installation, or a folder of one's own in MISP's form."""

    slug = "warninglists"
    label = "MISP warning lists (built in)"
    doc_url = "https://github.com/MISP/misp-warninglists"
    needs_settings = False
    is_local = True

    class SettingsForm(forms.Form):
        path = forms.CharField(
            required=False, help_text="A folder of lists (name/list.json). Empty: the built-in lists."
        )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._lock = threading.Lock()
        self._index: Index | None = None

    def listings(self, kind: str, value: str) -> list[Listing]:
        """`kind` ip, domain, url (its host) or a file hash; other kinds stand on no list."""
        if kind == "url":
            kind, value = _host_of(value)
        if kind == "ip":
            return self.index().of_address(value)
        if kind == "domain":
            return self.index().of_name(value)
        return self.index().of_hash(value) if kind.startswith("hash_") else []

    def test(self) -> str:
        count = len(self.index())
        if not count:
            raise SecopsError("There is no list in the folder.")
        return f"Lists ready: {count}."

    def index(self) -> Index:
        """Read at the first question; the compact form is kept in the data folder for every other process."""
        with self._lock:
            if self._index is None:
                folder, key = self._source()
                name = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
                try:
                    self._index = load(folder, deployment.DATA_DIR / "geo" / f"warninglists-{name}.msgpack", key)
                except (OSError, ValueError, KeyError, TypeError) as error:
                    raise SecopsError(f"The warning lists cannot be read: {type(error).__name__}") from error
            return self._index

    def _source(self) -> tuple[Path, str]:
        """The folder, and what changes when its lists do."""
        if own := self.setting("path"):
            folder = Path(own)
            stamps = sorted(f"{path}:{path.stat().st_mtime_ns}" for path in folder.glob("**/*.json"))
            return folder, hashlib.sha256("\n".join(stamps).encode()).hexdigest()
        spec = find_spec("pymispwarninglists")
        if spec is None or not spec.origin:
            raise SecopsError("The package pymispwarninglists is not installed.")
        return Path(spec.origin).parent / "data/misp-warninglists/lists", version("pymispwarninglists")


def _host_of(url: str) -> tuple[str, str]:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return "", ""
    is_address = host.replace(".", "").isdecimal() or ":" in host
    return ("ip" if is_address else "domain"), host
