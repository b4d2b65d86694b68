"""The whole memory of a device, before it is lost."""

from cases.choices import EvidenceKind
from response.actions.acquisition import Acquire
from response.actions.base import actions
from secops.connectors.capabilities.acquisition import MEMORY


@actions.register
class AcquireMemory(Acquire):
    slug = "acquire_memory"
    label = "Acquire memory"
    what = MEMORY
    kind = EvidenceKind.MEMORY
    noun = "memory"
