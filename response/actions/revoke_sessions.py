"""End the sessions of an account: whoever is signed in with it must sign in again."""

from datetime import UTC, datetime, timedelta

from response.actions.accounts import ClosesAccount, account_of, who
from response.actions.base import Call, Check, Done, Held, Plan, actions
from response.models import Attempt

SKEW = timedelta(minutes=2)  # by which the directory's clock may be behind ours


@actions.register
class RevokeSessions(ClosesAccount):
    """Whether it held is read from the moment since which sessions count: it must not lie before we asked."""

    slug = "revoke_sessions"
    label = "Revoke sessions"
    lane = "sessions"
    traces = "The person is signed out everywhere; the audit log of the directory names it."

    def plan(self, call: Call) -> Plan:
        name = str(call.person)
        return Plan(
            what=f"Revoke the sessions of {name}",
            consequence=f"{name} is signed out on every device and in every cloud application, and must sign in again. "
            "What was granted for an hour may live on until it is over.",
            who=who(call),
            undo="Cannot be undone: signing in again is all it takes. Who knows the password can, too.",
            steps=(
                f"The directory is asked to end the sessions of {account_of(call)}.",
                "The moment since which sessions count is read back from the directory.",
                "The account is not disabled, and no password is reset.",
            ),
            if_unanswered="Sessions stay open, also in the cloud.",
        )

    def do(self, call: Call) -> Done:
        call.connector.revoke_sessions(account_of(call))
        return Done(text=f"The sessions of {call.person} are being revoked", is_final=False)

    def verify(self, call: Call) -> Check:
        said = _moment(call.connector.account_state(account_of(call)).sessions_revoked_at)
        first = Attempt.objects.filter(step_id=call.step_id, sent_at__isnull=False).order_by("sent_at").first()
        asked = first.sent_at if first else None
        if said is not None and asked is not None and said >= asked - SKEW:
            return Check(held=Held.DONE, text=f"Sessions of {call.person}: revoked {said:%H:%M} UTC, verified")
        return Check(held=Held.NOT_DONE, text=f"Sessions of {call.person} still count")


def _moment(text: str) -> datetime | None:
    """RFC 3339 as a moment in UTC; None for none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
