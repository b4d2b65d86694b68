"""An export is checked without us: by plain Python alone, and refused after any tampering."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pyzipper

from cases.errors import EvidenceError, IncompleteError
from cases.models import Case, CustodyEntry, CustodyHead, Evidence
from cases.offline import custody as offline
from cases.services import custody, evidence, exports, retention
from secops import chain
from secops.errors import NotAllowedError
from secops.models import User
from tests.cases.evidence.conftest import PASSWORD, path_of, spoil, take
from tests.cases.evidence.test_custody import anchor_of
from tests.factories import make_user


def unpack(made: exports.Export, folder: Path, password: str = PASSWORD) -> Path:
    archive = folder / made.name
    archive.write_bytes(b"".join(made))
    with pyzipper.AESZipFile(archive) as opened:
        opened.setpassword(password.encode())
        opened.extractall(folder / "unpacked")
    return folder / "unpacked"


def check(folder: Path, *words: str) -> tuple[str, int]:
    """The exported verifier in a Python that knows nothing of us."""
    command = [sys.executable, "-I", "-S", str(folder / "custody.py"), str(folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    return done.stdout + done.stderr, done.returncode


@pytest.fixture
def exported(case: Case, item: Evidence, analyst: User, tmp_path: Path) -> Path:
    """Two files and an exhibit, sealed and handed over, exported and unpacked."""
    take(case, b"\x00" * 3_000_000, actor=analyst, title="Memory image", kind="memory", file_name="mem.raw")
    words = {"title": "USB stick", "serial": "4C53", "seal_number": "", "shelf": "Safe"}
    evidence.register(case.pk, **words, acquired=evidence.Acquired(acquired_by="Ada"), actor=analyst)
    evidence.hand_over(item.pk, to="Legal", reason="They asked", actor=analyst)
    return unpack(exports.export(case.pk, reason="For the court", password=PASSWORD, actor=analyst), tmp_path)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "custody.jsonl").read_text().splitlines()]


def write(folder: Path, entries: list[dict[str, Any]], *, with_manifest: bool = False) -> None:
    (folder / "custody.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    if with_manifest:
        path = folder / "manifest.json"
        head = {"seq": entries[-1]["seq"], "hash": entries[-1]["hash"]}
        path.write_text(json.dumps(json.loads(path.read_text()) | {"head": head}))


def rechained(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As somebody would who knows how it is made."""
    previous = offline.FIRST
    for seq, entry in enumerate(entries, start=1):
        own = offline.entry_hash(seq, previous, entry["body"])
        entry |= {"seq": seq, "previous": previous, "hash": own}
        previous = own
    return entries


def test_it_holds_the_chain_the_files_by_hash_and_the_verifier(exported: Path, case: Case) -> None:
    names = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    kept = set(Evidence.objects.exclude(sha256="").values_list("sha256", flat=True))

    assert names == {"custody.jsonl", "manifest.json", "custody.py", *(f"files/{sha256}" for sha256 in kept)}
    assert lines(exported) == list(custody.lines(case.pk))
    manifest = json.loads((exported / "manifest.json").read_text())
    head = CustodyHead.objects.get(case=case)
    assert manifest["head"] == {"seq": head.seq, "hash": head.hash}
    assert [one["id"] for one in manifest["evidence"]] == ["E-1", "E-2", "E-3"]


def test_the_verifier_alone_says_that_it_is_whole(exported: Path, case: Case) -> None:
    said, code = check(exported)

    assert code == 0, said
    assert f"Whole: {case.number}, 8 entries and every file as they were written." in said
    assert "No anchor was given" in said


def test_it_refuses_a_flipped_byte(exported: Path, item: Evidence) -> None:
    path = exported / "files" / item.sha256
    path.write_bytes(b"X" + path.read_bytes()[1:])

    said, code = check(exported)

    assert code == 1
    assert f"file {item.sha256[:12]}… (E-1): was changed; it is now" in said


@pytest.mark.parametrize("index", range(8))
def test_it_refuses_a_dropped_line_whichever(exported: Path, index: int) -> None:
    entries = lines(exported)
    del entries[index]
    write(exported, entries)

    assert check(exported)[1] == 1


def test_it_refuses_a_tail_that_was_cut_off_even_with_the_manifest_mended(exported: Path) -> None:
    write(exported, lines(exported)[:-1], with_manifest=True)
    said, code = check(exported)
    assert (code, "2 of 3 entries of this export are there" in said) == (1, True)

    write(exported, lines(exported)[:-3], with_manifest=True)
    said, code = check(exported)
    assert (code, "the end was cut off" in said) == (1, True)


def test_it_refuses_two_swapped_files(exported: Path) -> None:
    one, two = sorted((exported / "files").iterdir())
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)

    said, code = check(exported)

    assert code == 1
    assert said.count("was changed") == 2


@pytest.mark.parametrize("what", ["missing", "added", "renamed"])
def test_it_refuses_a_file_too_few_or_too_many(exported: Path, item: Evidence, what: str) -> None:
    path = exported / "files" / item.sha256
    if what == "missing":
        path.unlink()
    elif what == "added":
        (path.parent / "planted").write_bytes(b"x")
    else:
        path.rename(path.with_name("f" * 64))

    said, code = check(exported)

    assert code == 1
    assert ("is missing" in said) == (what != "added")
    assert ("no entry of this export speaks of it" in said) == (what != "missing")


@pytest.mark.parametrize("line", ["{", "[]", "null", '{"seq": "1"}', "\x00", '{"seq": 1, "body": 1}'])
def test_it_refuses_lines_that_are_no_entries(exported: Path, line: str) -> None:
    text = (exported / "custody.jsonl").read_text().splitlines()
    (exported / "custody.jsonl").write_text("\n".join([line, *text[1:]]))

    said, code = check(exported)

    assert (code, "line 1: cannot be read" in said) == (1, True)
    assert "Traceback" not in said


def test_a_chain_rewritten_consistently_is_refused_with_the_anchor_only(
    exported: Path, case: Case, tmp_path: Path
) -> None:
    anchor = tmp_path / "anchor.txt"
    anchor.write_text(anchor_of(case))
    said, code = check(exported, "--anchor", str(anchor))
    assert code == 0, said

    entries = lines(exported)
    entries[4]["body"]["who"] = "Somebody else"
    write(exported, rechained(entries), with_manifest=True)

    assert check(exported)[1] == 0  # nothing inside can tell: that is what the anchor is for
    said, code = check(exported, "--anchor", str(anchor))
    assert code == 1
    assert "anchor of 2026-11-24T14:00:00+00:00: entry 8 is missing or was rewritten since" in said


def test_a_shorter_rewritten_chain_is_refused_with_the_anchor(exported: Path, case: Case, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.txt"
    anchor.write_text(anchor_of(case).replace("2026-11-24", "2020-01-01"))
    entries = lines(exported)
    del entries[4]
    write(exported, rechained(entries), with_manifest=True)

    assert check(exported)[1] == 0
    assert check(exported, "--anchor", str(anchor))[1] == 1


def test_an_anchor_of_later_days_does_not_make_an_old_export_false(
    exported: Path, case: Case, item: Evidence, analyst: User, tmp_path: Path
) -> None:
    evidence.hand_over(item.pk, to="Court", reason="Hearing", actor=analyst)
    anchor = tmp_path / "anchor.txt"
    first = f"{case.number} 3 {lines(exported)[2]['hash']} 2026-11-24T14:00:00+00:00\n"
    anchor.write_text(first + anchor_of(case).replace("2026-11-24", "2099-01-01"))

    said, code = check(exported, "--anchor", str(anchor))

    assert code == 0, said
    assert "confirms the chain up to entry 3; 1 later anchor lines are newer than this export." in said


@pytest.mark.parametrize("cut", [True, False])
def test_an_anchor_that_confirms_no_entry_proves_nothing(
    exported: Path, case: Case, item: Evidence, analyst: User, tmp_path: Path, cut: bool
) -> None:
    """Its only line is newer: with an entry taken out of the chain, it would be newer than all of what is left."""
    anchor = tmp_path / "anchor.txt"
    if not cut:
        evidence.hand_over(item.pk, to="Court", reason="Hearing", actor=analyst)
    anchor.write_text(anchor_of(case).replace("2026-11-24", "2099-01-01"))
    if cut:
        entries = lines(exported)
        del entries[2]
        write(exported, rechained(entries), with_manifest=True)

    said, code = check(exported, "--anchor", str(anchor))

    assert (code, "anchor: confirms no entry of this export" in said) == (1, True)


@pytest.mark.parametrize("line", ["{case} ² {hash} 2026-11-24T14:00:00+00:00", "{case} 99 {hash} 2099-01-01T00:00:00"])
def test_an_anchor_line_that_no_clock_of_ours_wrote_is_no_traceback(
    exported: Path, case: Case, tmp_path: Path, line: str
) -> None:
    anchor = tmp_path / "anchor.txt"
    anchor.write_text(line.format(case=case.number, hash="0" * 64) + "\n")

    said, code = check(exported, "--anchor", str(anchor))

    assert (code, "Traceback" in said) == (1, False)


def test_an_anchor_that_never_heard_of_the_case_proves_nothing(exported: Path, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.txt"
    anchor.write_text(f"CASE-999 1 {'0' * 64} 2026-11-24T14:00:00+00:00\n")

    assert check(exported, "--anchor", str(anchor))[1] == 1


def test_wrong_use_is_2(exported: Path) -> None:
    done = subprocess.run([sys.executable, "-I", str(exported / "custody.py")], capture_output=True, check=False)

    assert done.returncode == 2


def test_both_verifiers_spell_and_hash_alike() -> None:
    body = {"who": "Ünïcode ⟨x⟩ \u2028", "b": [1, True, None], "a": {"z": 1, "y": '\\"'}}

    assert offline.entry_hash(7, chain.FIRST, body) == chain.entry_hash(7, chain.FIRST, body)
    assert offline.FIRST == chain.FIRST


def test_nothing_of_it_can_be_read_without_the_password(case: Case, item: Evidence, analyst: User) -> None:
    made = b"".join(exports.export(case.pk, reason="x", password=PASSWORD, actor=analyst))

    for clear in (b"MZ the loader", b"Exfiltration", b"received", b"Ada Lind", b"def canonical", PASSWORD.encode()):
        assert clear not in made


def test_a_wrong_password_opens_nothing(case: Case, item: Evidence, analyst: User, tmp_path: Path) -> None:
    made = exports.export(case.pk, reason="x", password=PASSWORD, actor=analyst)

    with pytest.raises(RuntimeError, match="Bad password"):
        unpack(made, tmp_path, "not the password")


def test_one_item_leaves_with_the_whole_chain_and_only_its_own_file(
    case: Case, item: Evidence, analyst: User, tmp_path: Path
) -> None:
    take(case, b"another")

    folder = unpack(exports.export(case.pk, reason="x", password=PASSWORD, only=item, actor=analyst), tmp_path)

    assert [path.name for path in (folder / "files").iterdir()] == [item.sha256]
    assert check(folder)[1] == 0


def test_a_destroyed_item_does_not_leave_and_a_damaged_one_is_said(
    case: Case, item: Evidence, analyst: User, responder: User, tmp_path: Path
) -> None:
    gone, bad = take(case, b"gone"), take(case, b"bad")
    retention.ask_destruction(gone.pk, "x", actor=analyst)
    retention.destroy(gone.pk, actor=responder)
    spoil(bad)
    evidence.verify(bad.pk)

    folder = unpack(exports.export(case.pk, reason="x", password=PASSWORD, actor=analyst), tmp_path)

    assert [path.name for path in (folder / "files").iterdir()] == [item.sha256]
    said, code = check(folder)
    assert (said.strip(), code) == ("E-3: its file was left out: it does not match what was received", 1)


def test_a_file_that_was_damaged_unnoticed_is_marked_while_it_leaves(
    case: Case, item: Evidence, analyst: User, tmp_path: Path
) -> None:
    spoil(item)

    folder = unpack(exports.export(case.pk, reason="x", password=PASSWORD, actor=analyst), tmp_path)

    assert check(folder)[1] == 1
    item.refresh_from_db()
    assert item.state == "mismatch"
    assert CustodyEntry.objects.latest("seq").details["matches"] is False


def test_it_is_never_held_in_memory(case: Case, analyst: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(exports, "CHUNK", 1_000)
    take(case, b"x" * 200_000)

    sizes = [len(part) for part in exports.export(case.pk, reason="x", password=PASSWORD, actor=analyst)]

    assert sum(sizes) > 200_000
    assert sorted(sizes)[-2] < 20_000  # the largest is custody.py


@pytest.mark.parametrize("password", ["", "short"])
def test_a_short_password_is_refused(case: Case, item: Evidence, analyst: User, password: str) -> None:
    with pytest.raises(IncompleteError):
        exports.export(case.pk, reason="x", password=password, actor=analyst)
    assert CustodyEntry.objects.count() == 1


def test_who_may_not_work_exports_nothing(case: Case, item: Evidence) -> None:
    with pytest.raises(NotAllowedError):
        exports.export(case.pk, reason="x", password=PASSWORD, actor=make_user("al", ["approver"]))
    assert CustodyEntry.objects.count() == 1


def test_a_case_without_evidence_exports_nothing(case: Case, analyst: User) -> None:
    with pytest.raises(EvidenceError, match="no evidence"):
        exports.export(case.pk, reason="x", password=PASSWORD, actor=analyst)


def test_made_passwords_are_long_and_never_the_same() -> None:
    made: Callable[[], str] = exports.make_password

    assert len({made() for _ in range(50)}) == 50
    assert len(made().replace("-", "")) == 25


def test_the_file_of_a_damaged_item_is_not_opened(item: Evidence, analyst: User) -> None:
    spoil(item)
    evidence.verify(item.pk)
    Evidence.objects.update(is_hazardous=False)

    with pytest.raises(EvidenceError, match="no whole file"):
        exports.view(item.pk, "Look", actor=analyst)
    assert path_of(item).exists()


FIRST_LINES: dict[str, Callable[[str], str]] = {
    "twice": lambda line: line.replace('{"body":{', '{"body":{},"body":{', 1),
    "unknown key": lambda line: line[:-1] + ',"approved_by":"the judge"}',
    "no number": lambda line: line.replace('"body":{', '"body":{"x":NaN,', 1),
    "surrogate": lambda line: line.replace('"body":{', '"body":{"x":"\\ud800",', 1),
    "deep": lambda line: '{"body":' + "[" * 200_000 + "]" * 200_000 + "}",
}


@pytest.mark.parametrize("what", FIRST_LINES)
def test_it_refuses_a_line_that_others_could_read_otherwise(exported: Path, what: str) -> None:
    first, *rest = (exported / "custody.jsonl").read_text().splitlines()
    (exported / "custody.jsonl").write_text("\n".join([FIRST_LINES[what](first), *rest]) + "\n")

    said, code = check(exported)

    assert (code, "line 1: cannot be read" in said, "Traceback" in said) == (1, True, False)


@pytest.mark.parametrize("name", ["case", "export", "reason", "exported_at"])
def test_it_refuses_a_manifest_that_says_other_than_the_chain(exported: Path, name: str) -> None:
    path = exported / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: "other"}))

    said, code = check(exported)

    assert (said.strip(), code) == (f"manifest.json: {name} is not what the chain says", 1)


@pytest.mark.parametrize("name", ["id", "sha256", "size", "title"])
def test_it_refuses_a_manifest_that_lists_other_items(exported: Path, name: str) -> None:
    path = exported / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["evidence"][0][name] = "other"
    path.write_text(json.dumps(manifest))

    said, code = check(exported)

    assert (said.strip(), code) == ("manifest.json: its evidence is not what the chain says", 1)


def test_it_refuses_what_was_put_beside_and_links_and_shows_names_as_text(
    exported: Path, item: Evidence, tmp_path: Path
) -> None:
    (exported / "more").mkdir()
    (exported / "files" / "a\n\x1b[2JWhole").write_bytes(b"x")
    path = exported / "files" / item.sha256
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    said, code = check(exported)

    assert code == 1
    assert "more: is not of this export" in said
    assert f"{item.sha256}: is a link to elsewhere" in said
    assert "\x1b" not in said
    assert len(said.splitlines()) == 4


def test_a_file_that_is_missing_unnoticed_is_left_out_and_not_downloaded(
    case: Case, item: Evidence, analyst: User, tmp_path: Path
) -> None:
    clean = take(case, b"clean", is_hazardous=False)
    path_of(clean).unlink()

    folder = unpack(exports.export(case.pk, reason="x", password=PASSWORD, actor=analyst), tmp_path)

    said, code = check(folder)
    assert (said.strip(), code) == ("E-2: its file was left out: it is missing", 1)
    with pytest.raises(EvidenceError, match="no whole file"):
        exports.view(clean.pk, "Look", actor=analyst)
