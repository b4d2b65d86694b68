"""Files, own addresses and full names: what several detectors write in their own ways."""

import pytest

from cases.intake.files import add_file, full_path
from cases.intake.identities import device
from cases.intake.networks import own_address
from cases.intake.observables import Observables


@pytest.mark.parametrize(
    ("folder", "name", "path"),
    [
        ("C:\\Temp", "x.exe", "C:\\Temp\\x.exe"),
        ("C:\\Temp\\", "x.exe", "C:\\Temp\\x.exe"),
        ("C:\\Temp\\X.exe", "x.EXE", "C:\\Temp\\X.exe"),
        ("/tmp", "x", "/tmp/x"),
        ("\\Device\\HarddiskVolume2\\a", "b", "\\Device\\HarddiskVolume2\\a\\b"),
        ("", "x.exe", ""),
        ("/tmp/x", "", "/tmp/x"),
    ],
)
def test_a_path_of_a_folder_and_a_name(folder, name, path):
    assert full_path(folder, name) == path


def test_a_name_that_is_a_path_is_both():
    found = Observables()
    add_file(found, name="C:\\Temp\\x.exe", digests=["AB" * 32, "0" * 40])

    values = [(one.kind, one.value, one.role) for one in found.all()]
    assert values == [
        ("hash_sha256", "ab" * 32, "file"),
        ("file_name", "x.exe", "file"),
        ("file_path", "C:\\Temp\\x.exe", "file"),
    ]


def test_the_own_address_is_one_that_others_see():
    assert own_address(["", "127.0.0.1", "::1", "fe80::1", "169.254.3.4", "10.0.0.7", "10.0.0.8"]) == "10.0.0.7"
    assert own_address(["x", "fe80::1"]) == ""


@pytest.mark.parametrize(
    ("name", "domain", "fqdn"),
    [
        ("PC-1", "Corp.Example", "pc-1.corp.example"),
        ("PC-1", "CORP", ""),
        ("PC-1", "WORKGROUP", ""),
        ("pc-1.other.example", "corp.example", "pc-1.other.example"),
        ("", "corp.example", ""),
    ],
)
def test_a_domain_of_several_labels_makes_a_full_name(name, domain, fqdn):
    found = device(name, domain=domain, ip="10.0.0.1")

    assert (found.fqdn, found.name) == (fqdn, name.partition(".")[0])
