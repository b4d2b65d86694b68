"""Warning lists: the built-in ones, a folder of one's own, and the compact form between."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from secops.connectors.base import Settings as Values
from secops.connectors.warninglist_index import meaning
from secops.connectors.warninglists import WarningLists
from secops.errors import SecopsError


@pytest.fixture(autouse=True)
def data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


def lists(path: Path | str = "") -> WarningLists:
    return WarningLists(Values(values=WarningLists.clean({"path": str(path)})))


def put(folder: Path, name: str, kind: str, entries: list[str], **more: Any) -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    body = {"name": f"The {name} list", "type": kind, "list": entries, "version": 1, "description": ""} | more
    (folder / name / "list.json").write_text(json.dumps(body))


def kinds(connector: WarningLists, kind: str, value: str) -> set[str]:
    return {one.kind for one in connector.listings(kind, value)}


@pytest.mark.slow
def test_the_built_in_lists_know_the_usual_suspects_and_are_quick_once_compiled() -> None:
    connector = lists()

    assert kinds(connector, "ip", "8.8.8.8") >= {"resolver"}
    assert kinds(connector, "ip", "52.95.110.1") >= {"cloud"}
    assert kinds(connector, "ip", "2606:4700:4700::1111") >= {"cloud", "resolver"}
    assert kinds(connector, "ip", "192.168.1.1") == {"reserved"}
    assert kinds(connector, "url", "https://bit.ly/x") >= {"hosting"}
    assert "noise" in kinds(connector, "hash_md5", "d41d8cd98f00b204e9800998ecf8427e")  # the empty file
    assert connector.listings("domain", "nobody-knows-this.example") == []
    assert connector.listings("registry_key", "HKLM\\x") == []

    started = time.monotonic()
    assert kinds(lists(), "ip", "8.8.8.8") >= {"resolver"}  # another process: from the compact form
    assert time.monotonic() - started < 1


def test_a_list_of_ones_own_is_read_and_named_by_its_folder(tmp_path: Path) -> None:
    put(tmp_path, "hosting", "cidr", ["203.0.113.0/25", "203.0.113.64/26", "2001:db8::/48", "junk"])
    put(tmp_path, "odd", "hostname", [".bad.example", "Shop.example"], matching_attributes=["domain"])
    put(tmp_path, "exact", "string", ["only.example"], matching_attributes=["hostname"])
    put(tmp_path, "words", "regex", ["/x/"])
    connector = lists(tmp_path)

    assert [(one.name, one.kind) for one in connector.listings("ip", "203.0.113.1")] == [
        ("The hosting list", "hosting")
    ]
    assert kinds(connector, "ip", "2001:db8::7") == {"hosting"}
    assert connector.listings("ip", "203.0.113.128") == []
    assert kinds(connector, "domain", "a.b.bad.example.") == {"noise"}
    assert kinds(connector, "domain", "SHOP.example") == {"noise"}
    assert connector.listings("domain", "notbad.example") == []
    assert connector.listings("domain", "www.only.example") == []
    assert kinds(connector, "domain", "only.example") == {"noise"}
    assert connector.test() == "Lists ready: 3."


def test_a_changed_list_is_compiled_again(tmp_path: Path) -> None:
    put(tmp_path, "vpn", "cidr", ["203.0.113.0/24"])
    assert lists(tmp_path).listings("ip", "203.0.113.1")

    put(tmp_path, "vpn", "cidr", ["198.51.100.0/24"])

    assert not lists(tmp_path).listings("ip", "203.0.113.1")
    assert lists(tmp_path).listings("ip", "198.51.100.1")


def test_a_broken_compact_form_is_made_anew(tmp_path: Path, settings: Settings) -> None:
    put(tmp_path, "vpn", "cidr", ["203.0.113.0/24"])
    lists(tmp_path).test()
    (cache,) = (settings.DATA_DIR / "geo").iterdir()
    cache.write_bytes(b"half")

    assert lists(tmp_path).listings("ip", "203.0.113.1")


@pytest.mark.parametrize("value", ["", "x", "300.1.1.1", "1.2.3", "[::1", "http://[::1"])
def test_what_is_no_value_stands_on_no_list(tmp_path: Path, value: str) -> None:
    put(tmp_path, "vpn", "cidr", ["0.0.0.0/0"])

    assert lists(tmp_path).listings("ip", value) == []
    assert lists(tmp_path).listings("url", value) == []


def test_an_empty_or_broken_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SecopsError):
        lists(tmp_path).test()
    (tmp_path / "x").mkdir()
    (tmp_path / "x/list.json").write_text("{}")
    with pytest.raises(SecopsError):
        lists(tmp_path).test()


@pytest.mark.parametrize(
    ("slug", "kind"),
    [
        ("public-dns-v4", "resolver"),
        ("vpn-ipv4", "vpn"),
        ("censys-scanning", "scanner"),
        ("sinkholes", "sinkhole"),
        ("rfc1918", "reserved"),
        ("microsoft-azure", "cloud"),
        ("ovh-cluster", "hosting"),
        ("alexa", "noise"),
        ("cloud", "cloud"),
    ],
)
def test_a_lists_name_says_what_it_means(slug: str, kind: str) -> None:
    assert meaning(slug) == kind
