"""`manage.py signin USER`: a one-time link; also makes the first admin."""

from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError, CommandParser

from secops import factors, signin
from secops.access import RoleName
from secops.models import AuditEntry, User


class Command(BaseCommand):
    help = "Print a link that signs USER in, once, within 10 minutes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--create", action="store_true", help="make the user if there is none")
        parser.add_argument("--reset-factors", action="store_true", help="forget the user's second factors, lost ones")
        parser.add_argument("--role", action="append", default=[], choices=RoleName.values)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None and not options["create"]:
            raise CommandError(f"There is no user {options['username']}; add --create to make one", returncode=1)
        if user is None:
            user = User.objects.create_user(options["username"])
            AuditEntry.append(f"User {user} made on the command line")
        if not user.is_active:
            raise CommandError(f"{user} is disabled", returncode=1)
        for role in options["role"]:
            user.groups.add(Group.objects.get(name=role))
            AuditEntry.append(f"User {user} got the role {role} on the command line")
        if options["reset_factors"]:
            factors.reset(user, actor=None)
        self.stdout.write(f"{signin.base_url()}{signin.issue_link(user)}")
