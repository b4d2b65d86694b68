"""The REST door of the record, under /api/v1/."""

from django.urls import path

from cases.api.intake import AlertIntake, DetectorIntake
from cases.api.record import AlertRecord, CaseRecord

app_name = "cases_api"
urlpatterns = [
    path("alerts/", AlertIntake.as_view(), name="alerts"),
    path("alerts/<alert:pk>/", AlertRecord.as_view(), name="alert"),
    path("intake/<slug:detector>/", DetectorIntake.as_view(), name="intake"),
    path("cases/<case:pk>/", CaseRecord.as_view(), name="case"),
]
