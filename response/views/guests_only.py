"""Guests (Legal, HR) stay on pages of their own: whatever else belongs to one thing is not there for them."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from cases.choices import Circle
from secops.access import May
from secops.models import User

OWN = frozenset(
    {"use_link", "remove_factor", "cases:note", "response:guest_case"}
    | {f"response:{what}" for what in ("authorise_mandate", "revoke_mandate", "release")}
)
READ_BY_LEGAL = frozenset({"response:report", "response:report_pdf", "response:report_json"})


class GuestsOnlyMiddleware:
    """Asked before any view, so that a page which comes later is closed to guests until it is named here.

    What they may see and do on their own pages is decided there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Mapping[str, Any]) -> None:
        if not kwargs or not request.user.is_authenticated or request.resolver_match is None:
            return
        user = request.user
        if user.may(May.SEE) or request.resolver_match.view_name in allowed(user):
            return
        if request.method == "GET":
            raise Http404
        raise PermissionDenied


def allowed(user: User) -> frozenset[str]:
    """The pages of one case that such a reader may open; which cases is asked there."""
    return OWN | READ_BY_LEGAL if Circle.LEGAL in user.group_names else OWN
