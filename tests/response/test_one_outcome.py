"""Two approvers at once, the same one twice, a double click, a parameter changed: one outcome, told in words."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from cases.models import Case
from response.choices import StepState
from response.models import Approval, Run, StepChange, StepRun
from response.models.runbooks import body_hash
from response.services import invariants
from secops.models import User
from tests.factories import make_user
from tests.racing import at_once
from tests.response.conftest import ISOLATE, World, begin, make_runbook, settle_down, step_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def step(world: World, case: Case, analyst: User) -> StepRun:
    return step_of(begin(case, analyst, ISOLATE), "isolate")


def clicks(step: StepRun, *people: User) -> list[Callable[[], Any]]:
    """The button of each, as a browser presses it."""
    where = reverse("response:approve", args=[step.pk])

    def click(user: User) -> Callable[[], Any]:
        client = Client(headers={"HX-Request": "true"})
        client.force_login(user)
        return lambda: client.post(where, {"params_sha256": step.params_sha256, "next": "/approvals/"})

    return [click(user) for user in people]


def pressed(*acts: Callable[[], Any]) -> tuple[list[HttpResponse], list[str]]:
    """The answers that took it, and the words of those that did not."""
    answers = at_once(*acts)
    assert all(isinstance(answer, HttpResponse) for answer in answers), answers
    taken = [answer for answer in answers if isinstance(answer, HttpResponse) and answer.status_code < 400]
    told = [
        answer.content.decode() for answer in answers if isinstance(answer, HttpResponse) and answer.status_code >= 400
    ]
    assert not any("Traceback" in text for text in told)
    return taken, told


def one_went(step: StepRun, world: World, approvals: int = 1) -> None:
    settle_down()
    step.refresh_from_db()
    assert step.state == StepState.SUCCEEDED
    assert [kind for kind, *_ in world.effects] == ["isolate"]
    assert StepChange.objects.filter(step=step, new=StepState.READY).count() == 1
    assert Approval.objects.filter(step=step).count() == approvals
    assert invariants.broken() == {}


def test_of_two_approvers_at_once_the_second_reads_who_was_first(step: StepRun, world: World) -> None:
    taken, told = pressed(*clicks(step, *[make_user(f"approver{number}", ["approver"]) for number in range(2)]))
    assert (len(taken), len(told)) == (1, 1)
    assert f"{step.title} was approved by {Approval.objects.get().decided_by.display_name} at" in told[0]
    one_went(step, world)


def test_a_double_click_counts_once(step: StepRun, world: World, responder: User) -> None:
    taken, told = pressed(*clicks(step, responder, responder))
    assert (len(taken), len(told)) == (1, 1)
    assert "was approved by Bo Mars at" in told[0]
    one_went(step, world)


def test_the_same_person_twice_is_not_two_persons(
    world: World, case: Case, analyst: User, responder: User, approver: User
) -> None:
    step = step_of(begin(case, analyst, ISOLATE | {"approvals": 2}), "isolate")
    taken, told = pressed(*clicks(step, responder, responder))
    assert (len(taken), len(told)) == (1, 1)
    assert "You have decided on this step already." in told[0]
    step.refresh_from_db()
    assert step.state == StepState.WAITING
    taken, told = pressed(*clicks(step, approver))
    assert (len(taken), told) == (1, [])
    one_went(step, world, approvals=2)


def test_an_approval_of_what_was_changed_meanwhile_is_refused_in_words_and_sends_nothing(
    step: StepRun, world: World, responder: User
) -> None:
    (click,) = clicks(step, responder)
    params = step.params | {"comment": "another reason"}
    StepRun.objects.filter(pk=step.pk).update(params=params, params_sha256=body_hash(params))
    taken, told = pressed(click)
    assert taken == []
    assert "The parameters differ from what was approved. Read it again, then decide." in told[0]
    settle_down()
    assert world.effects == []
    assert StepRun.objects.get(pk=step.pk).state == StepState.WAITING


def test_a_double_click_on_start_is_one_run(world: World, case: Case, analyst: User) -> None:
    version = make_runbook(ISOLATE)
    client = Client(headers={"HX-Request": "true"})
    client.force_login(analyst)
    form = {"request_id": "6f1b7a1e-6c3a-4d2b-8b43-0f0a7ad2a001", "runbook": version.pk}
    where = reverse("response:start", args=[case.pk])
    taken, told = pressed(*[lambda: client.post(where, form)] * 2)
    assert (len(taken), told) == (2, [])
    assert Run.objects.count() == 1
