"""Logs, registry or settings, tasks, histories and the file table, in minutes."""

from cases.choices import EvidenceKind
from response.actions.acquisition import Acquire
from response.actions.base import actions
from secops.connectors.capabilities.acquisition import TRIAGE


@actions.register
class AcquireTriage(Acquire):
    slug = "acquire_triage"
    label = "Acquire a triage package"
    what = TRIAGE
    kind = EvidenceKind.TRIAGE
    noun = "triage package"
