"""Microsoft Graph: people and devices from Entra ID, and events of devices through Defender's hunting."""

from collections import defaultdict
from threading import Lock
from time import monotonic
from typing import Any, ClassVar
from urllib.parse import quote

from django import forms

from secops.connectors import microsoft_kql as kql
from secops.connectors.base import BaseUrlField, Connector, RateLimit, Settings, connectors
from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.connectors.capabilities.identity import DeviceRecord, Host, PersonRecord
from secops.connectors.microsoft_accounts import AccountEffects
from secops.connectors.microsoft_changes import ChangeQuestions
from secops.connectors.microsoft_directory import device_record, login_of, person_record
from secops.connectors.microsoft_kql import Row, word
from secops.connectors.microsoft_login import TokenSource, bearer
from secops.connectors.microsoft_posture import PostureQuestions
from secops.connectors.microsoft_search import SearchQuestions
from secops.http import HttpError

PERSON = (
    "id,userPrincipalName,displayName,jobTitle,department,officeLocation,onPremisesSamAccountName,"
    "employeeLeaveDateTime,accountEnabled"
)
KEEP = 30.0  # seconds that the rows of a query are good for
DEVICE = "id,deviceId,displayName,operatingSystem,operatingSystemVersion,approximateLastSignInDateTime"


@connectors.register
class MicrosoftGraph(AccountEffects, ChangeQuestions, PostureQuestions, SearchQuestions, Connector):
    """Entra ID and Defender XDR through one application: Directory, User and ThreatHunting read rights, and those that
    closing an account takes."""

    slug = "microsoft-graph"
    label = "Microsoft Graph"
    doc_url = "https://learn.microsoft.com/graph/api/security-security-runhuntingquery"
    rate_limit: ClassVar[RateLimit | None] = RateLimit(calls=45, seconds=60)  # hunting's, per tenant
    concurrency = 4
    secret_fields: ClassVar[tuple[str, ...]] = ("client_secret",)

    class SettingsForm(forms.Form):
        tenant = forms.CharField(help_text="Tenant id or domain.")
        client_id = forms.CharField(label="Client id")
        login_url = BaseUrlField(label="Sign-in", initial="https://login.microsoftonline.com")
        api_url = BaseUrlField(label="API", initial="https://graph.microsoft.com")
        scope = forms.CharField(required=False, initial="https://graph.microsoft.com/.default")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._infos: dict[str, tuple[float, Row]] = {}
        self._hunted: dict[str, tuple[float, list[Row]]] = {}
        self._asking: defaultdict[str, Lock] = defaultdict(Lock)
        self.tokens = TokenSource(self, self.setting("scope") or "https://graph.microsoft.com/.default")

    def find_device(self, host: Host) -> DeviceRecord | None:
        """By name in the directory, completed by what the EDR knows of it; by the EDR's id when that is known."""
        try:
            known = self.device_info(host)
        except SourceLimited:  # hunting is used up; who knows name and id already needs the directory alone
            if not (host.agent_id and host.name):
                raise
            known = {"DeviceId": host.agent_id, "DeviceName": host.name}
        name = kql.short(word(known, "DeviceName")) or host.name
        listed = self._devices(f"displayName eq {_literal(name)}") if name else []
        if len(listed) > 1 and (directory_id := word(known, "AadDeviceId")):
            listed = [one for one in listed if word(one, "deviceId") == directory_id] or listed
        if not listed and not known:
            return None
        return device_record(listed[0] if listed else {}, known, self._owner(listed[0]) if listed else "")

    def devices_of(self, login: str) -> list[DeviceRecord]:
        """Devices that the directory says the person owns."""
        person = self._user(login)
        if person is None:
            return []
        owned = self._get(f"users/{quote(str(person['id']))}/ownedDevices", {"$select": DEVICE}) or {}
        return [device_record(one, {}, login.lower()) for one in owned.get("value", [])]

    def find_person(self, login: str) -> PersonRecord | None:
        """By sign-in name or user principal name."""
        person = self._user(login)
        if person is None:
            return None
        boss = self._get(f"users/{quote(str(person['id']))}/manager", {"$select": PERSON}) or {}
        mailbox = self._optional(f"users/{quote(str(person['id']))}/mailboxSettings")
        groups = self._optional(f"users/{quote(str(person['id']))}/transitiveMemberOf")
        return person_record(person, boss, mailbox, groups.get("value") or [])

    def hunt(self, query: str) -> list[Row]:
        """Rows of a hunting query. The same query within half a minute is one call: two questions about one device
        share their rows, and hunting allows few calls."""
        with self._asking[query]:  # who comes second waits for the first one's rows
            kept = self._hunted.get(query)
            if kept and monotonic() - kept[0] < KEEP:
                return kept[1]
            rows = self._hunt(query)
            fresh = {asked: one for asked, one in list(self._hunted.items()) if monotonic() - one[0] < KEEP}
            self._hunted = fresh | {query: (monotonic(), rows)}
        return rows

    def _hunt(self, query: str) -> list[Row]:
        answer = self.checked(
            bearer(
                self.tokens,
                "POST",
                f"{self.setting('api_url')}/v1.0/security/runHuntingQuery",
                json={"Query": query},
            )
        )
        body = answer.json()
        rows = body.get("results") if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise HttpError(f"{answer.host} sent an answer that is not a hunting result", status=answer.status)
        return [row for row in rows if isinstance(row, dict)]

    def test(self) -> str:
        self._get("users", {"$top": "1", "$select": "id"})
        self.hunt("DeviceInfo | take 1")
        return "Directory and hunting answer."

    def _user(self, login: str) -> Row | None:
        if "@" in login:
            return self._get(f"users/{quote(login, safe='@')}", {"$select": PERSON})
        found = self._get("users", {"$filter": f"onPremisesSamAccountName eq {_literal(login)}", "$select": PERSON})
        rows = (found or {}).get("value") or []
        return rows[0] if rows else None

    def _optional(self, path: str) -> Row:
        """An object that the application may not have the right to read; {} then."""
        try:
            return self._get(path, {}) or {}
        except SourceRefused:
            return {}

    def _devices(self, condition: str) -> list[Row]:
        found = self._get("devices", {"$filter": condition, "$select": DEVICE}) or {}
        return list(found.get("value") or [])

    def _owner(self, device: Row) -> str:
        found = self._get(f"devices/{quote(word(device, 'id'))}/registeredOwners", {"$select": PERSON}) or {}
        return next((login_of(one) for one in found.get("value") or []), "")

    def device_info(self, host: Host) -> Row:
        """What the EDR last said of the device; one that was found by its name is known by its id too."""
        if not (where := kql.on_device(host)):
            return {}
        kept = self._infos.get(host.agent_id)
        if kept and monotonic() - kept[0] < KEEP:
            return kept[1]
        rows = self.hunt(f"DeviceInfo | where {where} | top 1 by Timestamp desc")
        if not rows:
            return {}
        self._infos = self._infos | {word(rows[0], "DeviceId"): (monotonic(), rows[0])}
        return rows[0]

    def _get(self, path: str, params: dict[str, str]) -> dict[str, Any] | None:
        """One object; None when the directory does not have it."""
        answer = bearer(self.tokens, "GET", f"{self.setting('api_url')}/v1.0/{path}", params=params)
        if answer.status == 404:
            return None
        body = self.checked(answer).json()
        if not isinstance(body, dict):
            raise HttpError(f"{answer.host} sent an answer that is not an object", status=answer.status)
        return body


def _literal(value: str) -> str:
    """A string of OData: the quote mark is doubled."""
    return "'" + value.replace("'", "''") + "'"
