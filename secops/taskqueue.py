"""Run Django tasks on django-q2: a task's queue is a cluster, its message is only a bell."""

from functools import partial
from time import monotonic
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import connection, transaction
from django.dispatch import receiver
from django.tasks import TaskResult, TaskResultStatus, task
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.base import Task
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued
from django.utils import timezone
from django.utils.json import normalize_json
from django.utils.module_loading import import_string
from django_q.brokers.orm import ORM
from django_q.signals import post_execute
from django_q.tasks import async_task

from secops import bells
from secops.models import Heartbeat
from secops.registry import duties

QUEUES = ("response", "enrichment")
LOOK_SECONDS = 0.2  # until a cluster looks for messages by itself
SHIFT_SECONDS = 5  # then a bell hands over to the next: how long a busy cluster may give no sign
HEARD_EVERY = 1.0  # seconds; many bells may end within one


class Doorbell(ORM):  # type: ignore[misc]
    """The database as broker. Where nothing waits it sleeps until a bell of this machine rings; it looks by itself
    rarely, which asks a quarter of what polling for the same delay would. The setting `poll` is 0: no other sleep."""

    def dequeue(self) -> list[tuple[int, str]] | None:
        messages: list[tuple[int, str]] | None = super().dequeue()
        if not messages:
            bells.wait(self.list_key, LOOK_SECONDS)
        return messages


class DjangoQBackend(BaseTaskBackend):
    """Enqueueing is an INSERT in the caller's transaction; there are no results, rows of ours hold them."""

    def validate_task(self, task: "Task[Any, Any]") -> None:
        super().validate_task(task)
        if task.takes_context:
            raise InvalidTask("Backend does not support takes_context.")

    def enqueue(self, task: "Task[Any, Any]", args: Any, kwargs: Any) -> "TaskResult[Any, Any]":
        self.validate_task(task)
        args, kwargs = normalize_json(args), normalize_json(kwargs)
        q_id = async_task("secops.taskqueue.run", task.module_path, args, kwargs, cluster=task.queue_name, save=False)
        transaction.on_commit(partial(bells.ring, task.queue_name), robust=True)  # after it: without a transaction, now
        result: "TaskResult[Any, Any]" = TaskResult(
            task=task,
            id=q_id,
            status=TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            finished_at=None,
            last_attempted_at=None,
            args=args,
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        task_enqueued.send(type(self), task_result=result)
        return result


def run(module_path: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """What a worker calls: find the task by name and call it."""
    import_string(module_path).call(*args, **kwargs)


@task(queue_name="response")
def ring_response() -> None:
    """The bell of the response cluster."""
    work("response")


@task(queue_name="enrichment")
def ring_enrichment() -> None:
    """The bell of the enrichment cluster."""
    work("enrichment")


@task(queue_name="response")
def canary_response() -> None:
    """Proof that the response cluster carries something: what counts is that its end arrives."""


@task(queue_name="enrichment")
def canary_enrichment() -> None:
    """Proof that the enrichment cluster carries something: what counts is that its end arrives."""


BELLS = {"response": ring_response, "enrichment": ring_enrichment}
CANARIES = {"response": canary_response, "enrichment": canary_enrichment}
_heard_at: dict[str, float] = {}  # by this process, of its clock


@receiver(post_execute, dispatch_uid="secops.taskqueue.heard")
def _hear(task: dict[str, Any], **_: Any) -> None:
    """In the monitor, once the message is written off: a monitor that is frozen while the workers go on would otherwise
    look alive, and every message would stay in the table and be carried out again and again.

    A bell that ended proves as much as a canary, which waits behind bells where there is much to do: a watchdog would
    take a busy cluster for a frozen one, and kill it in the middle of a call.
    """
    for queue in QUEUES:
        is_ours = next(iter(task["args"]), "") in (BELLS[queue].module_path, CANARIES[queue].module_path)
        if task["success"] and is_ours and monotonic() - _heard_at.get(queue, 0.0) >= HEARD_EVERY:
            _heard_at[queue] = monotonic()
            beat(f"queue:{queue}")


def ring(queue: str) -> bool:
    """Enqueue the queue's bell in this transaction, unless enough visible ones wait; say whether it was rung.

    Bells that died with a worker stay locked until `retry`, so only visible ones count (RELIABILITY.md part 2).
    """
    workers: int = settings.Q_CLUSTER["workers"]  # type: ignore[assignment]
    if visible(queue) >= 2 * workers:
        return False
    BELLS[queue].enqueue()
    return True


def visible(queue: str) -> int:
    """Messages that wait in a queue and that no worker holds."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:  # asked by every alert that comes in: the ORM would cost more than the count
        cursor.execute("SELECT COUNT(*) FROM django_q_ormq WHERE key = %s AND lock <= %s", [queue, now])
        return int(cursor.fetchone()[0])


def work(queue: str) -> int:
    """Do what is due for this queue; after a shift the next bell is rung for the rest. How much was moved."""
    ends, moved = monotonic() + SHIFT_SECONDS, 0
    while done := sum(duty() for name, duty in duties.items() if name.startswith(f"{queue}:")):
        moved += done
        if monotonic() >= ends:
            ring(queue)
            break
    return moved


def beat(name: str) -> None:
    """Note that something is alive: a row for everybody, a file for a watchdog that has no database."""
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": timezone.now()})
    sign = settings.DATA_DIR / "alive" / name.replace(":", "-")
    sign.parent.mkdir(parents=True, exist_ok=True)
    sign.touch()


def unregister_queue_admin() -> None:
    """Take django-q2's four admin pages away: a schedule row can call any function (RELIABILITY.md, decision 8)."""
    for model in list(admin.site._registry):
        if model._meta.app_label == "django_q":
            admin.site.unregister(model)
