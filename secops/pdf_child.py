"""The process that turns HTML into PDF: reads {html, css} from its input, knows no database, secret or address."""

import json
import resource
import sys
from typing import Any, NoReturn

SECONDS = 60  # of processor time
MEMORY = 2_000_000_000  # bytes of address space
NO_LIBRARY = 3


def main() -> int:
    """Limits first; then the one thing that this process is for."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.loads(sys.stdin.buffer.read())
    try:
        from weasyprint import CSS, HTML
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError):
        return NO_LIBRARY

    class Nothing(URLFetcher):  # type: ignore[misc]
        """Whatever the document names, nothing is fetched: no address, no file, no data."""

        def fetch(self, url: str, headers: Any = None) -> NoReturn:
            raise ValueError("Nothing is fetched.")

    page = HTML(string=asked["html"], url_fetcher=Nothing())
    style = CSS(string=asked["css"], url_fetcher=Nothing())
    sys.stdout.buffer.write(page.write_pdf(stylesheets=[style]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
