"""Ansible over SSH: a host's network closed and opened, its packets captured, evidence collected, a file found."""

import hashlib
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.conf import settings as deployment

from secops import intent
from secops.connectors import ansible_answers as answers
from secops.connectors import ansible_inventory as inventory
from secops.connectors.ansible_inventory import Entry
from secops.connectors.ansible_runs import PLAYBOOKS, NotInstalledError, Played, Row, ask, packed, play, stream
from secops.connectors.ansible_ssh import Login
from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.acquisition import DISK, MEMORY, Acquisition, Part
from secops.connectors.capabilities.capture import CaptureState, Segment
from secops.connectors.capabilities.effects import IsolationState
from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceRefused
from secops.connectors.capabilities.files import FileHit
from secops.connectors.capabilities.identity import Host
from secops.http import FROZEN, HttpError

ISOLATION, QUARANTINE = "nightdesk_isolation", "nightdesk_quarantine"  # nftables of ours
WORK = "/run/nightdesk"
PLACES = "/home /root /tmp /var/tmp /dev/shm /opt /srv /usr/local"
NOT_INSTALLED = "Ansible or the ssh client is not installed on this server (see docs/ansible.md)"
STREAM_SECONDS = 3_600.0  # of one fetch; the caller mostly has enough before
SEGMENT_SECONDS = 20.0  # of a slice of a file of packets, well within the lease of who fetches it


@connectors.register
class Ansible(Connector):
    """The hosts of an inventory. Effects are playbooks, which a site may replace; states and bytes come over the same
    SSH without one, for a playbook takes seconds. An effect marks its key on the host: it is done once."""

    slug = "ansible"
    label = "Ansible over SSH"
    doc_url = "https://docs.ansible.com/ansible-core/devel/"
    concurrency = 4
    settling_seconds = 30.0
    secret_fields: ClassVar[tuple[str, ...]] = ("private_key",)

    class SettingsForm(forms.Form):
        inventory = forms.CharField(widget=forms.Textarea, max_length=200_000, label="Hosts", help_text=inventory.HELP)
        known_hosts = forms.CharField(
            widget=forms.Textarea,
            max_length=400_000,
            help_text="As ssh keeps them. Another key is refused.",
        )
        user = forms.RegexField(r"^[a-z_][a-z0-9_.-]{0,31}$", initial="nightdesk")
        use_sudo = forms.BooleanField(required=False, label="sudo", help_text="Without a password; root needs none.")
        management = forms.CharField(
            required=False, help_text="Further addresses or networks that keep SSH to a host that is cut off."
        )
        places = forms.CharField(required=False, initial=PLACES, help_text="Folders to look in for a file.")
        megabytes_a_second = forms.IntegerField(min_value=1, required=False, help_text="Of one fetch. Empty: no limit.")

        def clean_inventory(self) -> str:
            try:
                if inventory.parse(self.cleaned_data["inventory"]):
                    return str(self.cleaned_data["inventory"])
            except inventory.InventoryError as error:
                raise forms.ValidationError(str(error)) from error
            raise forms.ValidationError("There is no host.")

        def clean_management(self) -> str:
            try:
                return " ".join(str(ip_network(word)) for word in self.cleaned_data["management"].split())
            except ValueError as error:
                raise forms.ValidationError("These are not addresses or networks.") from error

        def clean_places(self) -> str:
            words = self.cleaned_data["places"].split()
            if any(not word.startswith("/") for word in words):
                raise forms.ValidationError("A folder begins with /.")
            return " ".join(words)

    @classmethod
    def addresses(cls, values: Any) -> list[str]:
        try:
            return [entry.pair.lower() for entry in inventory.parse(str(values.get("inventory") or ""))]
        except inventory.InventoryError:
            return []

    # --- the network -------------------------------------------------------------------------------------------------

    def isolate(self, host: Host, reason: str, key: str) -> str:
        return self._effect(host, "close.yml", key, table=ISOLATION, watched="no", management=self._management())

    def release(self, host: Host, reason: str, key: str) -> str:
        return self._effect(host, "open.yml", key, table=ISOLATION)

    def isolation_state(self, host: Host) -> IsolationState:
        return self._network(host, ISOLATION)

    def quarantine(self, host: Host, reason: str, key: str) -> str:
        """Closed like an isolated host, but what it tries to send stays visible to a capture on it."""
        return self._effect(host, "close.yml", key, table=QUARANTINE, watched="yes", management=self._management())

    def lift_quarantine(self, host: Host, reason: str, key: str) -> str:
        return self._effect(host, "open.yml", key, table=QUARANTINE)

    def quarantine_state(self, host: Host) -> IsolationState:
        return self._network(host, QUARANTINE)

    def _network(self, host: Host, table: str) -> IsolationState:
        entry = self._entry(host)
        return answers.isolation_of(entry, ask(self._login(), entry, "paths", {"table": table}))

    # --- packets -----------------------------------------------------------------------------------------------------

    def watches(self, host: Host) -> bool:
        """Is it one of our hosts? Nothing is asked."""
        return any(entry.is_meant(host) for entry in self._entries())

    def start_capture(self, host: Host, key: str, *, rotate_seconds: int) -> str:
        return self._start(self._effect_entry(host), key, {"kind": "capture", "rotate": rotate_seconds})

    def capture(self, host: Host, handle: str) -> CaptureState:
        return answers.capture_of(self._holder(handle), self._asked("state", handle))

    def fetch_segment(self, host: Host, handle: str, segment: Segment, offset: int) -> Iterator[bytes]:
        return self._read(handle, segment.name, offset, SEGMENT_SECONDS)

    def stop_capture(self, host: Host, handle: str) -> None:
        self._asked("stop", handle)

    # --- evidence ----------------------------------------------------------------------------------------------------

    def acquire(self, host: Host, what: str, key: str, *, path: str = "") -> str:
        """Started in the background of the host. A disk is hashed where it is, then fetched from itself."""
        entry = self._effect_entry(host)
        if what == MEMORY:
            if not entry.hypervisor:
                raise NoEffect(f"No memory acquisition is set up for {entry.name}.")
            return self._start(self._named(entry.hypervisor), key, {"kind": "memory", "qmp": entry.qmp})
        if what == DISK and not (path or entry.disk):
            raise NoEffect(f"The inventory does not say which is the disk of {entry.name}.")
        return self._start(entry, key, {"kind": what, "path": path or entry.disk})

    def acquisition(self, host: Host, handle: str) -> Acquisition:
        before = time.time()
        told = self._asked("state", handle)
        return answers.acquisition_of(self._holder(handle), handle.split("/")[1], told, (before + time.time()) / 2)

    def fetch_part(self, host: Host, handle: str, part: Part, offset: int) -> Iterator[bytes]:
        return self._read(handle, part.name, offset)

    def abandon(self, host: Host, handle: str) -> None:
        self._asked("forget", handle)

    # --- the hunt ----------------------------------------------------------------------------------------------------

    def find_file(self, sha256: str) -> list[FileHit]:
        """On all hosts at once, each for at most 10 seconds. A hit counts; no hit needs every host to have looked."""
        entries = self._entries()
        asked = {"sha256": sha256, "places": self.setting("places").split(), "most": 50_000_000, "seconds": 10}
        played = self._played(entries, "find.yml", {"asked": packed(asked)})
        hits = answers.hits_of(entries, played.answers, sha256)
        whole = sum(bool(one.get("is_whole")) for one in played.answers.values())
        if not hits and whole < len(entries):
            raise SourceRefused(f"Only {whole} of {len(entries)} hosts could be searched to the end, without a hit.")
        return hits

    def test(self) -> str:
        entries = self._entries()
        played = self._played(entries, "hello.yml", {})
        troubles = [f"{name}: {why}" for name, why in played.troubles.items()]
        troubles += [f"{name}: not root there" for name, one in played.answers.items() if one.get("uid") != 0]
        if troubles:
            raise SourceRefused(f"{len(troubles)} of {len(entries)} hosts: {'; '.join(troubles[:3])}")
        return f"All {len(entries)} hosts answer."

    # --- how ---------------------------------------------------------------------------------------------------------

    def _effect(self, host: Host, playbook: str, key: str, **variables: str) -> str:
        effect = hashlib.sha256(key.encode()).hexdigest()[:32]
        entry = self._effect_entry(host)
        self._carried_out(entry, playbook, {"effect": effect, "work": WORK, **variables})
        return f"{entry.name}/{effect}"

    def _start(self, entry: Entry, key: str, asked: Row) -> str:
        told = self._carried_out(entry, "collect.yml", {"asked": packed({"key": key, "work": WORK, **asked})})
        if refused := answers.text(told, "refused"):
            raise NoEffect(f"{entry.name}: {refused}")
        if not (handle := answers.text(told, "handle")):
            raise Doubt(f"{entry.name} took the request, but its answer cannot be read.")
        return f"{entry.name}/{asked['kind']}/{handle}"

    def _carried_out(self, entry: Entry, playbook: str, variables: dict[str, str]) -> Row:
        """The answer of the host. Before its effect began nothing was done; after that, a trouble is a doubt."""
        if intent.is_spent():
            raise HttpError(FROZEN, was_sent=False)
        try:
            played = play(self._login(), [entry], _playbook(playbook), variables)
        except NotInstalledError as error:
            raise NoEffect(NOT_INSTALLED) from error
        if trouble := played.troubles.get(entry.name):
            if played.begun:
                raise Doubt(f"{entry.name}: {trouble}, after the change may have begun.")
            raise HttpError(f"{entry.name}: {trouble}", was_sent=False)
        return played.answers.get(entry.name, {})

    def _played(self, entries: list[Entry], playbook: str, variables: dict[str, str]) -> Played:
        try:
            return play(self._login(), entries, _playbook(playbook), variables)
        except NotInstalledError as error:
            raise SourceRefused(NOT_INSTALLED) from error

    def _asked(self, verb: str, handle: str) -> Row:
        """Of the host that holds the job; SourceRefused when it does not know it any more."""
        entry = self._holder(handle)
        told = ask(self._login(), entry, verb, {"work": WORK, "handle": handle.rpartition("/")[2]})
        if refused := answers.text(told, "refused"):
            raise SourceRefused(f"{entry.name}: {refused}")
        return told

    def _read(self, handle: str, name: str, offset: int, seconds: float = STREAM_SECONDS) -> Iterator[bytes]:
        rate = (self.setting("megabytes_a_second") or 0) * 1_000_000
        asked = {"work": WORK, "handle": handle.rpartition("/")[2], "part": name, "offset": offset, "rate": rate}
        return stream(self._login(), self._holder(handle), "read", asked, seconds)

    def _entries(self) -> list[Entry]:
        return inventory.parse(str(self.setting("inventory")))

    def _entry(self, host: Host) -> Entry:
        for entry in self._entries():
            if entry.is_meant(host):
                return entry
        raise SourceRefused(f"{host.name or 'The device'} is not among the hosts of Ansible.")

    def _effect_entry(self, host: Host) -> Entry:
        try:
            return self._entry(host)
        except SourceRefused as error:
            raise NoEffect(str(error)) from error

    def _holder(self, handle: str) -> Entry:
        """The host that the handle names; it may be a hypervisor."""
        return self._named(handle.split("/")[0])

    def _named(self, name: str) -> Entry:
        for entry in self._entries():
            if entry.name.lower() == name.lower():
                return entry
        raise SourceRefused("The host of this handle is not among the hosts of Ansible any more.")

    def _management(self) -> str:
        return str(self.setting("management") or "")

    def _login(self) -> Login:
        return Login(
            user=self.setting("user"),
            key=self.secret("private_key"),
            known_hosts=self.setting("known_hosts"),
            is_sudo=bool(self.setting("use_sudo")),
        )


def _playbook(name: str) -> Path:
    """The site's own of this name, else ours."""
    own = Path(deployment.NIGHTDESK_PLAYBOOKS) / name if deployment.NIGHTDESK_PLAYBOOKS else None
    return own if own is not None and own.is_file() else PLAYBOOKS / name
