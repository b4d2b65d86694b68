"""What all acquisitions share: asked for once, waited for, fetched in pieces, and sealed item by item.

The product reads the device, which takes minutes or hours; then its files come into the store in slices of some
seconds, a slice a poll, by whichever worker is free. No byte of it passes the web process.
"""

from time import monotonic
from typing import Any, ClassVar

from django import forms
from django.utils import timezone

from cases.choices import EvidenceKind
from cases.errors import EvidenceError, StoreFullError
from cases.services.collecting import Collected, Source, collect, give_up
from cases.services.described import Acquired
from response.actions.base import Action, Call, Done, Plan, Poll, Work
from response.actions.isolation import signed_in
from response.actions.targets import DeviceField
from response.choices import Decision, Effect, Phase, Risk
from response.errors import ActionError
from response.models import StepRun
from secops.connectors.capabilities.acquisition import Acquisition, Part
from secops.integrations import with_capability
from secops.models import Integration
from secops.wording import amount

SLICE_SECONDS = 4.0  # of fetching a poll: a containment that is approved meanwhile waits no longer for the worker
AWAY_SECONDS, LOOK_SECONDS, GO_ON_SECONDS = 60.0, 3.0, 0.5
SIMULATED = "Simulated: it comes from the practice range, from no real device."


class Acquire(Action):
    """Reads a device through a product's agent. It changes nothing there, but loads the device and leaves traces."""

    what: ClassVar[str]  # in the words of the capability
    kind: ClassVar[EvidenceKind]
    noun: ClassVar[str]  # memory, in "Acquire the memory of FIN-LT-0142"
    phase = Phase.CONTAINMENT
    risk = Risk.READ
    effect = Effect.KEYED
    capability = "acquire"
    is_noticeable = True
    needs_mandate = True
    given_up = "the product was told to end it"
    traces = (
        "The collecting agent's process, its load on disk and network, and its log on the device and in the console."
    )

    class Params(forms.Form):
        device = DeviceField()

    def plan(self, call: Call) -> Plan:
        name, product = call.device.device.name, _product()
        return Plan(
            what=f"Acquire the {self.noun} of {name}",
            consequence=f"{product} reads {name}, which loads it for a while. Who works there may notice.",
            who=signed_in(call),
            undo="Nothing to undo: nothing is changed on the device.",
            steps=(
                f"{product} is asked for the {self.noun} of {name}. If the device is off, the request waits for it.",
                "What it collected is fetched in pieces, hashed on arrival and compared with the hash at the source.",
                "It becomes an item of evidence with its chain of custody, and is sealed when the hashes agree.",
            ),
            if_unanswered=f"The {self.noun} of {name} is not acquired.",
        )

    def do(self, call: Call) -> Done:
        name = call.device.device.name
        handle = call.connector.acquire(call.host, self.what, call.key, path=call.params.get("path", ""))
        text = f"{call.connector.label} was asked for the {self.noun} of {name}"
        return Done(text=text, handle=handle, is_polled=True, data=_since("reading"))

    def poll(self, call: Call) -> Poll:
        found: Acquisition = call.connector.acquisition(call.host, call.handle)
        if found.state == "failed":
            raise ActionError(f"{call.device.device.name}: {found.text}. Nothing was received.")
        if found.state == "done":
            return self._fetch(call, found)
        return Poll(
            work=Work.GOING_ON,
            text=found.text,
            done_bytes=found.done_bytes,
            total_bytes=found.total_bytes,
            again_seconds=AWAY_SECONDS if found.state == "queued" else LOOK_SECONDS,
        )

    def abandon(self, call: Call) -> None:
        """At the product first; what came so far goes, too."""
        call.connector.abandon(call.host, call.handle)
        for name in call.data.get("parts", []):
            give_up(_ref(call, name))

    def _fetch(self, call: Call, found: Acquisition) -> Poll:
        """One slice; the parts come one after another."""
        total = sum(part.size for part in found.parts)
        data: dict[str, Any] = {"parts": [part.name for part in found.parts]}
        if call.data.get("phase") != "fetching":
            data |= _since("fetching")
        rate: float | None = getattr(call.connector, "bytes_per_second", None)
        ends, here, items = monotonic() + SLICE_SECONDS, 0, []
        for part in found.parts:
            most = int(rate * SLICE_SECONDS) if rate else None
            one = self._collect(call, found, part, max(0.0, ends - monotonic()), most)
            here += one.done_bytes
            if one.item is None:
                text = one.text or f"{call.connector.label} has collected it; it is being fetched"
                wait = LOOK_SECONDS if one.text else max(GO_ON_SECONDS, ends - monotonic() if rate else 0.0)
                return Poll(
                    work=Work.GOING_ON,
                    text=text,
                    done_bytes=here,
                    total_bytes=total,
                    again_seconds=wait,
                    data=data,
                    is_here=one.is_here,
                )
            items.append(one.item)
        return self._ended(call, found, items, data)

    def _collect(self, call: Call, found: Acquisition, part: Part, seconds: float, most: int | None) -> Collected:
        source = Source(
            ref=_ref(call, part.name),
            size=part.size,
            read=lambda offset: call.connector.fetch_part(call.host, call.handle, part, offset),
            check=part.check,
        )
        device = call.device.device
        try:
            return collect(
                call.case.pk,
                source,
                _how(call, found, part),
                seconds=seconds,
                most=most,
                kind=self.kind,
                title=f"{self.noun[0].upper()}{self.noun[1:]} of {device.name}",
                file_name=part.name,
                media_type=part.media_type,
                who=f"{call.connector.label}, through Nightdesk",
            )
        except (StoreFullError, EvidenceError) as error:
            raise ActionError(f"{part.name} of {device.name}: {error}") from error

    def _ended(self, call: Call, found: Acquisition, items: list[Any], data: dict[str, Any]) -> Poll:
        name = call.device.device.name
        if wrong := [item for item in items if item.differs_from_source]:
            numbers = ", ".join(item.number for item in wrong)
            raise ActionError(
                f"{numbers} is not what {call.connector.label} hashed at the source: kept, marked, not sealed. "
                f"Acquire the {self.noun} of {name} again."
            )
        numbers = ", ".join(item.number for item in items)
        size = sum(item.size or 0 for item in items)
        text = f"{self.noun[0].upper()}{self.noun[1:]} of {name} sealed as {numbers}, {amount(size)}, by {found.tool}"
        data |= {"evidence": [item.number for item in items], "sha256": [item.sha256 for item in items]}
        return Poll(work=Work.DONE, text=text, done_bytes=size, total_bytes=size, data=data)


def _ref(call: Call, part: str) -> str:
    """The same for every worker and every try; a step has each part once."""
    return f"{call.key}: {part}"[:200]


def _since(phase: str) -> dict[str, Any]:
    """Reading at the device and fetching go at different speeds: each is measured from its own beginning."""
    return {"phase": phase, "since": timezone.now().isoformat()}


def _how(call: Call, found: Acquisition, part: Part) -> Acquired:
    host, step = call.host, _step(call)
    is_simulated = Integration.objects.filter(name=step.connector, is_simulated=True).exists()
    return Acquired(
        acquired_at=found.ended_at,
        acquired_by=step.connector or call.connector.label,
        acquired_from=f"{host.name} ({host.address})" if host.address else host.name,
        authority=_authority(step),
        tool=found.tool,
        tool_version=found.tool_version,
        clock_offset_seconds=found.clock_offset_seconds,
        read_errors=found.read_errors,
        source_sha256=part.sha256,
        note=" ".join(one for one in (SIMULATED if is_simulated else "", found.note) if one),
    )


def _step(call: Call) -> StepRun:
    return StepRun.objects.select_related("run__version__runbook", "requested_by").get(pk=call.step_id)


def _authority(step: StepRun) -> str:
    """Who asked for it, by what, and who approved."""
    yes = step.approvals.filter(decision=Decision.APPROVED, params_sha256=step.params_sha256).select_related(
        "decided_by"
    )
    approved = ", ".join(one.decided_by.display_name for one in yes)
    asked = f"Run {step.run_id}, {step.run.version.runbook.title}, asked by {step.requested_by.display_name}"
    return f"{asked}, approved by {approved}" if approved else asked


def _product() -> str:
    """The integration that an acquisition would go through, by name."""
    found = with_capability("acquire")
    return found[0].name if found else "No product (none is set up)"
