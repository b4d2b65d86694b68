"""The whole disk of a device, bit by bit."""

from cases.choices import CONTAINED, DeviceState, EvidenceKind
from cases.models import CaseDevice
from cases.services import devices
from response.actions.acquisition import Acquire
from response.actions.base import Call, Done, actions
from secops.connectors.capabilities.acquisition import DISK


@actions.register
class AcquireDisk(Acquire):
    """A device that is isolated is *imaged* then. One that is not stays what it is: an image contains nothing."""

    slug = "acquire_disk"
    label = "Acquire disk image"
    what = DISK
    kind = EvidenceKind.DISK
    noun = "disk"

    def apply(self, call: Call, done: Done) -> None:
        part = CaseDevice.objects.filter(case=call.case, device_id=call.params["device"]).first()
        if part and part.state in CONTAINED:
            devices.set_state(call.case.pk, part.device_id, DeviceState.IMAGED)
