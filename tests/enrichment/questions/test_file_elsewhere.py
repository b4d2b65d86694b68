"""Which devices hold the file, and where it ran."""

from enrichment.choices import SubjectKind
from enrichment.questions.file_elsewhere import FileElsewhere
from secops.connectors.capabilities.files import FileHit
from tests.enrichment.questions.asking import Says, about, ask, fact, is_conviction, points

FILE = about(SubjectKind.HASH, "ab" * 32, "hash_sha256")


def hits(count: int, *, has_run: bool | None = None) -> list[FileHit]:
    return [
        FileHit(device=f"FIN-LT-{number:04}", agent_id=f"a{number}", path="C:\\U\\u.exe", sha256="ab" * 32, has_run=run)
        for number in range(count)
        for run in [has_run]
    ]


def test_a_file_on_a_few_devices_weighs_and_says_where_it_ran() -> None:
    judgement = ask(FileElsewhere, FILE, find_file=hits(3, has_run=True))

    assert judgement.headline == "The file lies on 3 devices: FIN-LT-0000, FIN-LT-0001, FIN-LT-0002."
    assert fact(judgement, "Ran on") == "FIN-LT-0000, FIN-LT-0001, FIN-LT-0002"
    assert points(judgement) > 0


def test_a_usual_program_on_many_devices_weighs_nothing() -> None:
    judgement = ask(FileElsewhere, FILE, find_file=hits(40, has_run=True))

    assert points(judgement) == 0
    assert not is_conviction(judgement)
    assert len(judgement.rows) == 20


def test_not_knowing_whether_it_ran_is_said_as_unknown() -> None:
    judgement = ask(FileElsewhere, FILE, find_file=hits(1))

    assert judgement.rows[0][-1] == "unknown"
    assert fact(judgement, "Ran on") == "none that is known"


def test_no_device_with_it_is_no_answer() -> None:
    assert FileElsewhere().ask(Says(find_file=[]), FILE) is None
