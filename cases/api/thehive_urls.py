"""The addresses of TheHive's API that are answered, without a slash at their end, under /thehive/."""

from typing import Any

from django.urls import URLPattern, path

from cases.api.thehive import AlertObservables, CreateAlert, CurrentUser, Elsewhere, OneAlert, Query, Search


def _both(v0: str, v1: str, view: Any, name: str) -> list[URLPattern]:
    """The same call as version 3 and 4 and as version 5 address it."""
    return [
        path(f"api/v1/{v1}", view.as_view(), name=name),
        path(f"api/{v0}", view.as_view(is_v0=True), name=name),
    ]


app_name = "thehive"
urlpatterns = [
    *_both("alert", "alert", CreateAlert, "create"),
    path("api/alert/_search", Search.as_view(is_v0=True), name="search"),
    path("api/v1/query", Query.as_view(), name="query"),
    *_both("alert/<str:number>", "alert/<str:number>", OneAlert, "alert"),
    *_both("alert/<str:number>/artifact", "alert/<str:number>/observable", AlertObservables, "observables"),
    *_both("user/current", "user/current", CurrentUser, "user"),
    path("<path:rest>", Elsewhere.as_view(), name="elsewhere"),
]
