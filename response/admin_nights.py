"""The rota and standing approvals in the admin: written here, signed by two persons on a page of their own."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from response.actions.base import actions
from response.choices import Risk
from response.models import OnCall, StandingApproval
from response.services import standing
from secops.admin_site import AdminOnly
from secops.models import AuditEntry


class StandingForm(forms.ModelForm[StandingApproval]):
    action = forms.ChoiceField(help_text="Disruptive actions on a device; the others ask nobody.")

    class Meta:
        model = StandingApproval
        fields = (
            *("title", "action", "device_group", "min_risk", "cap", "is_after_rota"),
            *("weekdays", "starts", "ends", "zone", "expires_at"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["action"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(one.slug, one.label) for one in actions if _may_stand(one)]


def _may_stand(action: Any) -> bool:
    return action.is_written and action.risk == Risk.DISRUPTIVE and "device" in action.Params.base_fields


@admin.register(OnCall)
class OnCallAdmin(AdminOnly, admin.ModelAdmin[OnCall]):
    """Who is called, in which order, in which hours."""

    list_display = ["__str__", "hours_text"]
    fields = ["order", "person", "weekdays", ("starts", "ends"), "zone"]


@admin.register(StandingApproval)
class StandingApprovalAdmin(AdminOnly, admin.ModelAdmin[StandingApproval]):
    """A changed bound voids the signatures that were given to the old ones."""

    form = StandingForm
    list_display = ["title", "action", "device_group", "hours_text", "expires_at", "signatures_given", "revoked_at"]

    @admin.display(description="signatures")
    def signatures_given(self, obj: StandingApproval) -> str:
        return f"{len(standing.signers(obj))} of {standing.SIGNATURES}"

    def save_model(self, request: HttpRequest, obj: StandingApproval, form: Any, change: bool) -> None:
        obj.created_by = obj.created_by or request.user  # type: ignore[assignment] # the admin site lets only users in
        if change:  # only what the form changed: who revoked it meanwhile stays
            obj.save(update_fields=[*form.changed_data, "created_by"])
        else:
            obj.save()
        AuditEntry.append(f"Wrote standing approval {obj}, bounds {obj.bounds_sha256[:12]}", actor=request.user)

    def has_change_permission(self, request: HttpRequest, obj: StandingApproval | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.revoked_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: StandingApproval | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not obj.uses.exists())
