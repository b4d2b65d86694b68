"""What a command on a data folder has to know before the settings are read: is there anything, does a try-out run."""

import fcntl
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from secops import env

ROOT = Path(__file__).resolve().parents[2]
USUAL = ROOT / "var"
LOCK = "quickstart.lock"
BEGINS = ("setup", "quickstart", "bench")  # our commands that need no database yet
WRONG_USE = 2


def prepare(argv: Sequence[str]) -> str:
    """Fit the environment to the data folder of a command line; why it cannot run there, empty when it can.

    Reading the settings makes keys, and asking makes an empty database: neither may happen in a folder by mistake.
    """
    name, words = (argv[1] if len(argv) > 1 else ""), argv[2:]
    if name == "quickstart" and (chosen := _option(words, "--data")):
        os.environ["NIGHTDESK_DATA"] = str(Path(chosen).resolve())
    data = Path(env.text("NIGHTDESK_DATA") or USUAL).resolve()
    if not _is_ours(name) or name in BEGINS or {"-h", "--help"} & set(words):
        return ""
    if is_running(data):
        _reach_the_range(data)
    if env.text("DATABASE_URL") or _has_database(data):
        return ""
    return (
        f"There is no database in {data}. NIGHTDESK_DATA names the data folder, as `quickstart --data` does; "
        f"`quickstart` or `setup` begins one."
    )


def hold(data: Path) -> IO[str] | None:
    """The lock of the one try-out on this folder, held until it is closed; None when another holds it."""
    file = (data / LOCK).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def is_running(data: Path) -> bool:
    """Does a quickstart live on this folder?"""
    if not (data / LOCK).exists():
        return False
    held = hold(data)
    if held is not None:
        held.close()
    return held is None


def internal_pairs(data: Path) -> str:
    """Where the practice range of this folder listens, as NIGHTDESK_INTERNAL_HOSTS has it."""
    found = json.loads((data / "practice/ports.json").read_text())
    return f"127.0.0.1:{found['http']} 127.0.0.1:{found['smtp']}"


def _reach_the_range(data: Path) -> None:
    """As quickstart's own children: the two ports of its range, and no others, as long as it runs."""
    with suppress(OSError, ValueError, KeyError):  # the range is not up yet
        own = env.text("NIGHTDESK_INTERNAL_HOSTS")
        os.environ["NIGHTDESK_INTERNAL_HOSTS"] = f"{internal_pairs(data)} {own}".strip()
        os.environ["NIGHTDESK_PRACTICE"] = "1"


def _has_database(data: Path) -> bool:
    with suppress(OSError):
        return (data / "nightdesk.sqlite3").stat().st_size > 0
    return False


def _is_ours(name: str) -> bool:
    """Django's own commands (`migrate`, `check`) are for those who know them."""
    return name.isidentifier() and any(ROOT.glob(f"*/management/commands/{name}.py"))


def _option(words: Sequence[str], name: str) -> str:
    for at, word in enumerate(words):
        if word == name:
            return words[at + 1] if at + 1 < len(words) else ""
        if word.startswith(f"{name}="):
            return word.removeprefix(f"{name}=")
    return ""
