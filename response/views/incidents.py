"""Major-incident mode: its page, its two signatures, its end."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from cases.views.access import reader
from response.errors import ApprovalError
from response.models import MajorIncident
from response.services import incidents
from secops import stepup
from secops.access import May, require

SHOWN = 10
USUAL_HOURS = 4


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """What is on or waits, and the last ones; a POST proposes."""
    user = reader(request)
    if request.method == "POST":
        stepup.answer(request, user)
        cap, hours = (_number(request.POST.get(name, "")) for name in ("cap", "hours"))
        incidents.propose(request.POST.get("reason", ""), cap=cap, hours=hours, actor=user)
        return redirect("response:major")
    require(user, May.SEE)
    context = {
        "section": "approvals",
        "current": incidents.current(),
        "waiting": incidents.waiting(),
        "past": MajorIncident.objects.select_related("proposed_by", "signed_by", "ended_by")[:SHOWN],
        "usual_cap": settings.ISOLATIONS_PER_HOUR,
        "usual_hours": USUAL_HOURS,
    }
    return render(request, "response/major.html", context)


@require_POST
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(MajorIncident, pk=pk)
    stepup.answer(request, reader(request))
    incidents.sign(found.pk, actor=reader(request))
    return redirect("response:major")


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(MajorIncident, pk=pk)
    incidents.end(found.pk, actor=reader(request))
    return redirect("response:major")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ApprovalError("Write isolations and hours as whole numbers.")
    return int(text)
