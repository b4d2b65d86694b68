"""Alert kinds to edit; the rest of the record to look at, never to change."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path

from cases.models import Alert, AlertKind, Case, CustodyEntry, Device, Evidence, Person, TimelineEntry
from cases.views.kinds import grouping
from secops.admin_site import AdminOnly, ReadOnly
from secops.errors import SecopsError
from secops.expressions import compiled
from secops.registry import kind_inlines

LISTS = ("detectors", "rule_prefixes", "words", "techniques")


class WordsField(forms.CharField):
    """A list of texts, one on each line; never null."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (str(value or "")).splitlines()
        return [line.strip() for line in lines if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(initial or []) != self.to_python(data))


class KindForm(forms.ModelForm[AlertKind]):
    """A slip of the pen in the expression is found here, not when an alert comes."""

    detectors = WordsField(required=False, help_text="Only these detectors, one a line, such as suricata; empty: all.")
    rule_prefixes = WordsField(required=False, help_text="Only rule ids that start so, one a line.")
    words = WordsField(required=False, help_text="Signs: a word in title, rule name, tags or description, one a line.")
    techniques = WordsField(required=False, help_text="Signs: ATT&CK techniques, one a line. One sign is enough.")

    class Meta:
        model = AlertKind
        fields = "__all__"  # noqa: DJ007 - the fieldsets below name them, a new one fails there
        widgets: ClassVar[dict[str, Any]] = {"match": forms.Textarea(attrs={"rows": 3})}

    def clean_match(self) -> str:
        source = str(self.cleaned_data["match"]).strip()
        try:
            if source:
                compiled(source)
        except SecopsError as error:
            raise forms.ValidationError(str(error)) from error
        return source


@admin.register(AlertKind)
class AlertKindAdmin(AdminOnly, admin.ModelAdmin[AlertKind]):
    form = KindForm
    list_display = ("name", "slug", "order", "is_enabled", "severity", "sla_minutes", "is_restricted", "is_covert")
    list_filter = ("is_enabled", "is_restricted")
    search_fields = ("name", "slug")
    prepopulated_fields: ClassVar[dict[str, Any]] = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "slug", "order", "is_enabled")}),
        ("Which alerts", {"fields": (*LISTS, "match")}),
        ("How urgent", {"fields": ("severity", "sla_minutes")}),
        ("Who may see it", {"fields": ("is_restricted", "is_covert", "group")}),
        ("How we judge this", {"fields": ("how_we_judge",)}),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(grouping)
        return [path("<int:pk>/grouping/", view, name="cases_alertkind_grouping"), *super().get_urls()]

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list[type[InlineModelAdmin[Any, Any]]]:
        """What the floors above hang on a kind."""
        return [inline for _, inline in kind_inlines.items()]


class _OnlyVisible(ReadOnly):
    """Restriction is for admins, too: a row is there only if its case may be seen."""

    case_path = "case"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return rows.filter(**{f"{self.case_path}__in": Case.objects.visible_to(request.user)})


@admin.register(Case)
class CaseAdmin(_OnlyVisible, admin.ModelAdmin[Case]):
    case_path = "pk"
    list_display = ("number", "title", "kind", "stage", "severity", "alert_count", "is_restricted", "opened_at")
    list_filter = ("stage", "severity", "kind")
    search_fields = ("title",)
    list_select_related = ("kind",)


@admin.register(Alert)
class AlertAdmin(_OnlyVisible, admin.ModelAdmin[Alert]):
    list_display = ("number", "source", "source_ref", "title", "severity", "received_at", "case")
    list_filter = ("detector",)
    search_fields = ("title", "source_ref")
    list_select_related = ("case",)


@admin.register(TimelineEntry)
class TimelineEntryAdmin(_OnlyVisible, admin.ModelAdmin[TimelineEntry]):
    list_display = ("case", "seq", "at", "who", "text")
    list_filter = ("kind",)
    list_select_related = ("case",)


@admin.register(Evidence)
class EvidenceAdmin(_OnlyVisible, admin.ModelAdmin[Evidence]):
    list_display = ("case", "number", "kind", "title", "size", "received_at", "is_held", "destroyed_at")
    list_filter = ("kind", "is_held", "is_damaged")
    list_select_related = ("case",)


@admin.register(CustodyEntry)
class CustodyEntryAdmin(_OnlyVisible, admin.ModelAdmin[CustodyEntry]):
    list_display = ("case", "seq", "at", "item", "action", "who")
    list_filter = ("action",)
    list_select_related = ("case",)


@admin.register(Device)
class DeviceAdmin(AdminOnly, admin.ModelAdmin[Device]):
    list_display = ("name", "agent_id", "group", "site", "is_critical", "is_protected")
    list_filter = ("is_critical", "is_protected")
    search_fields = ("name", "agent_id", "mac")
    raw_id_fields = ("owner",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Sources know the device; people say only what must be handled with care."""
        mine = {"is_critical", "is_protected", "id"}
        return [field.name for field in Device._meta.fields if field.name not in mine]


@admin.register(Person)
class PersonAdmin(ReadOnly, admin.ModelAdmin[Person]):
    list_display = ("name", "login", "upn", "department", "is_privileged", "is_leaver")
    search_fields = ("name", "login", "upn")
