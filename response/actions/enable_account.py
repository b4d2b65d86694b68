"""Open an account again."""

from collections.abc import Mapping
from typing import Any

from response.actions.accounts import OnAccount, account_of, who
from response.actions.base import Call, Check, Done, Plan, actions
from response.actions.disable_account import read_back
from response.choices import Phase


@actions.register
class EnableAccount(OnAccount):
    """Also what undoes a closed account."""

    slug = "enable_account"
    label = "Enable account"
    phase = Phase.RECOVERY
    lane = "account"
    traces = "The person can sign in; the audit log of the directory names it."
    undone_by = "disable_account"
    undo_label = "Disable again"

    def plan(self, call: Call) -> Plan:
        name = str(call.person)
        return Plan(
            what=f"Enable the account of {name}",
            consequence=f"{name} can sign in again, and so can whoever else knows the password.",
            who=who(call),
            undo="Disable again, one approval.",
            steps=(
                f"The directory is asked to enable {account_of(call)}.",
                "Whether it is enabled is read back from the directory.",
            ),
            if_unanswered=f"{name} stays locked out.",
        )

    def do(self, call: Call) -> Done:
        call.connector.enable_account(account_of(call))
        return Done(text=f"The account of {call.person} is being enabled", is_final=False)

    def verify(self, call: Call) -> Check:
        return read_back(call, wanted=True)

    def undo_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"person": params["person"]}
