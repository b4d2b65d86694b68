"""Calls to sources: a pool of threads that do no database work, each source asked no more at once than it allows."""

import logging
import os
from collections import Counter, deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic
from typing import Self

from enrichment.choices import LookupState
from enrichment.models import Lookup
from enrichment.questions.base import Judgement, Subject, questions
from enrichment.services.cleaning import cleaned
from enrichment.services.settling import CRASHED
from secops.connectors.base import Connector
from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.errors import SecopsError
from secops.faultpoints import hit
from secops.models import Integration

logger = logging.getLogger(__name__)
THREADS = 32  # calls at once of one worker process
GROUP_SECONDS = 0.02  # answers that come within this time are written together
BUSY_SECONDS = 0.1  # the same while calls wait for a thread: no case is complete sooner by more and smaller groups


@dataclass(slots=True)
class Outcome:
    """What came of one call: `state` says which of the other fields are meant."""

    state: LookupState
    judgement: Judgement | None = None
    reason: str = ""
    retry_after: float | None = None
    is_attempt: bool = True

    @property
    def is_too_many(self) -> bool:
        """The source wants to be left alone for a while."""
        return self.retry_after is not None and not self.is_attempt


@dataclass(slots=True)
class Call:
    """A claimed row on its way."""

    lookup: Lookup
    connector: Connector
    source: Integration
    seconds: float = 0.0  # that the answer took


@cache
def _pool() -> ThreadPoolExecutor:
    """One for the life of the process: starting threads for each shift would hold up its first calls."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="lookup")


os.register_at_fork(after_in_child=_pool.cache_clear)


class Calls:
    """What was claimed and is not answered yet. A thread that has an answer takes the next call by itself: writing
    answers and claiming more never keep the sources waiting."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Call] = deque()
        self._flying: Counter[int] = Counter()  # by integration
        self._busy = 0  # threads that ask
        self._came: SimpleQueue[tuple[Call, Outcome]] = SimpleQueue()
        self._open = 0  # added and not yet taken as answered
        self._limited: set[int] = set()  # integrations that said "too many", until that answer is taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing more is sent; what was claimed and not asked is free again when its lease runs out."""
        with self._lock:
            self._waiting.clear()

    def __len__(self) -> int:
        """Calls whose answer was not taken yet."""
        return self._open

    def add(self, calls: Iterable[Call]) -> None:
        """Send them, the first ones at once."""
        calls = list(calls)
        self._open += len(calls)
        with self._lock:
            self._waiting.extend(calls)
            free = min(len(calls), THREADS - self._busy)
            self._busy += free
        for _ in range(free):
            _pool().submit(self._go_on)

    def limited(self) -> set[int]:
        """Integrations that nothing more is to be claimed for: that they must be left alone is not written yet."""
        with self._lock:
            return set(self._limited)

    def of_each(self) -> Counter[int]:
        """How many are on their way or wait, by integration."""
        with self._lock:
            return self._flying + Counter(call.source.pk for call in self._waiting)

    def answers(self) -> list[tuple[Call, Outcome]]:
        """Wait for one, then take what comes within a moment; a longer one while calls wait for a thread."""
        found = [self._came.get()]
        ends = monotonic() + (BUSY_SECONDS if self._waiting else GROUP_SECONDS)
        while len(found) < self._open:
            try:
                found.append(self._came.get(timeout=max(0.0, ends - monotonic())))
            except Empty:
                break
        self._open -= len(found)
        with self._lock:
            self._limited -= {call.source.pk for call, outcome in found if outcome.is_too_many}
        return found

    def _go_on(self) -> None:
        """In a thread: call after call, until none may be sent."""
        while call := self._next():
            began = monotonic()
            try:
                outcome = ask(call.lookup, call.connector)
            except BaseException:  # who waits for the answer must get one
                logger.exception("Lookup %s crashed", call.lookup.pk)
                outcome = Outcome(LookupState.FAILED, reason=CRASHED)
            call.seconds = monotonic() - began
            with self._lock:
                self._flying[call.source.pk] -= 1
                others = self._taken_back(call.source) if outcome.is_too_many else []
            for one in (call, *others):
                self._came.put((one, outcome))

    def _taken_back(self, source: Integration) -> list[Call]:
        """A source that says "too many" is asked nothing more: what waits for it shares the answer. Locked."""
        self._limited.add(source.pk)
        others = [call for call in self._waiting if call.source.pk == source.pk]
        self._waiting = deque(call for call in self._waiting if call.source.pk != source.pk)
        return others

    def _next(self) -> Call | None:
        """The longest waiting one whose source has room. Who finds none ends; whoever brings answers goes on."""
        with self._lock:
            for call in self._waiting:
                if self._flying[call.source.pk] < call.connector.concurrency:
                    self._waiting.remove(call)
                    self._flying[call.source.pk] += 1
                    return call
            self._busy -= 1
            return None


def ask(lookup: Lookup, connector: Connector) -> Outcome:
    """Only the connector is asked; every end is an outcome."""
    question = questions.get(lookup.question)
    if question is None:
        return Outcome(LookupState.SKIPPED, reason="This question is no longer installed.")
    try:
        judgement = question().ask(connector, Subject.from_plain(lookup.subject))
        judgement = judgement and cleaned(judgement)
    except SourceLimited as error:
        return Outcome(LookupState.DUE, reason=str(error), retry_after=error.retry_after, is_attempt=False)
    except SourceRefused as error:
        return Outcome(LookupState.REFUSED, reason=str(error))
    except SecopsError as error:
        return Outcome(LookupState.FAILED, reason=str(error), retry_after=getattr(error, "retry_after", None))
    except Exception:
        logger.exception("Lookup %s crashed", lookup.pk)
        return Outcome(LookupState.FAILED, reason=CRASHED)
    hit("lookup_asked")
    return Outcome(LookupState.ANSWERED if judgement else LookupState.NO_DATA, judgement)
