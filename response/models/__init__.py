"""Response's tables."""

from response.models.allowances import Allowance, AllowanceUse
from response.models.approvals import Approval
from response.models.captures import Capture, CaptureSegment
from response.models.drills import Drill
from response.models.hunts import Hunt, HuntAsk, HuntHit
from response.models.incidents import MajorIncident
from response.models.limits import MaintenanceWindow, ProtectedDevices
from response.models.mandates import LegalRelease, Mandate
from response.models.nights import OnCall, Override, Page, Signature, StandingApproval
from response.models.runbooks import KindRunbook, Runbook, RunbookVersion, Step
from response.models.runs import Attempt, Breaker, KillSwitch, Run, StepChange, StepRun

__all__ = [
    "Allowance",
    "AllowanceUse",
    "Approval",
    "Attempt",
    "Breaker",
    "Capture",
    "CaptureSegment",
    "Drill",
    "Hunt",
    "HuntAsk",
    "HuntHit",
    "KillSwitch",
    "KindRunbook",
    "LegalRelease",
    "MaintenanceWindow",
    "MajorIncident",
    "Mandate",
    "OnCall",
    "Override",
    "Page",
    "ProtectedDevices",
    "Run",
    "Runbook",
    "RunbookVersion",
    "Signature",
    "StandingApproval",
    "Step",
    "StepChange",
    "StepRun",
]
