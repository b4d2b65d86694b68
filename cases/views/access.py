"""Who reads, and what they may see: one door for every page of a case."""

from typing import cast

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from cases.models import Case
from secops.models import User


def reader(request: HttpRequest) -> User:
    """The signed-in person; LoginRequiredMiddleware has made sure that there is one."""
    return cast(User, request.user)


def visible_case(request: HttpRequest, pk: int) -> Case:
    """The case, or 404 for a missing and a hidden one alike."""
    cases = Case.objects.visible_to(reader(request)).select_related("kind", "assignee")
    return get_object_or_404(cases, pk=pk)
