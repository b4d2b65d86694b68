"""GRR Rapid Response: memory, disks, triage packages and files, read from a device by its agent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

from django import forms

from secops.connectors import grr_package as package
from secops.connectors.base import BaseUrlField, Connector, RateLimit, Settings, connectors
from secops.connectors.capabilities.acquisition import DISK, FILE, MEMORY, Acquisition, Part
from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceRefused
from secops.connectors.capabilities.identity import Host
from secops.connectors.grr_api import Api, Row, digest, is_exact, moment, number, part, read, rows
from secops.connectors.grr_flows import Wanted, size_of, system_of, wanted
from secops.connectors.sending import before_the_effect, refuse
from secops.http import HttpError
from secops.wording import duration

GONE_SECONDS = 900.0  # a client that has not called for so long is not reached now
FLOWS_SEEN = 200  # of a client, newest first, among which ours is looked for
PAGE, MOST_FILES = 500, 20_000
NAMES = {MEMORY: "memory.raw", DISK: "disk.raw"}
PACKED = "Packed by Nightdesk from {} files that GRR collected; the SHA-256 of each, as GRR has it, is in MANIFEST.csv."
LEFT_OUT = "Left out, because GRR cannot be asked for the path that the device says: {}."


@connectors.register
class Grr(Connector):
    """GRR's client reads raw devices without writing to the disk. Where a flow of it needs an approval inside of GRR,
    the account must have it. Memory needs a driver on the devices that shows it as a file, such as WinPmem."""

    slug = "grr"
    label = "GRR Rapid Response"
    doc_url = "https://grr-doc.readthedocs.io/en/latest/investigating-with-grr/automation-with-api.html"
    rate_limit: ClassVar[RateLimit | None] = RateLimit(calls=600, seconds=60)
    concurrency = 4
    dedupes_keys = False  # a flow that it starts late cannot be seen before
    secret_fields: ClassVar[tuple[str, ...]] = ("password",)

    class SettingsForm(forms.Form):
        url = BaseUrlField(label="Address", help_text="Of the admin interface, such as https://grr.example:8000.")
        username = forms.CharField(label="User name")
        windows_disk = forms.CharField(initial="\\\\.\\PhysicalDrive0", label="Disk on Windows")
        linux_disk = forms.CharField(initial="/dev/sda", label="Disk on Linux")
        windows_memory = forms.CharField(
            required=False, label="Memory on Windows", help_text="The driver's file, \\\\.\\pmem. Empty: no driver."
        )
        linux_memory = forms.CharField(required=False, label="Memory on Linux", help_text="Empty: no driver.")
        megabytes_per_second = forms.IntegerField(
            required=False, min_value=1, max_value=10_000, help_text="The most that one fetch takes. Empty: no bound."
        )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.api = Api(self)

    @property
    def bytes_per_second(self) -> float | None:
        megabytes = self.setting("megabytes_per_second")
        return megabytes * 1e6 if megabytes else None

    def acquire(self, host: Host, what: str, key: str, *, path: str = "") -> str:
        with before_the_effect():
            client = self._client(host)
            ask = wanted(client, what, key, path=path, device=self._device(client, what))
            number_of_client = str(client.get("clientId"))
            if earlier := self._earlier(number_of_client, ask):
                return f"{what}/{number_of_client}/{earlier}"
            token = self.api.token()
        answer = self.api.send(f"clients/{number_of_client}/flows", ask.body(), token)
        if not answer.is_ok:
            self.api.forget()
            refuse(answer, f"collect from {host.name}", later=1.0 if answer.status == 401 else None)
        if not (started := str(read(answer).get("flowId") or "")):
            raise Doubt(f"{answer.host} did not say which flow it started")
        return f"{what}/{number_of_client}/{started}"

    def acquisition(self, host: Host, handle: str) -> Acquisition:
        what, client_number, flow_number = _parsed(handle)
        flow = self.api.get(f"clients/{client_number}/flows/{flow_number}")
        client = self.api.get(f"clients/{client_number}")
        if flow is None or client is None:
            return Acquisition(state="failed", text="GRR does not know the flow any more")
        state, text = _state(flow, client)
        parts, note = self._parts(what, client_number, flow_number) if state == "done" else ((), "")
        if state == "done" and not parts:
            state, text = "failed", note or "GRR found nothing of what was asked for on the device"
        sent = number(part(flow, "context"), "networkBytesSent")
        total = size_of(client, what) if what in NAMES else None
        return Acquisition(
            state=state,
            text=text,
            done_bytes=sent,
            total_bytes=max(total, sent) if total else None,
            tool="GRR",
            tool_version=str(part(client, "agentInfo").get("clientVersion") or ""),
            started_at=moment(flow, "startedAt"),
            ended_at=moment(flow, "lastActiveAt"),
            clock_offset_seconds=_clock_offset(client),
            note=note,
            parts=parts,
        )

    def fetch_part(self, host: Host, handle: str, part: Part, offset: int) -> Iterator[bytes]:
        what, client, flow = _parsed(handle)
        files, _ = self._files(what, client, flow)
        blob = f"clients/{client}/vfs-blob/"
        if what in NAMES or what == FILE:
            if not files:
                raise HttpError("GRR does not have the file any more")
            return self.api.stream(blob + files[0].vfs, offset, collected=files[0].collected)
        return package.stream(
            files, offset, lambda one, at: self.api.stream(blob + one.vfs, at, collected=one.collected)
        )

    def abandon(self, host: Host, handle: str) -> None:
        _, client, flow = _parsed(handle)
        answer = self.api.send(f"clients/{client}/flows/{flow}/actions/cancel", {}, self.api.token())
        if answer.status != 404:
            self.checked(answer)

    def test(self) -> str:
        found = self.api.get("metadata/version") or {}
        self.api.get("clients", count=1)
        self.api.token()
        numbers = ".".join(str(found.get(name, "?")) for name in ("major", "minor", "revision"))
        return f"GRR {numbers} answers and lets this account start flows."

    def _device(self, client: Row, what: str) -> str:
        """What holds the memory or the disk on this client; NoEffect where memory cannot be had."""
        if what not in NAMES:
            return ""
        name = f"{'windows' if system_of(client) == 'Windows' else 'linux'}_{what}"
        if path := str(self.setting(name) or ""):
            return path
        raise NoEffect("No memory driver is set up for devices of this kind in GRR, so their memory cannot be had.")

    def _client(self, host: Host) -> Row:
        """The one client of this name. Of two, who is meant cannot be known: we act on ids."""
        named = rows((self.api.get("clients", query=f"host:{host.name.lower()}", count=20) or {}).get("items"))
        found = [one for one in named if host.name and _name(one) == host.name.upper()]
        if not found:
            raise SourceRefused(f"GRR has no agent on {host.name or 'a device without a name'}.")
        if len(found) > 1:
            raise SourceRefused(f"GRR knows several devices named {host.name}: which one is meant is not clear.")
        return found[0]

    def _earlier(self, client: str, ask: Wanted) -> str:
        """The flow that was started for the same key already, or ""."""
        found = self.api.get(f"clients/{client}/flows", count=FLOWS_SEEN, top_flows_only=1) or {}
        mine = next((flow for flow in rows(found.get("items")) if ask.is_same(flow)), {})
        return str(mine.get("flowId") or "")

    def _parts(self, what: str, client: str, flow: str) -> tuple[tuple[Part, ...], str]:
        files, left_out = self._files(what, client, flow)
        note = LEFT_OUT.format(left_out) if left_out else ""
        if not files:
            return (), note
        if what in NAMES or what == FILE:
            name = NAMES.get(what) or files[0].path.rpartition("/")[2]
            return (Part(name=name, size=files[0].size, sha256=files[0].sha256),), note
        whole = Part(
            name="triage.tar",
            size=package.size_of(files),
            media_type="application/x-tar",
            check=partial(package.Check, files),
        )
        return (whole,), f"{PACKED.format(len(files))} {note}".strip()

    def _files(self, what: str, client: str, flow: str) -> tuple[list[package.Member], int]:
        """What the flow brought, in the order of its results, and how many are left out for their path."""
        results = f"clients/{client}/flows/{flow}/results"
        found: list[package.Member] = []
        left_out = 0
        for offset in range(0, MOST_FILES, PAGE):
            page = rows((self.api.get(results, offset=offset, count=PAGE) or {}).get("items"))
            for row in page:
                payload = part(row, "payload")
                if not (vfs := _vfs(what, payload)):
                    continue
                if not is_exact(vfs):
                    left_out += 1
                elif member := self._member(what, client, row, vfs):
                    found.append(member)
            if len(page) < PAGE:
                break
        return found, left_out

    def _member(self, what: str, client: str, row: Row, vfs: str) -> package.Member | None:
        """One result; None for one that brought no bytes."""
        if what in NAMES:
            file = part(self.api.get(f"clients/{client}/vfs-details/{vfs}") or {}, "file")
            size, known = number(file, "lastCollectedSize"), digest(part(file, "hash"))
            return package.Member(path=f"/{NAMES[what]}", vfs=vfs, size=size, sha256=known) if size else None
        payload = part(row, "payload")
        hashed = part(payload, "hashEntry")
        if not hashed.get("sha256"):  # looked at, too large or not a file
            return None
        size = number(hashed, "numBytes") or number(part(payload, "statEntry"), "stSize")
        spec = part(payload, "statEntry", "pathspec")
        at = number(row, "timestamp")
        return package.Member(path=_path(spec), vfs=vfs, size=size, sha256=digest(hashed), collected=at)


def _parsed(handle: str) -> list[str]:
    parts = handle.split("/")
    if len(parts) != 3:
        raise HttpError("This is no flow of GRR", was_sent=False)
    return parts


def _state(flow: Row, client: Row) -> tuple[str, str]:
    """Our word for the flow's state, and its last line."""
    said = str(part(flow, "context").get("status") or "")
    match flow.get("state", "RUNNING"):
        case "RUNNING":
            return _running(flow, client)
        case "TERMINATED":
            return "done", "GRR has collected it"
        case "CLIENT_CRASHED":
            return "failed", "GRR's agent crashed on the device"
    return "failed", f"GRR ended it: {said}" if said else "GRR ended it with an error"


def _running(flow: Row, client: Row) -> tuple[str, str]:
    """A device that is off keeps its flow; nothing says so but when it called last."""
    seen = moment(client, "lastSeenAt")
    away = (datetime.now(UTC) - seen).total_seconds() if seen else None
    if away is not None and away > GONE_SECONDS:
        return "queued", f"GRR has not seen the device for {duration(away)}; it is collected when it calls again"
    if not number(part(flow, "context"), "networkBytesSent"):
        return "running", "GRR waits for the device to call"
    return "running", "GRR reads the device"


def _clock_offset(client: Row) -> int | None:
    """The device's clock minus GRR's when it called last, in seconds."""
    seen, clock = number(client, "lastSeenAt"), number(client, "lastClock")
    return round((clock - seen) / 1_000_000) if seen and clock else None


def _name(client: Row) -> str:
    known = part(client, "osInfo")
    return str(known.get("fqdn") or known.get("node") or "").split(".")[0].upper()


def _segments(spec: Row) -> list[Row]:
    found: list[Row] = []
    while spec and len(found) < 10:
        found.append(spec)
        spec = part(spec, "nestedPath")
    return found


def _path(spec: Row) -> str:
    """Where the file is on the device: the innermost path of a raw file system, else the only one."""
    return "/" + str(_segments(spec)[-1].get("path") or "").lstrip("/")


def _vfs(what: str, payload: Row) -> str:
    """Where GRR keeps a result: its kind, and all parts of the path below each other; "" where it has no path."""
    if what in NAMES:
        return f"temp/{payload['path']}" if payload.get("path") else ""
    found = _segments(part(payload, "statEntry", "pathspec"))
    if not found or not found[0].get("path"):
        return ""
    kind = str(found[-1].get("pathtype") or "OS").lower()
    return f"fs/{kind}/" + "/".join(str(one.get("path") or "").strip("/") for one in found)
