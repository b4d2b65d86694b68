"""Which tests run first, and which on one worker: the longest begin, what shares something costly stays together."""

from typing import Any

import pytest
from xdist.scheduler.loadfile import LoadFileScheduling

# Each line is one worker's; a path stands for all that begin with it. Whatever is not named follows, file by file.
TOGETHER = (
    ("tests/test_stories.py", "tests/browser/test_quickstart.py", "tests/test_interrupt.py"),  # one try-out
    ("tests/browser/",),  # one browser
    (  # the generated weeks
        "tests/secops/practice/test_generate",
        "tests/secops/practice/test_server_company.py",
        "tests/secops/connectors/",
        "tests/enrichment/questions/test_file_use.py",
        "tests/response/test_hunt_range.py",
    ),
    ("tests/response/test_for_each.py",),
    ("tests/test_access.py",),
    ("tests/test_leaks.py",),
    ("tests/response/test_report_pdf.py",),
    ("tests/secops/practice/test_server_isolation.py",),
    ("tests/cases/evidence/test_exports.py",),
)
TURNS = [(path, paths[0]) for paths in TOGETHER for path in paths]


def turn(nodeid: str) -> tuple[int, str]:
    """When a test's turn comes, and the name of its line; a file that no line names comes last, by its own name."""
    found = ((at, line) for at, (path, line) in enumerate(TURNS) if nodeid.startswith(path))
    return next(found, (len(TURNS), nodeid.split("::")[0]))


class Together(LoadFileScheduling):
    """A worker takes a whole line at a time, or a whole file."""

    def _split_scope(self, nodeid: str) -> str:
        return turn(nodeid)[1]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: turn(item.nodeid)[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return Together(config, log)
