"""Generated weeks, each written once for a test process, and readers that know only the files."""

import gzip
import json
import shutil
import tempfile
from atexit import register
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from secops.practice.generate import write

ANCHOR = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)
Row = dict[str, Any]


def week() -> Path:
    """The folder of the week that ends at ANCHOR; to be read only."""
    return _written(ANCHOR)


def copy_of_week(folder: Path) -> None:
    """For who writes beside it."""
    shutil.copytree(week(), folder, dirs_exist_ok=True)


def copy_of_last_week(folder: Path) -> None:
    """The week that ends now, or rather when it was first asked for."""
    shutil.copytree(_written(_now()), folder, dirs_exist_ok=True)


@cache
def _now() -> datetime:
    return datetime.now(UTC)


@cache
def _written(anchor: datetime) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="practice-week-"))
    register(shutil.rmtree, folder, ignore_errors=True)
    write(folder, anchor=anchor)
    return folder


def text_of(path: Path) -> str:
    return (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()


@cache
def rows(log: str) -> list[Row]:
    """Whole lines of logs/FOLDER/STEM..., the half-written last one of today left out."""
    folder, stem = log.split("/")
    found: list[Row] = []
    for path in sorted((week() / "logs" / folder).glob(f"{stem}.*")):
        lines = text_of(path).split("\n")[:-1]
        found.extend(_table(lines) if lines[0].startswith("#separator") else map(json.loads, lines))
    return found


def _table(lines: list[str]) -> list[Row]:
    names = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines if not line.startswith("#")]


@cache
def table(name: str) -> list[Row]:
    lines = (week() / "practice" / "tables" / f"{name}.ndjson").read_text().splitlines()
    return [json.loads(line) for line in lines]


@cache
def document(name: str) -> Row:
    found: Row = json.loads((week() / "practice" / name).read_text())
    return found


def story(name: str) -> Row:
    found: Row = document("truth.json")["stories"][name]
    return found


def seconds(text: str) -> float:
    """Epoch seconds of RFC 3339 with up to seven digits."""
    return datetime.fromisoformat(text).timestamp()


def device(name: str) -> Row:
    found: Row = next(each for each in document("company.json")["devices"] if each["name"] == name)
    return found


def of(name: str, table_name: str) -> list[Row]:
    """A table's rows of one device."""
    number = device(name)["mde_id"]
    return [row for row in table(table_name) if row["DeviceId"] == number]


def events(number: int, name: str) -> list[Row]:
    """Windows events of one kind of one device, each as its EventData with `at` in epoch seconds."""
    found = []
    for row in rows("sysmon/events"):
        system = row["Event"]["System"]
        if system["EventID"] == number and system["Computer"].startswith(f"{name}."):
            at = seconds(system["TimeCreated"]["#attributes"]["SystemTime"])
            found.append(row["Event"]["EventData"] | {"at": at})
    return found
