"""Tell HR, once Legal lets them be told."""

from cases.choices import Circle
from response.actions.base import Call, Done, actions
from response.actions.guest_mail import GuestMail
from response.errors import ActionError
from response.models import LegalRelease


@actions.register
class NotifyHr(GuestMail):
    slug = "notify_hr"
    label = "Notify HR"
    is_noticeable = False
    traces = "A mail without names in the boxes of HR and in the mail log, which a mail administrator can read."
    circle = Circle.HR

    def do(self, call: Call) -> Done:
        release = LegalRelease.objects.filter(case=call.case).first()
        if release is None or not release.is_released:
            raise ActionError("Legal first: Legal has not let HR be told.")
        return super().do(call)
