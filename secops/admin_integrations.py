"""Administration of integrations: the connector's own form, secrets that can only be written, [Test now]."""

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from secops import integrations
from secops.admin_site import ProvenOnly
from secops.connectors.base import Connector, connectors
from secops.models import Integration

SETTING, SECRET = "set_", "secret_"
PLAIN = ("name", "is_enabled", "max_tlp")


class IntegrationForm(forms.ModelForm[Integration]):
    """The plain fields; a subclass for one connector adds its settings and secrets."""

    kind: type[Connector] | None = None

    class Meta:
        model = Integration
        fields = PLAIN

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.instance.settings if self.instance.pk else {}
        for name, value in kept.items():
            if f"{SETTING}{name}" in self.fields:
                self.initial[f"{SETTING}{name}"] = value
        for name in self.kind.secret_fields if self.kind else ():
            is_set = name in self.instance.secrets
            self.fields[f"{SECRET}{name}"].help_text = "Set. Leave empty to keep it." if is_set else "Not set."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.kind is None:
            return cleaned
        values = {name: cleaned[f"{SETTING}{name}"] for name in _settings(self.kind) if f"{SETTING}{name}" in cleaned}
        if self.errors:
            return cleaned
        try:
            self.new_settings = self.kind.clean(values)
        except ValidationError as error:
            for name, texts in error.message_dict.items():
                self.add_error(f"{SETTING}{name}" if f"{SETTING}{name}" in self.fields else None, texts)
            return cleaned
        self._check_path()
        self._check_move()
        return cleaned

    def secrets(self) -> dict[str, str]:
        """What was typed; an empty field keeps what is there."""
        names = self.kind.secret_fields if self.kind else ()
        return {name: text for name in names if (text := self.cleaned_data.get(f"{SECRET}{name}"))}

    def _check_path(self) -> None:
        """A path on this machine must lie where deployment allows; a stolen admin session must not read others."""
        new, old = self.new_settings.get("path"), self.instance.settings.get("path")
        if new and new != old and not may_read(str(new)):
            allowed = ", ".join(settings.NIGHTDESK_LOG_DIRS) or "none is set"
            self.add_error(f"{SETTING}path", f"It must lie below one of NIGHTDESK_LOG_DIRS ({allowed}).")

    def _check_move(self) -> None:
        assert self.kind is not None
        left = set(self.instance.secrets) - set(self.secrets())
        if self.instance.pk and left and integrations.moved(self.kind, self.instance.settings, self.new_settings):
            for name in sorted(left):
                self.add_error(f"{SECRET}{name}", "The address changed, so enter it again.")


def may_read(place: str) -> bool:
    """Whether the path, links followed, lies in or below one of NIGHTDESK_LOG_DIRS."""
    real = Path(place).resolve()
    return any(real.is_relative_to(Path(folder).resolve()) for folder in settings.NIGHTDESK_LOG_DIRS)


def form_for(kind: type[Connector]) -> type[IntegrationForm]:
    """The form of one connector. Settings and secrets are prefixed, so that none can shadow a column."""
    members: dict[str, Any] = {"kind": kind}
    members |= {f"{SETTING}{name}": field for name, field in _settings(kind).items()}
    for name in kind.secret_fields:
        widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})
        label = name.replace("_", " ").capitalize()
        members[f"{SECRET}{name}"] = forms.CharField(label=label, required=False, widget=widget, strip=False)
    members["Meta"] = type("Meta", (IntegrationForm.Meta,), {})
    return type("ConnectorForm", (IntegrationForm,), members)


def _settings(kind: type[Connector]) -> dict[str, forms.Field]:
    return kind.SettingsForm.base_fields


@admin.register(Integration)
class IntegrationAdmin(ProvenOnly, admin.ModelAdmin[Integration]):
    """Adding starts with the choice of a connector; its form follows."""

    list_display = ["name", "connector_label", "capability_list", "is_enabled", "is_simulated", "health", "health_at"]
    list_filter = ["is_enabled", "health_state"]
    search_fields = ["name"]
    readonly_fields = ["connector_label", "capability_list", "is_simulated", "health", "health_at"]
    change_form_template = "admin/secops/integration/change_form.html"

    def get_form(
        self, request: HttpRequest, obj: Integration | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Integration]]:
        kind = self._kind(request, obj)
        return form_for(kind) if kind else IntegrationForm

    def get_fieldsets(self, request: HttpRequest, obj: Integration | None = None) -> Any:
        kind = self._kind(request, obj)
        state = ["connector_label", "capability_list", "health", "health_at", "is_simulated"] if obj else []
        sets: list[Any] = [(None, {"fields": [*PLAIN, *state]})]
        if kind and _settings(kind):
            sets.append(("Settings", {"fields": [f"{SETTING}{name}" for name in _settings(kind)]}))
        if kind and kind.secret_fields:
            sets.append(("Secrets", {"fields": [f"{SECRET}{name}" for name in kind.secret_fields]}))
        return sets

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        choices = [] if self._kind(request, None) else connectors.choices()
        extra = dict(extra_context or {}) | {"connector_choices": choices}
        return super().add_view(request, form_url or request.get_full_path(), extra)

    def save_model(self, request: HttpRequest, obj: Integration, form: Any, change: bool) -> None:
        """Through the service, which encrypts and writes the audit line."""
        if change:
            integrations.change(obj, form.new_settings, form.secrets(), actor=request.user)
            return
        kind = self._kind(request, None)
        if kind is None:
            raise PermissionDenied("Choose a connector first.")
        made = integrations.add(
            kind.slug, obj.name, form.new_settings, form.secrets(), max_tlp=obj.max_tlp, actor=request.user
        )
        if not obj.is_enabled:
            Integration.objects.filter(pk=made.pk).update(is_enabled=False)
        obj.__dict__.update(made.__dict__)

    def delete_model(self, request: HttpRequest, obj: Integration) -> None:
        integrations.remove(obj, actor=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            integrations.remove(obj, actor=request.user)

    # The service has written the audit line; Django's own log of the admin stays.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return admin.ModelAdmin.log_addition(self, request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return admin.ModelAdmin.log_change(self, request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return admin.ModelAdmin.log_deletions(self, request, queryset)

    def get_urls(self) -> list[URLPattern]:
        name = "secops_integration_test"
        return [path("<int:pk>/test/", self.admin_site.admin_view(self.test_now), name=name), *super().get_urls()]

    @method_decorator(require_POST)
    def test_now(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the product the smallest question and show what came of it."""
        integration = self.get_object(request, str(pk))
        if integration is None or not self.has_change_permission(request, integration):
            raise PermissionDenied
        is_well = integrations.test(integration)
        say = messages.success if is_well else messages.error
        say(request, f"{integration.name}: {integration.health_text}")
        return HttpResponseRedirect(reverse("admin:secops_integration_change", args=[pk]))

    @admin.display(description="connector")
    def connector_label(self, obj: Integration) -> str:
        kind = connectors.get(obj.connector)
        return kind.label if kind else f"{obj.connector} (not installed)"

    @admin.display(description="can do")
    def capability_list(self, obj: Integration) -> str:
        return ", ".join(name.replace("_", " ") for name in integrations.capabilities(obj))

    @admin.display(description="health")
    def health(self, obj: Integration) -> str:
        return f"{obj.get_health_state_display()}. {obj.health_text}" if obj.health_text else "Not tested"

    def _kind(self, request: HttpRequest, obj: Integration | None) -> type[Connector] | None:
        return connectors.get(obj.connector if obj and obj.pk else request.GET.get("connector", ""))
