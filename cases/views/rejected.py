"""What could not be read: the list, one payload with its repair, and all of a source at once. For admins."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases.forms.sources import RepairForm
from cases.intake.gate import clean_text
from cases.models import Alert, RejectedPayload
from cases.services import replay
from cases.services.replay import Outcome
from cases.views.access import reader
from secops.access import May, require
from secops.models import User
from secops.wording import shown

PAGE = 50
SHOWN = 200_000  # characters of a payload
SHOWN_PROBLEMS = 20


@require_GET
def rejected(request: HttpRequest) -> HttpResponse:
    """What waits, or what was read since; of one source where it is named."""
    require(reader(request), May.ADMINISTER)
    was_read = request.GET.get("show") == "read"
    chosen = {name: value[:60] for name in ("source", "detector") if (value := clean_text(request.GET.get(name, "")))}
    found = RejectedPayload.objects.visible_to(reader(request)).filter(replayed_at__isnull=not was_read, **chosen)
    page = Paginator(found.defer("body", "repaired"), PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "section": "sources",
        "page": page,
        "payloads": page.object_list,
        "was_read": was_read,
        "chosen": chosen,
        "query": query.urlencode(),
    }
    return render(request, "cases/rejected.html", context)


@require_http_methods(["GET", "POST"])
def payload(request: HttpRequest, pk: int) -> HttpResponse:
    """One payload as text; sent, it is read again as the form says."""
    user = reader(request)
    if request.method == "POST":
        require(user, May.ADMINISTER)
    found = get_object_or_404(RejectedPayload.objects.visible_to(user).select_related("repaired_by"), pk=pk)
    if request.method == "GET":
        replay.opened(found, actor=user)
        return _page(request, found, RepairForm(found))
    form = RepairForm(found, request.POST)
    if not form.is_valid():
        replay.opened(found, actor=user)
        return _page(request, found, form, status=422)
    outcome = replay.again(found, actor=user, text=form.changed, detector=form.cleaned_data["detector"])
    if not outcome.is_read:
        return _page(request, found, form, outcome=outcome, status=422)
    messages.success(request, f"Read: {outcome.text}.")
    may_still = RejectedPayload.objects.visible_to(user).filter(pk=pk).exists()
    return redirect("cases:payload", pk) if may_still else redirect("cases:rejected")


@require_POST
def replay_all(request: HttpRequest) -> HttpResponse:
    """All that waits of one source."""
    done = replay.all_of(request.POST.get("source", ""), request.POST.get("detector", ""), actor=reader(request))
    said = f"{done.read} of {done.read + done.failed} could be read."
    if done.left:
        said += f" {done.left} were not tried yet: replay again."
    messages.info(request, said)
    return redirect("cases:rejected")


def _page(
    request: HttpRequest, found: RejectedPayload, form: RepairForm, *, outcome: Outcome | None = None, status: int = 200
) -> HttpResponse:
    raw = found.raw()
    text = raw.decode("utf-8", "replace")
    context: dict[str, Any] = {
        "section": "sources",
        "payload": found,
        "form": form,
        "outcome": outcome,
        "problems": outcome.problems[:SHOWN_PROBLEMS] if outcome else (),
        "text": text[:SHOWN],
        "length": len(text),
        "shown": min(len(text), SHOWN),
        "repaired": found.latest().decode("utf-8", "replace")[:SHOWN] if found.repaired and found.replayed_at else "",
        "is_text": text.encode() == raw,
        "has_hidden": shown(text[:SHOWN]) != text[:SHOWN],
        "alerts": _alerts(found, reader(request)),
    }
    return render(request, "cases/payload.html", context, status=status)


def _alerts(found: RejectedPayload, user: User) -> Any:
    """What came of it and the reader may see, which is all of it: else the payload is not shown."""
    return Alert.objects.visible_to(user).filter(pk__in=found.alerts.values("pk")).select_related("case").order_by("pk")
