"""What the range says that really happened, held against what the steps say."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from hashlib import sha256
from pathlib import Path
from typing import Any

METHODS = {  # of the ledger, by action
    "notify": "mail",
    "isolate_device": "isolate",
    "release_device": "unisolate",
    "block_indicator": "block",
    "unblock_indicator": "unblock",
    "acquire_file": "grr_flow",
    "revoke_sessions": "revoke_sessions",
    "disable_account": "disable_account",
    "enable_account": "enable_account",
}
WITH_KEY = {"mail", "isolate", "unisolate", "block", "grr_flow"}  # whose effects carry the step's key
OF_ACCOUNTS = {"revoke_sessions", "disable_account", "enable_account"}
NOT_HAPPENED = {"failed", "rejected", "expired", "cancelled", "skipped"}
type Step = dict[str, Any]  # as storm_count tells it
type Line = dict[str, Any]  # of effects.ndjson


@dataclass
class Verdict:
    """What does not fit: all of it should be empty."""

    doubled: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)  # said not to have happened, and did
    invented: list[str] = field(default_factory=list)  # said to have happened, and did not
    effects: int = 0
    done_by_others: int = 0  # confirmed, because another step had done it already


class Ledger:
    """The range's effects since a moment."""

    def __init__(self, practice: Path, since: datetime) -> None:
        self.practice, self.since = practice, since

    def happened(self, steps: list[Step]) -> dict[str, bool]:
        """What a person who looks at the world says of each step in doubt."""
        lines = self._lines()
        keys = self._keys(lines)
        return {str(step["id"]): _has_happened(step, keys, lines) for step in steps}

    def judge(self, steps: list[Step]) -> Verdict:
        """Each step against the effects with its key; accounts by their sums, because theirs carry no key."""
        lines = self._lines()
        keys, verdict = self._keys(lines), Verdict(effects=len(lines))
        reached = {(step["action"], step["target"]) for step in steps if _count(step, keys)}
        for step in steps:
            if METHODS[step["action"]] in WITH_KEY:
                _judge(step, _count(step, keys), (step["action"], step["target"]) in reached, verdict)
        for method in OF_ACCOUNTS:
            _judge_accounts(method, steps, lines, verdict)
        return verdict

    def _lines(self) -> list[Line]:
        lines = (self.practice / "effects.ndjson").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [one for one in found if datetime.fromisoformat(one["at"]) >= self.since]

    def _keys(self, lines: list[Line]) -> Counter[str]:
        """How many effects carry a key, or a mark that is made of one."""
        found: Counter[str] = Counter()
        for one in lines:
            if one["method"] == "mail":
                found[self._key_of_mail(one["file"])] += 1
            elif one["method"] == "grr_flow":
                found.update({str(path).rpartition("\\")[2] for path in one["args"].get("paths", [])})
            elif "[" in one["comment"]:
                found[one["comment"].rpartition("[")[2].rstrip("]")] += 1
        return found

    def _key_of_mail(self, name: str) -> str:
        mail = message_from_bytes((self.practice / "mail" / name).read_bytes(), policy=policy.default)
        return str(mail["Message-ID"]).strip("<>").partition("@")[0]


def _count(step: Step, keys: Counter[str]) -> int:
    return keys[step["key"]] + keys[sha256(step["key"].encode()).hexdigest()[:16]]


def _has_happened(step: Step, keys: Counter[str], lines: list[Line]) -> bool:
    method = METHODS[step["action"]]
    if method in WITH_KEY:
        return _count(step, keys) > 0
    sent_at = datetime.fromisoformat(step["sent_at"])
    mine = [one for one in lines if one["method"] == method and one.get("account", "") == step["account"]]
    return any(datetime.fromisoformat(one["at"]) >= sent_at for one in mine)


def _judge(step: Step, effects: int, was_reached: bool, verdict: Verdict) -> None:
    text = f"step {step['id']} {step['action']} {step['state']}, {effects} effects: {step['reason']}"
    if effects > 1:
        verdict.doubled.append(text)
    if effects and step["state"] in NOT_HAPPENED and not step["was_begun"]:  # else it says that it was, and was ended
        verdict.denied.append(text)
    if effects or step["state"] != "succeeded":
        return
    if step["effect"] == "verify" and was_reached:
        verdict.done_by_others += 1
    else:
        verdict.invented.append(text)


def _judge_accounts(method: str, steps: list[Step], lines: list[Line], verdict: Verdict) -> None:
    """At most one effect for each confirmed step: one more is a double, or of a step that says it did not happen."""
    happened = Counter(one["account"] for one in lines if one["method"] == method)
    said = [one for one in steps if METHODS[one["action"]] == method and one["state"] == "succeeded"]
    confirmed = Counter(one["account"] for one in said)
    for account, effects in happened.items():
        if effects > confirmed[account]:
            verdict.doubled.append(f"{method} of {account}: {effects}, but {confirmed[account]} confirmed")
