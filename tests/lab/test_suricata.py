"""The real Suricata reads real packets of the lab, in its limited process, and what it says stands in the case."""

import shutil
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings as DjangoSettings

from cases.models import CaseObservable, TimelineEntry
from enrichment.models import Examination
from enrichment.services import examinations
from tests.cases.evidence.conftest import take
from tests.enrichment.forensics import material
from tests.factories import make_case

NOT_THERE = "Suricata is not installed (bookworm has it in its backports only)"
pytestmark = [
    pytest.mark.lab,
    pytest.mark.django_db,
    pytest.mark.skipif(shutil.which("suricata") is None, reason=NOT_THERE),
]
RULES = r"""
alert http any any -> any any (msg:"Beacon"; http.host; content:"plain.example"; sid:1000001; \
  metadata: mitre_technique_id T1071;)
alert ip any any -> 93.184.216.34 any (msg:"Known bad address"; sid:1000002;)
"""


def test_alerts_names_requests_and_files_of_a_capture_join_the_case(tmp_path: Path, settings: DjangoSettings) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.NIGHTDESK_SURICATA = "suricata"
    settings.NIGHTDESK_SURICATA_RULES = str(tmp_path)
    (tmp_path / "site.rules").write_text(RULES)
    case = make_case()
    item = take(case, material.download(tmp_path).read_bytes(), kind="capture", title="Packets")

    examinations.start(item.pk)
    assert examinations.carry_out_due() == 2

    found = Examination.objects.get(evidence=item, tool="suricata")
    assert (found.state, found.reason) == ("done", "")
    report = found.result
    assert report["version"].split(".")[0].isdigit()
    assert report["limits"] == []
    assert {row["name"]: row["why"] for row in report["notable"]} == {
        "Beacon": ["Suricata alert", "T1071"],
        "Known bad address": ["Suricata alert"],
    }
    assert any(one.startswith("The program itself. Files: Landlock opens") for one in report["guards"])
    (file,) = report["tables"][0]["rows"]
    assert (file[0], file[2], file[3]) == ("/a.bin", "whole", material.PAYLOAD_SHA256)
    linked = {one.observable.value for one in CaseObservable.objects.filter(case=case, found_in=item)}
    assert linked == {"93.184.216.34", "plain.example", material.PAYLOAD_SHA256}
    events = TimelineEntry.objects.filter(case=case, kind="attacker", text__startswith="Suricata: ")
    assert {one.text.partition(" (")[0] for one in events} == {"Suricata: Known bad address", "Suricata: Beacon"}
