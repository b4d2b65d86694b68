"""The ground's tables: users, factors, tokens, integrations, audit, heartbeats."""

from secops.models.audit import AuditEntry
from secops.models.factors import Factor
from secops.models.heartbeats import Heartbeat
from secops.models.integrations import Integration
from secops.models.tokens import ApiToken
from secops.models.users import SignInLink, User

__all__ = ["ApiToken", "AuditEntry", "Factor", "Heartbeat", "Integration", "SignInLink", "User"]
