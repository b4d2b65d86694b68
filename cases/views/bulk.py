"""Decisions about several rows of the queue at once; each case answers for itself."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from cases.choices import Disposition
from cases.forms.decisions import CloseForm
from cases.models import Case
from cases.services import cases as services
from cases.views.access import reader
from cases.views.filters import PAGE
from secops.access import May, require
from secops.errors import ConflictError


@require_POST
def bulk(request: HttpRequest, what: str) -> HttpResponse:
    """Assign the ticked cases to the reader, or close them with one reason."""
    require(reader(request), May.WORK)
    cases = _ticked(request)
    if not cases:
        messages.info(request, "No case was ticked.")
        return redirect(_after(request))
    return _assign(request, cases) if what == "assign" else _close(request, cases)


def _assign(request: HttpRequest, cases: list[Case]) -> HttpResponse:
    user = reader(request)
    _each(request, cases, lambda case: services.assign(case.pk, user, actor=user), "assigned to you")
    return redirect(_after(request))


def _close(request: HttpRequest, cases: list[Case]) -> HttpResponse:
    """First the page that names every case and asks for the reason, then the closing."""
    is_answer = "confirmed" in request.POST
    form = CloseForm(request.POST if is_answer else None)
    if not is_answer or not form.is_valid():
        context = {"section": "queue", "cases": cases, "form": form, "next": _after(request)}
        return render(request, "cases/bulk_close.html", context, status=422 if is_answer else 200)
    user, values = reader(request), form.cleaned_data
    disposition = Disposition(values["disposition"])
    _each(
        request,
        cases,
        lambda case: services.close(case.pk, disposition, values["reason"], actor=user),
        "closed",
    )
    return redirect(_after(request))


def _each(request: HttpRequest, cases: list[Case], act: Callable[[Case], object], done: str) -> None:
    """One transaction per case: what somebody else was faster with is skipped and named."""
    skipped = []
    for case in cases:
        try:
            act(case)
        except ConflictError as error:
            skipped.append(f"{case.number}: {error}")
    count = len(cases) - len(skipped)
    messages.success(request, f"{count} case{'' if count == 1 else 's'} {done}")
    if skipped:
        messages.error(request, f"Skipped {len(skipped)}. {' '.join(skipped)}")


def _ticked(request: HttpRequest) -> list[Case]:
    ids = [int(pk) for pk in request.POST.getlist("case") if pk.isascii() and pk.isdigit() and len(pk) < 18]
    return list(Case.objects.visible_to(reader(request)).filter(pk__in=ids[:PAGE]).order_by("pk"))


def _after(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else reverse("cases:queue")
