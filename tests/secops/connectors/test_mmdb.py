"""Geo files: both record forms, both file forms, and what has no place."""

import gzip
from pathlib import Path

import pytest

from secops.connectors.base import Settings
from secops.connectors.mmdb import GeoFiles, place_of
from secops.errors import SecopsError

ASN = '8.8.8.0,8.8.8.255,15169,"Example Search, Inc."\n2001:4860::,2001:4860:ffff::,15169,"Example Search, Inc."\n'
CITY = "8.8.0.0,8.8.255.255,US,California,,Mountain View,94043,37.4,-122.0,America/Los_Angeles\n"


def geo(path: Path, *, documentation: bool = False) -> GeoFiles:
    values = GeoFiles.clean({"path": str(path), "documentation_ranges": documentation})
    return GeoFiles(Settings(values=values))


def test_a_folder_of_files_is_one_answer(tmp_path: Path) -> None:
    (tmp_path / "asn.csv").write_text(ASN)
    (tmp_path / "city.csv.gz").write_bytes(gzip.compress(CITY.encode()))
    (tmp_path / "README.md").write_text("no data")

    found = geo(tmp_path).locate("8.8.8.8")

    assert found is not None
    assert (found.country, found.city, found.asn, found.owner) == (
        "US",
        "Mountain View",
        15169,
        "Example Search, Inc.",
    )
    assert found.as_of is not None
    wide = geo(tmp_path).locate("2001:4860:4860::8888")
    assert wide is not None
    assert wide.asn == 15169
    assert geo(tmp_path).locate("8.9.0.1") is None
    assert geo(tmp_path).test() == "Files ready: 2."


def test_number_columns_and_a_header_line_are_read(tmp_path: Path) -> None:
    (tmp_path / "asn.csv").write_text("start,end,asn,organisation\n134744064,134744319,15169,Example\n")

    found = geo(tmp_path / "asn.csv").locate("8.8.8.8")

    assert found is not None
    assert (found.asn, found.owner) == (15169, "Example")


def test_a_file_out_of_order_is_put_in_order(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(
        "9.9.9.0,9.9.9.255,CH\n8.8.8.0,8.8.8.255,US\n2a00::,2a00:ffff::,SE\n2001:4860::,2001:4860:ffff::,US\n"
    )
    connector = geo(tmp_path)

    found = [connector.locate(one) for one in ("9.9.9.9", "8.8.8.8", "2a00::1", "2001:4860::1")]

    assert [place.country for place in found if place] == ["CH", "US", "SE", "US"]


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("8.8.8.0,8.8.8.255,US\n")
    connector = geo(path)
    assert connector.locate("8.8.8.8").country == "US"  # type: ignore[union-attr]

    half = tmp_path / "new"
    half.write_text("8.8.8.0,8.8.8.255,SE\n")
    half.replace(path)

    assert connector.locate("8.8.8.8").country == "SE"  # type: ignore[union-attr]


def test_documentation_addresses_have_a_place_only_in_a_practice_range(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("203.0.113.0,203.0.113.255,NL,Amsterdam\n10.0.0.0,10.255.255.255,NL,Inside\n")

    assert geo(tmp_path).locate("203.0.113.9") is None
    found = geo(tmp_path, documentation=True).locate("203.0.113.9")
    assert found is not None
    assert (found.country, found.city) == ("NL", "Amsterdam")
    assert geo(tmp_path, documentation=True).locate("10.0.0.1") is None


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"country_code": "us", "city": "Oslo"}, {"country": "US", "city": "Oslo"}),
        ({"country": {"iso_code": "NO"}, "city": {"names": {"en": "Oslo"}}}, {"country": "NO", "city": "Oslo"}),
        ({"country": "NO", "asn": "AS7", "as_name": "X"}, {"country": "NO", "asn": 7, "owner": "X"}),
        (
            {"autonomous_system_number": 7, "autonomous_system_organization": "X"},
            {"asn": 7, "owner": "X"},
        ),
        ({"country": {"names": {}}, "city": {}}, {}),
        ({}, {}),
    ],
)
def test_flat_and_nested_records_say_the_same(record: dict[str, object], place: dict[str, object]) -> None:
    assert place_of(record) == place


@pytest.mark.parametrize("content", [b"", b"not,an,address\n", b"\xab\xcd\xefMaxMind.com"])
def test_a_file_that_cannot_be_read_says_so(tmp_path: Path, content: bytes) -> None:
    for name in ("a.csv", "a.mmdb"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SecopsError):
            geo(tmp_path / name).test()


def test_a_missing_path_says_so(tmp_path: Path) -> None:
    with pytest.raises(SecopsError):
        geo(tmp_path / "gone").test()
    with pytest.raises(SecopsError):
        geo(tmp_path).locate("8.8.8.8")
