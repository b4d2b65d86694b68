"""The three doors of each device of a case: the EDR's, the network's, the account's; from verified steps alone."""

from dataclasses import dataclass

from cases.choices import DeviceReason, DeviceState
from cases.models import Case, CaseDevice
from response.actions.isolation import DEVICE_DOOR, NETWORK_DOOR
from response.choices import CaptureState, StepState
from response.models import Capture, StepRun
from secops.wording import clock

CLEARED = DeviceState.CLEARED
ACCOUNT, SESSIONS = ("disable_account", "enable_account"), ("revoke_sessions",)
LOOKS = {"closed": "benign", "open": "suspicious", "partly": "malicious", "unknown": "unknown"}  # by their glyphs
MOST_DEVICES = 50


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
    shown = list(parts[:MOST_DEVICES])
    return [
        Doors(
            name=part.device.name,
            device=_door(case, DEVICE_DOOR, "Nothing was isolated by the EDR", device=part.device_id),
            network=_door(case, NETWORK_DOOR, "Not in quarantine", device=part.device_id),
            account=_account(case, _people(case, part)),
        )
        for part in shown
    ]


def watched(case: Case) -> list[str]:
    """One line for each packet capture of the case."""
    found = Capture.objects.filter(case=case).select_related("device").order_by("pk")
    return [_watched(one, one.segments.exclude(evidence=None).count()) for one in found[:MOST_DEVICES]]


def _watched(capture: Capture, files: int) -> str:
    at = f" at {capture.sensor}" if capture.sensor else ""
    count = f"{files} file{'s' if files != 1 else ''}"
    name = f"{capture.device.name}: packets{at}"
    if capture.stopped_at:
        ended = "failed" if capture.state == CaptureState.FAILED else "ended"
        return f"{name}, {ended} {clock(capture.stopped_at)}, {count}. {capture.reason}".strip()
    return f"{name} since {clock(capture.started_at)}, until release, {count}. {capture.reason}".strip()


def _door(case: Case, pair: tuple[str, ...], untouched: str, **target: int) -> Door:
    """By the last step that the world heard of: only a read-back closes it or opens it again."""
    last = StepRun.objects.last_at(case.pk, pair, **target)
    if last is None:
        return Door(word="open", why=untouched)
    if last.state == StepState.SUCCEEDED:
        return Door(word="closed" if last.action == pair[0] else "open", why=last.result or last.title)
    if last.data.get("is_partly"):
        return Door(word="partly", why=last.result)
    if last.state == StepState.UNKNOWN:
        return Door(word="unknown", why=last.reason)
    before = StepRun.objects.exclude(pk=last.pk).last_at(case.pk, pair, **target)
    is_closed = before is not None and before.state == StepState.SUCCEEDED and before.action == pair[0]
    return Door(word="closed" if is_closed else "open", why=f"{last.title}: not confirmed yet")


def _account(case: Case, people: dict[int, str]) -> Door:
    """Closed is an account that is disabled and whose sessions were revoked: each alone leaves a way in."""
    if not people:
        return Door(word="unknown", why="Nobody knows whose account was used on it")
    found = [_of_person(case, person, name) for person, name in people.items()]
    worst = min(found, key=lambda door: ("open", "partly", "unknown", "closed").index(door.word))
    return Door(word=worst.word, why="; ".join(door.why for door in found))


def _of_person(case: Case, person: int, name: str) -> Door:
    account = _door(case, ACCOUNT, "not disabled", person=person)
    sessions = _door(case, SESSIONS, "sessions stay open", person=person)
    words = {account.word, sessions.word}
    if words == {"closed"}:
        return Door(word="closed", why=f"{name}: disabled and signed out")
    if "unknown" in words:
        return Door(word="unknown", why=f"{name}: {account.why}, {sessions.why}")
    return Door(word="partly" if "closed" in words else "open", why=f"{name}: {account.why}, {sessions.why}")


def _people(case: Case, part: CaseDevice) -> dict[int, str]:
    """Whose account it is about: who was signed in on the case's own device, else the owner of the device."""
    own = list(CaseDevice.objects.filter(case=case).exclude(reason=DeviceReason.HUNT).values_list("pk", flat=True))
    found: dict[int, str] = {}
    if own == [part.pk]:
        people = case.case_people.filter(role__in=["logged_on", "actor"]).select_related("person")
        found = {one.person_id: str(one.person) for one in people}
    if not found and part.device.owner:
        found = {part.device.owner.pk: str(part.device.owner)}
    return found
