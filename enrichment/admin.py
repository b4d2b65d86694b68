"""Administration of enrichment: the questions of a kind, windows on lookups and on pushes."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from cases.models import Case
from enrichment.models import KindQuestion, Lookup, Push
from enrichment.questions.base import questions
from enrichment.services import pushes
from secops.admin_site import AdminOnly, ReadOnly, may_administer
from secops.models import User


class KindQuestionForm(forms.ModelForm[KindQuestion]):
    """A choice among the installed questions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["question"] = forms.ChoiceField(
            choices=[("", "---------"), *((one.slug, f"{one.card.label}  {one.label}") for one in questions)]
        )


class KindQuestionInline(AdminOnly, admin.TabularInline[KindQuestion, Any]):
    """Without any, cases of the kind ask every question whose subject they have."""

    model = KindQuestion
    form = KindQuestionForm
    verbose_name_plural = "Questions (none: every question whose subject the alert has)"

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 1


@admin.register(Lookup)
class LookupAdmin(ReadOnly, admin.ModelAdmin[Lookup]):
    """What was asked of whom and how it ended; lookups of restricted cases stay out."""

    list_display = ["question", "connector_name", "subject_kind", "state", "attempts", "created_at", "reason"]
    list_filter = ["state", "question", "connector_name"]
    fields = [
        "question",
        "connector_name",
        "subject",
        "bucket",
        "state",
        "attempts",
        "reason",
        "created_at",
        "ended_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lookup]:
        hidden = Case.objects.exclude(pk__in=Case.objects.visible_to(request.user).values("pk"))
        return super().get_queryset(request).exclude(case_lookups__case__in=hidden)


@admin.register(Push)
class PushAdmin(ReadOnly, admin.ModelAdmin[Push]):
    """Which complete case went to which outlet, and why not; restricted cases stay out."""

    list_display = ["case", "outlet", "number", "state", "attempts", "reason", "noted_at", "ended_at"]
    list_filter = ["state", "outlet"]
    list_select_related = ["case"]
    fields = ["case", "outlet", "number", "key", "state", "attempts", "reason", "not_before", "noted_at", "ended_at"]
    ordering = ["-pk"]
    actions = ["try_again"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Push]:
        seen = Case.objects.visible_to(request.user)
        return super().get_queryset(request).filter(case__in=seen)

    def has_push_permission(self, request: HttpRequest) -> bool:
        return may_administer(request)

    @admin.action(description="Try those again that were given up", permissions=["push"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Push]) -> None:
        assert isinstance(request.user, User)
        count = pushes.again(queryset, actor=request.user)
        self.message_user(request, f"{count} of them are due again.", messages.SUCCESS)
