"""Runs in the environment that Volatility 3 is installed in, copied there: a fixed list of plugins over one image.

It knows nothing of ours, runs under any Python from 3.9 on, and writes a line of JSON for each plugin into out.jsonl:
{plugin, columns, rows, error}. The image is an open descriptor: its number is the argument.
"""

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from importlib import import_module
from io import RawIOBase
from typing import Any

MOST_ROWS = 20_000  # of one plugin
MOST_CELL = 1_000  # characters
URL = "evidence:image"
LINUX = "linux.pslist.PsList"


class Image(RawIOBase):
    """The descriptor as a file of its own, with a place of its own: several may read at once."""

    def __init__(self, number: int) -> None:
        self._number, self._at = number, 0
        self._size = os.fstat(number).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        chunk = os.pread(self._number, len(buffer), self._at)
        buffer[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)


class TooLate(BaseException):
    """The time of one plugin is over."""


def main() -> None:
    asked = json.loads(sys.argv[2])
    framework: Any = import_module("volatility3.framework")
    constants: Any = import_module("volatility3.framework.constants")
    symbols: Any = import_module("volatility3.symbols")
    constants.OFFLINE = True
    if asked["symbols"]:
        symbols.__path__ = [asked["symbols"], *constants.SYMBOL_BASEPATHS]
    _open_evidence(int(sys.argv[1].rpartition("/")[2]))
    framework.import_files(import_module("volatility3.plugins"), True)
    print(f"Volatility 3 Framework {constants.PACKAGE_VERSION}", flush=True)
    known = framework.list_plugins()
    signal.signal(signal.SIGALRM, _too_late)
    with open("out.jsonl", "w", encoding="utf-8") as out:
        for told in in_turn(asked["plugins"], lambda name: _told(framework, known.get(name), name, asked["seconds"])):
            out.write(json.dumps(told) + "\n")
            out.flush()


def in_turn(plugins: Sequence[str], tell: Callable[[str], dict]) -> Iterator[dict]:  # type: ignore[type-arg]
    """What each says. Those of Windows are left, and that is said, only once processes of Linux were found: a banner
    proves nothing, since whoever has a page read there plants one in the memory of any system."""
    is_linux = False
    for name in plugins:
        if is_linux and name.startswith("windows."):
            yield _nothing(name, f"not run, since {LINUX} found processes of Linux")
            continue
        told = tell(name)
        is_linux = is_linux or (name == LINUX and bool(told["rows"]))
        yield told


def _open_evidence(number: int) -> None:
    resources: Any = import_module("volatility3.framework.layers.resources")

    class Evidence(resources.VolatilityHandler):  # type: ignore[misc]
        """Found by Volatility among the subclasses, as its own are."""

        @classmethod
        def non_cached_schemes(cls) -> list:  # type: ignore[type-arg]
            return ["evidence"]

        @staticmethod
        def default_open(req: urllib.request.Request) -> Any:
            return Image(number) if req.type == "evidence" else None

    resources.EvidenceHandler = Evidence  # or it would be gone before it is looked for


def _nothing(name: str, why: str) -> dict:  # type: ignore[type-arg]
    return {"plugin": name, "columns": [], "rows": [], "error": why}


def _told(framework: Any, plugin: Any, name: str, seconds: int) -> dict:  # type: ignore[type-arg]
    """What a plugin says; whatever stops it is said, and the next one runs."""
    told: dict[str, Any] = _nothing(name, "")
    if plugin is None:
        return told | {"error": "this version does not have it"}
    signal.alarm(seconds)
    try:
        _run(framework, plugin, told)
    except TooLate:
        told["error"] = f"stopped after {seconds} seconds"
    except Exception as error:  # noqa: BLE001 - a plugin may fail over a hostile image in any way
        told["error"] = f"{type(error).__name__}: {error}"[:MOST_CELL]
    finally:
        signal.alarm(0)
    return told


def _run(framework: Any, plugin: Any, told: dict) -> None:  # type: ignore[type-arg]
    context = import_module("volatility3.framework.contexts").Context()
    automagic = import_module("volatility3.framework.automagic")
    absent = import_module("volatility3.framework.interfaces.renderers").BaseAbsentValue
    context.config["automagic.LayerStacker.single_location"] = URL
    chosen = automagic.choose_automagic(automagic.available(context), plugin)
    construct = import_module("volatility3.framework.plugins").construct_plugin
    unsatisfied = import_module("volatility3.framework.exceptions").UnsatisfiedException
    try:
        grid = construct(context, chosen, plugin, "plugins", None, None).run()
    except unsatisfied as error:
        missing = ", ".join(sorted(path.rpartition(".")[2] for path in error.unsatisfied))
        told["error"] = f"the image does not give what it needs ({missing}): symbols of this system, or another system"
        return
    told["columns"] = [str(column.name) for column in grid.columns]

    def take(node: Any, _: Any) -> None:
        if len(told["rows"]) < MOST_ROWS:
            told["rows"].append([None if isinstance(one, absent) else _text(one) for one in node.values])
        else:
            told["error"] = f"more than {MOST_ROWS} rows"

    grid.populate(take, None)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex(" ")[:MOST_CELL]
    return str(value)[:MOST_CELL]


def _too_late(*_: Any) -> None:
    raise TooLate


if __name__ == "__main__":
    main()
