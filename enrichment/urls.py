"""Pages of enrichment, fetched by the case page."""

from django.urls import path

from enrichment import views

app_name = "enrichment"
urlpatterns = [
    path("cases/<case:pk>/q/<slug:card>/", views.card, name="card"),
    path("cases/<case:pk>/risk/", views.risk, name="risk"),
    path("cases/<case:pk>/examinations/", views.examinations, name="examinations"),
    path("cases/<case:pk>/evidence/<evidence:label>/tools/", views.tools, name="tools"),
    path("cases/<case:pk>/evidence/<evidence:label>/examine/", views.examine, name="examine"),
    path("cases/<case:pk>/lookups/<int:lookup>/retry/", views.retry, name="retry"),
]
