"""Several workers on one hunt at once: each question is answered once, each hit is one row, nothing is left open."""

from collections import Counter

import pytest

from cases.models import Case, CaseDevice, TimelineEntry
from response.choices import AskState, HuntState, StepState
from response.models import Hunt, HuntAsk, HuntHit
from response.services import hunt_asks, invariants, steps
from secops.models import User
from tests.racing import at_once
from tests.response.conftest import begin, step_of
from tests.response.test_hunts import Field, field, hit, hunt_on

__all__ = ["field"]
pytestmark = pytest.mark.django_db(transaction=True)
CLAUSES = [{"kind": "sha256", "value": "a" * 64}, {"kind": "file_name", "value": "updater.dll"}]


def test_four_workers_ask_each_question_once_and_double_no_hit(field: Field, case: Case, analyst: User) -> None:
    field.hits = [hit("A-1"), hit("A-2"), hit("FIN-LT-0142")]
    run = begin(case, analyst, {"key": "hunt", "action": "hunt", "params": {"clauses": CLAUSES}})
    assert steps.work_once()

    at_once(*[hunt_asks.work] * 4)
    hunt_on()

    asked = Counter((name, query) for name, query, _ in field.asked)
    assert len(asked) == 8
    assert set(asked.values()) == {1}
    assert set(HuntAsk.objects.values_list("state", "attempts")) == {(AskState.ANSWERED, 1)}
    assert HuntHit.objects.count() == 12  # three hits, of two clauses, said by two sources
    assert CaseDevice.objects.filter(case=case).count() == 3
    assert TimelineEntry.objects.filter(case=case, text__contains="belongs to the case").count() == 2
    assert (Hunt.objects.get().state, step_of(run, "hunt").state) == (HuntState.DONE, StepState.SUCCEEDED)
    assert invariants.broken() == {}
