"""What the chaos tests start: our own commands against the range, with its short settling time, and small errands."""

import json
import os
import sys
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "secops.settings")
django.setup()

from django.core.management import execute_from_command_line  # noqa: E402
from django.utils import timezone  # noqa: E402

from cases.choices import Stage  # noqa: E402
from cases.models import Case, CaseDevice, Device  # noqa: E402
from enrichment.models import Lookup  # noqa: E402
from response.choices import StepState  # noqa: E402
from response.models import Run, Runbook, Step, StepRun  # noqa: E402
from response.services import approvals, decisions, invariants, runbooks, runs  # noqa: E402
from secops import tick  # noqa: E402
from secops.connectors.defender import Defender  # noqa: E402
from secops.models import User  # noqa: E402

Defender.settling_seconds = 4  # the range acts on what it got within two seconds
tick.CANARY_EVERY = 2.0  # a frozen cluster is found sooner
tick.DRAIN = [sys.executable, "-m", "tests.response.chaos_child", "manage", "drain", "--queue"]
STEPS = {
    "isolate": ("isolate_device", {"device": "${{ device.id }}", "comment": ""}),
    "mail": ("notify", {"to": "soc@brightwater.example", "message": "Look"}),
}


def begin(what: str, name: str, agent_id: str) -> None:
    """A case with the device, and a run of the one step, approved."""
    at = timezone.now()
    times = {"opened_at": at, "first_alert_at": at, "last_alert_at": at, "updated_at": at}
    case = Case.objects.create(title="Chaos", severity=3, stage=Stage.RESPONSE, **times)
    CaseDevice.objects.create(case=case, device=Device.objects.create(name=name, agent_id=agent_id))
    runbook = Runbook.objects.create(slug="chaos", title="Chaos")
    action, params = STEPS[what]
    Step.objects.create(runbook=runbook, key="only", action=action, params=params)
    version = runbooks.publish(runbook, actor=None)
    run = runs.start(version.pk, case.pk, request_id=uuid4(), actor=User.objects.get(username="analyst"))
    step = StepRun.objects.get(run=run)
    if step.state == StepState.WAITING:
        responder = User.objects.get(username="responder")
        approvals.approve(step.pk, params_sha256=step.params_sha256, actor=responder)


def settle(happened: str) -> None:
    step = StepRun.objects.get()
    actor = User.objects.get(username="responder")
    decisions.settle(step.pk, happened == "yes", reason="looked at the range", actor=actor)


def report() -> None:
    waiting = Lookup.objects.filter(state__in=["due", "claimed"]).count()
    said = {
        "runs": list(Run.objects.values_list("state", flat=True)),
        "steps": list(StepRun.objects.values_list("state", flat=True)),
        "lookups": Lookup.objects.count(),
        "waiting": waiting,
        "broken": invariants.broken(),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    errand, *rest = sys.argv[1:]
    if errand == "manage":
        execute_from_command_line(["manage.py", *rest])
    else:
        {"begin": begin, "settle": settle, "report": report}[errand](*rest)
