"""Arkime: packets of a device from sensors that always record, so that a capture begins before it was asked for."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, ClassVar

from django import forms

from secops import networks
from secops.connectors.base import BaseUrlField, Connector, Settings, connectors
from secops.connectors.capabilities.capture import CaptureState, Segment
from secops.connectors.capabilities.errors import NoEffect, SourceRefused
from secops.connectors.capabilities.identity import Host
from secops.connectors.http_digest import DigestLogin
from secops.http import HttpError

DAY = 86_400  # seconds; a device that no sensor saw for so long is seen by none
MOST_SESSIONS = "2000000"  # the most that the viewer puts into one file; without it, it gives a hundred
FETCH_SECONDS = 1_800  # for one file, which cannot be gone on with: it is fetched outside of the queues


class NetworksField(forms.CharField):
    """Networks in CIDR, separated by commas or spaces."""

    def clean(self, value: Any) -> str:
        words = str(super().clean(value) or "").replace(",", " ").split()
        try:
            return " ".join(str(ip_network(word, strict=False)) for word in words)
        except ValueError as error:
            raise forms.ValidationError("These are not networks like 10.20.0.0/16.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a handle holds, since the sensor keeps nothing of a capture: the term, its times in epoch seconds."""

    term: str  # mac == 02:42:...
    node: str
    begin: int
    every: int
    end: int | None = None

    @classmethod
    def read(cls, handle: str) -> "Wish":
        try:
            term, node, begin, every, end = handle.split("|")
            return cls(term=term, node=node, begin=int(begin), every=int(every), end=int(end) if end else None)
        except ValueError as error:
            raise SourceRefused("This is no capture of Arkime.") from error

    def handle(self) -> str:
        return "|".join([self.term, self.node, str(self.begin), str(self.every), str(self.end or "")])

    def windows(self, written_until: float) -> list[tuple[int, int]]:
        """The finished ones: their packets are on the sensor's disk."""
        found, start = [], self.begin
        while self.end is None or start < self.end:
            stop = start + self.every if self.end is None else min(start + self.every, self.end)
            if stop > written_until:
                break
            found.append((start, stop))
            start = stop
        return found


@connectors.register
class Arkime(Connector):
    """Reads only: the subject and the network notice nothing. A segment is a window of time, fetched as pcap."""

    slug = "arkime"
    label = "Arkime"
    doc_url = "https://arkime.com/apiv3"
    secret_fields: ClassVar[tuple[str, ...]] = ("password",)

    class SettingsForm(forms.Form):
        url = BaseUrlField(label="Viewer", help_text="For example https://arkime.corp.example:8005")
        username = forms.CharField(help_text="A user with the right to download PCAP.")
        networks = NetworksField(
            required=False, help_text="What the sensors see, like 10.20.0.0/16. Empty: found out when it is asked for."
        )
        before_minutes = forms.IntegerField(
            min_value=0, max_value=240, initial=10, help_text="So much of the past belongs to a capture."
        )
        delay_seconds = forms.IntegerField(
            min_value=0,
            max_value=3_600,
            initial=60,
            help_text="So long after its last packet a session is written at the latest (tcpTimeout, udpTimeout).",
        )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.login = DigestLogin(self, self.setting("username") or "", self.secret("password"))

    def watches(self, host: Host) -> bool | None:
        """By the networks of the settings; None without them, or without an address."""
        seen = tuple(str(self.setting("networks") or "").split())
        return networks.is_within(host.address, seen) if seen and host.address else None

    def start_capture(self, host: Host, key: str, *, rotate_seconds: int) -> str:
        """Nothing is started at the sensor: that it has seen the device is made sure of."""
        if self.watches(host) is False:
            raise NoEffect(f"No packet capture is possible there: no sensor sees {host.address}.")
        now = int(time.time())
        for term in _terms(host):
            if found := self._sessions(term, now - DAY, now):
                begin = now - 60 * int(self.setting("before_minutes") or 0)
                node = str(found[0].get("node") or "")[:40].replace("|", " ")
                return Wish(term=term, node=node, begin=begin, every=rotate_seconds).handle()
        raise NoEffect(f"No packet capture is possible there: no sensor has seen {host.name or 'it'} in the last day.")

    def capture(self, host: Host, handle: str) -> CaptureState:
        wish = Wish.read(handle)
        windows = wish.windows(time.time() - int(self.setting("delay_seconds") or 0))
        is_over = wish.end is not None and (wish.end <= wish.begin or (bool(windows) and windows[-1][1] == wish.end))
        return CaptureState(
            state="stopped" if is_over else "running",
            text="" if wish.end is None or is_over else "The sensor still writes its last packets.",
            tool="Arkime",
            sensor=wish.node,
            segments=tuple(_segment(start, stop) for start, stop in windows),
        )

    def fetch_segment(self, host: Host, handle: str, segment: Segment, offset: int) -> Iterator[bytes]:
        """All packets of the sessions that ended within the window: each session is in one segment only.

        The viewer makes the file anew at each request, so it begins with its first byte or not at all.
        """
        if offset:
            raise SourceRefused("Arkime makes a file of packets anew at each request: nobody can go on with it.")
        wish = Wish.read(handle)
        start, _, stop = segment.name.partition("-")
        self._sessions(wish.term, int(start), int(stop))
        params = {"expression": wish.term, "startTime": start, "stopTime": stop}
        params |= {"bounding": "last", "length": MOST_SESSIONS}
        url = f"{self.setting('url')}/api/sessions/pcap"
        yield from self.login.stream(url, params, seconds=FETCH_SECONDS)

    def stop_capture(self, host: Host, handle: str) -> str:
        wish = Wish.read(handle)
        if wish.end is not None:
            return handle
        end = max(int(time.time()), wish.begin)
        return Wish(term=wish.term, node=wish.node, begin=wish.begin, every=wish.every, end=end).handle()

    def test(self) -> str:
        now = int(time.time())
        self._sessions("ip == 192.0.2.1", now - 60, now)
        return "The viewer answers."

    def _sessions(self, term: str, start: int, stop: int) -> list[dict[str, Any]]:
        """The newest session of the window, if there is any."""
        answer = self.checked(self._get("sessions", term, str(start), str(stop), length="1", order="lastPacket:desc"))
        body = answer.json()
        found = body.get("data") if isinstance(body, dict) else None
        if not isinstance(found, list):
            raise HttpError(f"{answer.host} sent no sessions", status=answer.status)
        return [one for one in found if isinstance(one, dict)]

    def _get(self, path: str, term: str, start: str, stop: str, **more: str) -> Any:
        params = {"expression": term, "startTime": start, "stopTime": stop, **more}
        return self.login.get(f"{self.setting('url')}/api/{path}", params)


def _terms(host: Host) -> list[str]:
    """By MAC address first: it stays when the quarantine network gives another address."""
    return [f"{name} == {value}" for name, value in (("mac", host.mac.lower()), ("ip", host.address)) if value]


def _segment(start: int, stop: int) -> Segment:
    begin, end = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(stop, UTC)
    return Segment(name=f"{start}-{stop}", size=0, started_at=begin, ended_at=end)
