"""The health of the sources, and what is expected of one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from cases.forms.sources import ExpectForm
from cases.models import Case, RejectedPayload, Source
from cases.services import silence
from cases.services import sources as services
from cases.views.access import reader
from secops.access import May, require


@require_GET
def sources(request: HttpRequest) -> HttpResponse:
    """Every sender, those first that somebody should look at."""
    user = reader(request)
    require(user, May.SEE)
    rows = services.health(timezone.now())
    of_silence = [row.source.silent_case_id for row in rows if row.source.silent_case_id]
    context = {
        "section": "sources",
        "rows": rows,
        "seen_cases": set(Case.objects.visible_to(user).filter(pk__in=of_silence).values_list("pk", flat=True)),
        "rejected": RejectedPayload.objects.visible_to(user).waiting().count(),
    }
    return render(request, "cases/sources.html", context)


@require_http_methods(["GET", "POST"])
def source(request: HttpRequest, pk: int) -> HttpResponse:
    """When one counts as silent."""
    user = reader(request)
    require(user, May.ADMINISTER)
    found = get_object_or_404(Source, pk=pk)
    form = ExpectForm(request.POST or None, initial={"watch": found.watch, "hours": found.hours})
    if request.method == "POST" and form.is_valid():
        services.expect(found, **form.cleaned_data, actor=user)
        return redirect("cases:sources")
    context = {"section": "sources", "source": found, "form": form, "learnt": silence.learnt_hours(found)}
    return render(request, "cases/source.html", context, status=422 if form.errors else 200)
