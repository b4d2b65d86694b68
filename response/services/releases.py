"""Legal first: a member of the case from Legal decides whether HR is told, and may change their mind."""

from django.db import transaction

from cases.choices import Circle
from cases.intake.gate import clean_text
from cases.models import Case, TimelineEntry
from cases.services import timeline
from response.errors import MandateError
from response.models import LegalRelease
from response.services import clock, mandates
from secops import stepup
from secops.errors import NotAllowedError
from secops.models import User


@transaction.atomic
def decide(case_id: int, reason: str, *, is_released: bool, actor: User) -> LegalRelease:
    """HR may be told, which wants a proof that it is them, or may not."""
    case = Case.objects.select_for_update().get(pk=case_id)
    if not mandates.is_of(case, actor, Circle.LEGAL):
        raise NotAllowedError("Only a member of the case from Legal decides whether HR is told.")
    if not case.is_restricted:
        raise MandateError(f"{case.number} is not restricted, so nothing has to be released.")
    reason = clean_text(reason).strip()[:500]
    if not reason:
        raise MandateError("This needs a reason.")
    proved = stepup.require(actor) if is_released else stepup.proved(actor)
    release = LegalRelease.objects.create(case=case, is_released=is_released, reason=reason, by=actor, at=clock.now())
    case.is_released_to_hr = is_released
    case.save(update_fields=["is_released_to_hr"])
    told = "Legal lets HR be told" if is_released else "Legal does not let HR be told"
    timeline.record(case.pk, f"{told}{proved.words}: {reason}", kind=TimelineEntry.Kind.PERSON, actor=actor)
    return release


def latest(case: Case) -> LegalRelease | None:
    """The decision that holds, or None while there is none."""
    return LegalRelease.objects.filter(case=case).select_related("by").first()
