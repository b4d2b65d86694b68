"""Close an account: nobody signs in with it any more."""

from collections.abc import Mapping
from typing import Any

from response.actions.accounts import ClosesAccount, account_of, who
from response.actions.base import Call, Check, Done, Held, Plan, actions
from secops.connectors.capabilities.errors import SourceRefused


@actions.register
class DisableAccount(ClosesAccount):
    """New sign-ins end at once; what is signed in lives on until `revoke_sessions`. Only both close the account."""

    slug = "disable_account"
    label = "Disable account"
    lane = "account"
    traces = "The person cannot sign in; the audit log of the directory names it."
    undone_by = "enable_account"
    undo_label = "Enable"

    def plan(self, call: Call) -> Plan:
        name = str(call.person)
        return Plan(
            what=f"Disable the account of {name}",
            consequence=f"{name} cannot sign in to anything: mail, files and devices. Sessions that are open stay open "
            "until they are revoked.",
            who=who(call),
            undo="Enable, one approval. No password is changed.",
            steps=(
                f"The directory is asked to disable {account_of(call)}.",
                "Whether it is disabled is read back from the directory.",
                "No device is touched, and no password is reset.",
            ),
            if_unanswered=f"{name} can still sign in everywhere.",
        )

    def do(self, call: Call) -> Done:
        call.connector.disable_account(account_of(call))
        return Done(text=f"The account of {call.person} is being disabled", is_final=False)

    def verify(self, call: Call) -> Check:
        return read_back(call, wanted=False)

    def undo_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"person": params["person"]}


def read_back(call: Call, *, wanted: bool) -> Check:
    """What the directory says of the account, against what was wanted."""
    said = call.connector.account_state(account_of(call))
    if said.is_enabled is None:
        raise SourceRefused("The directory does not say whether the account is enabled.")
    words = "enabled" if said.is_enabled else "disabled"
    held = Held.DONE if said.is_enabled is wanted else Held.NOT_DONE
    return Check(held=held, text=f"Account of {call.person}: {words}{', verified' if held == Held.DONE else ''}")
