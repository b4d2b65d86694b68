"""The simulation's second story: an unsigned program that sets a Run key minutes after a large download."""

from secops.practice.week.company import CONTROLLERS
from secops.practice.week.desktops import Desktops
from secops.practice.week.facts import RegistryWrite, Web
from secops.practice.week.ledger import RUN_KEY, Ledger
from secops.practice.week.noise_people import AGENT_STRING
from secops.practice.week.programs import HELPER, MSIEXEC

DEVICE = "ENG-WS-0210"
ADDRESS = "198.51.100.77"
NAME = "files-mirror.example"
PATH = "/dl/helper.zip"
SIZE = 38_600_000
VALUE = "hlp32"
MINUTES_BEFORE = 14
CHANGE_BEFORE_ANCHOR = 25 * 60.0
TOOL_HOURS = 5  # the innocent installation, before the change


def changed_at(anchor: float) -> float:
    return anchor - CHANGE_BEFORE_ANCHOR


def tell(ledger: Ledger, desktops: Desktops) -> RegistryWrite:
    """Enter an innocent installation, the download, the unpacked program and its Run key; hand back the change."""
    at = changed_at(ledger.company.anchor)
    _tool(ledger, desktops, at - TOOL_HOURS * 3600)
    _download(ledger, desktops, at - MINUTES_BEFORE * 60)
    desk = desktops.desk(DEVICE, at)
    ledger.write_file(at - 174, desk.explorer, HELPER.image, HELPER.size, sha256=HELPER.sha256)
    process = ledger.process(at - 3.2, DEVICE, HELPER, desk.session.login, desk.explorer, f'"{HELPER.image}" -i')
    return ledger.set_value(at, process, RUN_KEY, VALUE, f'"{HELPER.image}" -q')


def _tool(ledger: Ledger, desktops: Desktops, at: float) -> None:
    desk = desktops.desk(DEVICE, at)
    command = 'msiexec.exe /i "C:\\Windows\\Temp\\AnvilProfiler-2.0.3.msi" /qn'
    process = desk.machine.service(ledger, at - 52, MSIEXEC, command)
    ledger.install(at, process, "program", "Anvil Profiler", "2.0.3", "Anvil Tools")


def _download(ledger: Ledger, desktops: Desktops, at: float) -> None:
    desk = desktops.desk(DEVICE, at)
    controller = CONTROLLERS[ledger.company.devices[DEVICE].site]
    ledger.query(at - 0.09, DEVICE, NAME, (ADDRESS,), controller, process=desk.browser, is_seen=True)
    web = Web(
        method="GET",
        uri=PATH,
        status=200,
        agent=AGENT_STRING,
        content_type="application/zip",
        referrer="http://forum.codeyard.example/t/profiler-crash/4410",
        filename="helper.zip",
    )
    ledger.flow(
        at,
        DEVICE,
        ADDRESS,
        80,
        seconds=41.7,
        out=612,
        into=SIZE + 342,
        service="http",
        name=NAME,
        process=desk.browser,
        is_seen=True,
        web=web,
    )
    path = f"C:\\Users\\{desk.session.login}\\Downloads\\helper.zip"
    ledger.write_file(at + 41.9, desk.browser, path, SIZE, origin=f"http://{NAME}{PATH}")
