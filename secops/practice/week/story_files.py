"""The third story's weeks before: the leaver opens more and more of a project not hers, mostly in the evening."""

from secops.practice.week.company import LEAVER
from secops.practice.week.desktops import Desktops
from secops.practice.week.ledger import Ledger
from secops.practice.week.presence import usb_evening
from secops.practice.week.quarter import PROJECTS, opened, working_days
from secops.practice.week.story_usb import DEVICE

SHARE = f"\\\\{PROJECTS[0]}\\{PROJECTS[1]}"
SINCE = 37  # days before the anchor
GROWTH = (3, 6, 11, 17, 24)  # files in an evening, week by week
EVERY = 2  # evenings: every second working day


def tell(ledger: Ledger, desktops: Desktops) -> None:
    """Enter the evenings before the logged week, and those within it at her desk."""
    company = ledger.company
    person = company.people[LEAVER]
    days = [day for day in working_days(company, person, company.random("files days")) if day[1] <= SINCE]
    for number, (midnight, back) in enumerate(days):
        if number % EVERY == 0:
            random = company.random(f"files:{number}")
            count = GROWTH[(SINCE - back) // 7] + random.randint(0, 2)
            ledger.opens.extend(opened(company, person, midnight, PROJECTS, count, random, late=1.8))
    _this_week(ledger, desktops)


def _this_week(ledger: Ledger, desktops: Desktops) -> None:
    company = ledger.company
    random = company.random("files this week")
    quiet = usb_evening(company) - 2 * 3600  # the evening of the stick stands alone
    for desk in desktops.desks[DEVICE]:
        end = desk.session.until(company.anchor)
        if end > quiet or end - desk.session.start < 3 * 3600:
            continue
        for _ in range(GROWTH[-1] // 2):
            at = end - random.uniform(120, 1500)
            size = random.randint(60_000, 900_000)
            flow = ledger.flow(
                at,
                DEVICE,
                company.devices[PROJECTS[0]].ip,
                445,
                seconds=random.uniform(2, 9),
                out=5_000,
                into=size,
                service="gssapi,smb,ntlm",
                process=desk.machine.system,
            )
            path = f"Northquay\\current\\drawing-{random.randint(100, 999)}.dwg"
            ledger.read_share(at + 0.4, LEAVER, flow, SHARE, path, size)
