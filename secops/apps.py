"""The ground as a Django app: finds the connectors, takes over the admin site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class NightdeskAdminConfig(AdminConfig):
    """Django's admin on a site of ours, which the admin role opens."""

    default_site = "secops.admin_site.NightdeskAdminSite"


class SecopsConfig(AppConfig):
    name = "secops"

    def ready(self) -> None:
        from secops import checks, stepup  # noqa: F401 - registers the system checks, hears who signs in
        from secops.connectors.base import connectors

        connectors.discover("secops.connectors")
