"""Let a device back from the quarantine network."""

from response.actions.base import Call, Check, Done, Plan, actions
from response.actions.door import Opening, reason
from response.actions.isolation import DEVICE_DOOR, is_closed, judged, signed_in
from response.actions.network import on_network


@actions.register
class LiftQuarantine(Opening):
    """Also what undoes a quarantine; it ends the packet capture of the device with a last file."""

    slug = "lift_quarantine"
    label = "Lift quarantine"
    capability = "quarantine"
    lane = "quarantine"
    traces = "The user gets the network back; the network's own log names the device."
    undone_by = "quarantine_device"
    undo_label = "Quarantine again"
    other_door = DEVICE_DOOR
    opened = "The quarantine was lifted"

    def plan(self, call: Call) -> Plan:
        name = call.device.device.name
        still = f" The EDR still holds {name}." if is_closed(call, DEVICE_DOOR) else ""
        return Plan(
            what=f"Lift the quarantine of {name}",
            consequence=f"{name} reaches the company's network again, and so does whatever still runs on it.{still}",
            who=signed_in(call),
            undo="Quarantine again, one approval.",
            steps=(
                f"The network is asked to let {name} back, known by the MAC address of its adapter.",
                "The state is read back from the product until it says released.",
                "A packet capture of the device ends with a last file.",
            ),
            if_unanswered=f"{name} stays in quarantine.",
        )

    def do(self, call: Call) -> Done:
        host = on_network(call)
        handle = call.connector.lift_quarantine(host, reason(call), call.key)
        return Done(text=f"{host.name} is being let back", handle=handle, is_final=False)

    def verify(self, call: Call) -> Check:
        said = call.connector.quarantine_state(on_network(call))
        return judged(call.device.device.name, said, wanted="released", pending="pending_release")
