"""`manage.py token create|list|revoke`: API tokens."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from secops.models import ApiToken, AuditEntry, User


class Command(BaseCommand):
    help = "Make, list or revoke API tokens. A new token is printed alone on the last line, once."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create")
        create.add_argument("name")
        create.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.INTAKE)
        create.add_argument("--source", action="append", default=[], help="may send as this source too")
        create.add_argument("--user", help="whom a token with scope read stands for")
        verbs.add_parser("list")
        verbs.add_parser("revoke").add_argument("id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        {"create": self._create, "list": self._list, "revoke": self._revoke}[options["verb"]](options)

    def _create(self, options: dict[str, Any]) -> None:
        if ApiToken.objects.filter(name=options["name"]).exists():
            raise CommandError(f"There is a token named {options['name']} already", returncode=1)
        user = User.objects.filter(username=options["user"]).first() if options["user"] else None
        if options["scope"] == ApiToken.Scope.READ and user is None:
            raise CommandError("A token with scope read needs --user NAME", returncode=2)
        token, secret = ApiToken.issue(options["name"], scope=options["scope"], sources=options["source"], user=user)
        AuditEntry.append(f"Token {token} made on the command line")
        self.stdout.write(secret)

    def _list(self, options: dict[str, Any]) -> None:
        for token in ApiToken.objects.order_by("pk"):
            state = "revoked" if token.revoked_at else "live"
            used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"
            self.stdout.write(f"{token.pk}  {token.name}  {token.scope}  {state}  used {used}")

    def _revoke(self, options: dict[str, Any]) -> None:
        if not ApiToken.objects.live().filter(pk=options["id"]).update(revoked_at=timezone.now()):
            raise CommandError(f"There is no live token {options['id']}", returncode=1)
        AuditEntry.append(f"Token {options['id']} revoked on the command line")
