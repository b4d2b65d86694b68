"""What holds steps back, in the administration: breakers, drills, the do-not-isolate list, maintenance."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone

from response.models import Breaker, Drill, MaintenanceWindow, ProtectedDevices
from response.services import breakers
from secops.admin_site import AdminOnly, ReadOnly


@admin.register(Breaker)
class BreakerAdmin(ReadOnly, admin.ModelAdmin[Breaker]):
    """Integrations that failed; to close one by hand is the only thing to do here."""

    list_display = ["connector", "failures", "is_open", "open_until"]
    actions = ["close_now"]

    @admin.display(boolean=True, description="steps wait")
    def is_open(self, obj: Breaker) -> bool:
        return breakers.is_open(obj)

    @admin.action(description="Close now: its steps go")
    def close_now(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            breakers.close(row.pk, actor=request.user)  # type: ignore[arg-type] # the admin site lets only users in
            messages.success(request, f"{row.connector}: closed. Its steps go now.")


@admin.register(ProtectedDevices)
class ProtectedDevicesAdmin(AdminOnly, admin.ModelAdmin[ProtectedDevices]):
    """By kind, group or name; a single device is marked on its own page."""

    list_display = ["what", "kind", "group", "name_pattern", "reason", "is_enabled"]
    fields = ["what", "kind", "group", "name_pattern", "reason", "is_enabled"]


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(AdminOnly, admin.ModelAdmin[MaintenanceWindow]):
    """Once, or every week; while it lasts disruptive steps wait."""

    list_display = ["reason", "device_group", "begins_at", "ends_at", "hours_text", "is_on"]
    fields = ["reason", "device_group", "begins_at", "ends_at", "weekdays", ("starts", "ends"), "zone"]

    @admin.display(boolean=True, description="steps wait")
    def is_on(self, obj: MaintenanceWindow) -> bool:
        return obj.covers(timezone.now())


@admin.register(Drill)
class DrillAdmin(ReadOnly, admin.ModelAdmin[Drill]):
    """What each integration has shown; a responder starts a drill on its own page."""

    list_display = ["integration", "action", "group_text", "device", "state_text", "verified_at", "released_at", "by"]
    fields = ["integration", "capability", "action", "group_text", "device", "run", "by", "note"]
    fields += ["started_at", "isolated_at", "verified_at", "released_at"]
    readonly_fields = ["group_text"]

    @admin.display(description="counts for")
    def group_text(self, obj: Drill) -> str:
        return obj.group_text

    @admin.display(description="state")
    def state_text(self, obj: Drill) -> str:
        return obj.state_text
