"""Wait for some seconds, or until a time of the day; no worker sleeps: the step is ready, and due then."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from response.actions.base import Action, Call, Done, Plan, actions
from response.choices import Effect, Phase, Risk

MOST_SECONDS = 7 * 86_400


@actions.register
class Wait(Action):
    """Nothing is sent. A paused run goes on after its time, a stopped one does not wait any more."""

    slug = "wait"
    label = "Wait"
    phase = Phase.CONTAINMENT
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "None."
    waits_for_time = True

    class Params(forms.Form):
        seconds = forms.IntegerField(required=False, min_value=1, max_value=MOST_SECONDS)
        until = forms.RegexField(
            r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
            required=False,
            help_text="A time of the day in UTC, such as 06:30; the next one that comes.",
        )

        def clean(self) -> dict[str, Any]:
            cleaned = super().clean() or self.cleaned_data
            if not self.errors and bool(cleaned.get("seconds")) == bool(cleaned.get("until")):
                raise forms.ValidationError("Say either for how many seconds, or until which time.")
            return cleaned

    def due_at(self, params: Mapping[str, Any], at: datetime) -> datetime:
        if params.get("seconds"):
            return at + timedelta(seconds=params["seconds"])
        hour, minute = map(int, params["until"].split(":"))
        end = at.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
        return end if end > at else end + timedelta(days=1)

    def plan(self, call: Call) -> Plan:
        return Plan(what=f"Wait {_words(call.params)}", consequence="Nothing is sent.")

    def do(self, call: Call) -> Done:
        return Done(text=f"Waited {_words(call.params)}")


def _words(params: Mapping[str, Any]) -> str:
    return f"until {params['until']} UTC" if params.get("until") else f"{params['seconds']} seconds"
