"""What the storm's people want: how many runs of which runbooks, and what they do to each; all of it from one seed."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid5

NAMES = UUID("6f2e7b5c-7f0b-4b0e-9a53-4d6d5f0f2a11")
ISOLATE = {"action": "isolate_device", "params": {"device": "${{ device.id }}", "comment": "Storm"}}
MAIL = {"action": "notify", "params": {"to": "soc@brightwater.example", "message": "Look"}}
PERSON = {"params": {"person": "${{ person.id }}"}}
HARDY = {"max_attempts": 8, "backoff_seconds": 1}
RUNBOOKS: dict[str, list[dict[str, Any]]] = {
    "isolate": [  # approved, verified, then told
        {"key": "isolate", **ISOLATE, **HARDY},
        {"key": "tell", **MAIL, "when": "steps.isolate.state == 'succeeded'"},
    ],
    "mails": [
        {"key": "first", **MAIL},
        {"key": "pause", "action": "wait", "params": {"seconds": 2}, "on_failure": "continue"},
        {"key": "second", **MAIL, "on_failure": "continue"},
    ],
    "branches": [  # two that need one, and one that needs both
        {"key": "confirm", "action": "confirm_device", "params": {"device": "${{ device.id }}"}, **HARDY},
        {"key": "left", **MAIL, "needs": ["confirm"], "on_failure": "continue"},
        {
            "key": "right",
            "action": "revoke_sessions",
            **PERSON,
            "needs": ["confirm"],
            "approvals": 0,
            **HARDY,
        },
        {"key": "both", **MAIL, "needs": ["left", "right"], "on_failure": "ask"},
    ],
    "list": [
        {
            "key": "block",
            "action": "block_indicator",
            "for_each": "case.indicators",
            "params": {"observable": "${{ item.id }}"},
            "approvals": 0,
            "on_failure": "continue",
            **HARDY,
        },
        {"key": "tell", **MAIL},
    ],
    "collect": [  # long work that is polled
        {
            "key": "file",
            "action": "acquire_file",
            "params": {"device": "${{ device.id }}", "path": "C:\\Windows\\System32\\drivers\\etc\\hosts"},
            **HARDY,
        },
        {"key": "tell", **MAIL},
    ],
    "account": [
        {
            "key": "close",
            "action": "disable_account",
            **PERSON,
            "approvals": 0,
            **HARDY,
        },
        {
            "key": "next",
            "action": "ask_person",
            "params": {"question": "And now?", "choices": ["Open", "Leave"]},
        },
        {
            "key": "open",
            "action": "enable_account",
            **PERSON,
            "when": "steps.next.answer == 'Open'",
            "approvals": 0,
            **HARDY,
        },
    ],
}
WEIGHTS = {"isolate": 4, "mails": 3, "branches": 2, "list": 2, "collect": 1, "account": 2}


@dataclass(frozen=True, slots=True)
class Place:
    """What a case is about: a device and a person of the range."""

    device: str
    agent_id: str
    upn: str


@dataclass(frozen=True, slots=True)
class Wish:
    """One run, and what its people do to it."""

    request_id: UUID
    runbook: str
    case: int
    is_cancelled: bool
    is_paused: bool
    is_undone: bool
    is_sent_twice: bool

    def rejects(self, key: str) -> bool:
        """Does the approver say no to this step?"""
        return Random(f"{self.request_id}:{key}").random() < 0.06


@dataclass(frozen=True, slots=True)
class Plan:
    """`seed` decides everything that people and weather do; which process is where meanwhile, the machine decides."""

    seed: int
    runs: int
    seconds: float  # within which the runs are started
    began_at: float  # seconds since 1970
    places: list[Place]

    @classmethod
    def read(cls, path: Path) -> "Plan":
        kept = json.loads(path.read_text())
        return cls(**kept | {"places": [Place(**one) for one in kept["places"]]})

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    def wishes(self) -> list[Wish]:
        return [self._wish(number) for number in range(self.runs)]

    def _wish(self, number: int) -> Wish:
        random = Random(f"{self.seed}:{number}")
        return Wish(
            request_id=uuid5(NAMES, f"{self.seed}:{number}"),
            runbook=random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0],
            case=random.randrange(len(self.places)),
            is_cancelled=random.random() < 0.06,
            is_paused=random.random() < 0.05,
            is_undone=random.random() < 0.3,
            is_sent_twice=random.random() < 0.2,
        )
