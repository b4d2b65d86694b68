"""The site map."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import include, path, register_converter

from secops import account, views
from secops.converters import AlertNumber, CaseNumber, EvidenceNumber

register_converter(CaseNumber, "case")
register_converter(AlertNumber, "alert")
register_converter(EvidenceNumber, "evidence")

urlpatterns = [
    path("", views.start, name="start"),
    path("accounts/login/", login_not_required(views.SignInView.as_view()), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("accounts/reauth/", account.reauth, name="reauth"),
    path("accounts/reauth/passkey/", account.start_proof, name="start_proof"),
    path("signin/<str:secret>/", views.use_link, name="use_link"),
    path("me/security/", account.security, name="security"),
    path("me/security/app/", account.start_app, name="start_app"),
    path("me/security/app/confirm/", account.confirm_app, name="confirm_app"),
    path("me/security/passkey/", account.start_passkey, name="start_passkey"),
    path("me/security/passkey/add/", account.add_passkey, name="add_passkey"),
    path("me/security/<int:pk>/remove/", account.remove_factor, name="remove_factor"),
    path("me/theme/", views.set_theme, name="set_theme"),
    path("health/", views.health, name="health"),
    path("admin/", admin.site.urls),
    path("", include("cases.urls")),
    path("", include("enrichment.urls")),
    path("", include("response.urls")),
    path("api/v1/", include("cases.api.urls")),
    path("thehive/", include("cases.api.thehive_urls")),
]
