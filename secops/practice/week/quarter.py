"""The simulation's ninety days of file use: what the file servers and data loss prevention saw before the logged week.

Most of it is ordinary, and some of the ordinary looks odd on purpose: month ends, a share that a whole department
begins to use, somebody's weekly stick, somebody who helped out for a day, a holiday.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from secops.practice.week.company import Company, Person
from secops.practice.week.facts import Handled, ShareOpen
from secops.practice.week.leases import DAY
from secops.practice.week.ledger import Ledger
from secops.practice.week.noise_people import SHARES
from secops.practice.week.presence import local_time

FILE_DAYS = 90
PROJECTS = ("FS-HAM-02", "projects")
FORMS = ("FS-LIS-01", "forms")
BUDGET = ("FS-LIS-01", "budget")
BUDGET_SINCE = 40  # days before the anchor on which all of Finance began with next year's budget
ON_PROJECTS = ("u.lorenz", "d.pires")  # beside Engineering
HELPER, HELPED = "e.adeyemi", 52  # who opened a few papers of a project on one day, so many days before the anchor
HOLIDAY = {"r.sarmento": (60, 46), "y.tanaka": (30, 23)}  # away from and until, days before the anchor
STICK_OWNER, STICK = "v.novak", "0A71C2D4490B"
PRINTERS = ("HAM-2F-COLOUR", "LIS-1F-MONO", "LIS-3F-COLOUR")
CLOUDS = ("files.roundtable.example", "portal.bankwire.example", "track.stowage.example")
type Place = tuple[str, str]


def people_used_files(ledger: Ledger) -> None:
    """Enter everybody's file use from ninety days before the anchor until the logged week begins."""
    company = ledger.company
    for person in company.people.values():
        random = company.random(f"quarter:{person.login}")
        pace = random.uniform(2.5, 6.0)
        for midnight, back in working_days(company, person, random):
            for place, count in _places(person, midnight, back, pace, random):
                ledger.opens.extend(opened(company, person, midnight, place, count, random))
            ledger.handled.extend(_handled(company, person, midnight, random))


def working_days(company: Company, person: Person, random: Random) -> Iterator[tuple[datetime, int]]:
    """The local midnights of the days at work before the logged week, with how many days before the anchor."""
    today = local_time(company, person.site, company.anchor).replace(hour=0, minute=0, second=0, microsecond=0)
    away_from, away_until = HOLIDAY.get(person.login, (0, 0))
    for back in range(FILE_DAYS - 1, 7, -1):
        midnight = today - timedelta(days=back)
        is_away = away_until <= back <= away_from or random.random() < 0.05
        if midnight.weekday() < 5 and not is_away:
            yield midnight, back


def opened(
    company: Company, person: Person, midnight: datetime, place: Place, count: int, random: Random, *, late: float = 0.0
) -> list[ShareOpen]:
    """So many files of a share, within the person's working hours or, with `late`, in so many hours after them."""
    first, last = person.hours
    low, high = (last + 0.4, last + 0.4 + late) if late else (first + 0.2, last - 0.2)
    device = device_of(company, person)
    found = []
    for hour in sorted(random.uniform(low, high) for _ in range(count)):
        at = (midnight + timedelta(hours=hour)).timestamp()
        if company.anchor - FILE_DAYS * DAY < at < company.start:
            path = f"{_folder(person, place, random)}\\file-{random.randint(100, 999)}.pdf"
            found.append(
                ShareOpen(
                    at=round(at, 6), login=person.login, device=device, server=place[0], share=place[1], path=path
                )
            )
    return found


def device_of(company: Company, person: Person) -> str:
    return next(device.name for device in company.devices.values() if device.owner == person.login)


def _folder(person: Person, place: Place, random: Random) -> str:
    top = (
        person.department if place == SHARES[person.department] else random.choice(("Northquay", "Tidewall", "Common"))
    )
    return f"{top}\\{random.choice(('2025', '2026', 'current'))}"


def _places(person: Person, midnight: datetime, back: int, pace: float, random: Random) -> Iterator[tuple[Place, int]]:
    is_month_end = (midnight + timedelta(days=2)).month != midnight.month
    peak = 3.0 if is_month_end and person.department == "Finance" else 1.0
    yield SHARES[person.department], round(pace * peak * random.uniform(0.5, 1.5))
    if random.random() < 0.2:
        yield FORMS, random.randint(1, 2)
    if person.department == "Finance" and back <= BUDGET_SINCE and random.random() < 0.5:
        yield BUDGET, random.randint(1, 4)
    if (person.department == "Engineering" or person.login in ON_PROJECTS) and random.random() < 0.6:
        yield PROJECTS, random.randint(2, 6)
    if person.login == HELPER and HELPED <= back < HELPED + 3 and midnight.weekday() == 2:
        yield PROJECTS, 4


def _handled(company: Company, person: Person, midnight: datetime, random: Random) -> Iterator[Handled]:
    if random.random() < 0.12:
        yield _one(company, person, midnight, random, "FilePrinted", random.choice(PRINTERS), 400_000)
    if random.random() < 0.06:
        yield _one(company, person, midnight, random, "FileUploadedToCloud", random.choice(CLOUDS), 2_000_000)
    if person.login == STICK_OWNER and midnight.weekday() == 3:
        for _ in range(random.randint(2, 5)):
            yield _one(company, person, midnight, random, "FileCopiedToRemovableMedia", "E:\\builds", 90_000_000, STICK)


def _one(
    company: Company,
    person: Person,
    midnight: datetime,
    random: Random,
    way: str,
    target: str,
    size: int,
    serial: str = "",
) -> Handled:
    first, last = person.hours
    name = f"{random.choice(('plan', 'report', 'summary', 'build'))}-{random.randint(100, 999)}.pdf"
    return Handled(
        at=round((midnight + timedelta(hours=random.uniform(first + 0.3, last - 0.3))).timestamp(), 6),
        login=person.login,
        device=device_of(company, person),
        way=way,
        path=f"C:\\Users\\{person.login}\\Documents\\{name}",
        size=round(size * random.uniform(0.3, 2.0)),
        target=f"{target}\\{name}" if serial else target,
        serial=serial,
    )
