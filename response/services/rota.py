"""Who is on call."""

from datetime import datetime

from response.models import OnCall
from secops.models import User


def on_call(at: datetime) -> list[User]:
    """Everybody whose hours it is, in the order in which they are called; each once."""
    places = OnCall.objects.filter(person__is_active=True).select_related("person").order_by("order", "pk")
    return list({one.person.pk: one.person for one in places if one.covers(at)}.values())
