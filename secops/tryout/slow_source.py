"""A Kea control agent on loopback that takes its time over each answer: what benches ask instead of the world."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from time import sleep, time
from typing import Any

from waitress.server import create_server

THREADS = 64


def answer(seconds: float) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """A WSGI application: every address was lent an hour ago, to nobody with a name."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        sleep(seconds)
        lease = {
            "ip-address": asked["arguments"]["ip-address"],
            "hw-address": "02:00:5e:00:53:01",
            "cltt": int(time()) - 3600,
            "valid-lft": 86_400,
            "hostname": "",
            "state": 0,
        }
        body = json.dumps([{"result": 0, "text": "found", "arguments": lease}]).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return application


def main() -> int:
    """Write the port to the file once it listens; run until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("note", type=Path)
    parser.add_argument("--seconds", type=float, default=0.1)
    options = parser.parse_args()
    server = create_server(answer(options.seconds), host="127.0.0.1", port=0, threads=THREADS, connection_limit=1_000)
    options.note.write_text(str(server.effective_port))
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
