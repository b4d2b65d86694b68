"""The simulated company Brightwater Trading: its people, devices and their addresses, made from one seed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from secops.practice.week.leases import DAY, Holding, holdings_of
from secops.practice.week.roster import ARRIVED, DEVICES, PEOPLE, PUT_AWAY

NAME = "Brightwater Trading"
DOMAIN = "brightwater.example"
NETBIOS = "BRIGHTWATER"
DOMAIN_SID = "S-1-5-21-3218745501-1174203365-2899145710"
LEAVER = "i.rocha"
LEAVER_DAYS = 9
ZONES = {"Lisbon": "Europe/Lisbon", "Hamburg": "Europe/Berlin"}
GATEWAYS = {"Lisbon": "10.20.0.1", "Hamburg": "10.20.16.1"}
CONTROLLERS = {"Lisbon": "10.20.0.10", "Hamburg": "10.20.16.10"}
SERVER_KINDS = ("server", "domain_controller")
LOG_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works here; `sid` is the domain account's, `leave_date` ISO or empty."""

    login: str
    upn: str
    name: str
    title: str
    department: str
    site: str
    manager: str
    is_privileged: bool
    leave_date: str
    working_hours: str
    time_zone: str
    id: str
    sid: str

    @property
    def hours(self) -> tuple[float, float]:
        """Start and end of the working day, in hours of local time."""
        start, end = self.working_hours.split("-")
        return _hour(start), _hour(end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A machine; `name` is the short upper-case name, `mde_id` the EDR's 40 hex digits, `ip` its address now."""

    name: str
    id: str
    mde_id: str
    azure_ad_device_id: str
    mac: str
    ip: str
    os: str
    os_build: int
    kind: str
    group: str
    site: str
    owner: str
    health: str
    risk: str
    firewall: bool
    encryption: bool
    last_seen: str
    is_critical: bool

    @property
    def fqdn(self) -> str:
        return f"{self.name}.{DOMAIN}"

    @property
    def is_server(self) -> bool:
        return self.kind in SERVER_KINDS

    @property
    def has_agent(self) -> bool:
        """Whether endpoint events come from it (tablets are only managed)."""
        return self.kind != "tablet"

    @property
    def is_always_on(self) -> bool:
        return self.is_server or self.kind in ("workstation", "kiosk")


@dataclass(slots=True, kw_only=True)
class Company:
    """Everybody and everything, with who held which address when. Times are epoch seconds."""

    anchor: float
    seed: int
    people: dict[str, Person] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    holdings: list[Holding] = field(default_factory=list)

    @property
    def start(self) -> float:
        """The first moment of the logs."""
        return self.anchor - LOG_DAYS * DAY

    def random(self, topic: str) -> Random:
        """A generator of its own for each topic, so that one change of noise leaves the rest alone."""
        return Random(f"{self.seed}:{topic}")  # noqa: S311 - invented data

    def address(self, device: str, at: float) -> str:
        """The address that the device had at the time."""
        for holding in self.holdings:
            if holding.device == device and holding.start <= at < holding.end:
                return holding.address
        return self.devices[device].ip

    def zone(self, site: str) -> ZoneInfo:
        return ZoneInfo(ZONES[site])

    def clients(self) -> list[Device]:
        return [device for device in self.devices.values() if not device.is_server]

    def was_here(self, device: str, at: float) -> bool:
        """False before a device came and after it was put away."""
        if device in PUT_AWAY:
            return at < self.anchor - PUT_AWAY[device] * DAY
        return device not in ARRIVED or at >= self.anchor - ARRIVED[device] * DAY


def build(anchor: datetime, seed: int = 7) -> Company:
    """The company as it stands at `anchor` (aware); the same seed and anchor give the same company."""
    company = Company(anchor=float(int(anchor.timestamp())), seed=seed)
    random = company.random("company")
    for number, row in enumerate(PEOPLE):
        person = _person(row, number, random, anchor)
        company.people[person.login] = person
    for row_ in DEVICES:
        device = _device(row_, random, anchor)
        company.devices[device.name] = device
    company.holdings = holdings_of(DEVICES, company.anchor)
    return company


def _hour(text: str) -> float:
    hour, minute = text.split(":")
    return int(hour) + int(minute) / 60


def _guid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def _person(row: tuple[str, str, str, str, str, str, bool], number: int, random: Random, anchor: datetime) -> Person:
    login, name, title, department, site, manager, is_privileged = row
    start = random.choice((8.0, 8.5, 9.0))
    hours = "09:00-18:00" if login == LEAVER else f"{_clock(start)}-{_clock(start + 9)}"
    leave = (anchor + timedelta(days=LEAVER_DAYS)).date().isoformat() if login == LEAVER else ""
    return Person(
        login=login,
        upn=f"{login}@{DOMAIN}",
        name=name,
        title=title,
        department=department,
        site=site,
        manager=manager,
        is_privileged=is_privileged,
        leave_date=leave,
        working_hours=hours,
        time_zone=ZONES[site],
        id=_guid(random),
        sid=f"{DOMAIN_SID}-{1104 + number}",
    )


def _clock(hour: float) -> str:
    return f"{int(hour):02d}:{round(hour % 1 * 60):02d}"


def _device(row: tuple[str, str, str, str, str, str], random: Random, anchor: datetime) -> Device:
    name, kind, group, site, owner, tail = row
    is_server = kind in SERVER_KINDS
    put_away = PUT_AWAY.get(name, 0.0)
    seen = anchor - (timedelta(days=put_away) if put_away else timedelta(seconds=random.randint(20, 240)))
    return Device(
        name=name,
        id=_guid(random),
        mde_id=f"{random.getrandbits(160):040x}",
        azure_ad_device_id=_guid(random),
        mac="02:42:" + ":".join(f"{random.randrange(256):02x}" for _ in range(4)),
        ip=f"10.20.{tail}",
        os=_os(kind),
        os_build=20348 if is_server else 22631,
        kind=kind,
        group=group,
        site=site,
        owner=owner,
        health="Inactive" if put_away else "Active",
        risk={"FIN-LT-0142": "High", "ENG-WS-0210": "Medium", "SAL-LT-0077": "Medium"}.get(name, "None"),
        firewall=name != "FIN-LT-0142",
        encryption=not is_server and name != "OPS-KI-0001",
        last_seen=seen.replace(microsecond=0).isoformat().replace("+00:00", "Z"),
        is_critical=is_server,
    )


def _os(kind: str) -> str:
    if kind in SERVER_KINDS:
        return "Windows Server 2022"
    return "Android 14" if kind == "tablet" else "Windows 11 23H2"
