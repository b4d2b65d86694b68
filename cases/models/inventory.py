"""Who and what cases are about: devices, people, and their part in a case."""

from typing import Any

from django.db import models
from django.db.models import Q

from cases.choices import DeviceReason, DeviceState
from secops.connectors.capabilities.identity import Host

MAIN_ROLES = ("owner", "actor", "logged_on")  # whom a case is about, the strongest first


class Person(models.Model):
    """A person of the company, as the directory or an alert knows them."""

    login = models.CharField(max_length=150, blank=True, help_text="sAMAccountName, lower case.")
    upn = models.CharField(max_length=254, blank=True)
    directory_id = models.CharField(max_length=64, blank=True)
    sid = models.CharField(max_length=190, blank=True)
    name = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200, blank=True)
    department = models.CharField(max_length=120, blank=True)
    site = models.CharField(max_length=120, blank=True)
    manager_name = models.CharField(max_length=200, blank=True)
    manager_login = models.CharField(max_length=150, blank=True, help_text="Lower case.")
    is_privileged = models.BooleanField(default=False)
    is_leaver = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(
                fields=["directory_id"], condition=~Q(directory_id=""), name="person_directory_once"
            ),
            models.UniqueConstraint(
                fields=["login"],
                condition=~Q(login="") & Q(directory_id="", sid="", upn=""),
                name="person_bare_login_once",
            ),
            models.UniqueConstraint(
                fields=["upn"], condition=~Q(upn="") & Q(directory_id=""), name="person_bare_upn_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.upn or self.login


class Device(models.Model):
    """A device by its strongest key (STANDARDS.md part 1.2); never merged on an address, and on a
    host name only where no stronger key says otherwise."""

    name = models.CharField(max_length=255, help_text="Host name without domain, upper case.")
    agent_id = models.CharField(max_length=64, blank=True, help_text="The EDR's id.")
    directory_id = models.CharField(max_length=64, blank=True)
    mac = models.CharField(max_length=17, blank=True)
    fqdn = models.CharField(max_length=255, blank=True)
    os = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=40, blank=True)
    group = models.CharField(max_length=120, blank=True)
    site = models.CharField(max_length=120, blank=True)
    owner = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="devices")
    last_address = models.CharField(max_length=45, blank=True)
    is_critical = models.BooleanField(default=False)
    is_protected = models.BooleanField("never touch", default=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent_id"], condition=~Q(agent_id=""), name="device_agent_once"),
            models.UniqueConstraint(
                fields=["directory_id"],
                condition=~Q(directory_id="") & Q(agent_id=""),
                name="device_directory_once",
            ),
            models.UniqueConstraint(
                fields=["name", "fqdn"], condition=Q(agent_id="", directory_id="", mac=""), name="device_bare_name_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def host(self, address: str = "") -> Host:
        """As connectors know it; `address` is what it had at the time asked about."""
        return Host(name=self.name, agent_id=self.agent_id, address=address, mac=self.mac, group=self.group)


class CaseDevice(models.Model):
    """A device's part in a case, with the state of its containment."""

    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, related_name="case_devices")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="case_devices")
    state = models.CharField(max_length=16, choices=DeviceState, default=DeviceState.SUSPECTED)
    state_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=8, choices=DeviceReason, default=DeviceReason.ALERT)
    address = models.CharField(max_length=45, blank=True, help_text="What it had at the alert's time.")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "device"], name="case_device_once")]


class CasePersonQuerySet(models.QuerySet["CasePerson"]):
    def naming(self, user: Any) -> "CasePersonQuerySet":
        """The parts by which this user is whom a case is about, or that person's manager: by login, mail or UPN.

        Whose account is a mail address is also known by what stands before the @. Too wide only keeps people out.
        """
        names = {name.casefold() for name in (user.get_username(), user.email) if name}
        logins = names | {name.partition("@")[0] for name in names}
        found = Q(person__login__in=logins) | Q(person__upn__in=names) | Q(person__manager_login__in=logins)
        for name in names:
            found |= Q(person__upn__startswith=f"{name}@")
        return self.filter(found, role__in=MAIN_ROLES)


class CasePerson(models.Model):
    """A person's part in a case: actor, target, logged_on, owner, recipient."""

    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, related_name="case_people")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="case_people")
    role = models.CharField(max_length=20, default="actor")

    objects = CasePersonQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "person", "role"], name="case_person_once")]
