"""The drills of every product that cuts devices off: what is trusted, what is not yet, and the start of one."""

from typing import Any
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from cases.models import Case, Device
from cases.views.access import reader
from response.actions.base import Action, actions
from response.errors import RunbookError
from response.models import Drill
from response.services import drills
from secops.access import May, require
from secops.integrations import with_capability
from secops.models import Integration, User

SHOWN = 10


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """One card for each action and the product behind it; a POST starts a drill and leads to its case."""
    user = reader(request)
    if request.method == "POST":
        require(user, May.STEER)
        run = drills.start(
            request.POST.get("action", ""),
            request.POST.get("device", ""),
            request_id=_request_id(request),
            actor=user,
        )
        return redirect("cases:case", run.case_id)
    require(user, May.SEE)
    context = {"section": "approvals", "cards": _cards(user), "request_id": uuid4()}
    return render(request, "response/drills.html", context)


def _request_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("request_id", ""))
    except ValueError:
        raise RunbookError("The form was not complete. Load the page again.") from None


def _cards(user: User) -> list[dict[str, Any]]:
    return [
        _card(action, source, user)
        for action in actions
        if drills.needs_drill(action)
        for source in with_capability(action.capability)[:1]
    ]


def _card(action: type[Action], source: Integration, user: User) -> dict[str, Any]:
    """Every group that devices have, with whether the action is on there; runs of hidden cases are not linked."""
    found = Drill.objects.filter(integration=source, action=action.slug).select_related("device", "run", "by")
    done = {one.device_group for one in found if one.released_at}
    is_on_everywhere = any(one.is_for_all_groups and one.released_at for one in found)
    groups = sorted({*Device.objects.values_list("group", flat=True).distinct(), *done})
    seen = set(Case.objects.visible_to(user).filter(runs__drill__in=found).values_list("pk", flat=True))
    return {
        "action": action,
        "source": source,
        "groups": [{"name": name or "No group", "is_on": is_on_everywhere or name in done} for name in groups],
        "drills": [{"drill": one, "is_seen": one.run is not None and one.run.case_id in seen} for one in found[:SHOWN]],
    }
