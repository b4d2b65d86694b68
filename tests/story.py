"""A case as the command prints it beside what is true of it, and the numbers in its sentences."""

import json
import re
from datetime import datetime
from typing import Any

type Row = dict[str, Any]
UNITS = {"bytes": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


class Story:
    """One case as the command prints it, and what is true of it."""

    def __init__(self, case: Row, truth: Row) -> None:
        self.case, self.truth = case, truth

    def all(self, question: str) -> list[Row]:
        """The answered findings of a question; a test without one has nothing to look at and fails."""
        cards = self.case["answers"].values()
        found = [one for card in cards for one in card["findings"] if one["question"] == question]
        answered = [one for one in found if one["status"] == "answered"]
        assert answered, f"nothing answered {question}: {found}"
        return answered

    def facts(self, question: str, connector: str = "") -> dict[str, str]:
        """Label and value of one connector's finding, or of the first."""
        findings = [one for one in self.all(question) if connector in one["connector"]]
        return {fact["label"]: fact["value"] for fact in findings[0]["facts"]}

    def says(self, question: str) -> str:
        """All that the findings of a question say, as one text."""
        return json.dumps(self.all(question), ensure_ascii=False).replace("\\\\", "\\")


def size_in(text: str) -> float:
    """The first size in a sentence, in bytes."""
    found = re.search(r"([\d.,]+) (bytes|kB|MB|GB|TB)\b", text)
    assert found, text
    return float(found[1].replace(",", "")) * UNITS[found[2]]


def number_before(words: str, text: str) -> float:
    found = re.search(rf"([\d.,]+) ?{words}", text)
    assert found, text
    return float(found[1].replace(",", ""))


def file_name(path: str) -> str:
    return path.rpartition("\\")[2]


def clock(at: str) -> str:
    """As findings show a moment: 24 Nov 06:09."""
    return f"{datetime.fromisoformat(at):%d %b %H:%M}"
