"""Tell Legal, before anybody else outside of the team."""

from cases.choices import Circle
from response.actions.base import actions
from response.actions.guest_mail import GuestMail


@actions.register
class NotifyLegal(GuestMail):
    slug = "notify_legal"
    label = "Notify Legal"
    is_noticeable = False
    traces = "A mail without names in the boxes of Legal and in the mail log, which a mail administrator can read."
    circle = Circle.LEGAL
