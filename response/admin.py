"""Runbooks in the admin: ordered steps, the check, publishing; versions, runs and the kill switch beside them."""

import json
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path

from cases.models import AlertKind
from response import admin_nights  # noqa: F401 - registers its pages
from response.errors import RunbookError
from response.forms.steps import StepForm
from response.models import KillSwitch, KindRunbook, Run, Runbook, RunbookVersion, Step
from response.services import runbooks
from secops.admin_site import AdminOnly, ReadOnly
from secops.models import AuditEntry


class KindRunbookInline(AdminOnly, admin.TabularInline[KindRunbook, AlertKind]):
    """The runbooks that cases of the kind are offered; cases shows it on the kind's page."""

    model = KindRunbook
    extra = 0
    fields = ["order", "runbook"]


class StepInline(AdminOnly, admin.StackedInline[Step, Runbook]):
    """The draft's steps, each with the parameters of its action."""

    model = Step
    form = StepForm
    template = "admin/response/runbook/steps.html"
    extra = 1
    ordering = ["order", "pk"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("order", "key", "action"),
                    ("title", "help_text"),
                    ("when", "needs"),
                    ("for_each", "cap"),
                    ("approvals", "timeout_seconds", "on_failure", "if_unanswered"),
                ]
            },
        )
    ]


class VersionInline(ReadOnly, admin.TabularInline[RunbookVersion, Runbook]):
    """What was published: never changed."""

    model = RunbookVersion
    extra = 0
    fields = ["number", "published_at", "author", "published_by", "note", "sha256"]
    readonly_fields = ["number", "published_at", "author", "published_by", "note", "sha256"]
    show_change_link = True


@admin.register(Runbook)
class RunbookAdmin(AdminOnly, admin.ModelAdmin[Runbook]):
    """The page edits the draft; *Save and publish* freezes it as the next version."""

    change_form_template = "admin/response/runbook/change_form.html"
    list_display = ["title", "slug", "phase", "live_version", "is_enabled"]
    fields = [("title", "slug"), "description", ("phase", "is_enabled")]
    inlines = [StepInline, VersionInline]

    @admin.display(description="live")
    def live_version(self, obj: Runbook) -> str:
        live = obj.live
        return f"v{live.number}" if live else "not published"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.params_form)
        return [path("params-form/", view, name="response_runbook_params"), *super().get_urls()]

    def params_form(self, request: HttpRequest) -> HttpResponse:
        """The parameters of the action that was chosen, for HTMX; the select's name says which step it is."""
        name = next((key for key in request.GET if key.endswith("-action")), "")
        form = StepForm(prefix=name.removesuffix("-action"), initial={"action": request.GET.get(name, "")})
        return render(request, "admin/response/runbook/params.html", {"fields": form.param_fields})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if (runbook := kwargs.get("obj")) is not None:
            problems, live = runbooks.check(runbook), runbook.live
            context |= {
                "problems": problems,
                "errors_left": any(not problem.is_warning for problem in problems),
                "live": live,
                "live_runs": Run.objects.visible_to(request.user).filter(version=live).count() if live else 0,
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Who changed something is the author; who only publishes does not take that place."""
        super().save_related(request, form, formsets, change)
        if not change or form.has_changed() or any(one.has_changed() for one in formsets):
            form.instance.edited_by = request.user
            form.instance.save(update_fields=["edited_by"])

    def response_change(self, request: HttpRequest, obj: Runbook) -> HttpResponse:
        if "_publish" not in request.POST:
            return super().response_change(request, obj)
        try:
            note = request.POST.get("publish_note", "")
            version = runbooks.publish(obj, actor=request.user, note=note)  # type: ignore[arg-type]
        except RunbookError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"Published {version}. New runs follow it.")
        return redirect(request.path)

    def has_delete_permission(self, request: HttpRequest, obj: Runbook | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not obj.versions.exists())


@admin.register(RunbookVersion)
class RunbookVersionAdmin(ReadOnly, admin.ModelAdmin[RunbookVersion]):
    """A version as it was frozen."""

    list_display = ["__str__", "published_at", "author", "published_by"]
    fields = ["runbook", "number", "published_at", "author", "published_by", "note", "sha256", "is_whole", "text"]
    readonly_fields = ["is_whole", "text"]

    @admin.display(boolean=True, description="as published")
    def is_whole(self, obj: RunbookVersion) -> bool:
        return obj.is_intact

    @admin.display(description="body")
    def text(self, obj: RunbookVersion) -> str:
        return json.dumps(obj.body, indent=2, ensure_ascii=False)


@admin.register(Run)
class RunAdmin(ReadOnly, admin.ModelAdmin[Run]):
    """Runs of cases that the admin may see; who acts on them does so beside the case."""

    list_display = ["__str__", "version", "state", "started_at", "ended_at", "requested_by"]
    list_filter = ["state"]
    fields = ["version", "state", "state_reason", "started_at", "ended_at", "deadline", "requested_by"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(pk__in=Run.objects.visible_to(request.user).values("pk"))


@admin.register(KillSwitch)
class KillSwitchAdmin(AdminOnly, admin.ModelAdmin[KillSwitch]):
    """One row; while it is on, nothing that changes the world is sent."""

    list_display = ["__str__", "reason", "changed_by", "changed_at"]
    fields = ["is_on", "reason"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request) and not KillSwitch.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: KillSwitch, form: Any, change: bool) -> None:
        obj.pk, obj.changed_by = 1, request.user  # type: ignore[assignment] # the admin site lets only users in
        obj.save()
        state = "on" if obj.is_on else "off"
        AuditEntry.append(f"Kill switch {state}: {obj.reason}", actor=request.user)
