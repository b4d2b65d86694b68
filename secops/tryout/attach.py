"""Attach the practice range to this installation: integrations, people, a token for its detectors."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group

from secops import integrations, registry, signin
from secops.access import RoleName
from secops.models import ApiToken, Integration, User

DOMAIN = "brightwater.example"  # of the simulated company: its mail ends in the range
INSIDER = "insider"  # the team whose cases are born restricted and covert
VISITOR = "quickstart"  # looks whether everything is complete, and stands under "who looked" by this name
PEOPLE: dict[str, tuple[str, str, RoleName, tuple[str, ...]]] = {  # login: first and last name, role, teams
    "analyst": ("Ana", "Lyst", RoleName.ANALYST, (INSIDER,)),
    "responder": ("Rosa", "Ponder", RoleName.RESPONDER, ()),
    "lead": ("Inge", "Leader", RoleName.RESPONDER, (INSIDER,)),
    "legal": ("Lea", "Gale", RoleName.GUEST, ("legal",)),
    "hr": ("Hero", "Resource", RoleName.GUEST, ("hr",)),
    "chief": ("Ada", "Chief", RoleName.ADMIN, ()),
    VISITOR: ("Quickstart", "check (machine)", RoleName.ANALYST, (INSIDER,)),
}


def attach() -> dict[str, str]:
    """Safe to repeat. Returns the secrets that the parent needs: the detectors' token, a link for its visitor."""
    folder = settings.DATA_DIR
    ports: dict[str, int] = json.loads((folder / "practice/ports.json").read_text())
    keys: dict[str, Any] = json.loads((folder / "practice/credentials.json").read_text())
    for connector, name, values, secrets in _range(folder, f"http://127.0.0.1:{ports['http']}", ports["smtp"], keys):
        integrations.ensure(connector, name, values, secrets, is_simulated=True)
    for one in Integration.objects.filter(is_enabled=True):  # health is known, and what is read once is read now
        integrations.test(one)
    for _, prepare in registry.attached.items():
        prepare()
    people = {username: _person(username) for username in PEOPLE}
    return {"token": _token(), "link": signin.issue_link(people[VISITOR])}


def _range(
    folder: Path, base: str, smtp_port: int, keys: dict[str, Any]
) -> list[tuple[str, str, dict[str, Any], dict[str, str]]]:
    """The products that the range plays, by the same settings that the real ones take."""
    entra = {"tenant": keys["tenant_id"], "client_id": keys["client_id"], "login_url": f"{base}/login"}
    secret = {"client_secret": keys["client_secret"]}
    mail = {"host": "127.0.0.1", "port": smtp_port, "security": "none", "sender": "nightdesk@brightwater.example"}
    geo = {"path": str(folder / "practice/geo"), "documentation_ranges": True}
    premium = {"url": f"{base}/vt", "calls_per_minute": 240}
    drivers = {"windows_memory": "\\\\.\\pmem", "linux_memory": "/dev/pmem"}
    grr = {"url": f"{base}/grr", "username": keys["grr_user"]} | drivers
    ise = {"url": f"{base}/ise", "username": keys["ise_user"]}
    arkime = {"url": f"{base}/arkime", "username": keys["arkime_user"], "networks": "10.20.0.0/20", "delay_seconds": 5}
    return [
        ("kea", "Kea DHCP", {"url": f"{base}/kea/", "username": keys["kea_user"]}, {"password": keys["kea_password"]}),
        ("microsoft-graph", "Microsoft Graph", entra | {"api_url": f"{base}/graph"}, secret),
        ("defender", "Defender for Endpoint", entra | {"api_url": f"{base}/defender"}, secret),
        ("cisco-ise", "Cisco ISE", ise, {"password": keys["ise_password"]}),
        ("arkime", "Arkime", arkime, {"password": keys["arkime_password"]}),
        ("virustotal", "VirusTotal", premium, {"api_key": keys["virustotal_premium_key"]}),
        ("grr", "GRR Rapid Response", grr, {"password": keys["grr_password"]}),
        ("cape", "CAPE sandbox", {"url": f"{base}/cape", "calls_per_minute": 120}, {"token": keys["cape_token"]}),
        ("rdap", "RDAP", {"url": f"{base}/rdap"}, {}),
        ("smtp", "Mail", mail, {}),
        ("logs", "Network and endpoint logs", {"path": str(folder / "logs")}, {}),
        ("mmdb", "Address owners", geo, {}),
        ("warninglists", "Warning lists of the range", {"path": str(folder / "practice/warninglists")}, {}),
    ]


def _person(username: str) -> User:
    """Everybody is made up; who has an address gets the mail of the cases that name them."""
    first, last, role, teams = PEOPLE[username]
    email = f"{username}@{DOMAIN}" if role == RoleName.GUEST else ""
    made = {"first_name": first, "last_name": last, "email": email}
    user, _ = User.objects.get_or_create(username=username, defaults=made)
    user.is_staff = role == RoleName.ADMIN
    user.save(update_fields=["is_staff"])
    user.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in (role, *teams)))
    return user


def _token() -> str:
    """A fresh one at each start: only its hash is kept, so the old one cannot be read back."""
    ApiToken.objects.filter(name="practice-range").delete()
    _, secret = ApiToken.issue("practice-range", scope=ApiToken.Scope.INTAKE)
    return secret
