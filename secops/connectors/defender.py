"""Microsoft Defender for Endpoint: a device's health, and cutting it off from the network."""

from typing import Any, ClassVar
from urllib.parse import quote

from django import forms

from secops.connectors import microsoft_kql as kql
from secops.connectors.base import DEFAULT_WAIT, BaseUrlField, Connector, RateLimit, Settings, connectors
from secops.connectors.capabilities.devices import Posture
from secops.connectors.capabilities.effects import IsolationState
from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceLimited, SourceRefused
from secops.connectors.capabilities.identity import DeviceRecord, Host
from secops.connectors.defender_indicators import IndicatorEffects
from secops.connectors.microsoft_kql import Row, word
from secops.connectors.microsoft_login import TokenSource, bearer
from secops.connectors.sending import NO_EFFECT, before_the_effect, send_once
from secops.http import Answer, HttpError

OPEN = {"pending", "inprogress"}
ALREADY = "ActiveRequestAlreadyExists"
SCOPE = "https://api.securitycenter.microsoft.com/.default"


@connectors.register
class Defender(IndicatorEffects, Connector):
    """Machine.Read.All, Machine.Isolate, Ti.ReadWrite. Isolating again what is isolated does nothing, so state is
    read back."""

    slug = "defender"
    label = "Microsoft Defender for Endpoint"
    doc_url = "https://learn.microsoft.com/defender-endpoint/api/isolate-machine"
    rate_limit: ClassVar[RateLimit | None] = RateLimit(calls=100, seconds=60)
    concurrency = 4
    secret_fields: ClassVar[tuple[str, ...]] = ("client_secret",)

    class SettingsForm(forms.Form):
        tenant = forms.CharField(help_text="Tenant id or domain.")
        client_id = forms.CharField(label="Client id")
        login_url = BaseUrlField(label="Sign-in", initial="https://login.microsoftonline.com")
        api_url = BaseUrlField(label="API", initial="https://api.security.microsoft.com")
        scope = forms.CharField(required=False, initial=SCOPE)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.tokens = TokenSource(self, self.setting("scope") or SCOPE)

    def find_device(self, host: Host) -> DeviceRecord | None:
        """By the EDR's id, else by name; of several with one name, the one seen last."""
        machine = self._machine(host)
        return None if machine is None else _device(machine)

    def posture(self, host: Host) -> Posture | None:
        """What the agent reports, and the updates that are missing."""
        machine = self._machine(host)
        if machine is None:
            return None
        missing = self._get(f"machines/{_part(word(machine, 'id'))}/getmissingkbs", {}) or {}
        updates = [one for one in missing.get("value") or [] if isinstance(one, dict)]
        return _posture(machine, updates, self.isolation_state(Host(agent_id=word(machine, "id"))))

    def isolate(self, host: Host, reason: str, key: str) -> str:
        """Full isolation; the id of the machine action. NoEffect, Doubt and HttpError as the capabilities say."""
        return self._act(host, "isolate", {"Comment": f"{reason} [{key}]", "IsolationType": "Full"})

    def release(self, host: Host, reason: str, key: str) -> str:
        return self._act(host, "unisolate", {"Comment": f"{reason} [{key}]"})

    def isolation_state(self, host: Host) -> IsolationState:
        """From the machine actions, newest first: an open one is pending, the last that succeeded is the state."""
        machine_id = host.agent_id or self._only_id(host)
        if not machine_id:
            raise SourceRefused("Defender does not know this device.")
        found = (self._get("machineactions", {"$filter": f"machineId eq {_literal(machine_id)}"}) or {}).get("value")
        if not isinstance(found, list):  # silence must not read as released
            raise HttpError("Defender sent no list of machine actions")
        actions = [
            one for one in found if isinstance(one, dict) and word(one, "type").lower() in {"isolate", "unisolate"}
        ]
        actions.sort(key=lambda one: word(one, "creationDateTimeUtc"), reverse=True)
        for action in actions:
            if (state := _state(action)) is not None:
                return state
        return IsolationState(state="released", text="Defender has no isolation of this device.")

    def test(self) -> str:
        self._get("machines", {"$top": "1"})
        return "Defender answers questions about machines."

    # --- effects ---------------------------------------------------------------------------------------------------

    def _act(self, host: Host, verb: str, body: dict[str, str]) -> str:
        """Send once, over a fresh connection. Token and machine are asked before, so their errors are no doubt."""
        with before_the_effect():
            machine_id = host.agent_id or self._only_id(host)
            token = self.tokens.token()
        if not machine_id:
            raise NoEffect("Defender does not know this device.")
        answer = self._send(f"machines/{_part(machine_id)}/{verb}", token, body)
        if answer.status in {200, 201}:
            return _handle(answer)
        if answer.status == 400 and _code(answer) == ALREADY:
            return self._already(machine_id, verb)
        if answer.status in NO_EFFECT:
            raise NoEffect(f"{answer.host} refused to {verb} ({answer.status})", self._later(answer))
        raise Doubt(f"{answer.host} answered {answer.status}: it may have started to {verb}")

    def _later(self, answer: Answer) -> float | None:
        """Seconds after which the same request may be taken; None when it never will be."""
        if answer.status == 401:  # the token ended early: the next try brings a fresh one
            self.tokens.forget()
            return 1.0
        if answer.status != 429:
            return None
        wait = answer.error().retry_after
        return DEFAULT_WAIT if wait is None else wait

    def _send(self, path: str, token: str, body: dict[str, str]) -> Answer:
        url = f"{self.setting('api_url')}/api/{path}"
        return send_once(self, "POST", url, json=body, headers={"Authorization": f"Bearer {token}"})

    def _already(self, machine_id: str, verb: str) -> str:
        """Another action is open: what we want (its handle is ours), or the opposite (nothing was done)."""
        try:
            state = self.isolation_state(Host(agent_id=machine_id))
        except (HttpError, SourceLimited, SourceRefused) as error:
            raise Doubt("Another action is open on this device, and it could not be read which.") from error
        if state.state == {"isolate": "pending_isolate", "unisolate": "pending_release"}[verb]:
            return state.handle
        raise NoEffect("Another action is open on this device; nothing was started.", DEFAULT_WAIT)

    # --- reading -----------------------------------------------------------------------------------------------------

    def _machine(self, host: Host) -> Row | None:
        if host.agent_id:
            return self._get(f"machines/{_part(host.agent_id)}", {})
        return max(self._named(host), key=lambda one: word(one, "lastSeen"), default=None)

    def _only_id(self, host: Host) -> str:
        """The id of the one machine of this name; "" for none. Of two, who is meant must be said: we act on ids."""
        found = {word(one, "id") for one in self._named(host)}
        if len(found) > 1:
            raise SourceRefused("Defender knows several devices of this name; the device id is needed.")
        return next(iter(found), "")

    def _named(self, host: Host) -> list[Row]:
        if not host.name:
            return []
        found = self._get("machines", {"$filter": f"startswith(computerDnsName,{_literal(host.name.lower())})"}) or {}
        return [one for one in found.get("value") or [] if kql.short(word(one, "computerDnsName")) == host.name.upper()]

    def _get(self, path: str, params: dict[str, str]) -> dict[str, Any] | None:
        """One object; None when Defender does not have it."""
        answer = bearer(self.tokens, "GET", f"{self.setting('api_url')}/api/{path}", params=params)
        if answer.status == 404:
            return None
        body = self.checked(answer).json()
        if not isinstance(body, dict):
            raise HttpError(f"{answer.host} sent an answer that is not an object", status=answer.status)
        return body


def _handle(answer: Answer) -> str:
    try:
        return str(answer.json()["id"])
    except (HttpError, KeyError, TypeError) as error:
        raise Doubt(f"{answer.host} took the request, but its answer cannot be read") from error


def _code(answer: Answer) -> str:
    try:
        return str(answer.json()["error"]["code"])
    except (HttpError, KeyError, TypeError):
        return ""


def _state(action: Row) -> IsolationState | None:
    """What this action says of the device; None for one that came to nothing."""
    is_cut = word(action, "type").lower() == "isolate"
    status = word(action, "status").lower()
    handle, at = word(action, "id"), kql.time_of(action, "lastUpdateDateTimeUtc")
    if status in OPEN:
        state = "pending_isolate" if is_cut else "pending_release"
        text = "Defender has not carried it out yet; an offline device waits."
        return IsolationState(state=state, text=text, handle=handle, at=at)
    if status != "succeeded":
        return None
    if is_cut and word(action, "scope").lower() == "selective":
        return IsolationState(state="partly", text="Isolated, but some programs may speak.", handle=handle, at=at)
    state, text = ("isolated", "Cut off by Defender.") if is_cut else ("released", "Released by Defender.")
    return IsolationState(state=state, text=text, handle=handle, at=at)


def _device(machine: Row) -> DeviceRecord:
    addresses = [one for one in machine.get("ipAddresses") or [] if isinstance(one, dict)]
    raw = next((word(one, "macAddress") for one in addresses if word(one, "macAddress")), "").lower()
    return DeviceRecord(
        name=kql.short(word(machine, "computerDnsName")),
        agent_id=word(machine, "id"),
        directory_id=word(machine, "aadDeviceId"),
        mac=raw if ":" in raw else ":".join(raw[at : at + 2] for at in range(0, len(raw), 2)),
        os=" ".join(part for part in (word(machine, "osPlatform"), word(machine, "osVersion")) if part),
        group=word(machine, "rbacGroupName"),
        last_seen_at=kql.time_of(machine, "lastSeen"),
        is_critical=word(machine, "deviceValue").lower() == "high",
    )


def _posture(machine: Row, updates: list[Row], state: IsolationState) -> Posture:
    """`critical_patches` counts the missing updates whose name says so: the interface has no severity."""
    health = word(machine, "healthStatus").lower()
    isolation = {"pending_isolate": "pending", "pending_release": "pending"}.get(state.state, state.state)
    return Posture(
        device=kql.short(word(machine, "computerDnsName")),
        os=word(machine, "osPlatform"),
        last_seen_at=kql.time_of(machine, "lastSeen"),
        is_agent_healthy=health == "active" if health else None,
        missing_patches=[f"KB{word(one, 'id')} {word(one, 'name')}".strip() for one in updates],
        critical_patches=sum("critical" in word(one, "name").lower() for one in updates),
        risk=word(machine, "riskScore"),
        isolation="" if state.state == "released" and not state.handle else isolation,
    )


def _part(value: str) -> str:
    """One part of a path; an id may come from an alert, so it must not lead to another machine."""
    return quote(value, safe="")


def _literal(value: str) -> str:
    """A string of OData: the quote mark is doubled."""
    return "'" + value.replace("'", "''") + "'"
