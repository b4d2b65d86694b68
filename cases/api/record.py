"""One alert and one case as JSON, for those who may see them; everybody else is told that there is none."""

from typing import Any, cast

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cases.models import Alert, Case
from cases.services import readings, senders, whole
from secops.access import May
from secops.api import MayRead, MaySendOrRead
from secops.models import ApiToken, User


class AlertRecord(APIView):
    """An intake token reads back what it sent; a person what they may see."""

    permission_classes = [MaySendOrRead]

    def get(self, request: Request, pk: int) -> Response:
        alerts = Alert.objects.select_related("kind", "case")
        alert = alerts.filter(pk=pk).first()
        if alert is None or not self._may_see(request, alert):
            raise Http404("There is no such alert.")
        if alert.case and not _is_sender(request):
            readings.saw(alert.case, cast(User, request.user))
        case = alert.case.number if alert.case and self._sees_case(request, alert.case) else None
        return Response(whole.alert_as_json(alert) | {"observables": whole.sightings(alert), "case": case})

    @staticmethod
    def _may_see(request: Request, alert: Alert) -> bool:
        if _is_sender(request) and isinstance(request.auth, ApiToken):
            return Alert.objects.filter(senders.of(request.auth), pk=alert.pk).exists()
        user = cast(User, request.user)
        return user.may(May.SEE) and Alert.objects.visible_to(user).filter(pk=alert.pk).exists()

    @staticmethod
    def _sees_case(request: Request, case: Case) -> bool:
        if _is_sender(request):
            return not case.is_restricted
        return Case.objects.visible_to(request.user).filter(pk=case.pk).exists()


class CaseRecord(APIView):
    """The whole case."""

    permission_classes = [MayRead]

    def get(self, request: Request, pk: int) -> Response:
        user = cast(User, request.user)
        cases = Case.objects.visible_to(user).select_related("kind", "assignee")
        case = cases.filter(pk=pk).first() if user.may(May.SEE) else None  # guests have a page of their own
        if case is None:
            raise Http404("There is no such case.")
        readings.saw(case, user)
        return Response(whole.as_json(case))


def _is_sender(request: Any) -> bool:
    return isinstance(request.auth, ApiToken) and request.auth.scope == ApiToken.Scope.INTAKE
