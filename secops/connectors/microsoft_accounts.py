"""Entra ID's accounts through Microsoft Graph: closed, opened again, and their sessions ended."""

from typing import Any
from urllib.parse import quote

from secops.connectors.base import Connector
from secops.connectors.capabilities.containment import AccountState
from secops.connectors.capabilities.errors import NoEffect, SourceRefused
from secops.connectors.microsoft_kql import word
from secops.connectors.microsoft_login import TokenSource
from secops.connectors.sending import before_the_effect, refuse, send_once

STATE = "id,userPrincipalName,accountEnabled,signInSessionsValidFromDateTime"


class AccountEffects(Connector):
    """The capability `account`. Asks for User.EnableDisableAccount.All and User.RevokeSessions.All.

    Without a directory role of its own the application cannot touch an administrator: Graph refuses, nothing is done.
    """

    tokens: TokenSource

    def _get(self, path: str, params: dict[str, str]) -> dict[str, Any] | None:
        """One object; None when the product does not have it."""
        raise NotImplementedError

    def disable_account(self, account: str) -> None:
        self._enable(account, False)

    def enable_account(self, account: str) -> None:
        self._enable(account, True)

    def revoke_sessions(self, account: str) -> None:
        """Refresh tokens and browser sessions of before this moment end; an access token lives on for up to an hour."""
        self._account_effect("POST", account, "/revokeSignInSessions", "revoke the sessions")

    def account_state(self, account: str) -> AccountState:
        found = self._get(f"users/{_part(account)}", {"$select": STATE})
        if found is None:
            raise SourceRefused("The directory does not know this account.")
        is_enabled = found.get("accountEnabled")
        return AccountState(
            is_enabled=is_enabled if isinstance(is_enabled, bool) else None,
            sessions_revoked_at=word(found, "signInSessionsValidFromDateTime"),
        )

    def _enable(self, account: str, is_enabled: bool) -> None:
        what = "enable the account" if is_enabled else "disable the account"
        self._account_effect("PATCH", account, "", what, json={"accountEnabled": is_enabled})

    def _account_effect(self, method: str, account: str, tail: str, what: str, **parts: Any) -> None:
        with before_the_effect():
            token = self.tokens.token()
        url = f"{self.setting('api_url')}/v1.0/users/{_part(account)}{tail}"
        answer = send_once(self, method, url, headers={"Authorization": f"Bearer {token}"}, **parts)
        if answer.status in {200, 204}:
            return
        if answer.status == 401:  # the token ended early: the next try brings a fresh one
            self.tokens.forget()
        if answer.status == 403:
            raise NoEffect(f"{answer.host} does not let this application {what}: an administrator's, or no right to.")
        refuse(answer, what, later=1.0 if answer.status == 401 else None)


def _part(account: str) -> str:
    """One part of a path: a sign-in name comes from a directory or an alert."""
    return quote(account, safe="@")
