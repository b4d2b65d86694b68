"""Let an isolated device back onto the network."""

from response.actions.base import Call, Check, Done, Plan, actions
from response.actions.door import Opening, reason
from response.actions.isolation import NETWORK_DOOR, edr_host, is_closed, read_back, signed_in


@actions.register
class ReleaseDevice(Opening):
    """Also what undoes an isolation; it ends the packet capture of the device with a last file."""

    slug = "release_device"
    label = "Release device"
    capability = "isolate"
    lane = "isolation"
    traces = "The user gets the network back; the action log of the EDR names it."
    undone_by = "isolate_device"
    undo_label = "Isolate again"
    other_door = NETWORK_DOOR
    opened = "The device was released"

    def plan(self, call: Call) -> Plan:
        name = call.device.device.name
        still = f" The network still holds {name} in quarantine." if is_closed(call, NETWORK_DOOR) else ""
        return Plan(
            what=f"Release {name}",
            consequence=f"{name} reaches the network again, and so does whatever still runs on it.{still}",
            who=signed_in(call),
            undo="Isolate again, one approval.",
            steps=(
                f"The EDR is asked to release {name}, known by its device id.",
                "The state is read back from the product until it says released.",
            ),
            if_unanswered=f"{name} stays isolated.",
        )

    def do(self, call: Call) -> Done:
        host = edr_host(call)
        handle = call.connector.release(host, reason(call), call.key)
        return Done(text=f"{host.name} is being released", handle=handle, is_final=False)

    def verify(self, call: Call) -> Check:
        return read_back(call, wanted="released", pending="pending_release")
