"""What mails to Legal and to HR have in common: a link, and no word about whom, what or which case."""

from typing import ClassVar

from django.conf import settings
from django.urls import reverse

from cases.choices import Circle
from cases.models import Case, CaseMember
from cases.services import members
from response.actions.base import Action, Call, Done, Plan
from response.choices import Effect, Phase, Risk
from response.errors import ActionError
from secops.models import User
from secops.signin import base_url


class GuestMail(Action):
    """To the members of the case from one team. A mail cannot be taken back: after a doubt a person decides."""

    phase = Phase.DETECTION
    risk = Risk.REVERSIBLE
    effect = Effect.ONCE
    capability = "mail"
    is_noticeable = False  # by the subject; who reads other people's mail is a reason to call instead
    circle: ClassVar[Circle]

    def plan(self, call: Call) -> Plan:
        people = receivers(call.case, self.circle)
        names = ", ".join(one.display_name for one in people)
        return Plan(
            what=f"Mail to {self.circle.label}: {names or 'nobody is named yet'}",
            consequence="A mail with a link to their own page is sent. It names no person and no case.",
            undo="Cannot be undone.",
            if_unanswered=f"{self.circle.label} is not told.",
        )

    def do(self, call: Call) -> Done:
        people = receivers(call.case, self.circle)
        if not people:
            raise ActionError(
                f"No member of {call.case.number} is in the team “{self.circle}” and has a mail address. "
                "Name one under Need to know."
            )
        call.connector.send_mail(
            to=[one.email for one in people],
            subject=f"{settings.PRODUCT_NAME}: you are asked to look at something",
            text=f"{base_url()}{reverse('response:guest')}\n\nSign in to read it. Please do not answer this mail.\n",
            key=call.key,
        )
        return Done(text=f"{self.circle.label} was told: {', '.join(one.display_name for one in people)}")


def receivers(case: Case, circle: Circle) -> list[User]:
    """Members of the case from that team who can be reached by mail and whom nothing keeps outside."""
    named = CaseMember.objects.filter(case=case, user__is_active=True, user__groups__name=circle)
    people = [member.user for member in named.select_related("user").distinct().order_by("pk")]
    return [one for one in people if one.email and not members.conflict(case, one)]
