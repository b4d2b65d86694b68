"""Cut a device off the network, and believe it only when the device's own product says so."""

from response.actions.base import Call, Check, Done, Plan, actions
from response.actions.door import Closing, reason
from response.actions.isolation import edr_host, read_back, signed_in
from response.actions.network import vpn_words


@actions.register
class IsolateDevice(Closing):
    """Partly isolated is not isolated: it stays open and is shown in red."""

    slug = "isolate_device"
    label = "Isolate device"
    capability = "isolate"
    lane = "isolation"
    traces = "The user loses the network; the action log of the EDR names it."
    undone_by = "release_device"
    undo_label = "Release"

    def plan(self, call: Call) -> Plan:
        name = call.device.device.name
        return Plan(
            what=f"Isolate {name}",
            consequence=f"{name} loses the network within minutes. The EDR and this console still reach it.",
            warning=vpn_words(call.host),
            who=signed_in(call),
            undo="Release, one approval. Its disk is not touched.",
            steps=(
                f"The EDR is asked to isolate {name}, known by its device id.",
                "The state is read back from the product until it says isolated; partly isolated does not count.",
                "Nothing else is touched: no other device, no account. Cloud sessions stay open.",
            ),
            if_unanswered=f"{name} stays online, not contained.",
        )

    def do(self, call: Call) -> Done:
        host = edr_host(call)
        handle = call.connector.isolate(host, reason(call), call.key)
        return Done(text=f"{host.name} is being isolated", handle=handle, is_final=False)

    def verify(self, call: Call) -> Check:
        return read_back(call, wanted="isolated", pending="pending_isolate")
