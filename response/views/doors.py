"""The three doors of each device of a case: the EDR's, the network's, the account's; from verified steps alone."""

from collections import Counter
from dataclasses import dataclass

from cases.choices import DeviceReason, DeviceState
from cases.models import Case, CaseDevice
from response.actions.capture_packets import until
from response.actions.isolation import DEVICE_DOOR, NETWORK_DOOR
from response.choices import CaptureState, StepState
from response.models import Capture, CaptureSegment, StepRun
from secops.wording import amount, clock

CLEARED = DeviceState.CLEARED
ACCOUNT, SESSIONS = ("disable_account", "enable_account"), ("revoke_sessions",)
LOOKS = {"closed": "benign", "open": "suspicious", "partly": "malicious", "unknown": "unknown"}  # by their glyphs
PAIRS = (DEVICE_DOOR, NETWORK_DOOR, ACCOUNT, SESSIONS)
MOST_DEVICES = 50


type Heard = dict[tuple[tuple[str, ...], int | None], list[StepRun]]  # by door, and device or person; the last first


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """`word`: closed, open, partly or unknown; `why` in a sentence."""

    word: str
    why: str

    @property
    def look(self) -> str:
        return LOOKS[self.word]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """One line: a device of the case."""

    name: str
    device: Door
    network: Door
    account: Door

    @property
    def three(self) -> tuple[Door, Door, Door]:
        return self.device, self.network, self.account


def doors_of(case: Case) -> list[Doors]:
    """A line for each device that is suspected or was acted on; those cleared by name have none."""
    parts = CaseDevice.objects.filter(case=case).exclude(state=CLEARED).select_related("device__owner").order_by("pk")
    shown, heard, own = list(parts[:MOST_DEVICES]), _heard(case), _own(case)
    return [
        Doors(
            name=part.device.name,
            device=_door(heard, DEVICE_DOOR, "Nothing was isolated by the EDR", part.device_id),
            network=_door(heard, NETWORK_DOOR, "Not in quarantine", part.device_id),
            account=_account(heard, own.get(part.pk) or _owner(part)),
        )
        for part in shown
    ]


def watched(case: Case) -> list[str]:
    """One line for each packet capture of the case."""
    found = list(Capture.objects.filter(case=case).select_related("device", "case").order_by("pk")[:MOST_DEVICES])
    files = CaptureSegment.objects.filter(capture__in=found).exclude(evidence=None)
    count = Counter(files.values_list("capture_id", flat=True))
    return [_watched(one, count[one.pk]) for one in found]


def _watched(capture: Capture, files: int) -> str:
    at = f" at {capture.sensor}" if capture.sensor else ""
    count = f"{files} file{'s' if files != 1 else ''}"
    name = f"{capture.device.name}: packets{at}"
    if capture.stopped_at:
        ended = "failed" if capture.state == CaptureState.FAILED else "ended"
        kept = count if files else "nothing was captured"
        return f"{name}, {ended} {clock(capture.stopped_at)}, {kept}. {capture.reason}".strip()
    said = f"{name} since {clock(capture.started_at)}, {until(capture.case)}, {count}{_on_its_way(capture)}."
    return f"{said} {capture.reason}".strip()


def _on_its_way(capture: Capture) -> str:
    """How much of the next file is here."""
    if not capture.done_bytes:
        return ""
    of = f" of {amount(capture.total_bytes)}" if capture.total_bytes else ""
    return f", the next: {amount(capture.done_bytes)}{of}"


def _heard(case: Case) -> Heard:
    """Asked once for all devices and people, not once for each door."""
    found: Heard = {}
    pair_of = {action: pair for pair in PAIRS for action in pair}
    for step in StepRun.objects.heard(case.pk, tuple(pair_of)):
        pair = pair_of[step.action]
        target = step.params.get("person" if pair in {ACCOUNT, SESSIONS} else "device")
        found.setdefault((pair, target), []).append(step)
    return found


def _door(heard: Heard, pair: tuple[str, ...], untouched: str, target: int) -> Door:
    """By the last step that the world heard of: only a read-back closes it or opens it again."""
    steps = heard.get((pair, target), [])
    if not steps:
        return Door(word="open", why=untouched)
    last = steps[0]
    if last.state == StepState.SUCCEEDED:
        return Door(word="closed" if last.action == pair[0] else "open", why=last.result or last.title)
    if last.data.get("is_partly"):
        return Door(word="partly", why=last.result)
    if last.state == StepState.UNKNOWN:
        return Door(word="unknown", why=last.reason)
    is_closed = any(one.state == StepState.SUCCEEDED and one.action == pair[0] for one in steps[1:2])
    return Door(word="closed" if is_closed else "open", why=f"{last.title}: not confirmed yet")


def _account(heard: Heard, people: dict[int, str]) -> Door:
    """Closed is an account that is disabled and whose sessions were revoked: each alone leaves a way in."""
    if not people:
        return Door(word="unknown", why="Nobody knows whose account was used on it")
    found = [_of_person(heard, person, name) for person, name in people.items()]
    worst = min(found, key=lambda door: ("open", "partly", "unknown", "closed").index(door.word))
    return Door(word=worst.word, why="; ".join(door.why for door in found))


def _of_person(heard: Heard, person: int, name: str) -> Door:
    account = _door(heard, ACCOUNT, "not disabled", person)
    sessions = _door(heard, SESSIONS, "sessions stay open", person)
    words = {account.word, sessions.word}
    if words == {"closed"}:
        return Door(word="closed", why=f"{name}: disabled and signed out")
    if "unknown" in words:
        return Door(word="unknown", why=f"{name}: {account.why}, {sessions.why}")
    return Door(word="partly" if "closed" in words else "open", why=f"{name}: {account.why}, {sessions.why}")


def _own(case: Case) -> dict[int, dict[int, str]]:
    """Who was signed in on the case's own device, by the part that it plays; of one among several nobody knows."""
    own = list(CaseDevice.objects.filter(case=case).exclude(reason=DeviceReason.HUNT).values_list("pk", flat=True)[:2])
    if len(own) != 1:
        return {}
    people = case.case_people.filter(role__in=["logged_on", "actor"]).select_related("person")
    return {own[0]: {one.person_id: str(one.person) for one in people}}


def _owner(part: CaseDevice) -> dict[int, str]:
    """Else it is about the owner of the device."""
    owner = part.device.owner
    return {owner.pk: str(owner)} if owner else {}
