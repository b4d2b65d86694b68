"""Cisco ISE: Adaptive Network Control over ERS, and the sessions that monitoring (MnT) knows."""

import hmac
import json
import threading
import uuid
from datetime import timedelta
from xml.sax.saxutils import escape

from werkzeug.wrappers import Request, Response

from secops.practice.products.isolation import MachineActions
from secops.practice.products.product import Product, Refusal, json_answer
from secops.practice.products.world import Record, World, moment_of, replace, rfc3339

POLICIES = {"Quarantine-Monitored": "QUARANTINE", "Port-Shutdown": "SHUTDOWN"}
PROFILE = "Quarantine_Monitored"  # the authorization profile that the exception rule gives
USUAL_PROFILE = "Corporate_Access"
COA_AFTER = timedelta(seconds=2)  # from the policy to the session that was authorized anew
USUAL_SIZE, MOST_SIZE = 20, 100
USUAL = {400: "Bad request", 401: "Unauthorized", 404: "Resource not found exception", 429: "Too many requests"}


class Ise(Product):
    """PUT and GET below /ise/ers/config, GET below /ise/admin/API/mnt; 250 ANC calls a second, by MAC address only."""

    prefix = "/ise"
    limits = {"anc": ((250, 1),)}
    routes = [
        ("GET", "/ers/config/ancpolicy", "policies"),
        ("GET", "/ers/config/ancendpoint", "endpoints"),
        ("PUT", "/ers/config/ancendpoint/apply", "apply"),
        ("PUT", "/ers/config/ancendpoint/clear", "clear"),
        ("GET", "/ers/config/ancendpoint/<number>", "endpoint"),
        ("GET", "/admin/API/mnt/Session/MACAddress/<mac>", "session"),
    ]

    def __init__(self, world: World, actions: MachineActions) -> None:
        super().__init__(world)
        self._actions = actions
        self._path = world.folder / "ise.json"
        self._lock = threading.RLock()
        kept: dict[str, Record] = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        self._held = kept.get("held", {})  # by MAC: id, policy, since
        self._freed = kept.get("freed", {})  # by MAC: when the policy was taken away

    def guard(self, request: Request) -> None:
        sent, kept = request.authorization, self.world.credentials
        is_known = (
            sent is not None
            and sent.type == "basic"
            and hmac.compare_digest((sent.username or "").encode(), kept["ise_user"].encode())
            and hmac.compare_digest((sent.password or "").encode(), kept["ise_password"].encode())
        )
        if not is_known:
            raise self.refuse(401)
        self.count("anc", kept["ise_user"])

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        text = message or USUAL.get(status, "Internal error")
        said = {"title": text, "type": "ERROR", "code": code or "Application resource validation exception"}
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        return json_answer({"ERSResponse": {"operation": "", "messages": [said]}}, status, headers=headers)

    def policies(self, request: Request) -> Response:
        found = [{"id": name, "name": name, "link": self._link(request, "ancpolicy", name)} for name in POLICIES]
        return json_answer({"SearchResult": {"total": len(found), "resources": found}})

    def endpoints(self, request: Request) -> Response:
        """Ids only, a page at a time: which MAC it is says only the resource itself."""
        size = min(MOST_SIZE, int(request.args.get("size", USUAL_SIZE)))
        first = (max(1, int(request.args.get("page", 1))) - 1) * size
        with self._lock:
            numbers = [one["id"] for one in self._held.values()]
        shown = [
            {"id": number, "link": self._link(request, "ancendpoint", number)} for number in numbers[first:][:size]
        ]
        return json_answer({"SearchResult": {"total": len(numbers), "resources": shown}})

    def endpoint(self, request: Request, number: str) -> Response:
        with self._lock:
            found = next(((mac, one) for mac, one in self._held.items() if one["id"] == number), None)
        if found is None:
            raise self.refuse(404)
        mac, kept = found
        body = {"id": number, "name": mac, "macAddress": mac, "policyName": kept["policy"]}
        return json_answer({"ErsAncEndpoint": body})

    def apply(self, request: Request) -> Response:
        """204 when the policy is assigned; the session changes a little later, or when the device comes back."""
        sent = self._additional(request)
        mac, policy = self._mac(sent), sent.get("policyName", "")
        if policy not in POLICIES:
            raise self.refuse(400, f"Can not find policy with name {policy}")
        with self._lock:
            if (kept := self._held.get(mac)) and kept["policy"] == policy:
                raise self.refuse(400, "mac address is already associated with this policy")
            self._held[mac] = {"id": str(uuid.uuid4()), "policy": policy, "since": rfc3339(self.world.now())}
            self._save()
        self._record("quarantine", mac, policy)
        return Response(status=204)

    def clear(self, request: Request) -> Response:
        mac = self._mac(self._additional(request))
        with self._lock:
            if self._held.pop(mac, None) is None:
                raise self.refuse(400, "mac address is not associated with any policy")
            self._freed[mac] = rfc3339(self.world.now())
            self._save()
        self._record("lift_quarantine", mac, "")
        return Response(status=204)

    def session(self, request: Request, mac: str) -> Response:
        """The active session; an error of monitoring's own kind while the device is not on the network."""
        device = self._device(mac)
        if device is None or not self._actions.is_online(device):
            return Response(NO_SESSION, status=500, content_type="application/xml")
        body = SESSION.format(
            mac=escape(mac.upper()),
            address=escape(device["ip"]),
            port=escape(f"GigabitEthernet1/0/{sum(mac.encode()) % 48 + 1}"),
            profile=PROFILE if self._is_enforced(mac.upper()) else USUAL_PROFILE,
        )
        return Response(body, content_type="application/xml")

    def _is_enforced(self, mac: str) -> bool:
        """Does the session run under the quarantine's profile? It follows the policy by `COA_AFTER`."""
        with self._lock:
            kept, freed = self._held.get(mac), self._freed.get(mac)
        now = self.world.now()
        if kept is not None:
            return now >= moment_of(kept["since"]) + COA_AFTER
        return freed is not None and now < moment_of(freed) + COA_AFTER

    def _additional(self, request: Request) -> dict[str, str]:
        sent = self.body(request).get("OperationAdditionalData")
        rows = sent.get("additionalData") if isinstance(sent, dict) else None
        if not isinstance(rows, list):
            raise self.refuse(400, "OperationAdditionalData is missing")
        return {str(row.get("name")): str(row.get("value")) for row in rows if isinstance(row, dict)}

    def _mac(self, sent: dict[str, str]) -> str:
        mac = sent.get("macAddress", "").upper().replace("-", ":")
        if len(mac.split(":")) != 6:
            raise self.refuse(400, "Mac address is not valid")
        return mac

    def bad_body(self) -> Refusal:
        return self.refuse(400, "The request body cannot be read")

    def _device(self, mac: str) -> Record | None:
        return self.world.find("devices", lambda one: str(one["mac"]).upper() == mac.upper())

    def _link(self, request: Request, kind: str, number: str) -> Record:
        href = f"{self.base(request)}/ers/config/{kind}/{number}"
        return {"rel": "self", "href": href, "type": "application/json"}

    def _record(self, what: str, mac: str, comment: str) -> None:
        device = self._device(mac)
        self.world.record_effect(what, device["name"] if device else mac, comment, mac=mac)

    def _save(self) -> None:
        replace(self._path, {"held": self._held, "freed": self._freed})


NO_SESSION = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><mnt-rest-result><http-code>500</http-code>'
    "<cpm-code>34110</cpm-code><description>Server has encountered error while processing the REST request"
    "</description><module-name>MnT</module-name></mnt-rest-result>"
)
SESSION = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><sessionParameters><passed>true</passed>'
    "<calling_station_id>{mac}</calling_station_id><framed_ip_address>{address}</framed_ip_address>"
    "<nas_ip_address>10.20.0.2</nas_ip_address><nas_port_id>{port}</nas_port_id>"
    "<selected_azn_profiles>{profile}</selected_azn_profiles></sessionParameters>"
)
