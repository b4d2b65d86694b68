"""The range's detectors: post their alert files to the real door, the stories first, ordinary ones after."""

import argparse
import os
import sys
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit

BETWEEN = 45.0  # seconds between ordinary alerts
FIRST = 3  # stories at once; with one more, the products' real limits of calls a minute would hold all of them up
LATER = 75.0  # seconds until the others


def send(base: str, token: str, path: Path) -> int:
    """POST one file as its detector would; the status of the answer."""
    parts = urlsplit(base)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/api/v1/intake/auto/", path.read_bytes(), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """The token comes in the environment, so that no process list shows it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("folder", type=Path, help="practice/alerts of the data folder")
    parser.add_argument("--noise", action="store_true", help="send the later story and the ordinary alerts too, slowly")
    options = parser.parse_args(arguments)
    token = os.environ["NIGHTDESK_RANGE_TOKEN"]
    stories = sorted(path for path in options.folder.glob("*.json") if path.name[0].isdigit())
    refused = [path.name for path in stories[:FIRST] if send(options.base, token, path) not in (200, 201)]
    for path in stories[FIRST:] if options.noise else ():
        sleep(LATER)
        refused += [path.name] if send(options.base, token, path) not in (200, 201) else []
    for path in sorted(options.folder.glob("noise-*.json")) if options.noise else ():
        sleep(BETWEEN)
        send(options.base, token, path)
    if refused:
        print(f"Refused: {', '.join(refused)}", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
