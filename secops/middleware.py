"""What happens around every view: expected errors become pages, people carry their proof, pages are never stored."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from secops import account, stepup
from secops.errors import SecopsError
from secops.models import User
from secops.proofs import ProofError

type View = Callable[[HttpRequest], HttpResponse]


class SecopsErrorMiddleware:
    """Turn a SecopsError into a readable answer, for pages and for HTMX alike."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, SecopsError):
            return None
        is_part = request.headers.get("HX-Request") == "true"
        if isinstance(error, ProofError):
            return account.asked(request, error, is_part=is_part)
        template = "error.html#message" if is_part else "error.html"
        after = account.said_next(request)
        is_ours = url_has_allowed_host_and_scheme(after, {request.get_host()}, require_https=request.is_secure())
        return render(request, template, {"error": error, "after": after if is_ours else ""}, status=error.status_code)


class ProofMiddleware:
    """Whoever is signed in carries what their session knows of how they proved themselves; a new proof renews it."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not isinstance(request.user, User):
            return self.get_response(request)
        request.user.proof = stepup.proof_of(request.session)
        before = request.session.get(stepup.PROVED)
        response = self.get_response(request)
        after = request.session.get(stepup.PROVED)
        if after and after != before and response.status_code < 500:  # else nothing is saved and no cookie is sent
            stepup.renew(request.session)
        return response


class NoStoreMiddleware:
    """Nothing that a signed-in person saw stays in a cache of the browser or of a proxy."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/static/"):
            response.setdefault("Cache-Control", "no-store")
            patch_vary_headers(response, ["HX-Request"])
        return response
