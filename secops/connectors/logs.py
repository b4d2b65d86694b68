"""Log files in a folder: Zeek, Suricata, Windows and Sysmon events, asked with DuckDB where they lie."""

from datetime import datetime
from pathlib import Path

from django import forms
from django.conf import settings

from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.devices import Change, ProcessFact
from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.capabilities.files import FileEvent, FileUse, PeerUse, RemovableMedia
from secops.connectors.capabilities.hunting import Hunted, HuntLoad, Scope
from secops.connectors.capabilities.identity import Host, Lease, SignIn
from secops.connectors.capabilities.traffic import DayVolume, Flow, PeerTotal, WebRequest, Window
from secops.hunting.conditions import Query
from secops.logfiles import changes, fileactivity, fileuse, flows, leases, processes, searching, sessions, web
from secops.logfiles.store import LogStore, shared_store


@connectors.register
class Logs(Connector):
    """Answers from files on this machine; the cache below the data folder is made again whenever a file changes."""

    slug = "logs"
    label = "Log files"
    doc_url = "https://docs.zeek.org/en/current/logs/"
    is_local = True
    concurrency = 2  # DuckDB uses both of its threads for one question

    class SettingsForm(forms.Form):
        path = forms.CharField(max_length=4096, label="Folder", help_text="Read with all folders below it.")
        relative_times = forms.BooleanField(
            required=False,
            label="Times count from the start of a capture",
            help_text="Admits logs of replayed captures, whose times begin in 1970.",
        )

        def clean_path(self) -> str:
            folder = Path(self.cleaned_data["path"]).expanduser()
            if not folder.is_dir():
                raise forms.ValidationError("There is no such folder.")
            return str(folder.resolve())

    def test(self) -> str:
        store = self._store()
        logs, window = store.logs(), flows.flow_window(store)
        if not logs:
            raise SourceRefused("There is no log in the folder that can be read.")
        spoilt = f"; {len(store.unreadable)} cannot be read" if store.unreadable else ""
        if window.start and window.end:
            return f"{len(logs)} log files, connections from {window.start:%d %b %Y} to {window.end:%d %b %Y}{spoilt}."
        return f"{len(logs)} log files, none with connections{spoilt}."

    def lease_at(self, address: str, at: datetime) -> Lease | None:
        return leases.lease_at(self._store(), address, at)

    def connections(self, host: Host, peer: str, start: datetime, end: datetime) -> list[Flow]:
        return flows.connections(self._store(), host, peer, start, end)

    def volumes(self, host: Host, end: datetime, days: int, *, internal: bool) -> list[DayVolume]:
        return flows.volumes(self._store(), host, end, days, internal=internal)

    def peers(self, host: Host, start: datetime, end: datetime, *, inbound: bool = False) -> list[PeerTotal]:
        return flows.peers(self._store(), host, start, end, inbound=inbound)

    def fan_out(self, host: Host, start: datetime, end: datetime) -> list[Flow]:
        return flows.fan_out(self._store(), host, start, end)

    def talkers(self, peer: str, start: datetime, end: datetime) -> list[str]:
        return flows.talkers(self._store(), peer, start, end)

    def flow_window(self) -> Window:
        return flows.flow_window(self._store())

    def web_requests(self, host: Host, start: datetime, end: datetime) -> list[WebRequest]:
        return web.web_requests(self._store(), host, start, end)

    def process_of(self, host: Host, peer: str, start: datetime, end: datetime) -> list[ProcessFact]:
        return processes.process_of(self._store(), host, peer, start, end)

    def processes_writing(self, host: Host, key: str, start: datetime, end: datetime) -> list[ProcessFact]:
        return processes.processes_writing(self._store(), host, key, start, end)

    def changes(self, host: Host, start: datetime, end: datetime) -> list[Change]:
        return changes.changes(self._store(), host, start, end)

    def file_events(self, host: Host, start: datetime, end: datetime, *, removable: bool) -> list[FileEvent]:
        return fileactivity.file_events(self._store(), host, start, end, removable=removable)

    def removable_media(self, host: Host, start: datetime, end: datetime) -> list[RemovableMedia]:
        return fileactivity.removable_media(self._store(), host, start, end)

    def file_use(self, login: str, start: datetime, end: datetime) -> list[FileUse]:
        return fileuse.file_use(self._store(), login, start, end)

    def peer_file_use(self, login: str, start: datetime, end: datetime) -> list[PeerUse]:
        return fileuse.peer_file_use(self._store(), login, start, end)

    def file_use_windows(self) -> dict[str, Window]:
        return fileuse.file_use_windows(self._store())

    def sign_ins(self, host: Host, start: datetime, end: datetime) -> list[SignIn]:
        return sessions.sign_ins(self._store(), host, start, end)

    def hunt_load(self, scope: Scope, start: datetime, end: datetime) -> HuntLoad:
        return searching.hunt_load(self._store(), scope, start, end)

    def hunt_for(self, query: Query, scope: Scope, start: datetime, end: datetime, limit: int) -> Hunted:
        return searching.hunt_for(self._store(), query, scope, start, end, limit)

    def _store(self) -> LogStore:
        folder = Path(str(self.setting("path")))
        if not folder.is_dir():
            raise SourceRefused(f"The log folder {folder} is not there.")
        return shared_store(
            folder,
            Path(settings.DATA_DIR) / "cache" / "logs",
            tuple(settings.NIGHTDESK_INTERNAL_NETWORKS),
            is_relative=bool(self.setting("relative_times")),
        )
