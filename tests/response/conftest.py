"""A case with a device, a connector of the tests' own, and a published runbook."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from cases.choices import Stage
from cases.models import Case, CaseDevice, Device, TimelineEntry
from response.actions.base import actions
from response.models import Attempt, Page, Run, RunbookVersion, StepChange, StepRun
from response.models.runbooks import Runbook, Step
from response.services import approvals, drills, recovery, runbooks, runs, steps
from secops import integrations
from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.devices import Posture
from secops.connectors.capabilities.effects import IsolationState
from secops.connectors.capabilities.files import FileHit
from secops.models import Integration, User
from tests.factories import make_case, make_device, make_user


class World:
    """What the fake product holds, and how it behaves: `answers` are raised or called before the effect."""

    def __init__(self) -> None:
        self.isolated: dict[str, str] = {}
        self.effects: list[tuple[str, str, str]] = []
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.reads: list[Exception | str] = []
        self.hits: list[FileHit] = []
        self.unknown: set[str] = set()
        self.mails: list[dict[str, Any]] = []

    def act(self, kind: str, agent_id: str, key: str) -> str:
        if self.before:
            raise self.before.pop(0)
        self.effects.append((kind, agent_id, key))
        if agent_id:
            self.isolated[agent_id] = "isolated" if kind == "isolate" else "released"
        if self.after:
            raise self.after.pop(0)
        return f"handle-{len(self.effects)}"


WORLD = World()


@connectors.register
class FakeProduct(Connector):
    slug = "test_edr"
    label = "Test EDR"
    settling_seconds = 30.0

    def isolate(self, host: Any, reason: str, key: str) -> str:
        return WORLD.act("isolate", host.agent_id, key)

    def release(self, host: Any, reason: str, key: str) -> str:
        return WORLD.act("release", host.agent_id, key)

    def isolation_state(self, host: Any) -> IsolationState:
        if WORLD.reads:
            said = WORLD.reads.pop(0)
            if isinstance(said, Exception):
                raise said
            return IsolationState(state=said, text="Ethernet closed, Wi-Fi still gets out")
        return IsolationState(state=WORLD.isolated.get(host.agent_id, "released"), text="")

    def posture(self, host: Any) -> Posture | None:
        return None if host.agent_id in WORLD.unknown else Posture(device=host.name)

    def find_file(self, sha256: str) -> list[FileHit]:
        return list(WORLD.hits)

    def send_mail(self, *, to: Any, subject: str, text: str, key: str) -> str:
        WORLD.act("mail", "", key)
        WORLD.mails.append({"to": to, "subject": subject, "text": text})
        return "id"


@pytest.fixture
def world(db: None) -> Iterator[World]:
    """As new, and left so: an answer that one test did not use up is no other's."""
    WORLD.__init__()  # type: ignore[misc]
    drilled(integrations.add("test_edr", "Test EDR", {}))
    yield WORLD
    WORLD.__init__()  # type: ignore[misc]


def drilled(integration: Integration) -> None:
    """Trusted with every group, as the practice range is."""
    drills.record_simulated(integration, actions["isolate_device"], timezone.now())


@pytest.fixture
def approver(db: None) -> User:
    return make_user("eve", ["approver"])


@pytest.fixture
def device(db: None) -> Device:
    return make_device("FIN-LT-0142")


@pytest.fixture
def case(device: Device) -> Case:
    case = make_case(stage=Stage.RESPONSE)
    CaseDevice.objects.create(case=case, device=device)
    return case


def make_runbook(*written: dict[str, Any], slug: str = "", actor: User | None = None) -> RunbookVersion:
    """Published; each step as keywords of Step."""
    runbook = Runbook.objects.create(slug=slug or f"rb-{uuid4().hex[:8]}", title="Contain", edited_by=actor)
    for order, fields in enumerate(written, start=1):
        Step.objects.create(runbook=runbook, order=order, **fields)
    return runbooks.publish(runbook, actor=None, accepts=runbooks.warnings_of(runbook))


ISOLATE = {"key": "isolate", "action": "isolate_device", "params": {"device": "${{ device.id }}"}}
MAIL = {"key": "tell", "action": "notify", "params": {"to": "soc@corp.example", "message": "Look"}}
CONFIRM = {"key": "confirm", "action": "confirm_device", "params": {"device": "${{ device.id }}"}}
ASK = {"key": "next", "action": "ask_person", "params": {"question": "And now?", "choices": ["Go", "Stop"]}}


def begin(case: Case, actor: User, *written: dict[str, Any]) -> Run:
    return runs.start(make_runbook(*written).pk, case.pk, request_id=uuid4(), actor=actor)


def step_of(run: Run, key: str) -> StepRun:
    return StepRun.objects.get(run=run, key=key)


def say_yes(step: StepRun, actor: User) -> StepRun:
    return approvals.approve(step.pk, params_sha256=step.params_sha256, actor=actor)


def make_due() -> None:
    """As if the waits were over."""
    StepRun.objects.filter(not_before__isnull=False).update(not_before=timezone.now() - timedelta(seconds=1))


def settle_down(rounds: int = 30) -> None:
    """Work and tick until nothing moves, skipping the waits."""
    for _ in range(rounds):
        make_due()
        before = _told()
        if not steps.work() and (not recovery.tick() or _told() == before):
            return


def _told() -> tuple[int, int, int]:
    """Grows with whatever a tick does; one that only looked again at who may be called does not count."""
    return StepChange.objects.count(), Page.objects.count(), TimelineEntry.objects.count()


def age_sends(seconds: float) -> None:
    """As if the sends were so long ago."""
    for one in Attempt.objects.filter(sent_at__isnull=False):
        Attempt.objects.filter(pk=one.pk).update(sent_at=one.sent_at - timedelta(seconds=seconds))
