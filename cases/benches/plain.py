"""The baseline of intake_single: a ModelSerializer and one row, no authentication, no middleware; own process.

What an intake written the usual way costs: the message is decoded, its unique reference is asked for, so is each
foreign key, and one row holds it all. No kinds, no cases, no observables.
"""
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

from cases.models import Alert


class PlainSerializer(ModelSerializer[Alert]):
    class Meta:
        model = Alert
        fields = "__all__"


class PlainIntake(CreateAPIView[Alert]):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = PlainSerializer
    queryset = Alert.objects.all()


urlpatterns = [path("", PlainIntake.as_view())]
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = __name__
application = WSGIHandler()
