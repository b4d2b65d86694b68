"""What the editor asks for while somebody writes, and the acts that save nothing: publish, restore, copy."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from cases.views.access import reader
from response.formats import yaml
from response.forms.steps import StepForm
from response.forms.texts import TextForm
from response.models import Runbook, RunbookVersion
from response.services import drafts, runbooks
from response.services.trials import Trials
from response.views.comparison import lines_between
from secops.errors import SecopsError
from secops.proofs import ProofError

MAX_CONDITION = 1_000


@require_GET
def params_form(request: HttpRequest) -> HttpResponse:
    """The parameters of the action that was chosen, for HTMX; the select's name says which step it is."""
    name = next((key for key in request.GET if key.endswith("-action")), "")
    form = StepForm(prefix=name.removesuffix("-action"), initial={"action": request.GET.get(name, "")})
    return render(request, "admin/response/runbook/params.html", {"fields": form.param_fields})


@require_GET
def trial(request: HttpRequest, pk: int) -> HttpResponse:
    """How often a condition would have matched, for HTMX; the field's name says whether it is a list."""
    runbook = get_object_or_404(Runbook, pk=pk)
    name = next((key for key in request.GET if key.endswith(("-when", "-for_each"))), "")
    source = request.GET.get(name, "").strip()[: MAX_CONDITION + 1]
    found = Trials(runbook, reader(request)).of(source, is_list=name.endswith("-for_each")) if source else None
    return render(request, "admin/response/runbook/trial.html", {"trial": found})


@require_POST
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish exactly the draft that was looked at."""
    runbook = get_object_or_404(Runbook, pk=pk)
    try:
        version = runbooks.publish(
            runbook,
            actor=reader(request),
            note=request.POST.get("publish_note", ""),
            accepts=request.POST.getlist("accept"),
            seen=request.POST.get("sha256", "") or "none",
        )
    except ProofError:
        raise  # its page asks for the proof and leads back here
    except SecopsError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Published {version}. New runs follow it.")
    return _page(runbook)


@require_POST
def duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """A new runbook with the same draft."""
    copy = drafts.duplicate(get_object_or_404(Runbook, pk=pk), actor=reader(request))
    messages.success(request, f"This is the copy, called {copy.slug}. It is not published, and no kind offers it.")
    return _page(copy)


@require_POST
def restore(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """A version becomes the draft again."""
    version = get_object_or_404(RunbookVersion, runbook=pk, number=number)
    drafts.restore(version, actor=reader(request))
    messages.success(request, f"The draft is v{number} again. Nothing is published by this.")
    return _page(version.runbook)


@require_GET
def versions(request: HttpRequest, pk: int) -> HttpResponse:
    """What was published, and what lies between any two of them or the draft."""
    runbook = get_object_or_404(Runbook, pk=pk)
    found = list(runbook.versions.select_related("author", "published_by"))
    texts = {str(version.number): yaml.write(version.body) for version in found} | {"draft": drafts.text_of(runbook)}
    newest = str(found[0].number) if found else "draft"
    old, new = (request.GET.get(name) for name in ("old", "new"))
    old, new = old if old in texts else newest, new if new in texts else "draft"
    context = _context(request, runbook, f"Versions of {runbook.title}") | {
        "versions": found,
        "names": list(texts)[::-1],
        "old": old,
        "new": new,
        "lines": lines_between(texts[old], texts[new]),
    }
    return render(request, "admin/response/runbook/versions.html", context)


@require_GET
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """The draft, or the version that `version` names, as YAML."""
    runbook = get_object_or_404(Runbook, pk=pk)
    number, name, text = request.GET.get("version", ""), runbook.slug, drafts.text_of(runbook)
    if number.isascii() and number.isdigit():
        version = get_object_or_404(RunbookVersion, runbook=pk, number=int(number[:9]))
        name, text = f"{name}-v{version.number}", yaml.write(version.body)
    answer = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.yaml"'
    return answer


def upload(request: HttpRequest, pk: int) -> HttpResponse:
    """A text becomes the draft, all of it or nothing; each error names its line."""
    runbook = get_object_or_404(Runbook, pk=pk)
    size = int(request.META.get("CONTENT_LENGTH") or 0)
    form = TextForm(request.POST or None, request.FILES or None, initial={"text": drafts.text_of(runbook)}, size=size)
    errors: list[str] = []
    if request.method == "POST" and form.is_valid():
        try:
            drafts.take(form.cleaned_data["text"], form.cleaned_data["name"], actor=reader(request), into=runbook)
        except SecopsError as error:
            errors = str(error).splitlines()
        else:
            messages.success(request, "The draft is what the text says. Nothing is published by this.")
            return _page(runbook)
    is_refused = bool(errors or form.errors)
    context = _context(request, runbook, f"Text of {runbook.title}") | {"form": form, "errors_found": errors}
    return render(request, "admin/response/runbook/upload.html", context, status=422 if is_refused else 200)


def _page(runbook: Runbook) -> HttpResponse:
    return redirect(reverse("admin:response_runbook_change", args=[runbook.pk]))


def _context(request: HttpRequest, runbook: Runbook, title: str) -> dict[str, Any]:
    return admin.site.each_context(request) | {"runbook": runbook, "opts": Runbook._meta, "title": title}
