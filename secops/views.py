"""Pages of the ground: signing in, health, error pages."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods

from secops import signin, stepup
from secops.access import May, RoleName
from secops.models import User
from secops.proofs import ProvedBy


class BrakedForm(AuthenticationForm):
    """Same answer for unknown users and wrong passwords; too many tries are refused before asking."""

    def clean(self) -> dict[str, Any]:
        username, address = self.cleaned_data.get("username", ""), self._address()
        signin.brake(username, address)
        try:
            return super().clean()
        except Exception:
            signin.count_wrong(username, address)
            raise

    def _address(self) -> str:
        """Behind a proxy the last address that it noted: the others are what the visitor wrote."""
        if not self.request:
            return ""
        seen = str(self.request.META.get("REMOTE_ADDR", ""))
        if settings.SECURE_PROXY_SSL_HEADER:
            return self.request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or seen
        return seen


def start(request: HttpRequest) -> HttpResponse:
    """Where the reader begins."""
    return _to_the_beginning(request.user)


def _to_the_beginning(user: Any) -> HttpResponse:
    """The queue; for guests, who may see none, their own page."""
    return redirect("cases:queue" if user.may(May.SEE) or RoleName.GUEST not in user.group_names else "response:guest")


class SignInView(LoginView):
    authentication_form = BrakedForm
    redirect_authenticated_user = True


@login_not_required
@require_http_methods(["GET", "POST"])
def use_link(request: HttpRequest, secret: str) -> HttpResponse:
    """GET shows a button, so that a mail scanner does not use the link up; POST signs in."""
    if request.method == "GET":
        return render(request, "signin.html", {"is_good": signin.is_good(secret)})
    user = signin.redeem_link(secret)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    stepup.signed_in_by(request, ProvedBy.LINK)
    return _to_the_beginning(user)


@login_not_required
@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """Is the database there? Says nothing else to anybody."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@require_http_methods(["POST"])
def set_theme(request: HttpRequest) -> HttpResponse:
    """Light, dark or as the device; kept with the user."""
    user = request.user
    if isinstance(user, User) and (theme := request.POST.get("theme", "")) in User.Theme.values:
        user.theme = theme
        user.save(update_fields=["theme"])
    back = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if is_ours else settings.LOGIN_REDIRECT_URL)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)
