"""The simulation's programs: image paths, hashes and signers, invented but for Windows' own."""

from dataclasses import dataclass
from hashlib import md5, sha1, sha256

WINDOWS = "Microsoft Windows"
SYSTEM32 = "C:\\Windows\\System32\\"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A file that can run; `signer` is empty when it is unsigned."""

    image: str
    signer: str
    product: str
    version: str
    size: int

    @property
    def name(self) -> str:
        return self.image.rsplit("\\", 1)[-1]

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()

    @property
    def sha1(self) -> str:
        return sha1(self.content).hexdigest()  # noqa: S324 - a file's name in the field, not security

    @property
    def md5(self) -> str:
        return md5(self.content).hexdigest()  # noqa: S324 - a file's name in the field, not security

    @property
    def content(self) -> bytes:
        # The same file under another path is the same file.
        return f"nightdesk practice {self.name} {self.product} {self.version}".encode()


def program(image: str, signer: str, product: str, version: str, size: int) -> Program:
    return Program(image=image, signer=signer, product=product, version=version, size=size)


def _windows(name: str, size: int, folder: str = SYSTEM32) -> Program:
    return program(folder + name, WINDOWS, "Windows Operating System", "10.0.22621.3880", size)


SYSTEM = _windows("ntoskrnl.exe", 11_898_880)
SERVICES = _windows("services.exe", 731_744)
SVCHOST = _windows("svchost.exe", 79_920)
WINLOGON = _windows("winlogon.exe", 906_240)
USERINIT = _windows("userinit.exe", 36_864)
EXPLORER = _windows("explorer.exe", 5_434_192, "C:\\Windows\\")
RUNDLL32 = _windows("rundll32.exe", 71_680)
MSIEXEC = _windows("msiexec.exe", 142_336)
TIWORKER = _windows("TiWorker.exe", 230_400, "C:\\Windows\\servicing\\")
SEARCH = _windows("SearchProtocolHost.exe", 396_288)
BACKGROUND = _windows("backgroundTaskHost.exe", 19_776)
NOTEPAD = _windows("notepad.exe", 352_256)

BROWSER = program(
    "C:\\Program Files\\Skerry Browser\\skerry.exe", "Skerry Foundation", "Skerry Browser", "118.4.2", 3_284_992
)
OFFICE = program(
    "C:\\Program Files\\Ledgerline\\Office\\sheets.exe",
    "Ledgerline Software",
    "Ledgerline Office",
    "16.9.1",
    48_220_160,
)
WRITER = program(
    "C:\\Program Files\\Ledgerline\\Office\\writer.exe",
    "Ledgerline Software",
    "Ledgerline Office",
    "16.9.1",
    41_007_104,
)
MAIL = program(
    "C:\\Program Files\\Ledgerline\\Quillmail\\quillmail.exe",
    "Ledgerline Software",
    "Quillmail",
    "7.3.0",
    22_544_384,
)
UPDATER = program(
    "C:\\Program Files\\Pinwheel\\Update\\pinwheel-update.exe",
    "Pinwheel Systems",
    "Pinwheel Update Service",
    "3.1.8",
    1_844_224,
)
AGENT = program(
    "C:\\Program Files\\Harbour\\Agent\\harbour-agent.exe",
    "Harbour Security",
    "Harbour Endpoint Agent",
    "5.12.0",
    9_120_256,
)
CALLS = program("C:\\Program Files\\Roundtable\\roundtable.exe", "Roundtable", "Roundtable Calls", "12.2.1", 96_411_648)
REMOTE_ADMIN = program(
    "C:\\Program Files\\Lantern\\lantern.exe", "Lantern Works", "Lantern Remote Admin", "8.1.0", 7_340_032
)
BACKUP = program(
    "C:\\Program Files\\Deepstore\\deepstore-agent.exe", "Deepstore", "Deepstore Backup", "4.2.0", 12_582_912
)
SCANNER = program("C:\\Program Files\\Soundings\\soundings.exe", "Soundings", "Soundings Scanner", "9.0.4", 18_874_368)
STUDIO = program("C:\\Program Files\\Anvil\\Studio\\studio.exe", "Anvil Tools", "Anvil Studio", "2026.2", 64_118_784)
LABELS = program(
    "C:\\Program Files\\Stowage\\Labels\\labels-update.exe", "Stowage", "Stowage Label Printer", "1.4.0", 3_402_752
)
# The three that the stories are about.
BEACON = program(
    "C:\\Users\\m.okafor\\AppData\\Local\\OneDriveSync\\updater.exe", "", "Sync updater", "1.0.0.0", 418_304
)
BEACON_COPY = program("C:\\Users\\d.lima\\Downloads\\updater.exe", "", "Sync updater", "1.0.0.0", 418_304)
HELPER = program("C:\\ProgramData\\hlp\\hlp32.exe", "", "hlp", "0.0.0.0", 2_216_448)  # noqa: S104

EVERYTHING = (
    *(SYSTEM, SERVICES, SVCHOST, WINLOGON, USERINIT, EXPLORER, RUNDLL32, MSIEXEC, TIWORKER, SEARCH),
    *(BACKGROUND, NOTEPAD, BROWSER, OFFICE, WRITER, MAIL, UPDATER, AGENT, CALLS, REMOTE_ADMIN, BACKUP),
    *(SCANNER, STUDIO, LABELS, BEACON, BEACON_COPY, HELPER),
)
