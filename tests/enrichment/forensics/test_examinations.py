"""An examination from the asking to what stands in the case: once, whatever dies over it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.utils import timezone

from cases.errors import EvidenceError
from cases.models import Case, CaseObservable, CustodyEntry, Evidence, Observable, TimelineEntry
from cases.services import custody, described, inspection, timeline, whole
from enrichment import duties
from enrichment.choices import ExaminationState
from enrichment.forensics.runner import Answer, examine
from enrichment.models import Examination
from enrichment.services import discoveries, examinations
from enrichment.services.examinations import carry_out_one, start
from secops.errors import NotAllowedError
from secops.models import User
from secops.s3 import Objects
from tests.cases.evidence.conftest import spoil, take
from tests.enrichment.forensics import material
from tests.factories import make_alert

SHA256 = hashlib.sha256(material.LOADER).hexdigest()


@pytest.fixture
def image(case: Case, disk: Path, analyst: User) -> Evidence:
    words = {"title": "Disk of FIN-LT-0142", "file_name": "disk.dd"}
    offset = described.Acquired(clock_offset_seconds=60)
    return take(case, disk.read_bytes(), kind="disk", acquired=offset, actor=analyst, **words)


def state(item: Evidence) -> tuple[str, str]:
    found = Examination.objects.get(evidence=item)
    return found.state, found.reason


def test_a_deleted_file_becomes_evidence_and_an_observable_to_ask_about(
    case: Case, image: Evidence, analyst: User
) -> None:
    [asked] = start(image.pk, actor=analyst)
    assert carry_out_one()

    asked.refresh_from_db()
    assert asked.state == ExaminationState.DONE
    assert (asked.result["tool"], asked.result["derived"]) == ("The Sleuth Kit", ["E-1.1"])
    derived = Evidence.objects.get(original=image)
    assert (derived.number, derived.sha256, derived.state) == ("E-1.1", SHA256, "sealed")
    assert derived.title == "Deleted file of E-1: updater.dll"
    acquired, received, sealed = derived.custody.order_by("seq")
    assert acquired.details["tool"] == "The Sleuth Kit"
    assert acquired.details["tool_version"] == asked.result["version"]
    assert acquired.details["acquired_from"] == "E-1: /home/ada/updater.dll"
    assert (received.details["derived_from"], sealed.action) == ("E-1", "sealed")
    assert "copy_of" not in received.details
    assert CaseObservable.objects.filter(case=case, observable__value=SHA256, role="file").exists()
    case.refresh_from_db()
    assert case.is_planning_due
    viewed = CustodyEntry.objects.get(evidence=image, action="viewed")
    assert viewed.details["reason"] == "Examined read-only for Ada Lind"
    assert list(inspection.problems(case)) == []


def test_what_an_attacker_did_stands_in_a_lane_of_its_own_by_our_clock(case: Case, image: Evidence) -> None:
    start(image.pk)
    carry_out_one()

    entry = TimelineEntry.objects.get(kind="attacker", text__startswith="/home/ada/run.sh")
    at = entry.occurred_at
    assert at is not None
    assert at.timestamp() == material.AT - 60  # the source's clock was a minute ahead
    assert entry.refs["evidence"] == "E-1"
    assert entry.who.startswith("The Sleuth Kit ")
    assert timeline.verify(case) is None
    told = [one for one in whole.as_json(case)["timeline"] if one.get("kind") == "attacker"]
    assert "2026-09-21T14:12:20Z" in [one["occurred_at"] for one in told]


def test_entries_of_before_verify_and_a_moved_time_is_noticed(case: Case) -> None:
    timeline.record(case.pk, "Before", kind="person")
    entry = timeline.record(case.pk, "Then", kind="attacker", occurred_at=timezone.now())
    assert timeline.verify(case) is None

    TimelineEntry.objects.filter(pk=entry.pk).update(occurred_at=timezone.now() - timedelta(days=1))

    assert timeline.verify(case) == (2, "was changed after it was written")


def test_only_the_attackers_lane_has_a_time_of_its_own(case: Case) -> None:
    with pytest.raises(IntegrityError):
        timeline.record(case.pk, "Person", kind="person", occurred_at=timezone.now())


def test_asking_twice_is_one_examination(image: Evidence, analyst: User) -> None:
    first, second = start(image.pk, actor=analyst), start(image.pk)
    carry_out_one()
    start(image.pk, actor=analyst)

    assert first == second
    assert not carry_out_one()
    assert Evidence.objects.filter(original=image).count() == 1


def test_hostile_and_damaged_items_fail_with_a_reason_and_the_next_is_read(case: Case, image: Evidence) -> None:
    hostile = [
        take(case, bytes([255]) * 50_000, kind="disk"),
        take(case, b"\xd4\xc3\xb2\xa1" + b"\xff" * 90, kind="capture"),
    ]
    for item in (*hostile, image):
        start(item.pk)

    assert examinations.carry_out_due() == 3

    assert [state(item)[0] for item in (*hostile, image)] == ["failed", "failed", "done"]
    assert "cannot read it" in state(hostile[0])[1]
    assert state(hostile[1])[1]
    line = TimelineEntry.objects.get(text__startswith=f"{hostile[0].number} could not be examined")
    assert line.refs == {"evidence": hostile[0].number}


def test_a_person_asks_again_for_what_failed_a_machine_does_not(case: Case, analyst: User) -> None:
    item = take(case, bytes(5_000), kind="disk")
    start(item.pk)
    carry_out_one()

    start(item.pk)
    assert state(item)[0] == "failed"
    start(item.pk, actor=analyst)
    assert state(item) == ("due", "")


def test_a_file_that_is_not_what_was_received_is_not_examined(image: Evidence) -> None:
    start(image.pk)
    spoil(image)

    carry_out_one()

    assert state(image) == ("failed", "Its file is not what was received: verify it.")
    image.refresh_from_db()
    assert image.is_damaged
    assert not Evidence.objects.filter(original=image).exists()
    with pytest.raises(EvidenceError, match="verify it first"):
        start(image.pk)


@pytest.mark.slow
def test_what_is_in_a_bucket_is_read_from_a_copy_and_what_is_found_goes_there(
    bucket: Objects, image: Evidence, settings: Any, folder: Path
) -> None:
    there, settings.S3_SECRET_KEY = settings.S3_SECRET_KEY, "wrong"
    start(image.pk)
    for _ in range(examinations.MOST_ATTEMPTS + 1):
        assert carry_out_one()
        assert "the secret key is wrong" in state(image)[1]
        assert not carry_out_one()  # not at once
        Examination.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert examinations.free_expired() == 1
    settings.S3_SECRET_KEY = there

    assert carry_out_one()

    assert state(image) == ("done", "")
    assert sorted(bucket.keys("")) == sorted(f"house/sha256/{one}" for one in (image.sha256, SHA256))
    assert list((folder / "data" / "evidence" / "tmp").iterdir()) == []


@pytest.mark.slow
def test_a_copy_that_is_not_what_was_received_is_not_examined(bucket: Objects, image: Evidence) -> None:
    bucket.put(f"house/sha256/{image.sha256}", b"MZ", is_new=False)
    start(image.pk)

    carry_out_one()

    assert state(image) == ("failed", examinations.CHANGED)
    image.refresh_from_db()
    assert image.is_damaged


@pytest.mark.parametrize("happens", ["nothing", "spoilt", "lost"])
def test_what_was_not_hashed_first_is_hashed_before_anything_is_sealed(
    happens: str, image: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def unhashed(*asked: Any, **told: Any) -> Iterator[Answer]:
        with examine(*asked, **told) as answer:
            answer.report.sha256 = None  # as of an item of many gigabytes
            if happens == "spoilt":
                spoil(image)
            if happens == "lost":
                monkeypatch.setattr(examinations._Lease, "__call__", lambda _: False)
            yield answer

    monkeypatch.setattr(examinations, "examine", unhashed)
    start(image.pk)
    carry_out_one()

    ends = {"nothing": ("done", ""), "spoilt": ("failed", examinations.CHANGED), "lost": ("claimed", "")}
    assert state(image) == ends[happens]
    assert Evidence.objects.filter(original=image).exists() == (happens == "nothing")
    image.refresh_from_db()
    assert image.is_damaged == (happens == "spoilt")


def test_an_item_destroyed_meanwhile_is_refused(image: Evidence) -> None:
    start(image.pk)
    Evidence.objects.filter(pk=image.pk).update(destroyed_at=timezone.now())

    carry_out_one()

    assert state(image)[0] == "refused"


def test_keys_and_exhibits_have_no_tool(case: Case, stranger: User) -> None:
    key = take(case, b"a key", kind="key")

    with pytest.raises(EvidenceError, match="has no file that could be examined"):
        start(key.pk)
    with pytest.raises(NotAllowedError):
        start(take(case, b"a file").pk, actor=stranger)


def test_a_worker_that_died_is_noticed_by_its_lease_three_times(image: Evidence) -> None:
    start(image.pk)
    for attempt in (1, 2, 3):
        assert examinations._claim() is not None
        assert examinations._claim() is None
        Examination.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert examinations.free_expired() == 1
        assert state(image)[0] == ("failed" if attempt == 3 else "due")
    assert state(image)[1] == "3 workers were lost over this."


def test_a_late_worker_writes_nothing_over_the_next_ones_work(
    case: Case, image: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(image.pk)
    write = discoveries.write

    def late(mine: Examination, answer: Any) -> None:
        monkeypatch.setattr(discoveries, "write", write)
        Examination.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        examinations.free_expired()
        assert carry_out_one()
        write(mine, answer)

    monkeypatch.setattr(discoveries, "write", late)
    carry_out_one()

    assert Evidence.objects.filter(original=image).count() == 1
    assert TimelineEntry.objects.filter(text__startswith="E-1 examined").count() == 1
    assert Examination.objects.get().token == 2


def test_without_room_the_findings_stand_and_say_what_was_not_kept(image: Evidence, settings: Any) -> None:
    settings.EVIDENCE_CASE_BYTES = image.size

    start(image.pk)
    carry_out_one()

    result = Examination.objects.get().result
    assert result["derived"] == []
    assert result["limits"][-1].startswith("Not all recovered files were kept.")


def test_a_new_destination_of_a_capture_is_an_observable(case: Case, tmp_path: Path) -> None:
    alert = make_alert(case)
    named = Observable.objects.create(
        kind="domain", value="c2.evil.example", value_key="k", first_seen_at=timezone.now()
    )
    alert.sightings.create(observable=named, role="destination")
    CaseObservable.objects.create(case=case, observable=named, role="destination", first_seen_at=timezone.now())
    item = take(case, material.capture(tmp_path).read_bytes(), kind="capture")

    start(item.pk)
    carry_out_one()

    values = set(CaseObservable.objects.filter(case=case).values_list("observable__value", flat=True))
    assert values == {"c2.evil.example", "cdn-metrics.example", "plain.example", material.OUTSIDE}
    assert TimelineEntry.objects.get(kind="attacker").text.startswith("The name c2.evil.example")


def test_the_whole_case_tells_what_the_tools_found(case: Case, image: Evidence, analyst: User) -> None:
    start(image.pk, actor=analyst)
    [before] = whole.as_json(case)["examinations"]
    carry_out_one()
    [after] = whole.as_json(case)["examinations"]

    assert (before["evidence"], before["state"], before["result"]) == ("E-1", "due", None)
    assert (after["state"], after["asked_by"]) == ("done", "Ada Lind")
    assert after["result"]["schema"] == "nightdesk.examination/1"


def test_drain_reads_in_the_foreground_and_leaves_nothing_to_the_clock(
    image: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    start(image.pk)
    assert duties.examinations_left()["examinations"] == 1

    call_command("examine")

    assert capsys.readouterr().out == "Examined 1 item.\n"
    assert duties.examinations_left() == {"examinations": 0, "next_at": None}
    assert duties.ExaminationClock()() == 0


def test_the_clock_starts_one_process_while_something_is_due(image: Evidence, tmp_path: Path) -> None:
    start(image.pk)
    clock, sign = duties.ExaminationClock(), tmp_path / "started"
    clock.command = ("/bin/sh", "-c", f"echo x >> {sign}; sleep 0.5")  # type: ignore[assignment]

    assert (clock(), clock()) == (1, 0)
    assert clock._child is not None
    clock._child.wait()
    assert clock() == 1
    clock._child.wait()
    assert sign.read_text() == "x\nx\n"


def test_custody_stays_whole_over_all_of_it(case: Case, image: Evidence) -> None:
    start(image.pk)
    carry_out_one()

    assert custody.verify(case.pk) is None
