"""When the simulated people are at their devices: sessions, and the hours in which each device is on."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from secops.practice.week.company import Company, Device, Person
from secops.practice.week.leases import DAY

# The people of the stories have no day off, so that there is a past to compare with.
NEVER_AWAY = ("m.okafor", "d.lima", "j.weil", "i.rocha", "x.faria")
USB_LEAVES_AT = 19 + 6 / 60  # local hour by which the third story is over
BEACON_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody at the console of a device; `end` is None while it lasts (epoch seconds)."""

    login: str
    device: str
    start: float
    end: float | None

    def until(self, anchor: float) -> float:
        return anchor if self.end is None else self.end


def local_time(company: Company, site: str, at: float) -> datetime:
    return datetime.fromtimestamp(at, tz=UTC).astimezone(company.zone(site))


def usb_evening(company: Company) -> float:
    """The moment when the third story is over: the last Lisbon evening that lies wholly before the anchor."""
    now = local_time(company, "Lisbon", company.anchor)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    evening = midnight + timedelta(hours=USB_LEAVES_AT)
    if evening > now - timedelta(minutes=5):
        evening -= timedelta(days=1)
    return evening.timestamp()


def sessions_of(company: Company) -> list[Session]:
    """Every session of the logged week, oldest first; nobody has two at one device at the same time."""
    needed = _needed(company)
    sessions = []
    for device in company.devices.values():
        if device.kind == "kiosk":
            sessions.extend(_shared_days(company, device))
        if device.is_server or not device.owner or device.kind == "tablet":
            continue
        person = company.people[device.owner]
        spans = [*_ordinary_days(company, device, person), *needed.get(device.name, [])]
        sessions.extend(_joined(company, device, sorted(spans)))
    return sorted(sessions, key=lambda session: (session.start, session.device))


def _needed(company: Company) -> dict[str, list[tuple[float, float]]]:
    """Spans that the stories need, whatever the hour at which the range is started."""
    anchor, evening, later = company.anchor, usb_evening(company), company.anchor + 600
    return {
        "FIN-LT-0142": [(anchor - BEACON_SECONDS - 2700, later)],
        "FIN-LT-0150": [(anchor - BEACON_SECONDS + 3600, anchor - 2 * 3600)],
        "ENG-WS-0210": [(anchor - 6 * 3600, later)],
        "OPS-LT-0033": [(anchor - 5 * 3600, anchor - 3 * 3600)],
        "SAL-LT-0077": [(evening - 5 * 3600, evening + 120)],
        # Both sides of the two changes of address must be seen in the leases.
        "HR-LT-0021": [(company.start + 8 * 3600, company.start + 13 * 3600)],
        "IT-LT-0012": [(anchor - 5 * 3600, anchor - 3600)],
        "OPS-LT-0036": [
            (company.start + 9 * 3600, company.start + 14 * 3600),
            (anchor - 7 * 3600, anchor - 1800),
        ],
    }


def _ordinary_days(company: Company, device: Device, person: Person) -> list[tuple[float, float]]:
    random = company.random(f"presence:{device.name}")
    spans = []
    for day in range(-8, 1):
        midnight = _midnight(company, person.site, day)
        start, end = _span(random, person, midnight)
        is_away = random.random() < 0.07 and person.login not in NEVER_AWAY
        second_device = device.name != _first_device(company, person)
        if is_away or (second_device and random.random() < 0.3) or not is_workday(company, midnight):
            continue
        if company.was_here(device.name, start) and company.was_here(device.name, end):
            spans.append((start, end))
    return spans


def _shared_days(company: Company, device: Device) -> list[Session]:
    """The kiosk: two people take turns on every working day."""
    sessions = []
    for day in range(-8, 1):
        midnight = _midnight(company, device.site, day)
        for login, hour in (("u.lorenz", 10.2), ("l.vogt", 14.6)):
            start = (midnight + timedelta(hours=hour)).timestamp()
            end = start + 5400
            if is_workday(company, midnight) and company.start - DAY < start < company.anchor - 600:
                sessions.append(
                    Session(
                        login=login,
                        device=device.name,
                        start=start,
                        end=None if end > company.anchor else end,
                    )
                )
    return sessions


def _midnight(company: Company, site: str, day: int) -> datetime:
    now = local_time(company, site, company.anchor)
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=day)


def _span(random: Random, person: Person, midnight: datetime) -> tuple[float, float]:
    first, last = person.hours
    start = midnight + timedelta(hours=first, minutes=random.gauss(0, 9))
    end = midnight + timedelta(hours=last, minutes=random.gauss(4, 14))
    return start.timestamp(), end.timestamp()


def _first_device(company: Company, person: Person) -> str:
    return next(device.name for device in company.devices.values() if device.owner == person.login)


def is_workday(company: Company, midnight: datetime) -> bool:
    """Monday to Friday, and whatever day the range is started on: a practice needs a day at work."""
    if midnight.weekday() < 5:
        return True
    stories = (company.anchor, company.anchor - 6 * 3600, usb_evening(company))
    return any(local_time(company, "Lisbon", at).date() == midnight.date() for at in stories)


def _joined(company: Company, device: Device, spans: list[tuple[float, float]]) -> list[Session]:
    merged: list[tuple[float, float]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1] + 1800:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    kept = [(start, end) for start, end in merged if company.start - DAY < start < company.anchor - 600]
    return [
        Session(login=device.owner, device=device.name, start=start, end=None if end > company.anchor else end)
        for start, end in kept
    ]
