"""The list behind the queue: filters from the URL, keyset pages, and addresses that keep the rest."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, Q, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.urls import reverse

from cases.choices import Severity, Stage
from cases.forms.queue import SORTS, QueueForm
from cases.models import Case
from cases.models.cases import CaseQuerySet
from secops.models import User
from secops.wording import refang

PAGE = 50  # rows
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # sorts a case without a limit behind all others
KEYS: dict[str, tuple[tuple[str, ...], bool]] = {  # columns in order, all in the same direction: is it upwards?
    "": (("severity", "last_alert_at", "pk"), False),
    "risk": (("risk_known", "last_alert_at", "pk"), False),
    "sla": (("sla_known", "pk"), True),
    "newest": (("opened_at", "pk"), False),
    "oldest": (("opened_at", "pk"), True),
}
COMPUTED = {
    "risk_known": Coalesce(F("risk_score"), Value(0)),
    "sla_known": Coalesce(F("sla_due_at"), Value(NEVER)),
}


@dataclass(frozen=True, slots=True)
class Token:
    """A filter as the page shows it, with the address of the list without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the URL asks for; `values` holds only what fits."""

    values: dict[str, str]
    form: QueueForm

    @classmethod
    def of(cls, query: QueryDict) -> "Asked":
        form = QueueForm(query)
        return cls(form.asked(), form)

    @property
    def sort(self) -> str:
        return self.values.get("sort", "")

    @property
    def peek(self) -> int | None:
        number = self.values.get("peek", "").removeprefix("CASE-")
        return int(number) if number else None

    def url(self, **changes: str | None) -> str:
        """The queue with these values changed; any change of a filter goes back to the first page."""
        base = self.values if set(changes) <= {"peek"} else {**self.values, "after": "", "peek": ""}
        values = {name: value for name, value in {**base, **changes}.items() if value}
        query = f"?{urlencode(values)}" if values else ""
        return reverse("cases:queue") + query

    @property
    def tokens(self) -> list[Token]:
        """The filters in force, in the order of the form."""
        found = []
        for name in ("q", "stage", "sev", "assignee"):
            if value := self.values.get(name):
                choices = dict(getattr(self.form.fields[name], "choices", []))
                label = str(self.form.fields[name].label)
                found.append(Token(label, str(choices.get(value, value)), self.url(**{name: None})))
        return found

    def filtered(self, user: User) -> CaseQuerySet:
        """The cases that fit, in no order yet."""
        cases = Case.objects.visible_to(user)
        stage = self.values.get("stage", "")
        if stage != "all":
            cases = cases.filter(stage=stage) if stage else cases.filter(~Q(stage=Stage.CLOSED))
        if lowest := self.values.get("sev"):
            cases = cases.filter(severity__gte=Severity(int(lowest)))
        if whose := self.values.get("assignee"):
            cases = cases.filter(assignee=user) if whose == "me" else cases.filter(assignee__isnull=True)
        return _searched(cases, self.values.get("q", ""))

    def page(self, user: User) -> tuple[list[Case], str]:
        """At most fifty cases and the cursor of the next page, empty when this is the last."""
        columns, is_upwards = KEYS[self.sort]
        computed = {name: COMPUTED[name] for name in columns if name in COMPUTED}
        cases = self.filtered(user).annotate(**computed).select_related("assignee")
        if after := _decoded(self.values.get("after", ""), len(columns)):
            beyond = TupleGreaterThan if is_upwards else TupleLessThan
            cases = cases.filter(beyond(Tuple(*(F(name) for name in columns)), after))
        order = [name if is_upwards else f"-{name}" for name in columns]
        found = list(cases.order_by(*order).defer("risk", "close_reason")[: PAGE + 1])
        is_last = len(found) <= PAGE
        return found[:PAGE], "" if is_last else _encoded([getattr(found[PAGE - 1], name) for name in columns])

    @property
    def sort_label(self) -> str:
        return SORTS[self.sort]


def _searched(cases: CaseQuerySet, text: str) -> CaseQuerySet:
    text = refang(text)
    if not text:
        return cases
    number = text.upper().removeprefix("CASE-")
    by_number = Q(pk=int(number)) if number.isascii() and number.isdigit() and len(number) < 18 else Q()
    words = Q(title__icontains=text) | Q(device_name__icontains=text) | Q(person_name__icontains=text)
    return cases.filter(by_number | words | Q(target__icontains=text))


def _encoded(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _decoded(cursor: str, length: int) -> list[Any]:
    """A cursor that somebody changed leads to the first page."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        values = [datetime.fromisoformat(value) if isinstance(value, str) else int(value) for value in plain]
    except (ValueError, TypeError, binascii.Error):
        return []
    return values if len(values) == length else []
