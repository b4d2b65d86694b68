"""Tell people by mail that a case needs them: a link, its number and the runbook's words; no words if restricted."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import validate_email
from django.urls import reverse

from cases.models import Case
from response.actions.base import Action, Call, Done, Plan, actions
from response.choices import Effect, Phase, Risk
from secops.signin import base_url

MAX_RECEIVERS = 20


class ReceiversField(forms.CharField):
    """Mail addresses, separated by commas or spaces."""

    chooses_receiver = True  # so the check refuses an expression in it that nobody approves

    def clean(self, value: Any) -> list[str]:
        given = ",".join(map(str, value)) if isinstance(value, list) else str(super().clean(value) or "")
        found = [part for part in given.replace(",", " ").split() if part]
        if not found or len(found) > MAX_RECEIVERS:
            raise forms.ValidationError(f"1 to {MAX_RECEIVERS} addresses are needed.")
        for address in found:
            validate_email(address)
        return found


@actions.register
class Notify(Action):
    """A mail cannot be taken back or asked for: after a doubt a person decides, it is never sent again by itself."""

    slug = "notify"
    label = "Notify by mail"
    phase = Phase.CONTAINMENT
    risk = Risk.REVERSIBLE
    effect = Effect.ONCE
    capability = "mail"
    is_noticeable = True
    traces = "A mail in the receivers' boxes and in the mail log."

    class Params(forms.Form):
        to = ReceiversField(label="To", help_text="Addresses, separated by commas.")
        message = forms.CharField(
            max_length=500, widget=forms.Textarea, help_text="One or two sentences; left out for a restricted case."
        )

    def target(self, case: Case, params: Mapping[str, Any]) -> str:
        return f"case:{case.pk}"

    def plan(self, call: Call) -> Plan:
        return Plan(
            what=f"Mail to {', '.join(call.params['to'])}",
            consequence="A mail with a link to the case is sent.",
            undo="Cannot be undone.",
            if_unanswered="Nobody is told.",
        )

    def do(self, call: Call) -> Done:
        to = list(call.params["to"])
        call.connector.send_mail(to=to, subject=_subject(call.case), text=_text(call), key=call.key)
        return Done(text=f"Mail sent to {', '.join(to)}")


def _subject(case: Case) -> str:
    return f"{settings.PRODUCT_NAME}: {case.number} needs your attention"


def _text(call: Call) -> str:
    link = f"{base_url()}{reverse('cases:case', args=[call.case.pk])}"
    said = "" if call.case.is_restricted else f"{call.params['message']}\n\n"
    return f"{said}{call.case.number}: {link}\n\nSign in to read it. Please do not answer this mail.\n"
