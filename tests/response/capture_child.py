"""What the tests of a killed capture start: a case whose packets are captured, one look at it, and a report."""

import json
import os
import sys
from datetime import timedelta
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "secops.settings")
django.setup()

from django.utils import timezone  # noqa: E402

from cases.choices import Stage  # noqa: E402
from cases.models import Case, CaseDevice, Device, Evidence  # noqa: E402
from cases.services import inspection  # noqa: E402
from response.models import Capture, CaptureSegment, Run, Runbook, StepRun  # noqa: E402
from response.services import captures, runbooks  # noqa: E402
from secops.models import User  # noqa: E402
from tests.response.network import MAC, NETWORK, add_network  # noqa: E402


def begin() -> None:
    at = timezone.now()
    times = {"opened_at": at, "first_alert_at": at, "last_alert_at": at, "updated_at": at}
    case = Case.objects.create(title="Chaos", severity=3, stage=Stage.RESPONSE, **times)
    device = Device.objects.create(name="PC", agent_id="a", mac=MAC)
    CaseDevice.objects.create(case=case, device=device)
    add_network()
    user = User.objects.create_user("ada")
    runbook = Runbook.objects.create(slug="chaos", title="Chaos")
    runbook.steps.create(key="only", action="capture_packets", params={"device": "${{ device.id }}"})
    version = runbooks.publish(runbook, actor=None)
    fields = {"request_id": uuid4(), "version": version, "case": case, "requested_by": user}
    run = Run.objects.create(**fields, started_at=at, deadline=at)
    fields = {"key": "only", "title": "Capture", "action": "capture_packets", "lane": "capture", "requested_by": user}
    step = StepRun.objects.create(run=run, seq=1, state_at=at, effect="keyed", risk="reversible", **fields)
    fields = {"step": step, "case": case, "device": device, "integration": "Network", "handle": "running", "mac": MAC}
    Capture.objects.create(**fields, rotate_seconds=300, started_at=at, next_at=at)


def work() -> None:
    """Look until the file is kept, whoever held it before: the product has one finished file."""
    NETWORK.add_segment("203.0.113.198")
    for _ in range(3):
        Capture.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        captures.work()
    report()


def report() -> None:
    said = {
        "items": Evidence.objects.count(),
        "segments": CaptureSegment.objects.count(),
        "linked": Case.objects.get().links.count(),
        "problems": [line for case in Case.objects.all() for line in inspection.problems(case)],
    }
    print(json.dumps(said))


if __name__ == "__main__":
    {"begin": begin, "work": work, "report": report}[sys.argv[1]]()
