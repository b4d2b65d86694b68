"""The table of samples and detectors, on the terminal after the tests: also of a run that xdist's workers carried
out."""

from typing import Any

import pytest

ROW = "sample"


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [one for outcome in ("passed", "failed") for one in terminalreporter.stats.get(outcome, [])]
    rows = [value for report in reports for name, value in getattr(report, "user_properties", []) if name == ROW]
    if not rows or not terminalreporter.config.option.verbose > 0:
        return
    terminalreporter.section("which detector took which sample")
    width = max(len(row[0]) for row in rows)
    for name, chosen, ends in sorted(rows, key=lambda row: row[0]):
        said = ", ".join(f"{count} {slug}" for slug, count in [*chosen.items(), *ends.items()])
        terminalreporter.write_line(f"{name:<{width}}  {said}")
