"""The simulated file servers' audit (Security 5145) and data loss prevention's (Office 365 Management Activity API,
record type 63), both over ninety days: a file a week and a file a month, as collectors rotate them."""

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from uuid import UUID

from secops.practice.week.company import DOMAIN, NETBIOS, Company
from secops.practice.week.endpoint_logs import SECURITY, event
from secops.practice.week.facts import Handled
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import Row, Timed, ndjson, stamp

READ = "0x120089"  # ReadData, ReadEA, ReadAttributes, READ_CONTROL, SYNCHRONIZE
READ_LIST = "%%1538\n\t\t\t\t%%1541\n\t\t\t\t%%4416\n\t\t\t\t%%4419\n\t\t\t\t%%4423\n\t\t\t\t"
DLP_ENDPOINT = 63
TENANT = "7c1f9a52-0b3e-4c1d-9a57-2f60d2c4b801"


def write_file_logs(folder: Path, ledger: Ledger) -> None:
    """FOLDER/fileserver/forwarded.WEEK.ndjson and FOLDER/dlp/audit-general.MONTH.ndjson, older ones compressed."""
    opens = sorted([*_history(ledger), *_week(ledger)], key=lambda row: row[0])
    for number, (_, row) in enumerate(opens, start=1):
        row["Event"]["System"]["EventRecordID"] = 8_810_000 + number
    anchor = ledger.company.anchor
    _write(folder / "fileserver", "forwarded", opens, _week_of, anchor)
    handled = sorted([*ledger.handled, *_copied(ledger)], key=lambda one: one.at)
    records = [(one.at, _record(ledger.company, one)) for one in handled if one.at < anchor]
    _write(folder / "dlp", "audit-general", records, _month_of, anchor)


def _write(folder: Path, stem: str, rows: list[Timed], period: Callable[[float], str], anchor: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, group in groupby(rows, key=lambda row: period(row[0])):
        body = ndjson(row for _, row in group)
        if name == period(anchor):
            (folder / f"{stem}.{name}.ndjson").write_bytes(body)
        else:
            (folder / f"{stem}.{name}.ndjson.gz").write_bytes(gzip.compress(body, compresslevel=5, mtime=0))


def _week_of(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).strftime("%G-W%V")


def _month_of(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m")


def _history(ledger: Ledger) -> Iterator[Timed]:
    company = ledger.company
    for one in ledger.opens:
        origin = company.address(one.device, one.at)
        yield _share_event(
            company, one.at, one.login, origin, 49_152 + int(one.at) % 16_000, one.server, one.share, one.path
        )


def _week(ledger: Ledger) -> Iterator[Timed]:
    """The very reads that Zeek saw."""
    for read in ledger.reads:
        server, share = read.share.lstrip("\\").split("\\")
        flow = read.flow
        yield _share_event(ledger.company, read.at, read.login, flow.origin, flow.port, server, share, read.path)


def _share_event(
    company: Company, at: float, login: str, origin: str, port: int, server: str, share: str, path: str
) -> Timed:
    data = {
        "SubjectUserSid": company.people[login].sid,
        "SubjectUserName": login,
        "SubjectDomainName": NETBIOS,
        "SubjectLogonId": f"0x{int(at) // 3600 * 7:x}",
        "ObjectType": "File",
        "IpAddress": origin,
        "IpPort": str(port),
        "ShareName": f"\\\\*\\{share}",
        "ShareLocalPath": f"\\??\\D:\\shares\\{share}",
        "RelativeTargetName": path,
        "AccessMask": READ,
        "AccessList": READ_LIST,
        "AccessReason": "-",
    }
    return event(at, server, SECURITY, 5145, data, version=0)


def _copied(ledger: Ledger) -> Iterator[Handled]:
    """What went to sticks in the logged week, with the serial of the stick that was in."""
    for copy in ledger.files:
        if not copy.drive:
            continue
        device = copy.process.device
        mounts = [one for one in ledger.mounts if one.device == device and one.at <= copy.at]
        yield Handled(
            at=copy.at,
            login=copy.process.user,
            device=device,
            way="FileCopiedToRemovableMedia",
            path=copy.origin or copy.path,
            size=copy.size,
            target=copy.path,
            serial=mounts[-1].serial if mounts else "",
        )


def _record(company: Company, one: Handled) -> Row:
    device, person = company.devices[one.device], company.people[one.login]
    random = company.random(f"dlp:{one.at}:{one.path}")
    row = {
        "CreationTime": stamp(one.at)[:19],
        "Id": str(UUID(int=random.getrandbits(128), version=4)),
        "Operation": one.way,
        "OrganizationId": TENANT,
        "RecordType": DLP_ENDPOINT,
        "UserKey": person.id,
        "UserType": 0,
        "Version": 1,
        "Workload": "Endpoint",
        "ClientIP": company.address(one.device, one.at),
        "ObjectId": one.path,
        "UserId": person.upn,
        "Application": "explorer.exe" if one.serial else "skerry.exe",
        "DeviceName": f"{one.device}.{DOMAIN}".lower(),
        "FileExtension": one.path.rsplit(".", 1)[-1],
        "FileSize": one.size,
        "Hidden": False,
        "MDATPDeviceId": device.mde_id,
        "Platform": 1,
    }
    if one.serial:
        row["TargetFilePath"] = one.target
        row["RemovableMediaDeviceAttributes"] = {"Manufacturer": "", "Model": "", "SerialNumber": one.serial}
    elif one.way == "FilePrinted":
        row["TargetPrinterName"] = one.target
    else:
        row["TargetDomain"] = one.target
    return row
