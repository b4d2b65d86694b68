"""Spellings of observables, times and paths."""

from datetime import UTC, datetime
from time import process_time

import pytest

from cases.intake.harvest import harvest
from cases.intake.observables import Observables, normalise
from cases.intake.paths import Document
from cases.intake.times import read_time

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "sent", "kept"),
    [
        ("ip", "::ffff:10.0.0.1", "10.0.0.1"),
        ("ip", "2001:DB8:0:0::1%eth0", "2001:db8::1"),
        ("ip", "10.0.0.01", ""),
        ("domain", "BÜCHER.Example.", "xn--bcher-kva.example"),
        ("domain", "10.0.0.1", ""),
        ("domain", "localhost", ""),
        ("url", "hxxps://User:pw@Evil[.]example:443/A?b=C#frag", "https://evil.example/A?b=C"),
        ("url", "javascript:alert(1)", ""),
        ("email", "Ada@Corp.Example", "ada@corp.example"),
        ("hash_sha256", "AB" * 32, "ab" * 32),
        ("hash_md5", "0" * 32, ""),
        ("hash_md5", "d41d8cd98f00b204e9800998ecf8427e", ""),
        ("registry_key", "\\REGISTRY\\MACHINE\\Software\\X\\", "HKLM\\Software\\X"),
        ("registry_key", "C:\\x", ""),
        ("mac", "AA-BB-CC-00-11-22", "aa:bb:cc:00:11:22"),
        ("mac", "ff:ff:ff:ff:ff:ff", ""),
        ("cve", "cve-2024-12345", "CVE-2024-12345"),
        ("asn", "AS064500", "64500"),
        ("user", "CORP\\Ada", "corp\\ada"),
        ("user", "PC-1$", ""),
        ("port", "70000", ""),
    ],
)
def test_each_kind_has_one_spelling(kind, sent, kept):
    assert normalise(kind, sent) == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2021-06-06T15:57:37.272281+0200", "2021-06-06T13:57:37.272281+00:00"),
        ("2021-04-27T12:19:27.7211305Z", "2021-04-27T12:19:27.721130+00:00"),
        (1588207244.740518, "2020-04-30T00:40:44.740518+00:00"),
        (1588207244740518000, "2020-04-30T00:40:44.740518+00:00"),
        ("2021-09-18 20:38:51", "2021-09-18T20:38:51+00:00"),
        ("01/27/16-16:01:04.877970 ", "2016-01-27T16:01:04.877970+00:00"),
        ("Dec 21 14:05:02", "2025-12-21T14:05:02+00:00"),
        ("1601-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+05:00", None),
        (12.5, None),
        (float("nan"), None),
        ("soon", None),
    ],
)
def test_each_form_of_time_is_one_moment(sent, kept):
    moment = read_time(sent, NOW)
    assert (moment.isoformat() if moment else None) == kept


@pytest.mark.parametrize(
    "payload",
    [
        {"rule": {"mitre": {"id": ["T1"]}}},
        {"rule.mitre": {"id": "T1"}},
        {"rule": {"mitre.id": "T1"}},
        {"rule.mitre.id": "T1"},
        {"RULE": [{"Mitre": {"ID": "T1"}}]},
    ],
)
def test_a_path_is_found_in_any_mix_of_dots_objects_and_lists(payload):
    assert Document(payload).text("rule.mitre.id") == "T1"


def test_a_selector_keeps_the_items_that_fit_and_placeholders_are_absent():
    items = {"items": [{"kind": "a", "v": "-"}, {"kind": "b", "v": 2}, {"kind": "a", "v": 3}]}
    assert Document(items).texts("items[kind=a].v") == ["3"]


def test_prose_is_searched_in_linear_time():
    def seconds(size):
        found = Observables()
        started = process_time()
        harvest(found, {"text": ("a" * 50 + "! http://" + "x." * 20 + " ") * size})
        return process_time() - started

    seconds(10)
    assert seconds(600) < 40 * max(seconds(60), 0.002)


def test_prose_gives_its_addresses_links_and_hashes():
    found = Observables()
    harvest(found, {"msg": f"from 203.0.113.9:443 to (hxxp://evil[.]example/x), hash={'ab' * 32} CVE-2024-1234."})
    assert [one.value for one in found.all()] == [
        "203.0.113.9",
        "http://evil.example/x",
        "ab" * 32,
        "CVE-2024-1234",
    ]
