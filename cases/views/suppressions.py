"""Rules of suppression: the list, one rule with what it kept out, and writing one with its weight on the past days."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases.forms.suppressions import SuppressionForm
from cases.models import Alert, AlertKind, Suppression
from cases.models.suppressions import CONDITIONS
from cases.services import grouping, stored, suppressions, weighing
from cases.services.devices import host_name
from cases.views.access import reader
from secops.access import May, require
from secops.models import User

PAGE = 50
LABELS = {
    "rule_id": "Rule id",
    "network": "Address or network",
    "person": "User",
    "title": "Title contains",
}


@require_GET
def suppressions_list(request: HttpRequest) -> HttpResponse:
    """Those in force first, then those that are over, each with its count."""
    require(reader(request), May.SEE)
    now = timezone.now()
    page = Paginator(_rules(), PAGE).get_page(request.GET.get("page"))
    running = set(Suppression.objects.in_force(now).values_list("pk", flat=True))
    rows = [{"rule": rule, "conditions": _conditions(rule), "is_over": rule.pk not in running} for rule in page]
    rows.sort(key=lambda row: bool(row["is_over"]))
    context = {"section": "queue", "page": page, "rows": rows, "running": len(running)}
    return render(request, "cases/suppressions.html", context)


@require_GET
def suppression(request: HttpRequest, pk: int) -> HttpResponse:
    """One rule and the alerts that it kept out, the latest first."""
    require(reader(request), May.SEE)
    rule = get_object_or_404(_rules(), pk=pk)
    kept = Alert.objects.visible_to(reader(request)).filter(suppressed_as__suppression=rule)
    page = Paginator(kept.select_related("case", "device").order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "queue",
        "rule": rule,
        "conditions": _conditions(rule),
        "page": page,
        "waiting": suppressions.waiting_of(rule, timezone.now()).count(),
        "days": stored.DAYS,
    }
    return render(request, "cases/suppression.html", context)


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """GET is prefilled from an alert or a rule; POST weighs, or writes where the button for it was pressed."""
    user = reader(request)
    require(user, May.WORK if request.method == "POST" else May.SEE)
    initial = _prefilled(request, user)
    form = SuppressionForm(request.POST or None, initial=initial)
    is_sound = form.is_valid()
    if "write" in request.POST and is_sound:
        rule = suppressions.write(form.conditions, form.cleaned_data["reason"], form.expires_at, actor=user)
        messages.success(request, f"{rule.number} is in force")
        return redirect("cases:suppression", rule.pk)
    asked = form.conditions if form.is_bound else initial
    context = {"section": "queue", "form": form, "days": stored.DAYS, "says_errors": "write" in request.POST}
    context["weighed"] = weighing.suppression(suppressions.cleaned(asked), user) if any(asked.values()) else None
    is_part = request.headers.get("HX-Request") == "true"
    template = "cases/suppression_add.html#weight" if is_part else "cases/suppression_add.html"
    return render(request, template, context, status=422 if "write" in request.POST else 200)


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """From now on nothing more is suppressed by it."""
    get_object_or_404(Suppression, pk=pk)
    rule = suppressions.end(pk, actor=reader(request))
    messages.success(request, f"{rule.number} is over")
    return redirect("cases:suppression", pk)


@require_POST
def let_in(request: HttpRequest, pk: int) -> HttpResponse:
    """What it kept out in the past days goes into cases."""
    get_object_or_404(Suppression, pk=pk)
    done = suppressions.let_in(pk, actor=reader(request))
    more = f"; {done.left:,} more wait for another click" if done.left else ""
    messages.success(request, f"{done.alerts:,} alerts went into {done.cases:,} cases{more}")
    return redirect("cases:suppression", pk)


def _rules() -> Any:
    return Suppression.objects.select_related("owner", "ended_by").order_by("-pk")


def _conditions(rule: Suppression) -> list[dict[str, str]]:
    """What must hold, in the words of the form."""
    names = dict(AlertKind.objects.filter(slug=rule.kind).values_list("slug", "name")) if rule.kind else {}
    found = [(name, getattr(rule, name)) for name in CONDITIONS if getattr(rule, name)]
    return [
        {"label": LABELS.get(name, name.title()), "value": names.get(value, value) if name == "kind" else value}
        for name, value in found
    ]


def _prefilled(request: HttpRequest, user: User) -> dict[str, str]:
    """The properties of an alert that may be shown to everybody, or those of a rule that is written anew."""
    number = request.GET.get("alert", "").removeprefix("ALR-")
    if _is_number(number):
        alerts = Alert.objects.visible_to(user).select_related("case", "kind", "device")
        alert = get_object_or_404(alerts, pk=int(number))
        return {} if is_hushed(alert) else _like(alert)
    number = request.GET.get("rule", "").removeprefix("SUP-")
    if _is_number(number):
        rule = get_object_or_404(Suppression, pk=int(number))
        return {name: getattr(rule, name) for name in CONDITIONS} | {"reason": rule.reason}
    return {}


def is_hushed(alert: Alert) -> bool:
    """Everybody reads a rule, so none is made of what not everybody may see."""
    return bool((alert.case and alert.case.is_restricted) or (alert.kind and alert.kind.is_restricted))


def _like(alert: Alert) -> dict[str, str]:
    rule = {"rule_id": alert.rule_id} if alert.rule_id else {"title": alert.title}
    device = host_name(alert.device.name) if alert.device else ""
    kind = alert.kind.slug if alert.kind else ""
    network = "" if device else grouping.address_of(stored.normal(alert))
    return {"kind": kind, "source": alert.source, "device": device, "network": network} | rule


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 18
