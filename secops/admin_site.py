"""Rules of the admin pages: the admin role opens them, being a superuser is not enough."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from secops.access import May
from secops.models import AuditEntry


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


class ReadOnly(AdminOnly):
    """Mixin: a window, not a lever."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
