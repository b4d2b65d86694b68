"""Hunting questions over Defender's event tables: programs, files, removable media, sign-ins, installed software."""

from datetime import datetime, timedelta

from secops.connectors import microsoft_events as events
from secops.connectors import microsoft_kql as kql
from secops.connectors.capabilities.devices import ProcessFact, Software
from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.capabilities.files import FileEvent, FileHit, RemovableMedia
from secops.connectors.capabilities.identity import Host, SignIn
from secops.connectors.microsoft_kql import Row, word

MOST_EVENTS = 20_000
LOOK_BACK = timedelta(days=30)  # all that the product keeps for hunting
SESSION = timedelta(hours=16)  # a sign-in older than this is not taken for a session that still lasts
MOST_PEERS = 1_000  # devices of a group that one query names


class HuntingQuestions:
    """Mixed into the Graph connector, which gives `hunt`."""

    def hunt(self, query: str) -> list[Row]:
        """Rows of one query; SourceRefused when it is not taken."""
        raise NotImplementedError

    def sign_ins(self, host: Host, start: datetime, end: datetime) -> list[SignIn]:
        """Sign-ins of people within the window, and each person's last one before it. The end is not logged."""
        if not (where := kql.on_device(host)):
            return []
        kinds = kql.texts(sorted(events.LOGON_KINDS))
        rows = self.hunt(
            f"DeviceLogonEvents | where {where} and {kql.within(start - SESSION, end)}"
            f' and ActionType == "LogonSuccess" and LogonType in~ {kinds}'
            " | project Timestamp, DeviceName, AccountDomain, AccountName, LogonType, RemoteIP"
            " | order by Timestamp asc | take 5000"
        )
        found = [one for row in rows if (one := events.sign_in(row)) is not None]
        before = {(one.login, one.kind): one for one in found if one.started_at < start}
        return [*before.values(), *(one for one in found if one.started_at >= start)]

    def process_of(self, host: Host, peer: str, start: datetime, end: datetime) -> list[ProcessFact]:
        """Programs on the device that connected to the peer, first seen first."""
        if not (where := kql.on_device(host)):
            return []
        rows = self.hunt(
            f"DeviceNetworkEvents | where {where} and {kql.within(start, end)}"
            f" and (RemoteIP == {kql.text(peer)} or RemoteUrl =~ {kql.text(peer)})"
            " | summarize Timestamp = min(Timestamp) by DeviceId, InitiatingProcessFolderPath, InitiatingProcessId,"
            " InitiatingProcessFileName, InitiatingProcessCommandLine, InitiatingProcessAccountName,"
            " InitiatingProcessParentFileName, InitiatingProcessSHA256 | order by Timestamp asc | take 20"
        )
        return self._with_parents(where, rows, end)

    def processes_writing(self, host: Host, key: str, start: datetime, end: datetime) -> list[ProcessFact]:
        """Programs on the device that set a value under the key; a detector may have put the value's name into it."""
        tail = events.key_tail(key)
        if not (where := kql.on_device(host)) or not tail:
            return []
        above, _, last = tail.rpartition("\\")
        rows = self.hunt(
            f"DeviceRegistryEvents | where {where} and {kql.within(start, end)} and (RegistryKey endswith"
            f" {kql.text(tail)} or (RegistryKey endswith {kql.text(above)} and RegistryValueName =~ {kql.text(last)}))"
            " | order by Timestamp asc | take 20"
        )
        return self._with_parents(where, rows, end)

    def file_events(self, host: Host, start: datetime, end: datetime, *, removable: bool) -> list[FileEvent]:
        """Files touched on removable drives, or everywhere else; `size` is the file's at that time."""
        if not (where := kql.on_device(host)):
            return []
        drives = {one.drive.upper() for one in self.removable_media(host, end - LOOK_BACK, end) if one.drive}
        on_drives = " or ".join(f"FolderPath startswith {kql.text(drive)}" for drive in sorted(drives))
        if removable and not drives:
            return []
        place = f" and ({on_drives})" if removable else (f" and not({on_drives})" if drives else "")
        rows = self.hunt(
            f"DeviceFileEvents | where {where} and {kql.within(start, end)}{place}"
            f" | order by Timestamp asc | take {MOST_EVENTS}"
        )
        return [one for row in rows if (one := events.file_event(row, is_removable=removable)) is not None]

    def removable_media(self, host: Host, start: datetime, end: datetime) -> list[RemovableMedia]:
        """Removable drives that were mounted, oldest first."""
        if not (where := kql.on_device(host)):
            return []
        rows = self.hunt(  # always as far back as hunting keeps, so that every question shares one call
            f"DeviceEvents | where {where} and {kql.within(end - LOOK_BACK, end)}"
            ' and ActionType == "UsbDriveMounted" | order by Timestamp asc | take 500'
        )
        return [one for row in rows if (one := events.removable(row)) is not None and one.at >= start]

    def find_file(self, sha256: str) -> list[FileHit]:
        """Devices where the file was written or ran within the last 30 days."""
        same = kql.text(sha256.lower())
        written = self.hunt(
            f"DeviceFileEvents | where SHA256 =~ {same} | summarize first = min(Timestamp)"
            " by DeviceId, DeviceName, FolderPath, FileName | take 500"
        )
        ran = self.hunt(
            f"DeviceProcessEvents | where SHA256 =~ {same} | summarize first = min(Timestamp)"
            " by DeviceId, DeviceName, FolderPath, FileName | take 500"
        )
        has_run = {word(row, "DeviceId") for row in ran}
        hits: dict[tuple[str, str], FileHit] = {}
        for row in [*written, *ran]:
            device, path = word(row, "DeviceId"), kql.path_of(row)
            seen = kql.time_of(row, "first")
            hits.setdefault(
                (device, path.lower()),
                FileHit(
                    device=kql.short(word(row, "DeviceName")),
                    agent_id=device,
                    path=path,
                    sha256=sha256.lower(),
                    first_seen_at=seen,
                    has_run=device in has_run,
                ),
            )
        return sorted(hits.values(), key=lambda hit: (hit.device, hit.path))

    def software(self, host: Host) -> list[Software]:
        """Installed software; the group is the device's own (machine group), as the EDR keeps it."""
        if not (where := kql.on_device(host)):
            return []
        mine = self.hunt(
            f"DeviceTvmSoftwareInventory | where {where}"
            " | distinct DeviceId, SoftwareVendor, SoftwareName, SoftwareVersion | take 2000"
        )
        if not mine:
            return []
        group, members = self._group_of(word(mine[0], "DeviceId"))
        counts: dict[str, int] = {}
        if members:
            rows = self.hunt(
                f"DeviceTvmSoftwareInventory | where DeviceId in {kql.texts(members)}"
                " | summarize devices = dcount(DeviceId) by SoftwareName | take 5000"
            )
            counts = {word(row, "SoftwareName"): kql.number(row, "devices") for row in rows}
        return [
            Software(
                name=word(row, "SoftwareName"),
                version=word(row, "SoftwareVersion"),
                vendor=word(row, "SoftwareVendor"),
                in_group=counts.get(word(row, "SoftwareName"), 0),
                group_size=len(members),
                group=group,
            )
            for row in mine
        ]

    def _group_of(self, device_id: str) -> tuple[str, list[str]]:
        """The device's group and the ids of its peers: same group, same kind of device."""
        rows = self.hunt(
            "DeviceInfo | where isnotempty(MachineGroup) | summarize seen = max(Timestamp)"
            " by DeviceId, MachineGroup, DeviceType, DeviceSubtype | order by seen desc | take 10000"
        )
        latest: dict[str, tuple[str, str]] = {}
        for row in rows:
            kind = word(row, "DeviceSubtype", "DeviceType")
            latest.setdefault(word(row, "DeviceId"), (word(row, "MachineGroup"), kind))
        if device_id not in latest:
            return "", []
        mine = latest[device_id]
        return mine[0], sorted(one for one, place in latest.items() if place == mine)[:MOST_PEERS]

    def _with_parents(self, where: str, rows: list[Row], end: datetime) -> list[ProcessFact]:
        """The programs of these events, each once, with what started them and who signed them."""
        programs: dict[tuple[str, str], Row] = {}
        for row in rows:
            path = kql.path_of(row, "InitiatingProcess")
            programs.setdefault((word(row, "InitiatingProcessId"), path.lower()), row)
        numbers = sorted({int(number) for number, _ in programs if number.isdecimal()})
        if not numbers:
            return []
        starts = self._starts(where, numbers, end)
        pairs = [(row, events.start_of(row, starts)) for row in programs.values()]
        hashes = {word(start or {}, "SHA1") or word(row, "InitiatingProcessSHA1") for row, start in pairs}
        signers = self._signers(hashes - {""})
        facts = [events.process_fact(row, start, signers) for row, start in pairs]
        return [fact for fact in facts if fact is not None]

    def _starts(self, where: str, numbers: list[int], end: datetime) -> list[Row]:
        """Starts of the programs with these numbers, newest first."""
        if not numbers:
            return []
        return self.hunt(
            f"DeviceProcessEvents | where {where} and ProcessId in ({', '.join(map(str, numbers))})"
            f" and {kql.within(end - LOOK_BACK, end)} | order by Timestamp desc | take 200"
        )

    def _signers(self, hashes: set[str]) -> dict[str, str]:
        """SHA-1 to signer, "" for an unsigned file; empty where the tenant has no certificate table."""
        if not hashes:
            return {}
        try:
            rows = self.hunt(
                f"DeviceFileCertificateInfo | where SHA1 in~ {kql.texts(sorted(hashes))}"
                " | summarize seen = max(Timestamp) by SHA1, IsSigned, IsTrusted, Signer | take 200"
            )
        except SourceRefused:
            return {}
        return {word(row, "SHA1").lower(): word(row, "Signer") if row.get("IsSigned") else "" for row in rows}
