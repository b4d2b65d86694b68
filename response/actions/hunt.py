"""Hunt on all devices: every source that can is asked, and each device that something is found on joins the case."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings

from cases.models import Case
from response.actions import hunting
from response.actions.allowing import allows
from response.actions.base import Action, Call, Done, Plan, Poll, Work, actions
from response.actions.find_file import hashes
from response.choices import Effect, HuntState, Phase, Risk
from response.errors import ActionError, AskFirstError
from response.models import Hunt
from secops import integrations, quotas
from secops.connectors.capabilities.errors import NoEffect, SourceLimited, SourceRefused
from secops.connectors.capabilities.hunting import Scope
from secops.errors import SecopsError
from secops.hunting.clauses import Clause, ClauseError, ClauseKind, read
from secops.models import Integration

MOST_DAYS = 365
MOST_CONTAINED = 50  # by one approval: as many as one list may hold
RETRY_SECONDS = 10.0
POLL_SECONDS = 2.0


class ClausesField(forms.JSONField):
    """[{kind, value}, ...], or as text a clause a line, `file_name updater.dll`; a rule needs the list."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.strip() and not value.lstrip().startswith("["):
            lines = [line.strip().partition(" ") for line in value.splitlines() if line.strip()]
            return [{"kind": kind, "value": rest.strip()} for kind, _, rest in lines]
        return super().to_python(value)

    def clean(self, value: Any) -> list[dict[str, str]]:
        given = super().clean(value)
        if not given:
            return []
        try:
            return [one.plain for one in read(given)]
        except ClauseError as error:
            raise forms.ValidationError(str(error)) from error


@actions.register
class HuntEverywhere(Action):
    """Reads only. Over the cap a person decides first, with the number that the sources themselves gave."""

    slug = "hunt"
    label = "Hunt on all devices"
    phase = Phase.CONTAINMENT
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "Queries in the hunting log of the EDR, read by its administrators."
    given_up = "its sources are asked nothing more"

    class Params(forms.Form):
        clauses = ClausesField(
            required=False,
            widget=forms.Textarea,
            help_text="One a line, such as file_name updater.dll. Empty: the case's malicious files.",
        )
        group = forms.CharField(required=False, max_length=120, label="Device group", help_text="Empty: all devices.")
        days = forms.IntegerField(required=False, min_value=1, max_value=MOST_DAYS, help_text="Empty: 30.")
        cap = forms.IntegerField(
            required=False, min_value=0, help_text="Devices that need no approval; never more than the setting."
        )

        contain_up_to = forms.IntegerField(
            required=False,
            min_value=0,
            max_value=MOST_CONTAINED,
            help_text="Devices that the approval of the hunt lets the runs of its hits cut off; 0: each asks itself.",
        )
        contain_group = forms.CharField(
            required=False, max_length=120, label="Of the device group", help_text="Exactly as devices have it."
        )

        def clean_contain_up_to(self) -> int:
            return self.cleaned_data["contain_up_to"] or 0

        def clean(self) -> dict[str, Any]:
            data: dict[str, Any] = super().clean() or {}
            if self.errors:
                return data
            if bool(data.get("contain_up_to")) != bool(data.get("contain_group")):
                raise forms.ValidationError("How many devices may be contained, and of which group, belong together.")
            if data.get("contain_up_to") and not data.get("clauses"):  # looked up later, they would bind nobody
                raise forms.ValidationError(
                    "Clauses: an approval that includes containing devices is for clauses that it names."
                )
            return data

        def clean_days(self) -> int:
            return self.cleaned_data["days"] or 30

        def clean_cap(self) -> int:
            given, most = self.cleaned_data["cap"], int(settings.NIGHTDESK_HUNT_DEVICES)
            return most if given is None else min(given, most)

    def plan(self, call: Call) -> Plan:
        wanted = clauses_of(call.case, call.params)
        more = f" and {len(wanted) - 3} more" if len(wanted) > 3 else ""
        what = f"{', '.join(one.title for one in wanted[:3]) or 'the malicious files of the case'}{more}"
        asked, included = call.params.get("devices"), allows(call.params)
        reach = f"It asks about {asked} devices" if asked else "Not every source says how many devices it would ask"
        said = "Reads only." if asked is None else f"Reads only. {reach}; over {call.params['cap']} a person decides."
        steps, many = [one.title for one in wanted], ""
        if included is not None:
            many = included.text
            said = f"Approves hunting for {what} and containing {many} that have it. The hunt itself: {said.lower()}"
            steps += [
                f"Each of them is cut off by its own run without another approval, {many} in all.",
                "Any other group or device, a critical one, and what is not drilled wait for their own approval.",
            ]
            if asked is None:
                more = f"If it would ask more than {call.params['cap']} devices"
                steps.append(f"{more}, nothing is asked or contained, and people decide once more.")
        return Plan(
            what=f"Hunt for {what}{f', and contain {many}' if many else ''}",
            consequence=said,
            warning=f"This one approval lets {many} lose their network." if many else "",
            undo="Nothing is changed by the hunt. Each device that was contained is released by an approval of its own."
            if many
            else "Nothing is changed.",
            steps=tuple(steps),
            if_unanswered="Nothing is looked for.",
        )

    def do(self, call: Call) -> Done:
        hunt = Hunt.objects.filter(step=call.step_id).first()
        if hunt is None:
            clauses = clauses_of(call.case, call.params)
            if not clauses and call.case.enrichment.get("pending"):
                raise NoEffect("Sources are still being asked whether the case's files are malicious", RETRY_SECONDS)
            if not clauses:
                return Done(text="No file of the case is known to be malicious, so there is nothing to look for")
            hunt = self._begin(call, clauses)
        names = sorted(set(hunt.asks.order_by().values_list("source", flat=True)))
        return Done(text=f"Asking {', '.join(names)}", handle=str(hunt.pk), is_polled=True, data={"hunt": hunt.pk})

    def _begin(self, call: Call, clauses: Sequence[Clause]) -> Hunt:
        sources = integrations.with_capability(hunting.CAPABILITY)
        allowed = [one for one in sources if not hunting.why_not(one, call.case)]
        if not allowed:
            why = f": {hunting.why_not(sources[0], call.case)}" if sources else ""
            raise ActionError(f"No source is set up that this case may hunt in{why}")
        wanted = hunting.wanted_of(dict(call.params), clauses)
        devices = _load(allowed, wanted)
        agreed = call.params.get("devices")
        is_over = devices is None or devices > call.params["cap"]
        if is_over and (agreed is None or (devices or 0) > agreed):
            said = "Not every source says how many devices it would ask" if devices is None else f"{devices} devices"
            text = f"{said}: more than {call.params['cap']} need an approval"
            raise AskFirstError(text, {"devices": devices or 0})
        return hunting.open_hunt(call.step_id, wanted, sources, devices)

    def poll(self, call: Call) -> Poll:
        hunt = _hunt(call)
        standing = hunting.standing_of(hunt)
        found = {"hits": hunting.hits_of(hunt)}  # also of a hunt that is stopped, or has no more time
        if hunt.state == HuntState.RUNNING:
            return Poll(work=Work.GOING_ON, text=standing.progress, again_seconds=POLL_SECONDS, data=found)
        if hunt.state == HuntState.DONE:
            return Poll(work=Work.DONE, text=standing.result, data=found)
        why = "; ".join(f"{source}: {reason}" for source, reason in standing.silent.items())
        text = "The hunt was stopped" if hunt.state == HuntState.STOPPED else f"No source could answer. {why}"
        return Poll(work=Work.FAILED, text=text, data=found)

    def abandon(self, call: Call) -> None:
        hunting.stop(_hunt(call).pk)

    def apply(self, call: Call, done: Done) -> None:
        """The devices joined the case as the answers came; here they become what other steps read."""
        hunt = Hunt.objects.filter(step=call.step_id).first()
        done.data["hits"] = hunting.hits_of(hunt) if hunt else []


def clauses_of(case: Case, params: Any) -> list[Clause]:
    """What is looked for: as given, else the case's malicious files."""
    given = params.get("clauses") or [{"kind": ClauseKind.SHA256, "value": one} for one in hashes(case, {})]
    return read(given) if given else []


def _hunt(call: Call) -> Hunt:
    hunt = Hunt.objects.filter(step=call.step_id).select_related("case").first()
    if hunt is None:
        raise ActionError("The hunt is not there any more.")
    return hunt


def _load(sources: Sequence[Integration], wanted: hunting.Wanted) -> int | None:
    """How many devices the sources would look at, by the one that knows most; None when one did not say."""
    known: list[int] = []
    is_known = True
    for source in sources:
        if not quotas.take(source, 1):
            raise NoEffect(f"{source.name} may not be asked yet: its rate limit is used up", RETRY_SECONDS)
        try:
            connector = integrations.connector_of(source)
            load = connector.hunt_load(Scope(group=wanted.group), wanted.start, wanted.end)  # type: ignore[attr-defined]
            known.append(load.devices)
        except SourceLimited as error:
            quotas.hold(source, error.retry_after)
            raise NoEffect(str(error), error.retry_after) from error
        except SourceRefused:
            continue  # it will refuse the questions too, and the hunt says so
        except SecopsError:
            is_known = False
    return max(known, default=0) if is_known else None
