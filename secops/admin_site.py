"""Rules of the admin pages: the admin role opens them, being a superuser is not enough."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from secops import stepup
from secops.access import May
from secops.models import AuditEntry, User


def may_administer(request: HttpRequest) -> bool:
    user = request.user
    return bool(user.is_active and getattr(user, "may", lambda _: False)(May.ADMINISTER))


class NightdeskAdminSite(admin.AdminSite):
    site_header = "Nightdesk administration"
    site_title = "Nightdesk"
    index_title = "Administration"
    site_url = "/queue/"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        return may_administer(request)

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one sign-in page, with the brake on guessing; who is signed in and may not administer is refused."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


class AdminOnly:
    """Mixin of a ModelAdmin or inline: the admin role may do everything, others nothing; changes are audited."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_administer(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_administer(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_administer(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_administer(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_administer(request)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        AuditEntry.append(f"Added {obj._meta.verbose_name} {obj}", actor=request.user)
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        AuditEntry.append(f"Changed {obj._meta.verbose_name} {obj}", actor=request.user)
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            AuditEntry.append(f"Deleted {obj._meta.verbose_name} {obj}", actor=request.user)
        return super().log_deletions(request, queryset)  # type: ignore[misc]


class ProvenOnly(AdminOnly):
    """Mixin: people, roles, tokens and secrets; an admin with a second factor proves it before the form is shown."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        stepup.require(cast(User, request.user))
        return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        stepup.require(cast(User, request.user))
        return super().delete_view(request, *args, **kwargs)  # type: ignore[misc]

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        stepup.require(cast(User, request.user))
        return super().response_action(request, *args, **kwargs)  # type: ignore[misc]


class ReadOnly(AdminOnly):
    """Mixin: a window, not a lever."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
