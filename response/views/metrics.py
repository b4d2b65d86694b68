"""How the security operations centre does: figures, charts, each as a table and as CSV, and how each is made."""

import csv
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from cases.choices import Severity
from cases.views.access import reader
from response.actions.base import actions
from response.forms.metrics import Asked, asked
from response.services.metrics.minutes import MINUTES
from response.services.metrics.page import made, words_of
from response.services.metrics.scope import MOST, PERIODS, Scope
from response.services.metrics.spans import OPENED_BY_HAND, TITLES, containing
from response.services.metrics.tuning import FEWEST_ANALYSTS, FEWEST_CASES
from secops.access import May, require
from secops.trends import LAYERS

SHORT = {"acknowledge": "Acknowledge", "contain": "Contain", "resolve": "Resolve"}
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for one


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures of what this reader may see; another reader may get others, and the page says so."""
    choice = asked(request.GET)
    scope = _scope(request, choice)
    figures = made(scope)
    time = figures.charts[f"time_to_{choice.time}"]
    context: dict[str, Any] = {
        "section": "metrics",
        "figures": figures,
        "scope": scope,
        "words": words_of(scope),
        "asked": choice,
        "periods": [(days, f"{days} days") for days in PERIODS],
        "severities": [(one.value, f"{one.label} and up" if one else "All") for one in reversed(Severity)],
        "measures": [(SHORT[what], what == choice.time, f"?{choice.query(time=what)}#times") for what in TITLES],
        "time": time,
        "has_time": any(row[1] for row in time.rows),
        "nothing": f"No case was closed in these {choice.days} days",
        "legend": [
            (one.label.lower(), colour) for one, colour in zip(reversed(Severity), reversed(LAYERS), strict=True)
        ],
        "most": MOST,
        "csv": f"days={choice.days}&sev={choice.severity}",
    }
    return render(request, "response/metrics.html", context)


@require_GET
def definitions(request: HttpRequest) -> HttpResponse:
    """In words, from the same constants that the figures use."""
    require(reader(request), May.SEE)
    labels = {one.slug: one.label for one in actions}
    context: dict[str, Any] = {
        "section": "metrics",
        "most": MOST,
        "by_hand": round(OPENED_BY_HAND),
        "containing": sorted(labels[slug] for slug in containing()),
        "minutes": sorted((labels[slug], minutes) for slug, minutes in MINUTES.items()),
        "fewest_analysts": FEWEST_ANALYSTS,
        "fewest_cases": FEWEST_CASES,
    }
    return render(request, "response/metrics_definitions.html", context)


@require_GET
def table(request: HttpRequest) -> HttpResponse:
    """One chart's table, of the same figures; without a name the tiles."""
    choice = asked(request.GET)
    scope = _scope(request, choice)
    figures, key = made(scope), request.GET.get("chart", "")
    if key and key not in figures.charts:
        raise Http404
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name = f"metrics-{key or 'overview'}-{scope.start:%Y%m%d}-{choice.days}d.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    writer = csv.writer(response)
    if key:
        writer.writerow(figures.charts[key].columns)
        writer.writerows([_cell(cell) for cell in row] for row in figures.charts[key].rows)
        return response
    writer.writerow(["Figure", "Value", "Against the period before", "Note"])
    for tile in figures.tiles:
        label = f"{tile.label} (estimate)" if tile.is_estimate else tile.label
        value = " ".join(part for pair in tile.value for part in pair if part)
        writer.writerow([_cell(cell) for cell in (label, value, tile.change, tile.note)])
    return response


def _scope(request: HttpRequest, choice: Asked) -> Scope:
    require(reader(request), May.SEE)
    return Scope(reader=reader(request), days=choice.days, severity=choice.severity, end=timezone.now())


def _cell(value: Any) -> Any:
    """Foreign words never begin a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
