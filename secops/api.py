"""The REST door: who a token is, what it may, how an error is answered."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from secops.errors import SecopsError
from secops.models import ApiToken

TOUCH_AFTER = 60  # seconds: a token's last use is noted at most once a minute


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer nd_...`; request.user is the token's user or the token itself, request.auth the token."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = ApiToken.of_secret(secret.decode("latin-1").strip())  # its user, which few have, only when asked for
        if token is None or not token.is_live or (token.user and not token.user.is_active):
            raise AuthenticationFailed("This token is unknown, revoked or expired.")
        self._touch(token)
        return token.user or token, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Nightdesk"'

    @staticmethod
    def _touch(token: ApiToken) -> None:
        now = timezone.now()
        if token.last_used_at is None or (now - token.last_used_at).total_seconds() > TOUCH_AFTER:
            stale = Q(last_used_at__isnull=True) | Q(last_used_at=token.last_used_at)
            ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


class Denied(BasePermission):
    """The default: a view that names no permission answers nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return False


class MaySend(BasePermission):
    """A token with scope `intake`."""

    message = "This needs a token with the scope intake."

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, ApiToken) and request.auth.scope == ApiToken.Scope.INTAKE


class MayRead(BasePermission):
    """A signed-in person, or a token with scope `read` that stands for one; rows still pass visible_to()."""

    message = "This needs a session, or a token with the scope read."

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, ApiToken):
            return request.auth.scope == ApiToken.Scope.READ and request.auth.user is not None
        return bool(request.user and request.user.is_authenticated)


class MaySendOrRead(BasePermission):
    """Either of the two; the view decides what each may see."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return any(permission().has_permission(request, view) for permission in (MaySend, MayRead))


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """A SecopsError as JSON; the rest as REST framework does it."""
    # its module imports the classes above by their settings, so it cannot be imported before them
    from rest_framework.views import exception_handler as drf_exception_handler

    if isinstance(error, SecopsError):
        return Response({"detail": str(error)}, status=error.status_code)
    if isinstance(error, PermissionDenied):
        return Response({"detail": "Not allowed."}, status=403)
    return drf_exception_handler(error, context)
