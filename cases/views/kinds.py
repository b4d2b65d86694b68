"""How a kind groups its alerts: a page of the administration that weighs a rule before it is saved."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from cases.choices import GroupBy
from cases.forms.grouping import GroupingForm
from cases.models import AlertKind
from cases.services import kinds, stored, weighing
from cases.views.access import reader


@require_http_methods(["GET", "POST"])
def grouping(request: HttpRequest, pk: int) -> HttpResponse:
    """GET weighs the rule in force, POST the one that was filled in; *save* keeps it."""
    kind, user = get_object_or_404(AlertKind, pk=pk), reader(request)
    current = {"by": kind.group_by, "hours": kind.group_hours, "maximum": kind.group_maximum}
    form = GroupingForm(request.POST or None, initial=current)
    rule = form.cleaned_data if form.is_valid() else None if form.is_bound else current
    if rule and "save" in request.POST:
        kinds.set_grouping(pk, [GroupBy(one) for one in rule["by"]], rule["hours"], rule["maximum"], actor=user)
        messages.success(request, f"New alerts of {kind.name} are grouped so from now on.")
        return redirect("admin:cases_alertkind_change", pk)
    weighed = weighing.grouping_of(kind, rule["by"], rule["hours"], rule["maximum"], user) if rule else None
    context = {"kind": kind, "form": form, "weighed": weighed, "days": stored.DAYS, "title": "Grouping"}
    template = "admin/cases/alertkind/grouping.html"
    return render(request, template, context, status=422 if rule is None else 200)
