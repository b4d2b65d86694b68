"""What the action, the workers and the pages of a hunt share: which sources may be asked, its rows, what it found."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from cases.choices import DeviceReason
from cases.models import Case, CaseDevice
from response.choices import OPEN_ASK, AskState, HuntState
from response.models import Hunt, HuntAsk, HuntHit, Run, StepRun
from secops import integrations
from secops.connectors.capabilities.hunting import HuntHit as Found
from secops.hunting.clauses import Clause, ClauseKind
from secops.models import Integration

CAPABILITY = "hunt"
MOST_NAMED = 5  # devices in one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look for and where; times aware."""

    clauses: Sequence[Clause]
    group: str
    start: datetime
    end: datetime

    @property
    def title(self) -> str:
        first = self.clauses[0].title
        more = f" and {len(self.clauses) - 1} more" if len(self.clauses) > 1 else ""
        return f"{first[:250]}{more}"

    @property
    def where(self) -> str:
        return f"the devices of {self.group}" if self.group else "all devices"


def wanted_of(params: dict[str, Any], clauses: Sequence[Clause]) -> Wanted:
    """From the cleaned parameters of a step."""
    end = timezone.now()
    return Wanted(clauses=clauses, group=params["group"], start=end - timedelta(days=params["days"]), end=end)


def why_not(source: Integration, case: Case) -> str:
    """Why this case must not ask this source; empty when it may. Asked again before each question."""
    if case.tlp > integrations.max_tlp(source):
        return f"The case is {case.get_tlp_display()}; {source.name} may be told less."
    if case.is_restricted and not integrations.is_inside(source):
        return "Restricted cases ask inside sources only."
    return ""


def open_hunt(step_id: int, wanted: Wanted, sources: Iterable[Integration], devices: int | None) -> Hunt:
    """The hunt of the step with a row for every question to every source; the same one when it is there already."""
    step = StepRun.objects.select_related("run__case").get(pk=step_id)
    with transaction.atomic():
        hunt, is_new = Hunt.objects.get_or_create(
            step=step,
            defaults={
                "case": step.run.case,
                "asked_by_id": step.requested_by_id,
                "title": wanted.title,
                "clauses": [one.plain for one in wanted.clauses],
                "group": wanted.group,
                "start_at": wanted.start,
                "end_at": wanted.end,
                "devices": devices,
                "created_at": wanted.end,
            },
        )
        if is_new:
            HuntAsk.objects.bulk_create(_ask(hunt, step.run.case, one, wanted) for one in _questions(sources, wanted))
            close_if_done(hunt)
    return hunt


def _questions(sources: Iterable[Integration], wanted: Wanted) -> list[tuple[Integration, int, int, str]]:
    return [
        (source, number, part, str(query.kind.label))
        for source in sources
        for number, clause in enumerate(wanted.clauses)
        for part, query in enumerate(clause.queries())
    ]


def _ask(hunt: Hunt, case: Case, one: tuple[Integration, int, int, str], wanted: Wanted) -> HuntAsk:
    source, number, part, about = one
    reason = why_not(source, case)
    return HuntAsk(
        hunt=hunt,
        source=source.name,
        clause=number,
        part=part,
        about=about,
        state=AskState.REFUSED if reason else AskState.DUE,
        reason=reason,
        ended_at=wanted.end if reason else None,
    )


def answered_by(run: Run) -> set[int]:
    """The devices that the run and those it descends from act on: to them no device of these is another one."""
    found: set[int] = set()
    above: Run | None = run
    while above is not None:
        found |= {above.device_id} if above.device_id else set()
        above = above.parent
    return found


def close_if_done(hunt: Hunt) -> bool:
    """End the hunt when no question is open; failed when no source could answer anything. Its row is locked or new."""
    states = set(HuntAsk.objects.filter(hunt=hunt).values_list("state", flat=True))
    if hunt.state != HuntState.RUNNING or states & set(OPEN_ASK):
        return False
    hunt.state = HuntState.DONE if AskState.ANSWERED in states else HuntState.FAILED
    hunt.ended_at = timezone.now()
    hunt.save(update_fields=["state", "ended_at"])
    return True


def stop(hunt_id: int) -> bool:
    """Ask nothing more; an answer that is on its way is not taken. False when it had ended."""
    with transaction.atomic():
        hunt = Hunt.objects.select_for_update().get(pk=hunt_id)
        if not hunt.is_running:
            return False
        at = timezone.now()
        hunt.state, hunt.ended_at = HuntState.STOPPED, at
        hunt.save(update_fields=["state", "ended_at"])
        HuntAsk.objects.filter(hunt=hunt, state__in=OPEN_ASK).update(
            state=AskState.STOPPED, lease_until=None, ended_at=at
        )
    return True


def key_of(source: str, clause: int, hit: Found) -> str:
    """What makes a hit one, however often its source is asked."""
    device = hit.agent_id or hit.device.upper() or hit.address
    return hashlib.sha256("\0".join((source, str(clause), device, hit.what.lower())).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a hunt is, counted over its questions. `silent` are sources of which some question went unanswered."""

    sources: int
    answered: int
    devices: list[str]
    unknown: int  # addresses that no device is known for
    silent: dict[str, str]

    @property
    def progress(self) -> str:
        """2 of 3 sources answered, 2 hits"""
        hits = len(self.devices) + self.unknown
        return f"{self.answered} of {self.sources} sources answered, {hits} hit{'' if hits == 1 else 's'}"

    @property
    def result(self) -> str:
        """One line; what was not answered is never left out."""
        where = f"{len(self.devices)} other device{'' if len(self.devices) == 1 else 's'}"
        names = ", ".join(self.devices[:MOST_NAMED])
        more = f" and {len(self.devices) - MOST_NAMED} more" if len(self.devices) > MOST_NAMED else ""
        said = f"Found on {where}, not contained: {names}{more}" if self.devices else "Found on no other device"
        if self.unknown:
            said += f"; at {self.unknown} address{'' if self.unknown == 1 else 'es'} that no device is known for"
        gaps = "; ".join(f"{source}: {reason}" for source, reason in self.silent.items())
        return f"{said}. Not answered by {gaps}" if gaps else said


def standing_of(hunt: Hunt) -> Standing:
    open_at: dict[str, bool] = {}
    silent: dict[str, str] = {}
    for ask in HuntAsk.objects.filter(hunt=hunt).order_by("source", "pk"):
        open_at[ask.source] = open_at.get(ask.source, False) or ask.state in OPEN_ASK
        if ask.state in {AskState.REFUSED, AskState.FAILED, AskState.STOPPED}:
            silent.setdefault(ask.source, ask.reason.rstrip(".") or ask.get_state_display().lower())
    others = HuntHit.objects.filter(hunt=hunt, is_own=False)
    named = others.exclude(name="", agent_id="")
    unknown = others.filter(name="", agent_id="").order_by().values("address").distinct().count()
    return Standing(
        sources=len(open_at),
        answered=sum(not is_open for is_open in open_at.values()),
        devices=sorted({hit.device.name if hit.device else hit.name for hit in named.select_related("device")}),
        unknown=unknown,
        silent=silent,
    )


def hits_of(hunt: Hunt) -> list[dict[str, Any]]:
    """One per device of the case that it was found on, as runbooks read them; the case's own devices are not hits."""
    parts = CaseDevice.objects.filter(case=hunt.case_id, reason=DeviceReason.HUNT)
    states = dict(parts.values_list("device_id", "state"))
    found: dict[int, dict[str, Any]] = {}
    for hit in HuntHit.objects.filter(hunt=hunt, device__in=states, is_own=False).select_related("device"):
        if hit.device_id is None:
            continue
        known = found.get(hit.device_id)
        if known is None:
            found[hit.device_id] = _plain(hunt, hit, states[hit.device_id])
        elif hit.has_run:
            known["has_run"] = True
    return sorted(found.values(), key=lambda one: str(one["device"]))


def _plain(hunt: Hunt, hit: HuntHit, state: str) -> dict[str, Any]:
    clause = hunt.clauses[hit.clause]
    return {
        "device_id": hit.device_id,
        "device": hit.device.name if hit.device else hit.name,
        "agent_id": hit.device.agent_id if hit.device else hit.agent_id,
        "state": str(state),
        "path": hit.what,
        "sha256": clause["value"] if clause["kind"] == ClauseKind.SHA256 else "",
        "first_seen_at": hit.first_seen_at.isoformat() if hit.first_seen_at else "",
        "has_run": hit.has_run,
    }
