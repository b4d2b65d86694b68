"""`manage.py rotate_secrets`: every secret that is kept goes under the first of NIGHTDESK_SECRETS_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from secops import factors, integrations
from secops import secrets as vault
from secops.models import AuditEntry
from secops.secrets import SecretError


class Command(BaseCommand):
    help = "Encrypt the secrets of integrations and authenticator apps anew, with the first key. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            of_integrations, of_apps = integrations.rotate_secrets(), factors.rotate_secrets()
        except SecretError as error:
            raise CommandError(f"{error} Add that key at the end and begin again.", returncode=1) from error
        said = (
            f"{of_integrations} integrations and {of_apps} authenticator apps, under the key {vault.current_key_id()}"
        )
        if of_integrations or of_apps:
            AuditEntry.append(f"Secrets encrypted anew on the command line: {said}")
        self.stdout.write(f"Encrypted anew: {said}")
