"""Who reads, and what they may see: one door for every page of a case."""

from typing import cast

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from cases.models import Case
from cases.services import readings
from secops.models import User


def reader(request: HttpRequest) -> User:
    """The signed-in person; LoginRequiredMiddleware has made sure that there is one."""
    return cast(User, request.user)


def visible_case(request: HttpRequest, pk: int) -> Case:
    """The case, or 404 for a missing and a hidden one alike; who looks at a restricted one is written down."""
    cases = Case.objects.visible_to(reader(request)).select_related("kind", "assignee")
    found = get_object_or_404(cases, pk=pk)
    readings.saw(found, reader(request))
    return found
