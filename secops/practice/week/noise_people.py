"""The simulation's ordinary days: what people do at their desks, with volumes that vary by person and weekday."""

from dataclasses import dataclass
from random import Random

from secops.practice.week.company import CONTROLLERS, DOMAIN, LEAVER, Person
from secops.practice.week.desktops import Desk, Desktops
from secops.practice.week.facts import Web
from secops.practice.week.ledger import Ledger
from secops.practice.week.presence import local_time, usb_evening
from secops.practice.week.programs import BACKGROUND, CALLS, NOTEPAD, OFFICE, SEARCH, STUDIO, WRITER

WEEKDAY_WEIGHT = (1.15, 1.0, 1.05, 1.0, 0.8, 0.6, 0.6)
_SITE_NAMES = (
    *("www.harbournews", "search.skerry", "mail-hosting.quill", "www.weatherline"),
    *("docs.anvil-tools", "cdn.fontery", "portal.bankwire", "rates.tallybook", "www.lisboa-hoje"),
    *("www.hafenblatt", "static.imagepool", "api.clientel", "maps.wayside", "forum.codeyard"),
    *("www.railbook", "shop.paperworks", "video.lanternfilm", "tickets.roundtable"),
    *("learn.peoplebook", "www.customs-info", "track.stowage", "auth.skerry", "ads.brightpixel"),
    *("metrics.brightpixel",),
)
SITES = tuple((f"{name}.example", f"192.0.2.{100 + number}") for number, name in enumerate(_SITE_NAMES))
PLAIN_SITES = (
    ("ocsp.trustwell.example", "192.0.2.80", "/ocsp", "application/ocsp-response", 1_900),
    ("crl.trustwell.example", "192.0.2.81", "/trustwell-g2.crl", "application/pkix-crl", 42_000),
    ("www.harbournews.example", "192.0.2.100", "/rss/markets.xml", "text/xml", 88_000),
    (f"intranet.{DOMAIN}", "10.20.0.12", "/start", "text/html", 31_000),
    (f"intranet.{DOMAIN}", "10.20.0.12", "/lunch/week", "text/html", 12_000),
    ("download.pinwheel.example", "192.0.2.41", "/channel/stable.cab", "application/vnd.ms-cab-compressed", 640_000),
)
AGENT_STRING = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Skerry/118.4"
SHARES = {
    "Finance": ("FS-LIS-01", "finance"),
    "Sales": ("FS-HAM-02", "contracts"),
    "Engineering": ("FS-HAM-02", "builds"),
    "HR": ("FS-LIS-01", "people"),
    "IT": ("FS-LIS-01", "software"),
    "Operations": ("FS-HAM-02", "shipping"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How much one person does on a day: pages, bytes sent on the web, bytes read from shares."""

    pages: float
    sent: float
    read: float


def habits_of(person: Person, random: Random) -> Habits:
    """Drawn once for each person; the two whose past the stories compare with are fixed."""
    habits = Habits(pages=random.uniform(40, 85), sent=random.lognormvariate(15.4, 0.5), read=random.uniform(2e7, 6e8))
    fixed = {
        "m.okafor": Habits(pages=62, sent=2.9e6, read=6.0e7),
        "i.rocha": Habits(pages=70, sent=6.5e6, read=1.8e8),
    }
    return fixed.get(person.login, habits)


def people_at_work(ledger: Ledger, desktops: Desktops) -> None:
    """Enter every session's ordinary doings."""
    company = ledger.company
    habits = {login: habits_of(person, company.random(f"habits:{login}")) for login, person in company.people.items()}
    for device, desks in desktops.desks.items():
        for number, desk in enumerate(desks):
            random = company.random(f"work:{device}:{number}")
            person = company.people[desk.session.login]
            weekday = local_time(company, person.site, desk.session.start).weekday()
            hours = (desk.session.until(company.anchor) - desk.session.start) / 3600
            weight = WEEKDAY_WEIGHT[weekday] * min(hours / 9, 1.2) * random.uniform(0.85, 1.15)
            _signs_in(ledger, desk, random)
            _runs_programs(ledger, desk, random, person.department)
            _browses(ledger, desk, random, habits[person.login], weight, CONTROLLERS[person.site])
            _reads_plain_pages(ledger, desk, random, CONTROLLERS[person.site])
            _reads_files(ledger, desk, random, person, habits[person.login].read * weight)
            if person.department in ("Sales", "Engineering") and random.random() < 0.7:
                _calls(ledger, desk, random)


def _moment(ledger: Ledger, desk: Desk, random: Random) -> float:
    return random.uniform(desk.session.start + 120, desk.session.until(ledger.company.anchor) - 5)


def _signs_in(ledger: Ledger, desk: Desk, random: Random) -> None:
    session = desk.session
    ledger.logon(session.start, session.device, session.login, "Interactive", end=session.end)
    lunch = session.start + random.gauss(3.8, 0.25) * 3600
    if lunch < session.until(ledger.company.anchor) - 1800:
        ledger.logon(lunch, session.device, session.login, "Unlock", end=lunch + 0.4)
    if random.random() < 0.08:
        ledger.logon(session.start - 14, session.device, session.login, "Interactive", is_success=False)
    site = ledger.company.people[session.login].site
    for offset, kind in ((0.3, "krb_tcp"), (0.9, "krb_tcp"), (1.6, "ldap_tcp")):
        port = 88 if kind == "krb_tcp" else 389
        ledger.flow(
            session.start + offset,
            session.device,
            CONTROLLERS[site],
            port,
            seconds=0.02,
            out=random.randint(1400, 2100),
            into=random.randint(1500, 2600),
            service=kind,
        )


def _runs_programs(ledger: Ledger, desk: Desk, random: Random, department: str) -> None:
    choice = [OFFICE, OFFICE, WRITER, NOTEPAD, BACKGROUND, SEARCH, *([STUDIO] if department == "Engineering" else [])]
    device, user = desk.session.device, desk.session.login
    for _ in range(random.randint(5, 9)):
        at = _moment(ledger, desk, random)
        opened = ledger.process(at, device, random.choice(choice), user, desk.explorer)
        if opened.program in (OFFICE, WRITER) and ledger.covers(at + 400):
            ending = "xlsx" if opened.program is OFFICE else "docx"
            name = (
                f"{random.choice(('plan', 'notes', 'report', 'draft', 'summary'))}-{random.randint(100, 999)}.{ending}"
            )
            size = random.randint(18_000, 900_000)
            ledger.write_file(at + random.uniform(60, 400), opened, f"C:\\Users\\{user}\\Documents\\{name}", size)
        if random.random() < 0.3:
            ledger.set_value(
                at + 2,
                opened,
                "HKEY_CURRENT_USER\\SOFTWARE\\Ledgerline\\Recent",
                "File1",
                f"C:\\Users\\{user}\\Documents\\plan-{random.randint(100, 999)}.xlsx",
            )


def _browses(ledger: Ledger, desk: Desk, random: Random, habits: Habits, weight: float, controller: str) -> None:
    device = desk.session.device
    count = max(4, round(habits.pages * weight))
    looked_up: dict[tuple[str, int], bool] = {}
    for at in sorted(_moment(ledger, desk, random) for _ in range(count)):
        site, address = SITES[min(int(random.expovariate(0.14)), len(SITES) - 1)]
        cached = (site, int(at // 3600))
        if cached not in looked_up:
            looked_up[cached] = True
            ledger.query(
                at - 0.06, device, site, (address,), controller, process=desk.browser, is_seen=random.random() < 0.3
            )
        ledger.flow(
            at,
            device,
            address,
            443,
            seconds=random.lognormvariate(2.2, 1.1),
            out=round(habits.sent / habits.pages * random.lognormvariate(-0.3, 0.8)) + 900,
            into=round(random.lognormvariate(12.2, 1.3)),
            service="ssl",
            name=site,
            process=desk.browser,
            is_seen=random.random() < 0.12,
        )


def _reads_plain_pages(ledger: Ledger, desk: Desk, random: Random, controller: str) -> None:
    for _ in range(random.randint(12, 22)):
        host, address, path, content_type, size = random.choice(PLAIN_SITES)
        at = _moment(ledger, desk, random)
        body = round(size * random.uniform(0.9, 1.1))
        web = Web(method="GET", uri=path, status=200, agent=AGENT_STRING, content_type=content_type)
        if random.random() < 0.5:
            ledger.query(at - 0.05, desk.session.device, host, (address,), controller, process=desk.browser)
        ledger.flow(
            at,
            desk.session.device,
            address,
            80,
            seconds=random.uniform(0.05, 1.2),
            out=random.randint(380, 620),
            into=body + 310,
            service="http",
            name=host,
            process=desk.browser,
            web=web,
        )


def _reads_files(ledger: Ledger, desk: Desk, random: Random, person: Person, total: float) -> None:
    server, share = SHARES[person.department]
    parts = [random.lognormvariate(0, 0.7) for _ in range(random.randint(10, 18))]
    moments = sorted(_moment(ledger, desk, random) for _ in parts)
    mine = ledger.company.address(desk.session.device, moments[0])
    ledger.logon(moments[0] + 0.2, server, person.login, "Network", origin=mine, end=moments[0] + 12)
    quiet = usb_evening(ledger.company) - 5400 if person.login == LEAVER else ledger.company.anchor
    for at, part in zip(moments, parts, strict=True):
        size = round(total * part / sum(parts))
        if quiet < at < quiet + 5400:
            at -= 7200  # the third story's reading stands alone in its hour
        flow = ledger.flow(
            at,
            desk.session.device,
            ledger.company.devices[server].ip,
            445,
            seconds=random.uniform(4, 300),
            out=round(size * 0.015) + random.randint(3_000, 9_000),
            into=size,
            service="gssapi,smb,ntlm",
            process=desk.machine.system,
            is_seen=random.random() < 0.2,
        )
        if random.random() < 0.4:
            folder = random.choice(("2025", "2026", "current"))
            path = f"{person.department}\\{folder}\\file-{random.randint(100, 999)}.pdf"
            ledger.read_share(at + 0.4, person.login, flow, f"\\\\{server}\\{share}", path, round(size * 0.8))


def _calls(ledger: Ledger, desk: Desk, random: Random) -> None:
    at = _moment(ledger, desk, random)
    seconds = min(random.uniform(1200, 3600), max(60.0, desk.session.until(ledger.company.anchor) - at))
    process = ledger.process(at - 20, desk.session.device, CALLS, desk.session.login, desk.explorer)
    rate = random.uniform(60_000, 120_000)
    ledger.flow(
        at,
        desk.session.device,
        "192.0.2.90",
        3480,
        seconds=seconds,
        out=round(rate * seconds),
        into=round(rate * 1.3 * seconds),
        name="media.roundtable.example",
        proto="udp",
        process=process,
        is_seen=True,
    )
