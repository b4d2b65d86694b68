"""The pages of one's own account: second factors, and proving oneself anew."""

from typing import cast

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from secops import codes, factors, passkeys, stepup
from secops import secrets as vault
from secops.errors import ConflictError, SecopsError
from secops.models import User

NEW_SECRET = "new_app_secret"  # noqa: S105 - in the session, encrypted, until a code confirms it


class CodeForm(forms.Form):
    """The first code of a new secret; says which interval it was."""

    code = forms.CharField(
        label="Code that the app shows now",
        max_length=20,
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}),
    )

    def __init__(self, secret: str, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.secret = secret

    def clean_code(self) -> int:
        counter = codes.matching(self.secret, self.cleaned_data["code"])
        if counter is None:
            raise forms.ValidationError("That is not the code of this secret. Is the clock of your phone right?")
        return counter


# --- second factors --------------------------------------------------------------------------------------


@require_GET
def security(request: HttpRequest) -> HttpResponse:
    """What proves the reader, and how to add or remove one."""
    user = _person(request)
    context = {
        "factors": list(user.factors.all()),
        "problem": stepup.why_not_change(user),
        "no_passkeys": passkeys.why_not(request),
        "mode": settings.STEPUP,
        "minutes": settings.STEPUP_MINUTES,
    }
    return render(request, "account/security.html", context)


@require_POST
def start_app(request: HttpRequest) -> HttpResponse:
    """A new secret, shown this once, as a drawing and as text."""
    user = _person(request)
    stepup.require_again(user)
    secret = codes.new_secret()
    request.session[NEW_SECRET] = vault.encrypt(secret)
    address = codes.address(secret, issuer=settings.PRODUCT_NAME, account=user.get_username())
    context = {"secret": secret, "address": address, "form": CodeForm(secret)}
    return render(request, "account/app.html", context)


@require_POST
def confirm_app(request: HttpRequest) -> HttpResponse:
    """The code proves that the app has the secret; it is not shown again when it does not."""
    user = _person(request)
    stepup.require_again(user)
    if NEW_SECRET not in request.session:
        raise ConflictError("No secret waits for its code. Begin again.")
    secret = vault.decrypt(request.session[NEW_SECRET])
    form = CodeForm(secret, request.POST)
    if not form.is_valid():
        return render(request, "account/app.html", {"form": form}, status=422)
    factors.add_app(user, secret, form.cleaned_data["code"])
    del request.session[NEW_SECRET]
    return redirect("security")


@require_POST
def start_passkey(request: HttpRequest) -> JsonResponse:
    """For the browser: what to make a passkey of."""
    user = _person(request)
    stepup.require_again(user)
    known = factors.known_passkeys(user)
    return JsonResponse(passkeys.begin_adding(request, user.pk, user.get_username(), user.display_name, known))


@require_POST
def add_passkey(request: HttpRequest) -> HttpResponse:
    user = _person(request)
    stepup.require_again(user)
    factors.add_passkey(request, user, request.POST.get("name", ""), request.POST.get("passkey", ""))
    return redirect("security")


@require_POST
def remove_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """One of the reader's own; one that is gone already is gone."""
    user = _person(request)
    stepup.require_again(user)
    if found := user.factors.filter(pk=pk).first():
        factors.remove(found)
    return redirect("security")


# --- proving oneself anew --------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def reauth(request: HttpRequest) -> HttpResponse:
    """Ask for a passkey or a code, then go on to where the reader came from."""
    user = _person(request)
    if request.method == "POST":
        stepup.answer(request, user)
        if stepup.has_proved(user):
            return redirect(_back(request, request.POST.get("next", "")))
    return _question(request, _back(request, request.GET.get("next", "")), status=200)


@require_POST
def start_proof(request: HttpRequest) -> JsonResponse:
    """For the browser: the challenge that a passkey answers."""
    return JsonResponse(passkeys.begin(request, factors.known_passkeys(_person(request))))


def asked(request: HttpRequest, error: SecopsError, *, is_part: bool) -> HttpResponse:
    """The answer to whoever did something that needs a proof first: the question, and then back to their page."""
    if request.path.startswith(reverse("security")):
        wanted = reverse("security")  # what lies below it takes a POST only
    elif request.method in ("GET", "HEAD") and not is_part:
        wanted = request.get_full_path()
    else:
        wanted = said_next(request) or request.headers.get("Referer", "")
    where = _back(request, wanted)
    if is_part:
        return HttpResponseClientRedirect(f"{reverse('reauth')}?{urlencode({'next': where})}")
    return _question(request, where, status=error.status_code, error=error)


def said_next(request: HttpRequest) -> str:
    """Where the form would have led, if it was read: a body that was refused unread is not read for this."""
    return request.POST.get("next", "") if hasattr(request, "_post") else ""


def _question(request: HttpRequest, where: str, *, status: int, error: SecopsError | None = None) -> HttpResponse:
    kinds = {one.kind for one in _person(request).factors.all()}
    context = {
        "next": where,
        "error": error,
        "question": stepup.Ask(is_wanted=True, has_app="app" in kinds, has_passkey="passkey" in kinds),
        "is_proved": stepup.has_proved(_person(request)),
    }
    return render(request, "account/reauth.html", context, status=status)


def _back(request: HttpRequest, wanted: str) -> str:
    """Where the reader came from, on this site; never an address that only takes a POST would be asked for."""
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if wanted and is_ours else settings.LOGIN_REDIRECT_URL


def _person(request: HttpRequest) -> User:
    """LoginRequiredMiddleware has made sure that there is one."""
    return cast(User, request.user)
