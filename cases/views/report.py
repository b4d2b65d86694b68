"""A case opened by hand: a form that says what a person was told."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from cases.errors import IncompleteError
from cases.forms.reports import ReportForm
from cases.models import Case
from cases.services import opening
from cases.services.senders import BY_HAND
from cases.views.access import reader
from secops.access import May, require


@require_http_methods(["GET", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """GET shows the form; POST opens the case, which machines begin to complete at once."""
    user = reader(request)
    require(user, May.WORK)
    form = ReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            is_restricted = form.cleaned_data["is_restricted"]
            case = opening.reported(form.payload, source=BY_HAND, actor=user, is_restricted=is_restricted)
        except IncompleteError as error:
            form.add_error(None, str(error))
        else:
            if not Case.objects.visible_to(user).filter(pk=case.pk).exists():
                said = "It is opened, and you may not see it: it is about you, or somebody who reports to you."
                messages.success(request, said)
                return redirect("cases:queue")
            messages.success(request, f"{case.number} is opened. Sources are being asked.")
            return redirect("cases:case", case.pk)
    status = 422 if request.method == "POST" else 200
    return render(request, "cases/report.html", {"section": "queue", "form": form}, status=status)
