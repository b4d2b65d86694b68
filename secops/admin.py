"""Administration of the ground: users, tokens, audit; integrations have a module of their own."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from secops import (
    admin_integrations,  # noqa: F401 - registers the integrations
    factors,
    stepup,
)
from secops.admin_site import ProvenOnly, ReadOnly
from secops.models import ApiToken, AuditEntry, User
from secops.taskqueue import unregister_queue_admin

unregister_queue_admin()
admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(ProvenOnly, GroupAdmin):
    """Roles and teams; Django's own permissions play no part here."""

    fields = ["name"]


@admin.register(User)
class PersonAdmin(ProvenOnly, UserAdmin[User]):
    """People who sign in. A role is a group: analyst, responder, approver, admin, guest."""

    list_display = ["username", "email", "first_name", "last_name", "is_active"]
    list_filter = ["is_active", "groups"]
    filter_horizontal = ["groups"]
    actions = ["reset_factors"]
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email", "time_zone")}),
        ("Roles and teams", {"fields": ("is_active", "groups")}),
    )

    @admin.action(description="Reset second factors")
    def reset_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For whoever lost theirs."""
        for person in queryset:
            number = factors.reset(person, actor=cast(User, request.user))
            messages.warning(request, f"{person}: {number} second factors removed.")

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        stepup.require(cast(User, request.user))
        return super().user_change_password(request, *args, **kwargs)


@admin.register(ApiToken)
class ApiTokenAdmin(ProvenOnly, admin.ModelAdmin[ApiToken]):
    """Tokens; the secret is shown once, when it is made."""

    list_display = ["name", "scope", "created_at", "last_used_at", "expires_at", "revoked_at"]
    fields = ["name", "scope", "sources", "user", "expires_at", "revoked_at"]

    def save_model(self, request: HttpRequest, obj: ApiToken, form: object, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        issued, secret = ApiToken.issue(
            obj.name, scope=obj.scope, sources=obj.sources, user=obj.user, expires_at=obj.expires_at
        )
        obj.pk = issued.pk
        messages.warning(request, f"Copy the token now, it is not shown again: {secret}")

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False  # revoke instead: the record stays


@admin.register(AuditEntry)
class AuditAdmin(ReadOnly, admin.ModelAdmin[AuditEntry]):
    list_display = ["seq", "at", "who", "text"]
    search_fields = ["who", "text"]
