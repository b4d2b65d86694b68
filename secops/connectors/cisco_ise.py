"""Cisco ISE: a device's network port, closed and opened by Adaptive Network Control (ANC)."""

import re
from typing import Any, ClassVar
from urllib.parse import quote
from xml.etree import ElementTree

from django import forms

from secops.connectors.base import BaseUrlField, Connector, connectors
from secops.connectors.capabilities.effects import IsolationState, NetworkPath
from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceRefused
from secops.connectors.capabilities.identity import Host
from secops.connectors.sending import refuse, send_once
from secops.http import Answer, HttpError

PAGE = 100  # what ERS gives at most
MOST = 500  # endpoints under a policy that are looked through: ERS cannot be asked by MAC address
NO_SESSION = "34110"  # monitoring's code for a device that is not on the network
ASSIGNED, NOT_ASSIGNED = "already associated", "not associated"
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


@connectors.register
class CiscoIse(Connector):
    """ERS and monitoring (MnT) by one ERS administrator. A policy alone closes nothing: the session must follow it.

    Closed is one MAC address: a device with a cable and Wi-Fi has two, and each is asked for by itself.
    """

    slug = "cisco-ise"
    label = "Cisco ISE (ANC)"
    doc_url = "https://developer.cisco.com/docs/identity-services-engine/latest/anc-endpoint/"
    concurrency = 4
    secret_fields: ClassVar[tuple[str, ...]] = ("password",)

    class SettingsForm(forms.Form):
        url = BaseUrlField(label="Administration node", help_text="For example https://ise.corp.example")
        username = forms.CharField(help_text="A member of ERS Admin and MnT Admin.")
        policy = forms.CharField(initial="Quarantine-Monitored", help_text="The ANC policy that quarantines.")
        profile = forms.CharField(
            initial="Quarantine_Monitored",
            help_text="The authorization profile that the policy's rule gives: only this counts as closed.",
        )

    def quarantine(self, host: Host, reason: str, key: str) -> str:
        """Assign the policy. ISE keeps no comment: the reason stays with us."""
        mac = _mac(host)
        self._change("apply", ASSIGNED, macAddress=mac, policyName=self.setting("policy"))
        return f"{mac} {self.setting('policy')}"

    def lift_quarantine(self, host: Host, reason: str, key: str) -> str:
        mac = _mac(host)
        self._change("clear", NOT_ASSIGNED, macAddress=mac)
        return mac

    def quarantine_state(self, host: Host) -> IsolationState:
        """What the policy says and what the session runs under: only both together are closed."""
        mac = _mac(host)
        policy, session = self._policy_of(mac), self._session(mac)
        is_held = session is not None and self.setting("profile") in session.get("selected_azn_profiles", "").split(",")
        paths = _paths(session or {}, is_open=not is_held)
        if policy not in {"", self.setting("policy")}:
            return IsolationState(state="partly", text=f"ISE holds it under another policy: {policy}.", paths=paths)
        if policy and session is None:
            text = "The policy waits: the device is not on the network and is closed when it comes back."
            return IsolationState(state="pending_isolate", text=text)
        if bool(policy) != is_held:
            state = "pending_isolate" if policy else "pending_release"
            return IsolationState(state=state, text="ISE has not authorized the session anew yet.", paths=paths)
        state = "isolated" if policy else "released"
        return IsolationState(state=state, text="", handle=f"{mac} {policy}".strip(), paths=paths)

    def test(self) -> str:
        found = self._read("ancpolicy", {"size": str(PAGE)}).get("resources") or []
        names = {str(one.get("name")) for one in found if isinstance(one, dict)}
        if self.setting("policy") not in names:
            raise SourceRefused("ISE has no ANC policy of this name.")
        return "ISE answers, and the policy is there."

    # --- effects ---------------------------------------------------------------------------------------------------

    def _change(self, verb: str, fine: str, **data: str) -> None:
        """`fine` is the refusal that says: it is so already."""
        rows = [{"name": name, "value": value} for name, value in data.items()]
        answer = send_once(
            self,
            "PUT",
            f"{self.setting('url')}/ers/config/ancendpoint/{verb}",
            json={"OperationAdditionalData": {"additionalData": rows}},
            headers={"Accept": "application/json"},
            auth=self._auth(),
        )
        if answer.status in {200, 202, 204} or (answer.status in {400, 500} and fine in _title(answer)):
            return
        if answer.status == 500:
            raise Doubt(f"{answer.host} answered 500: it may have done it")
        if answer.status == 400:
            raise NoEffect(f"{answer.host} refused: {_title(answer)[:120] or 'no reason given'}")
        refuse(answer, verb)

    # --- reading -----------------------------------------------------------------------------------------------------

    def _policy_of(self, mac: str) -> str:
        """The ANC policy that the address is under, or nothing."""
        seen = 0
        for page in range(1, MOST // PAGE + 1):
            found = self._read("ancendpoint", {"size": str(PAGE), "page": str(page)})
            rows = [one for one in found.get("resources") or [] if isinstance(one, dict)]
            for row in rows:
                one = self._endpoint(str(row.get("id", "")))
                if str(one.get("macAddress", "")).upper() == mac:
                    return str(one.get("policyName", ""))
            seen += len(rows)
            if not rows or seen >= int(found.get("total") or 0):
                return ""
        raise SourceRefused(f"ISE holds more than {MOST} devices under policies: too many to find one.")

    def _endpoint(self, number: str) -> dict[str, Any]:
        """One of the list; {} when it was freed in between."""
        answer = self._get(f"ers/config/ancendpoint/{quote(number, safe='')}", {})
        body = {} if answer.status == 404 else self.checked(answer).json()
        found = body.get("ErsAncEndpoint") if isinstance(body, dict) else None
        return found if isinstance(found, dict) else {}

    def _session(self, mac: str) -> dict[str, str] | None:
        """The active session's parameters by name; None while the device is not on the network."""
        answer = self._get(f"admin/API/mnt/Session/MACAddress/{quote(mac, safe=':')}", {}, accept="application/xml")
        if answer.status in {404, 500} and _xml(answer).get("cpm-code") == NO_SESSION:
            return None
        return _xml(self.checked(answer))

    def _read(self, kind: str, params: dict[str, str]) -> dict[str, Any]:
        body = self.checked(self._get(f"ers/config/{kind}", params)).json()
        found = body.get("SearchResult") if isinstance(body, dict) else None
        if not isinstance(found, dict):  # silence must not read as "under no policy"
            raise HttpError("ISE sent no list")
        return found

    def _get(self, path: str, params: dict[str, str], accept: str = "application/json") -> Answer:
        url = f"{self.setting('url')}/{path}"
        return self.http.request("GET", url, params=params, headers={"Accept": accept}, auth=self._auth())

    def _auth(self) -> tuple[str, str]:
        return self.setting("username"), self.secret("password")


def _mac(host: Host) -> str:
    if not host.mac:
        raise NoEffect(f"The network closes a port by MAC address, and none is known of {host.name or 'the device'}.")
    return host.mac.upper().replace("-", ":")


def _paths(session: dict[str, str], *, is_open: bool) -> tuple[NetworkPath, ...]:
    """A path for each address that the session has; the profile holds for all of them."""
    port = session.get("nas_port_id", "port")
    families = (("IPv4", "framed_ip_address"), ("IPv6", "framed_ipv6_address"))
    return tuple(
        NetworkPath(name=f"{port} {family}"[:80], is_open=is_open) for family, name in families if session.get(name)
    )


def _title(answer: Answer) -> str:
    """The reason in an ERS refusal, or nothing."""
    try:
        return str(answer.json()["ERSResponse"]["messages"][0]["title"])
    except (HttpError, KeyError, IndexError, TypeError):
        return ""


def _xml(answer: Answer) -> dict[str, str]:
    """The leaves of monitoring's answer by name; HttpError when it is no plain XML."""
    if _DECLARATION.search(answer.body):  # an entity may grow without bound
        raise HttpError(f"{answer.host} sent XML with declarations", status=answer.status)
    try:
        root = ElementTree.fromstring(answer.body)  # noqa: S314  no declarations left in it
    except ElementTree.ParseError as error:
        raise HttpError(f"{answer.host} sent an answer that is not XML", status=answer.status) from error
    return {part.tag.rpartition("}")[2]: (part.text or "").strip() for part in root}
