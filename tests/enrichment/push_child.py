"""What the test of a killed push starts: an outlet and a complete case, and a look at them afterwards."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "secops.settings")
django.setup()

from datetime import timedelta  # noqa: E402

from django.utils import timezone  # noqa: E402

from cases.models import Case, TimelineEntry  # noqa: E402
from enrichment.models import Push  # noqa: E402
from enrichment.services import planning  # noqa: E402
from secops import integrations  # noqa: E402
from tests.outlets import KEY  # noqa: E402


def begin(port: str) -> None:
    at = timezone.now()
    times = {"opened_at": at, "first_alert_at": at, "last_alert_at": at, "updated_at": at}
    Case.objects.create(title="Chaos", severity=3, is_planning_due=True, **times)
    integrations.add("webhook", "Old SIEM", {"url": f"http://127.0.0.1:{port}/"}, {"key": KEY})
    planning.plan_due()


def expire() -> None:
    """The lease of whoever died is over."""
    Push.objects.exclude(not_before=None).update(not_before=timezone.now() - timedelta(seconds=1))


def report() -> None:
    lines = TimelineEntry.objects.filter(text__contains="ushed to").values_list("text", flat=True)
    print(json.dumps({"states": list(Push.objects.values_list("state", flat=True)), "lines": list(lines)}))


if __name__ == "__main__":
    {"begin": begin, "expire": expire, "report": report}[sys.argv[1]](*sys.argv[2:])
