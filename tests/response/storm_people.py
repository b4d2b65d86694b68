"""The people of the storm: they start runs, approve, refuse, answer, pause, cancel and undo, whatever breaks.

A process as mortal as the others: what it has done it reads from the rows, as a web process does.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any
from uuid import UUID

from django.db import Error, connections

from cases.models import Case
from response.actions.base import actions
from response.choices import RunState, StepState
from response.models import Run, RunbookVersion, StepRun
from response.services import approvals, decisions, runs
from secops.errors import SecopsError
from secops.models import User
from tests.response.storm_plan import Plan, Wish

EVERY = 0.4  # seconds
AT_ONCE = 6  # runs started, or steps decided, before somebody looks up


def work(plan: Plan) -> None:
    """Until killed."""
    while True:
        try:
            _People(plan).go_on()
        except Error:  # the database is away: the page says so, and people try again
            connections.close_all()
            time.sleep(0.5)


class _People:
    def __init__(self, plan: Plan) -> None:
        self.plan, self.wishes = plan, {wish.request_id: wish for wish in plan.wishes()}
        users = {user.username: user for user in User.objects.filter(username__in=["analyst", "responder"])}
        self.analyst, self.responder = users["analyst"], users["responder"]
        versions = RunbookVersion.objects.select_related("runbook")
        self.versions = {version.runbook.slug: version.pk for version in versions}
        self.cases = list(Case.objects.filter(title__startswith="Storm").order_by("pk").values_list("pk", flat=True))
        self.paused: set[UUID] = set()
        self.undone: set[UUID] = set()
        self.random = Random()

    def go_on(self) -> None:
        while True:
            self._start()
            self._decide()
            for run in Run.objects.exclude(state__in=(RunState.FAILED, RunState.CANCELLED)):
                self._steer(run, self.wishes[run.request_id])
            time.sleep(EVERY)

    def _start(self) -> None:
        share = min(1.0, (time.time() - self.plan.began_at) / self.plan.seconds)
        due = list(self.wishes.values())[: int(share * self.plan.runs)]
        known = set(Run.objects.values_list("request_id", flat=True))
        for wish in [one for one in due if one.request_id not in known][:AT_ONCE]:
            for _ in range(1 + wish.is_sent_twice):
                self._start_one(wish)

    def _start_one(self, wish: Wish) -> None:
        version, case = self.versions[wish.runbook], self.cases[wish.case]
        _try(lambda: runs.start(version, case, request_id=wish.request_id, actor=self.analyst))

    def _decide(self) -> None:
        for step in self._waiting():
            wish = self.wishes[step.run.request_id]
            if actions[step.action].waits_for_person:
                choice = Random(f"{wish.request_id}").choice(actions[step.action]().choices(step.params))
                _try(lambda pk=step.pk, choice=choice: decisions.answer(pk, choice, actor=self.analyst))
            elif step.undoes_id is None and wish.rejects(step.key):
                _try(lambda pk=step.pk: approvals.reject(pk, reason="not today", actor=self.responder))
            else:
                seen = step.params_sha256
                _try(lambda pk=step.pk, seen=seen: approvals.approve(pk, params_sha256=seen, actor=self.responder))

    def _waiting(self) -> Iterator[StepRun]:
        found = StepRun.objects.select_related("run").filter(state=StepState.WAITING)
        yield from found.order_by("state_at")[:AT_ONCE]

    def _steer(self, run: Run, wish: Wish) -> None:
        if run.state == RunState.PAUSED:
            if self.random.random() < 0.2:
                _try(lambda: runs.resume(run.pk, actor=self.responder))
        elif run.state == RunState.RUNNING and self.random.random() < 0.1:
            self._disturb(run, wish)
        elif run.state == RunState.SUCCEEDED and wish.is_undone and wish.request_id not in self.undone:
            self.undone.add(wish.request_id)
            if not StepRun.objects.filter(run=run, undoes__isnull=False).exists():
                _try(lambda: decisions.undo_all(run.pk, actor=self.analyst))

    def _disturb(self, run: Run, wish: Wish) -> None:
        if wish.is_cancelled and run.cancel_requested_at is None:
            _try(lambda: runs.cancel(run.pk, actor=self.responder))
        elif wish.is_paused and wish.request_id not in self.paused:
            self.paused.add(wish.request_id)
            _try(lambda: runs.pause(run.pk, actor=self.responder))


def _try(what: Callable[[], Any]) -> None:
    """Somebody else may have been faster, or it may not be allowed any more: the page says so."""
    with suppress(SecopsError):
        what()
