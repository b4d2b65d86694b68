"""What holds steps back, in the administration: breakers."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest

from response.models import Breaker
from response.services import breakers
from secops.admin_site import ReadOnly


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
