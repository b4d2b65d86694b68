"""Runbooks in the admin: ordered steps, the check, publishing; versions, runs and the kill switch beside them."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from cases.models import AlertKind
from response import admin_nights, admin_policy  # noqa: F401 - they register their pages
from response.errors import RunbookError
from response.formats import yaml
from response.forms.runbooks import RunbookForm
from response.forms.steps import StepForm, StepFormSet
from response.models import KillSwitch, KindRunbook, Run, Runbook, RunbookVersion, Step
from response.models.runbooks import body_hash
from response.services import drafts, runbooks
from response.views import drawn, editor
from secops import stepup
from secops.admin_site import AdminOnly, ReadOnly
from secops.errors import SecopsError
from secops.models import AuditEntry, User
from secops.proofs import ProofError


class KindRunbookInline(AdminOnly, admin.TabularInline[KindRunbook, AlertKind]):
    """The runbooks that cases of the kind are offered; cases shows it on the kind's page."""

    model = KindRunbook
    extra = 0
    fields = ["order", "runbook"]


class StepInline(AdminOnly, admin.StackedInline[Step, Runbook]):
    """The draft's steps, each with the parameters of its action."""

    model = Step
    form = StepForm
    formset = StepFormSet  # type: ignore[assignment] # its form is more than a plain one
    template = "admin/response/runbook/steps.html"
    extra = 1
    ordering = ["order", "pk"]
    fields = list(StepForm.Meta.fields)


@admin.register(Runbook)
class RunbookAdmin(AdminOnly, admin.ModelAdmin[Runbook]):
    """The page edits the draft; what was asked for is published by another admin, without saving anything."""

    form = RunbookForm
    change_form_template = "admin/response/runbook/change_form.html"
    list_display = ["title", "slug", "phase", "live_version", "is_asked_for", "is_enabled"]
    fields = ["title", "slug", "phase", "is_enabled", "description"]
    inlines = [StepInline]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(is_internal=False)

    @admin.display(description="live")
    def live_version(self, obj: Runbook) -> str:
        live = obj.live
        return f"v{live.number}" if live else "not published"

    @admin.display(boolean=True, description="waits to be published")
    def is_asked_for(self, obj: Runbook) -> bool:
        return bool(obj.proposed_sha256)

    def get_urls(self) -> list[URLPattern]:
        own: list[tuple[str, Any, str]] = [
            ("params-form/", editor.params_form, "params"),
            ("<int:pk>/trial/", editor.trial, "trial"),
            ("<int:pk>/publish/", editor.publish, "publish"),
            ("<int:pk>/duplicate/", editor.duplicate, "duplicate"),
            ("<int:pk>/versions/", editor.versions, "versions"),
            ("<int:pk>/versions/<int:number>/restore/", editor.restore, "restore"),
            ("<int:pk>/yaml/", editor.download, "download"),
            ("<int:pk>/text/", editor.upload, "upload"),
        ]
        named = [
            path(url, self.admin_site.admin_view(view), name=f"response_runbook_{name}") for url, view, name in own
        ]
        return [*named, *super().get_urls()]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Runbook | None:
        """Two saves of one draft follow each other, so that the second sees what the first did."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST":
            return found
        return Runbook.objects.select_for_update(of=("self",)).filter(pk=found.pk).first()

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if (runbook := kwargs.get("obj")) is not None:
            user: Any = request.user
            context |= drawn.state_of(runbook, user) | {
                "publish_alone": settings.PUBLISH_ALONE,
                "cases": drawn.cases_to_try(runbook, user),
                "rehearsal": drawn.rehearsal_of(runbook, user, request.GET.get("dry", "")),
            }
            drawn.dress(context["inline_admin_formsets"], runbook, user, context["problems"], "try" in request.GET)
        answer = super().render_change_form(request, context, *args, **kwargs)
        if getattr(context["adminform"].form, "is_stale", False):
            answer.status_code = 409
        return answer

    def save_model(self, request: HttpRequest, obj: Runbook, form: Any, change: bool) -> None:
        """A draft that is saved as it was, as a dry run of it does, leaves no trace: no new time, no line anywhere."""
        if not change or form.has_changed():
            super().save_model(request, obj, form, change)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super().log_change(request, obj, message) if message else None

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Who changed the draft wrote it; who only publishes, or saves it as it was, does not take that place."""
        super().save_related(request, form, formsets, change)
        drafts.number(form.instance)
        if not change or body_hash(runbooks.frozen(form.instance)) != form.before:
            runbooks.note_writer(form.instance, request.user)  # type: ignore[arg-type]

    def response_change(self, request: HttpRequest, obj: Runbook) -> HttpResponse:
        """After saving: what the button that was pressed says besides."""
        acts = {"_publish": self._publish, "_propose": self._propose, "_move": self._move}
        for name, act in acts.items():
            if name in request.POST:
                try:
                    return redirect(request.path + act(request, obj))
                except ProofError:  # what was typed is saved: the proof comes next, then the button again
                    messages.warning(request, "The draft is saved and not published yet. Publish it now.")
                    return redirect(f"{reverse('reauth')}?{urlencode({'next': request.path})}")
                except SecopsError as error:
                    messages.error(request, str(error))
                    return redirect(request.path)
        if "_dry" in request.POST:
            return redirect(f"{request.path}?dry={request.POST.get('dry_case', '')[:20]}#dry")
        if "_try" in request.POST:
            return redirect(f"{request.path}?try=1#steps")
        return super().response_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Runbook | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not obj.versions.exists())

    def _publish(self, request: HttpRequest, obj: Runbook) -> str:
        note, accepts = request.POST.get("publish_note", ""), request.POST.getlist("accept")
        version = runbooks.publish(obj, actor=request.user, note=note, accepts=accepts)  # type: ignore[arg-type]
        messages.success(request, f"Published {version}. New runs follow it.")
        return ""

    def _propose(self, request: HttpRequest, obj: Runbook) -> str:
        runbooks.propose(obj, actor=request.user, note=request.POST.get("publish_note", ""))  # type: ignore[arg-type]
        messages.success(request, "Asked for publication. Another admin publishes the draft as it is now.")
        return ""

    def _move(self, request: HttpRequest, obj: Runbook) -> str:
        """The arrow has the hand again when the page comes back."""
        way, _, pk = request.POST["_move"].partition("-")
        step = obj.steps.filter(pk=int(pk) if pk.isascii() and pk.isdigit() else 0).first()
        if step is None:
            raise RunbookError("That step is not there any more.")
        drafts.move(step, -1 if way == "up" else 1, actor=request.user)  # type: ignore[arg-type]
        return f"#{way}-{step.pk}"


@admin.register(RunbookVersion)
class RunbookVersionAdmin(ReadOnly, admin.ModelAdmin[RunbookVersion]):
    """A version as it was frozen."""

    list_display = ["__str__", "published_at", "author", "published_by", "is_by_one_person"]
    fields = ["runbook", "number", "published_at", "author", "all_authors", "published_by", "note"]
    fields += ["sha256", "is_whole", "text"]
    readonly_fields = ["all_authors", "is_whole", "text"]

    @admin.display(boolean=True, description="published by one person")
    def is_by_one_person(self, obj: RunbookVersion) -> bool:
        return obj.is_by_one_person

    @admin.display(description="everybody who wrote it")
    def all_authors(self, obj: RunbookVersion) -> str:
        return ", ".join(user.display_name for user in User.objects.filter(pk__in=obj.writers).order_by("username"))

    @admin.display(boolean=True, description="as published")
    def is_whole(self, obj: RunbookVersion) -> bool:
        return obj.is_intact

    @admin.display(description="body")
    def text(self, obj: RunbookVersion) -> str:
        return yaml.write(obj.body)


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
        user: Any = request.user  # the admin site lets only users in
        how = "" if obj.is_on else stepup.require(user).words  # holding everything back needs no proof
        obj.pk, obj.changed_by = 1, user
        obj.save()
        state = "on" if obj.is_on else "off"
        AuditEntry.append(f"Kill switch {state}{how}: {obj.reason}", actor=user)
