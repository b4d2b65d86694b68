"""Starts the practice range: HTTP for all products on one port, SMTP on another."""

import argparse
import logging
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from secops.practice.kql.table_files import Tables
from secops.practice.products.app import Application
from secops.practice.products.arkime import Arkime
from secops.practice.products.cape import Cape
from secops.practice.products.control import Control
from secops.practice.products.defender import Defender
from secops.practice.products.entra import Entra
from secops.practice.products.faults import Faults
from secops.practice.products.graph import Graph
from secops.practice.products.grr import Grr
from secops.practice.products.grr_flows import Flows
from secops.practice.products.ise import Ise
from secops.practice.products.isolation import MachineActions
from secops.practice.products.kea import Kea
from secops.practice.products.mail import MailServer
from secops.practice.products.product import MAX_REQUEST
from secops.practice.products.rdap import Rdap
from secops.practice.products.traffic import Traffic
from secops.practice.products.virustotal import VirusTotal
from secops.practice.products.world import World, replace

THREADS = 8  # a delayed answer holds one


def application(world: World, faults: Faults) -> Application:
    """The WSGI application for a data folder."""
    tables, actions = Tables(world.folder / "tables"), MachineActions(world)
    products = [
        Kea(world),
        Entra(world),
        Graph(world, tables),
        Defender(world, tables, actions),
        VirusTotal(world),
        Rdap(world),
        Grr(world, Flows(world, actions.is_online)),
        Ise(world, actions),
        Arkime(world, Traffic(world, tables, actions)),
        Cape(world),
    ]
    return Application(products, faults, Control(world, faults, actions, products))


class PracticeRange:
    """The running range; `start` returns once both ports listen, `stop` closes them."""

    def __init__(self, data: Path, *, host: str = "127.0.0.1", port: int = 0, smtp_port: int = 0) -> None:
        self.world = World(data)
        self._ports = self.world.folder / "ports.json"
        self._ports.unlink(missing_ok=True)  # left by a range that was killed
        faults = Faults()
        self._mail = MailServer(self.world, faults, host, smtp_port)
        self._sockets: dict[int, Any] = {}
        self._http = create_server(
            application(self.world, faults),
            map=self._sockets,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=1_000,  # every thread of every worker keeps a connection per product
            ident="practice-range",
            max_request_body_size=MAX_REQUEST,
        )
        self._thread = threading.Thread(target=self._serve, name="practice-http", daemon=True)
        self._is_stopping = threading.Event()

    @property
    def port(self) -> int:
        return int(self._http.effective_port)

    @property
    def smtp_port(self) -> int:
        return self._mail.port

    def start(self) -> None:
        """Listen and write the ports to DATA/practice/ports.json."""
        self._mail.start()
        self._thread.start()
        replace(self._ports, {"http": self.port, "smtp": self.smtp_port})

    def stop(self) -> None:
        """Finish what is being answered, then close both ports."""
        self._is_stopping.set()
        with suppress(OSError):  # the loop may have seen the sign already and closed its end
            self._http.pull_trigger()
        self._thread.join()
        self._mail.stop()
        self._ports.unlink(missing_ok=True)

    def _serve(self) -> None:
        while not self._is_stopping.is_set():
            self._turn(1)
        self._http.task_dispatcher.shutdown(timeout=2)
        self._turn(0)
        wasyncore.close_all(self._sockets)

    def _turn(self, seconds: float) -> None:
        """One turn of waitress' loop; ours, because waitress' own loop only ends with the process."""
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._sockets, count=1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds practice/")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="HTTP; 0 picks a free one")
    parser.add_argument("--smtp-port", type=int, default=0, help="SMTP; 0 picks a free one")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue of one is no news
    wanted = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        wanted.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        running = PracticeRange(chosen.data, host=chosen.host, port=chosen.port, smtp_port=chosen.smtp_port)
        running.start()
    except OSError as error:
        parser.exit(1, f"The practice range cannot start: {error}\n")
    print(f"Practice range: http://{chosen.host}:{running.port}/ and smtp port {running.smtp_port}", flush=True)
    wanted.wait()
    running.stop()


if __name__ == "__main__":
    main()
