"""Which program it was: not signed weighs, a signature alone acquits nothing, unknown is said as unknown."""

from typing import Any

import pytest

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.programs import ConnectingProgram, RegistryProgram
from secops.connectors.capabilities.devices import ProcessFact
from tests.enrichment.questions.asking import AT, Says, about, ask, fact, points

PAIR = about(SubjectKind.PAIR, "203.0.113.44", "ip")
KEY = about(SubjectKind.REGISTRY, "HKCU\\Software\\Run", "registry_key")


def process(**more: Any) -> ProcessFact:
    values: dict[str, Any] = {
        "at": AT,
        "image": "C:\\Users\\maya.o\\updater.exe",
        "command_line": "updater.exe -q",
        "user": "CORP\\maya.o",
        "pid": 4711,
        "parents": ["C:\\Windows\\explorer.exe"],
    }
    return ProcessFact(**(values | more))


def test_an_unsigned_program_weighs_and_its_file_goes_into_the_case() -> None:
    judgement = ask(ConnectingProgram, PAIR, process_of=[process(is_signed=False, sha256="ab" * 32)])

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Unsigned program")
    assert judgement.headline == "updater.exe, not signed, did it as maya.o."
    assert fact(judgement, "Started by") == "updater.exe ← explorer.exe"
    assert [(one.kind, one.value) for one in judgement.pivots] == [("hash_sha256", "ab" * 32)]


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        ({"is_signed": True, "signer": "Stowage"}, "signed by Stowage"),
        ({"is_signed": True}, "signed"),
        ({"is_signed": None}, "signature unknown"),
    ],
)
def test_signed_and_unknown_are_told_apart_and_neither_acquits(signature: dict[str, Any], said: str) -> None:
    judgement = ask(ConnectingProgram, PAIR, process_of=[process(**signature)])

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert f", {said}, did it as" in judgement.headline
    assert points(judgement) == 0


def test_among_several_the_unsigned_one_speaks() -> None:
    browser = process(image="C:\\Program Files\\b\\browser.exe", is_signed=True, signer="Wayfarer")

    judgement = ask(ConnectingProgram, PAIR, process_of=[browser, process(is_signed=False)])

    assert judgement.headline.startswith("updater.exe")
    assert judgement.data["programs"] == 2


def test_the_registry_is_asked_by_its_key() -> None:
    says = Says(processes_writing=[process(is_signed=False)])

    assert RegistryProgram().ask(says, KEY) is not None
    assert says.calls[0][1][1] == "HKCU\\Software\\Run"


def test_no_program_found_is_no_answer() -> None:
    assert ConnectingProgram().ask(Says(process_of=[]), PAIR) is None
