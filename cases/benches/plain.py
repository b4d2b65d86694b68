"""The baseline of intake_single: a ModelSerializer and one insert, no authentication, no middleware; own process."""
# ruff: noqa: E402 - Django must be set up before its parts are imported

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "secops.settings")

from django import setup

setup()

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.urls import path
from rest_framework.generics import CreateAPIView
from rest_framework.permissions import AllowAny
from rest_framework.serializers import ModelSerializer

from cases.models import RejectedPayload


class PlainSerializer(ModelSerializer[RejectedPayload]):
    class Meta:
        model = RejectedPayload
        fields = ("source", "detector", "size", "received_at", "problems")


class PlainIntake(CreateAPIView[RejectedPayload]):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = PlainSerializer
    queryset = RejectedPayload.objects.all()


urlpatterns = [path("", PlainIntake.as_view())]
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = __name__
application = WSGIHandler()
