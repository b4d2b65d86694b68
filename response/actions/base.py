"""What an action is: what it would touch, what it does, how to see that it held, and what undoes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar

from django import forms

from cases.models import Case, CaseDevice, Observable, Person
from response.actions.targets import OF_CASE, case_device, case_observable, case_person
from response.choices import Effect, Phase, Risk
from response.errors import ActionError
from secops.connectors.capabilities.identity import Host
from secops.errors import SecopsError
from secops.integrations import connector_of, with_capability
from secops.models import Integration
from secops.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One step as its action sees it. `key` is the idempotency key, the same for every attempt."""

    case: Case
    step_id: int
    params: Mapping[str, Any]
    key: str
    handle: str = ""  # the product's name for what was asked
    connector: Any = None  # of the action's capability; None when it needs none
    data: Mapping[str, Any] = field(default_factory=dict)  # what the step knows so far
    requested_by: str = ""

    @property
    def device(self) -> CaseDevice:
        """The device of the case that the parameter `device` names."""
        found = case_device(self.case, self.params.get("device"))
        if found is None:
            raise ActionError(f"The device is not part of {self.case.number} any more.")
        return found

    @property
    def host(self) -> Host:
        part = self.device
        return part.device.host(part.address)

    @property
    def person(self) -> Person:
        """The person of the case that the parameter `person` names."""
        found = case_person(self.case, self.params.get("person"))
        if found is None:
            raise ActionError(f"The person is not part of {self.case.number} any more.")
        return found

    @property
    def observable(self) -> Observable:
        """The observable of the case that the parameter `observable` names."""
        found = case_observable(self.case, self.params.get("observable"))
        if found is None:
            raise ActionError(f"The observable is not part of {self.case.number} any more.")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of it, in one line. `is_final` False: accepted, and to be read back before it counts.

    `is_polled`: accepted, and long: the product works at it, and is asked from time to time how far it is.
    """

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    handle: str = ""
    is_final: bool = True
    is_polled: bool = False


class Work(Enum):
    """What a poll says of long work."""

    GOING_ON = "going on"
    DONE = "done"
    FAILED = "failed"  # for good; nothing of it goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """How far long work is. `text` is its last line; bytes where it says them; `data` is kept for the next poll.

    `is_here`: the product is done and has handed it over, so only this house is late.
    """

    work: Work
    text: str
    done_bytes: int | None = None
    total_bytes: int | None = None
    again_seconds: float = 5
    data: dict[str, Any] = field(default_factory=dict)
    is_here: bool = False


class Held(Enum):
    """What a read-back says."""

    DONE = "done"
    NOT_DONE = "not done"
    NOT_YET = "not yet"  # the product is still at it
    PARTLY = "partly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    held: Held
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would happen, in words for who decides; made from our own rows, nothing is asked outside."""

    what: str  # Isolate FIN-LT-0142
    consequence: str = ""  # one sentence
    warning: str = ""  # what nobody who approves may miss
    who: str = ""  # who is signed in, or that it is not known
    undo: str = ""
    steps: tuple[str, ...] = ()
    if_unanswered: str = ""


class Action:
    """One thing that a step can do. Speaks capabilities, never products; one file per action.

    `do` and `verify` run outside of a transaction. `do` may raise NoEffect or ActionError (known that nothing was
    done), Doubt or HttpError (not known); `apply` writes what follows, inside the transaction that ends the step.
    """

    slug: ClassVar[str]
    label: ClassVar[str]
    phase: ClassVar[Phase]
    risk: ClassVar[Risk] = Risk.DISRUPTIVE
    effect: ClassVar[Effect] = Effect.ONCE
    capability: ClassVar[str] = ""
    lane: ClassVar[str] = ""  # what of the target it touches; empty: its own slug
    is_noticeable: ClassVar[bool] = True  # could the subject notice? Then a covert case refuses it
    needs_mandate: ClassVar[bool] = False  # acquires something: a covert case wants a valid mandate first
    traces: ClassVar[str] = ""  # what it leaves behind that the subject or an administrator could read
    waits_for_person: ClassVar[bool] = False  # a person answers, nothing is sent
    takes_note: ClassVar[bool] = False  # the answer may come with words
    waits_for_time: ClassVar[bool] = False  # nothing is sent, and nobody is asked
    given_up: ClassVar[str] = "nobody waits for it any more"  # what `abandon` comes to, in words
    is_written: ClassVar[bool] = True  # may a runbook name it? The engine's own may not
    undone_by: ClassVar[str] = ""  # slug of the action that undoes it
    undo_label: ClassVar[str] = ""
    max_attempts: ClassVar[int] = 3

    class Params(forms.Form):
        """The typed parameters, as the editor shows them."""

    @classmethod
    def clean(cls, values: Mapping[str, Any], case: Case | None = None) -> dict[str, Any]:
        """Evaluated parameters as plain values; ActionError names each field that does not fit.

        With a case, a device, a person and an observable must be its own: a target is never text from an alert.
        """
        form = cls.Params(dict(values))
        if unknown := sorted(set(values) - set(form.fields)):
            raise ActionError(f"{cls.label} has no parameter {', '.join(unknown)}.")
        if not form.is_valid():
            said = [
                f"{form.fields[name].label or name}: {' '.join(map(str, texts))}" if name in form.fields else texts[0]
                for name, texts in form.errors.items()
            ]
            raise ActionError("; ".join(map(str, said)))
        params = dict(form.cleaned_data)
        for name, find in OF_CASE.items():
            if case is not None and name in params and find(case, params[name]) is None:
                raise ActionError(f"{name.title()}: that {name} is not part of {case.number}.")
        if case is not None and (problem := cls.objection(case, params)):
            raise ActionError(problem)
        return params

    @classmethod
    def objection(cls, case: Case, params: Mapping[str, Any]) -> str:
        """Why this is never done to this target, or nothing; asked before anybody is asked to approve."""
        return ""

    def target(self, case: Case, params: Mapping[str, Any]) -> str:
        """What it touches, as one word; one effect at a time there."""
        name = next((name for name in OF_CASE if name in params), "")
        return f"{name}:{params[name]}" if name else f"case:{case.pk}"

    def subject(self, case: Case, params: Mapping[str, Any]) -> str:
        """What it touches, as people call it; empty when it is the case itself."""
        found = (find(case, params.get(name)) for name, find in OF_CASE.items() if name in params)
        return next((str(getattr(one, "device", one)) for one in found if one is not None), "")

    def choices(self, params: Mapping[str, Any]) -> list[str]:
        """What a person may answer; only for an action that waits for one."""
        return []

    def wants_note(self, choice: str) -> bool:
        """Must this answer say why?"""
        return False

    def due_at(self, params: Mapping[str, Any], at: datetime) -> datetime | None:
        """When it may begin, asked at `at`; None: at once."""
        return None

    def plan(self, call: Call) -> Plan:
        """What would be touched; reads our own rows only."""
        return Plan(what=self.label)

    def facts(self, call: Call) -> tuple[tuple[str, str], ...]:
        """Question and answer, beside those that every plan has, for who decides on it; reads our own rows only."""
        return ()

    def do(self, call: Call) -> Done:
        raise NotImplementedError

    def verify(self, call: Call) -> Check:
        """Read back what the world says now; only for the effect class `verify`."""
        raise NotImplementedError

    def poll(self, call: Call) -> Poll:
        """How far it is; a call of some seconds, which may also fetch a piece of what is ready.

        ActionError when it failed for good. Any other error is a poll that did not come through: it is asked again.
        """
        raise NotImplementedError

    def abandon(self, call: Call) -> None:
        """Its run was stopped while the product was at it: cancel it there too."""

    def apply(self, call: Call, done: Done) -> None:
        """Write what follows from success: device states, devices found."""

    def partly(self, call: Call) -> None:
        """Write what follows when it held only partly."""

    def undo_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of the action that undoes it."""
        return {}


def connector_for(capability: str) -> tuple[Integration, Any] | None:
    """Row and live connector of the first enabled integration that can do it, or None; ActionError if it is broken."""
    found = with_capability(capability)
    if not found:
        return None
    try:
        return found[0], connector_of(found[0])
    except SecopsError as error:  # a secret that cannot be opened, settings that fit no more
        raise ActionError(f"{found[0].name} cannot be used: {error}") from error


actions: Registry[Action] = Registry("actions")
