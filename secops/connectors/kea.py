"""Kea DHCP through its control agent: which device has an address now (lease_cmds hook)."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django import forms

from secops.connectors.base import BaseUrlField, Connector, connectors
from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.capabilities.identity import Lease
from secops.http import HttpError

EMPTY = 3  # Kea's result code for "nothing found"
NOT_SUPPORTED = 2
ASSIGNED = 0  # lease state; 1 declined, 2 expired and reclaimed


@connectors.register
class Kea(Connector):
    """Knows current leases only: for a minute before the last renewal it answers nothing rather than guess."""

    slug = "kea"
    label = "Kea DHCP"
    doc_url = "https://kea.readthedocs.io/en/stable/arm/ctrl-channel.html"
    secret_fields: ClassVar[tuple[str, ...]] = ("password",)

    class SettingsForm(forms.Form):
        url = BaseUrlField(label="Control agent", help_text="For example http://dhcp.corp.example:8000")
        username = forms.CharField(required=False, help_text="For HTTP basic authentication.")

    def lease_at(self, address: str, at: datetime) -> Lease | None:
        """The current lease, if the minute lies between its last renewal and its end."""
        row = self._ask("lease4-get", {"ip-address": address})
        if row is None or row.get("state", ASSIGNED) != ASSIGNED:
            return None
        lease, ends_at = self._lease(row)
        minute = timedelta(minutes=1)
        return lease if lease.starts_at - minute < at <= ends_at + minute else None

    def leases_of(self, mac: str) -> list[Lease]:
        """The interface's leases that are assigned and not over."""
        found = self._ask("lease4-get-by-hw-address", {"hw-address": mac}) or {}
        rows = [row for row in found.get("leases") or [] if row.get("state", ASSIGNED) == ASSIGNED]
        now = datetime.now(UTC)
        return [lease for lease, ends_at in map(self._lease, rows) if ends_at > now]

    def test(self) -> str:
        self._ask("lease4-get", {"ip-address": "192.0.2.1"})
        return "The control agent answers lease questions."

    def _ask(self, command: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        url = self.setting("url") + "/"
        auth = (self.setting("username"), self.secret("password")) if self.setting("username") else None
        body = {"command": command, "service": ["dhcp4"], "arguments": arguments}
        answer = self.checked(self.http.request("POST", url, json=body, auth=auth))
        try:
            first = answer.json()[0]
            result, found = first["result"], first.get("arguments")
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise HttpError(f"{answer.host} sent an answer that is not Kea's", status=answer.status) from error
        if result == EMPTY:
            return None
        if result == NOT_SUPPORTED:
            raise SourceRefused("Kea runs without the lease_cmds hook, so it cannot be asked for leases.")
        if result != 0:
            raise SourceRefused(f"Kea refused the command {command} (result {result}).")
        return dict(found or {})

    def _lease(self, row: dict[str, Any]) -> tuple[Lease, datetime]:
        """The lease, and its end as it stands now."""
        try:
            starts_at = datetime.fromtimestamp(row["cltt"], UTC)
            ends_at = starts_at + timedelta(seconds=row["valid-lft"])
            lease = Lease(
                address=str(row["ip-address"]),
                mac=str(row.get("hw-address", "")).lower(),
                hostname=str(row.get("hostname", "")).split(".")[0],
                starts_at=starts_at,
                ends_at=ends_at if ends_at < datetime.now(UTC) else None,
            )
            return lease, ends_at
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise HttpError("Kea sent a lease that cannot be read") from error
