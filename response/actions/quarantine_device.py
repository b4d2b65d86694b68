"""Move a device to the quarantine network: what still runs on it stays watched, the house is out of its reach."""

from response.actions.base import Call, Check, Done, Plan, actions
from response.actions.door import Closing, reason
from response.actions.isolation import judged, signed_in
from response.actions.network import capture_words, on_network


@actions.register
class QuarantineDevice(Closing):
    """Monitored: in a runbook it follows `capture_packets`. Where packets cannot be captured, who approves reads so."""

    slug = "quarantine_device"
    label = "Quarantine device (monitored)"
    capability = "quarantine"
    lane = "quarantine"
    traces = "The user loses the company's network; the network's own log and the switch name the device."
    undone_by = "lift_quarantine"
    undo_label = "Lift quarantine"

    def plan(self, call: Call) -> Plan:
        name = call.device.device.name
        return Plan(
            what=f"Quarantine {name}",
            consequence=f"{name} loses the company's network and keeps only what the quarantine network allows.",
            warning=capture_words(call),
            who=signed_in(call),
            undo="Lift the quarantine, one approval. Its disk is not touched.",
            steps=(
                f"The network is asked to move {name}, known by the MAC address of its adapter.",
                "Every path that the product tries is read back, IPv4 and IPv6: one open is *partly isolated*.",
                "Nothing else is touched: no other adapter, no account. Cloud sessions stay open.",
            ),
            if_unanswered=f"{name} stays on the network, not contained.",
        )

    def do(self, call: Call) -> Done:
        host = on_network(call)
        handle = call.connector.quarantine(host, reason(call), call.key)
        return Done(text=f"{host.name} is being quarantined", handle=handle, is_final=False)

    def verify(self, call: Call) -> Check:
        said = call.connector.quarantine_state(on_network(call))
        return judged(call.device.device.name, said, wanted="isolated", pending="pending_isolate")
