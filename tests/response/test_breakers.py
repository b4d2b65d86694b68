"""A product that fails again and again is left alone for a while, then one step tries for all."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from cases.choices import Stage
from response.choices import StepState
from response.models import Breaker
from response.services import breakers, invariants, steps
from secops.connectors.capabilities.errors import SourceRefused
from secops.errors import NotAllowedError
from secops.http import HttpError
from tests.factories import make_case, make_user
from tests.response.conftest import ISOLATE, MAIL, begin, make_due, say_yes, settle_down, step_of

NOT_REACHED = HttpError("edr was not reached", was_sent=False)
NAME = "Test EDR"


def fail(times: int = breakers.FAILURES) -> None:
    for _ in range(times):
        breakers.failed(NAME)


def pass_by() -> None:
    """As if the time for which it is open were over."""
    Breaker.objects.update(open_until=timezone.now() - timedelta(seconds=1))


def seconds_open() -> float:
    until = Breaker.objects.get().open_until
    return 0.0 if until is None else (until - timezone.now()).total_seconds()


@pytest.mark.slow
def test_five_failures_hold_the_next_step_which_counts_no_attempt_and_says_why(client, world, case, analyst, responder):
    begin(case, analyst, MAIL, MAIL | {"key": "again", "needs": ["tell"]})
    world.before = [NOT_REACHED] * 3
    settle_down()
    other = begin(case, analyst, MAIL)
    world.before = [NOT_REACHED] * 2
    for _ in range(3):
        make_due()
        steps.work()

    step = step_of(other, "tell")
    assert (step.state, step.attempts) == (StepState.READY, 2)
    assert step.reason == "Test EDR failed 5 times in a row, so steps through it wait"
    assert step.not_before > timezone.now() + timedelta(seconds=20)
    client.force_login(responder)
    assert step.reason in client.get(reverse("response:panel", args=[case.pk])).content.decode()
    assert world.mails == []
    assert invariants.broken() == {}


def test_after_the_time_one_step_tries_and_its_success_lets_all_go(world, case, analyst):
    runs = [begin(one, analyst, MAIL) for one in (case, make_case(stage=Stage.RESPONSE))]
    fail()
    pass_by()
    first = steps.claim()
    intent = steps.write_intent(first.pk, first.token)

    second = steps.claim()
    assert steps.write_intent(second.pk, second.token) is None
    assert step_of(runs[1], "tell").state == StepState.READY

    steps.send(intent)
    assert Breaker.objects.get().failures == 0
    settle_down()
    assert [step_of(run, "tell").state for run in runs] == [StepState.SUCCEEDED] * 2


def test_it_opens_for_half_a_minute_then_twice_as_long_up_to_ten_minutes(db):
    fail()
    found = [seconds_open()]
    for _ in range(6):
        pass_by()
        assert breakers.wait(NAME) is None
        breakers.failed(NAME)
        found.append(seconds_open())

    assert [round(seconds) for seconds in found] == [30, 60, 120, 240, 480, 600, 600]


def test_failures_of_what_was_sent_before_it_opened_do_not_count_again(db):
    fail()
    fail(3)

    assert Breaker.objects.get().failures == breakers.FAILURES
    assert 25 < seconds_open() <= 30


def test_a_refusal_is_an_answer_and_ends_the_row_of_failures(world, case, analyst):
    begin(case, analyst, MAIL)
    fail(4)
    world.before = [SourceRefused("no such box")]

    steps.work()

    assert Breaker.objects.get().failures == 0


def test_what_our_own_side_refuses_says_nothing_of_the_product(world, case, device, analyst, responder):
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    device.agent_id = ""
    device.save()
    fail(4)

    steps.work()

    assert step_of(run, "isolate").state == StepState.FAILED
    assert Breaker.objects.get().failures == 4


def test_a_try_whose_worker_died_makes_room_for_another(world, case, analyst):
    fail()
    pass_by()
    assert breakers.wait(NAME) is None
    assert breakers.wait(NAME) is not None

    Breaker.objects.update(trying_until=timezone.now() - timedelta(seconds=1))

    assert breakers.wait(NAME) is None


def test_an_admin_sees_it_and_closes_it_now(client, world, case, analyst):
    run = begin(case, analyst, MAIL)
    fail()
    steps.work()
    assert world.mails == []
    row = Breaker.objects.get()
    client.force_login(make_user("dee", ["admin"]))
    listed = client.get(reverse("admin:response_breaker_changelist")).content.decode()
    assert NAME in listed

    client.post(
        reverse("admin:response_breaker_changelist"), {"action": "close_now", "_selected_action": [str(row.pk)]}
    )

    assert Breaker.objects.get().failures == 0
    steps.work()
    assert step_of(run, "tell").state == StepState.SUCCEEDED


def test_only_an_admin_closes_it(world, responder):
    fail()

    with pytest.raises(NotAllowedError):
        breakers.close(Breaker.objects.get().pk, actor=responder)
