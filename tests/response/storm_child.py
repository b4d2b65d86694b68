"""What the storm starts: our own commands with short waits, the people of the house, and who counts at the end."""

import json
import sys
import time
from io import StringIO

from tests.response import chaos_child  # sets Django up  # noqa: F401

# isort: split
from django.conf import settings
from django.core.management import call_command, execute_from_command_line
from django.utils import timezone

from cases.choices import ObservableKind, Role, Stage, Verdict
from cases.models import Case, CaseDevice, CaseObservable, CasePerson, Device, Person
from cases.services import observables
from response.models import Runbook, Step, StepRun
from response.services import breakers, decisions, outcomes, runbooks
from secops import tick
from secops.connectors.base import connectors
from secops.models import User
from tests.response import storm_count, storm_people
from tests.response.storm_plan import RUNBOOKS, Place, Plan

SETTLING_SECONDS = 6.0  # the storm's devices act at most 4 s late
INDICATORS = 2  # of each case

for kind in connectors:
    kind.settling_seconds = SETTLING_SECONDS
    kind.rate_limit = None  # an hour's work is done in a minute; 429 comes from the weather
breakers.FIRST_SECONDS, breakers.MOST_SECONDS = 2, 6
outcomes.MAX_BACKOFF_SECONDS = 4
tick.DRAIN = [sys.executable, "-m", "tests.response.storm_child", "manage", "drain", "--queue"]


def the_plan() -> Plan:
    return Plan.read(settings.DATA_DIR / "storm.json")


def prepare() -> None:
    """The cases, each with a device, a person and some indicators, and the runbooks."""
    for number, place in enumerate(the_plan().places):
        _case(number, place)
    for slug, steps in RUNBOOKS.items():
        runbook = Runbook.objects.create(slug=slug, title=f"Storm: {slug}")
        for order, fields in enumerate(steps, start=1):
            Step.objects.create(runbook=runbook, order=order, **fields)
        runbooks.publish(runbook, actor=None, accepts=runbooks.warnings_of(runbook))


def _case(number: int, place: Place) -> None:
    at = timezone.now()
    times = {"opened_at": at, "first_alert_at": at, "last_alert_at": at, "updated_at": at}
    case = Case.objects.create(title=f"Storm {number}", severity=3, stage=Stage.RESPONSE, **times)
    CaseDevice.objects.create(case=case, device=Device.objects.create(name=place.device, agent_id=place.agent_id))
    login = place.upn.partition("@")[0]
    person, _ = Person.objects.get_or_create(upn=place.upn, defaults={"login": login, "name": login})
    CasePerson.objects.create(case=case, person=person)
    for one in range(INDICATORS):
        value = f"c2-{number}-{one}.storm.example"
        observables.attach(case.pk, ObservableKind.DOMAIN, value, Role.DESTINATION)
        observables.set_verdict(ObservableKind.DOMAIN, value, Verdict.MALICIOUS)
    assert CaseObservable.objects.filter(case=case).count() == INDICATORS


def settle(said: str) -> None:
    """A person looked at the world, and says of each step in doubt whether it happened: {"step": true}."""
    actor = User.objects.get(username="responder")
    for pk, happened in json.loads(said).items():
        if StepRun.objects.filter(pk=pk, state="unknown").exists():
            decisions.settle(int(pk), happened, reason="looked at the range", actor=actor)


def drain() -> None:
    """Somebody at a shell who types the command again and again: one more process that works, and can die of it."""
    while True:
        call_command("drain", wait=15, stdout=StringIO())
        time.sleep(1)


if __name__ == "__main__":
    errand, *rest = sys.argv[1:]
    if errand == "manage":
        execute_from_command_line(["manage.py", *rest])
    else:
        errands = {
            "prepare": prepare,
            "drain": drain,
            "people": lambda: storm_people.work(the_plan()),
            "settle": settle,
            "count": storm_count.tell,
        }
        errands[errand](*rest)
