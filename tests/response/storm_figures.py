"""The storm's figures, on the terminal after the tests: also of a run that xdist's workers carried out."""

from typing import Any

import pytest

FIGURES = "figures"


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in [one for outcome in ("passed", "failed") for one in terminalreporter.stats.get(outcome, [])]:
        for name, text in getattr(report, "user_properties", []):
            if name == FIGURES:
                terminalreporter.section("the storm")
                terminalreporter.write_line(text)


def table(rows: dict[str, Any]) -> str:
    """Two columns; a row's value may be counted things."""
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {_words(value)}" for name, value in rows.items())


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{number:g} {name}" for name, number in value.items() if number) or "none"
    return str(value)
