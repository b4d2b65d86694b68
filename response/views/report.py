"""The report of a case: a page that prints well, its PDF and its JSON, all from one value."""

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_http_methods

from cases.models import Case
from cases.views.access import reader, visible_case
from response.services.report import exports
from response.services.report.build import Wanted, made
from secops import pdf

CSS = settings.BASE_DIR / "static/css/report.css"
Row = dict[str, Any]


@require_GET
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """On screen, with the ways to take it along."""
    case = visible_case(request, pk)
    value = _value(request, case)
    return render(request, "response/report.html", {"section": "queue", "case": case, **_context(value)})


@require_GET
def report_json(request: HttpRequest, pk: int) -> HttpResponse:
    """The same value for machines; values stand as they are, not defanged."""
    case = visible_case(request, pk)
    value = _value(request, case)
    body = json.dumps(value, indent=1).encode()
    exports.note_access(case, value, "JSON", body, actor=reader(request))
    return HttpResponse(body, content_type="application/json")


@require_http_methods(["GET", "POST"])
def report_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """POST exports it, which the timeline tells; GET fetches it, which the access log tells."""
    case = visible_case(request, pk)
    value = _value(request, case)
    html = render_to_string("response/report_pdf.html", _context(value))
    body = pdf.render(html, CSS.read_text())
    if request.method == "POST":
        exports.export(case, value, "PDF", body, actor=reader(request))
    else:
        exports.note_access(case, value, "PDF", body, actor=reader(request))
    name = f"{case.number}-report{'-pseudonymised' if value['generated']['pseudonymised'] else ''}.pdf"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type="application/pdf", headers=disposition)


def _value(request: HttpRequest, case: Case) -> Row:
    asked = request.POST.get("pseudonymised") or request.GET.get("pseudonymised", "")
    return made(case, Wanted(by=reader(request), is_pseudonymised=asked == "1"))


def _context(value: Row) -> Row:
    return {"report": value, "tlp_class": value["tlp"].lower().replace("+", "-")}
