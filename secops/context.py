"""What every page knows: the product's name, the practice range, the reader's theme."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from secops import banners, stepup
from secops.access import May, RoleName


def page(request: HttpRequest) -> dict[str, Any]:
    """Context processor; asks the database nothing that the session did not ask already."""
    user = getattr(request, "user", None)
    is_known = bool(user and user.is_authenticated)
    return {
        "product_name": settings.PRODUCT_NAME,
        "is_practice": settings.NIGHTDESK_PRACTICE,
        "theme": user.theme if is_known and user else "auto",
        "banners": banners.lines if is_known and user is not None and user.may(May.SEE) else (),
        "uses_keys": user.uses_keys if is_known and user else True,
        "is_guest": is_known and user is not None and RoleName.GUEST in user.group_names,
        "step_up": SimpleLazyObject(lambda: stepup.ask(user) if is_known and user is not None else None),
        "is_only_guest": is_known and user is not None and RoleName.GUEST in user.group_names and not user.may(May.SEE),
        "may_see": is_known and user is not None and user.may(May.SEE),
        "may_work": is_known and user is not None and user.may(May.WORK),
        "may_approve": is_known and user is not None and user.may(May.APPROVE),
        "may_steer": is_known and user is not None and user.may(May.STEER),
        "may_administer": is_known and user is not None and user.may(May.ADMINISTER),
    }
