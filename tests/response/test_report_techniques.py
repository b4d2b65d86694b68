"""What usually follows: counted from those who share what was seen, with the question that would show it here."""

import json
from pathlib import Path

import pytest
from django.test import Client

from cases.models import Case
from enrichment.questions.base import questions
from enrichment.services.traces import TRACES, question_for
from response.services.report.adversary import next_techniques
from response.services.report.build import Wanted, report_of
from response.services.report.techniques import likely_next
from secops.attack import Attack, read_bundle
from secops.models import User
from tests.factories import make_alert, make_case
from tests.findings import make_finding
from tests.secops.test_attack import OBJECTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def small(tmp_path: Path) -> Attack:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({"objects": OBJECTS}))
    return read_bundle(path)


@pytest.fixture
def case(db: None) -> Case:
    case = make_case()
    make_alert(
        case, detector="suricata", rule_id="r7", details={"attack": [{"technique": "T1071.001", "tactic": "C2"}]}
    )
    return case


def test_what_others_who_share_it_use_besides_is_counted(small: Attack) -> None:
    (one,) = likely_next(small, ["T1071.001"])

    assert (one.technique, one.tactic, one.users, one.like) == ("T1547.001", "persistence", 3, 3)
    assert one.share == 1


def test_two_who_share_it_say_nothing_of_what_is_usual(small: Attack) -> None:
    few = Attack(small.source, small.tactics, small.techniques, dict(list(small.actors.items())[:2]))

    assert likely_next(few, ["T1071.001"]) == []
    assert [one.technique for one in likely_next(few, ["T1071.001"], ["mlink"])] == ["T1547.001"]


def test_each_has_the_question_that_would_show_it_and_what_it_said(case: Case, analyst: User, small: Attack) -> None:
    make_finding(case, "recent_changes", source="Graph", headline="Scheduled task made.")

    report = report_of(case, Wanted(by=analyst), known=small)

    (one,) = report["next_techniques"]["rows"]
    assert one["question"] == "What changed recently?"
    assert one["answer"] == {"headline": "Scheduled task made.", "source": "Graph"}
    assert report["next_techniques"]["source"] == "ATT&CK 99.1"
    (seen,) = report["adversary"]["techniques"]
    assert (seen["id"], seen["name"], seen["seen_by"]) == ("T1071.001", "Web Protocols", ["suricata rule r7"])
    assert report["adversary"]["tactics"] == [{"id": "TA0011", "name": "Command and Control"}]


def test_without_the_data_it_says_what_is_missing_and_how_to_get_it(case: Case, analyst: User) -> None:
    report = report_of(case, Wanted(by=analyst), known=None)

    assert report["next_techniques"]["rows"] == []
    assert "manage.py attack enterprise-attack.json" in report["next_techniques"]["missing"]
    assert report["adversary"]["techniques"][0]["name"] is None


def test_a_technique_that_attack_does_not_know_is_named_and_leads_to_nothing(analyst: User, small: Attack) -> None:
    case = make_case()
    make_alert(case, details={"attack": [{"technique": "T9999"}, {"technique": "<b>T1</b>"}, {"technique": None}]})

    found = report_of(case, Wanted(by=analyst), known=small)["next_techniques"]

    assert (found["rows"], found["missing"]) == ([], "ATT&CK does not know T9999.")


def test_with_the_data_of_the_package_a_beacon_is_followed_by_what_is_usual(
    client: Client, analyst: User, case: Case
) -> None:
    client.force_login(analyst)

    report = json.loads(client.get(f"/cases/{case.number}/report.json").content)

    rows = report["next_techniques"]["rows"]
    assert len(rows) == 8
    assert rows[0]["id"] == "T1105"
    assert rows[0]["users"] > 200
    assert all(0 < one["share"] <= 1 and one["examples"] for one in rows)
    assert "The MITRE Corporation" in report["next_techniques"]["notice"]


def test_every_question_that_is_named_exists_and_no_technique_has_two() -> None:
    every = [technique for said in TRACES.values() for technique in said.split()]

    assert len(every) == len(set(every))
    assert all(slug in questions for slug in TRACES)
    assert question_for("T1053.005") is questions["recent_changes"]
    assert question_for("T1082") is None


def test_next_techniques_need_a_seen_one(small: Attack) -> None:
    whole = {"alerts": [], "answers": {}, "observables": []}

    assert next_techniques(whole, small)["missing"].startswith("No source named a technique")
