"""How much evidence one case may hold, and one person may bring in."""

from django.conf import settings
from django.db.models import Sum

from cases.errors import StoreFullError
from cases.models import Evidence
from secops.models import User
from secops.wording import amount


def require_room(case_id: int, actor: User | None, coming: int) -> None:
    """StoreFullError when the case, or the person, would hold more than the settings allow."""
    here = Evidence.objects.filter(destroyed_at__isnull=True, copy=0)
    limits = [(here.filter(case_id=case_id), settings.EVIDENCE_CASE_BYTES, "of one case")]
    if actor:
        limits.append((here.filter(received_by=actor), settings.EVIDENCE_USER_BYTES, "received by one person"))
    for items, limit, whose in limits:
        if limit and (items.aggregate(sum=Sum("size"))["sum"] or 0) + coming > limit:
            raise StoreFullError(f"The evidence {whose} may be at most {amount(limit)}. Nothing was kept.")
