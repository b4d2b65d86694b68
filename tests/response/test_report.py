"""The report of a case: what it says, that page and JSON say the same, who may have it, and that it is written down."""

import html
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cases.choices import Disposition, Role, Tlp
from cases.models import AlertObservable, Case, CaseObservable, CasePerson, Note, TimelineEntry
from cases.services import cases as services
from cases.services import timeline
from response.choices import AskState
from response.models import Hunt, HuntAsk, StepRun
from response.services import decisions
from response.services.report import limits
from secops.models import AuditEntry, User
from secops.wording import defang
from tests.cases.evidence.conftest import take
from tests.factories import make_alert, make_case, make_observable, make_person, make_user
from tests.findings import make_finding, make_silence
from tests.response.conftest import ISOLATE, World, begin, say_yes, settle_down, step_of

ADDRESS = "203.0.113.44"


@pytest.fixture
def told(case: Case, world: World, analyst: User, approver: User) -> Case:
    """The case of the other tests with a story: a beacon, its owner, a run with one approval, a silent source."""
    alert = make_alert(case, bytes_out=741, details={"attack": [{"technique": "T1071.001", "tactic": "TA0011"}]})
    bad = make_observable(ADDRESS, verdict="malicious")
    now = timezone.now()
    AlertObservable.objects.create(alert=alert, observable=bad, role=Role.DESTINATION)
    CaseObservable.objects.create(case=case, observable=bad, role=Role.DESTINATION, first_seen_at=now)
    CasePerson.objects.create(case=case, person=make_person("m.okafor", name="Maya Okafor"), role="owner")
    facts = [{"label": "Engines", "value": "9 of 90 malicious"}]
    where = {"verdict": "malicious", "headline": f"9 of 90 engines call {ADDRESS} malicious.", "facts": facts}
    make_finding(
        case, "address_reputation", source="Engines", about=ADDRESS, data={"families": ["Marrowlink"]}, **where
    )
    make_finding(case, "traffic_pattern", source="Logs", about=ADDRESS, data={"bytes_out": 48_500_000})
    make_silence(case, "hygiene", source="Posture", why="The quota is used up")
    Case.objects.filter(pk=case.pk).update(risk_score=65, risk={"reasons": [], "missing": []})
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), approver)
    settle_down()
    Note.objects.create(case=case, author=analyst, text=f"Look at {ADDRESS} again")
    return Case.objects.get(pk=case.pk)


@pytest.fixture
def page(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def value_of(page: Client, case: Case, query: str = "") -> dict[str, Any]:
    answer = page.get(f"/cases/{case.number}/report.json{query}")
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.content)
    return found


def text_of(page: Client, case: Case, query: str = "") -> str:
    answer = page.get(f"/cases/{case.number}/report/{query}")
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def impact_of(report: dict[str, Any], what: str) -> dict[str, Any]:
    return next(one for one in report["impact"] if one["what"] == what)


def test_the_summary_is_made_of_facts(page: Client, told: Case) -> None:
    said = " ".join(value_of(page, told)["summary"])

    assert f"{told.number}, severity high, was opened" in said
    assert f"9 of 90 engines call {ADDRESS} malicious. (malicious, says Engines)" in said
    assert "1 device: FIN-LT-0142 (isolated)." in said
    assert "Contain v1, asked for by Ada Lind, succeeded: 1 confirmed; 1 approval." in said
    assert "Not heard, 1 question: Is the device healthy? (Posture)." in said
    assert "The case is open, in the stage response." in said


def test_every_fact_has_its_source_and_its_time(page: Client, told: Case) -> None:
    report = value_of(page, told)
    statements = [one for card in report["facts"] for one in card["statements"]]

    assert {one["source"] for one in statements} == {"Engines", "Logs"}
    assert all(one["as_of"] for one in statements)
    assert report["not_known"][0]["why"] == "The quota is used up"


def test_what_was_done_names_who_asked_who_approved_and_what_came_of_it(page: Client, told: Case) -> None:
    (run,) = value_of(page, told)["actions"]["rows"]
    (step,) = run["steps"]

    assert (run["requested_by"], step["target"], step["state_label"]) == ("Ada Lind", "FIN-LT-0142", "Confirmed")
    assert [(one["by"], one["decision"]) for one in step["approvals"]] == [("eve", "approved")]
    assert step["undone_by"] is None


@pytest.mark.slow
def test_an_undo_is_told_at_the_step_that_it_took_back(page: Client, told: Case, analyst: User, approver: User) -> None:
    isolated = StepRun.objects.get(run__case=told, key="isolate")
    decisions.undo(isolated.pk, actor=analyst)
    say_yes(StepRun.objects.get(undoes=isolated), approver)
    settle_down()

    steps = value_of(page, told)["actions"]["rows"][0]["steps"]

    assert "confirmed" in next(step["undone_by"] for step in steps if step["undone_by"])
    report = value_of(page, told)
    assert report["devices"]["rows"][0]["state"] == "released"
    assert impact_of(report, "Systems")["value"] == "1, of which 0 critical and 0 not contained, 1 released again"
    assert report["summary"][-1].endswith("in the stage response. Released again: FIN-LT-0142.")


def test_the_impact_says_how_sure_it_is_and_names_what_is_not_known(page: Client, told: Case) -> None:
    report = value_of(page, told)

    sent = impact_of(report, "Sent to the addresses of the case")
    assert (sent["value"], sent["amount"], sent["confidence"]) == ("48.5 MB", 48_500_000, "medium")
    copied = impact_of(report, "Copied to removable media")
    assert (copied["value"], copied["amount"], copied["confidence"]) == ("unknown", None, "none")
    assert impact_of(report, "Data classes")["value"] == "unknown"


@pytest.mark.parametrize(
    ("second", "confidence", "value"), [(48_000_000, "high", "48.5 MB"), (1_000_000, "low", "1.0 MB to 48.5 MB")]
)
def test_two_sources_agree_or_are_both_shown(
    page: Client, told: Case, second: int, confidence: str, value: str
) -> None:
    make_finding(told, "traffic_pattern", source="Flows", about=ADDRESS, data={"bytes_out": second})

    sent = impact_of(value_of(page, told), "Sent to the addresses of the case")

    assert (sent["confidence"], sent["value"]) == (confidence, value)


def test_without_a_measurement_the_alerts_own_count_is_a_lower_bound(page: Client, case: Case) -> None:
    assert impact_of(value_of(page, case), "Sent to the addresses of the case")["value"] == "unknown"

    make_alert(case, bytes_out=741)

    sent = impact_of(value_of(page, case), "Sent to the addresses of the case")
    assert (sent["value"], sent["confidence"]) == ("at least 741 B", "low")


def test_the_graph_says_in_a_table_what_it_draws(page: Client, told: Case) -> None:
    graph = value_of(page, told)["graph"]
    shown = text_of(page, told)

    assert {(one["from_name"], one["verb"], one["to_name"]) for one in graph["edges"]} == {
        ("device FIN-LT-0142", "talks to", f"target {ADDRESS}")
    }  # nobody is drawn as the owner of what no source says they own
    assert '<svg class="gr"' in shown
    assert f"target {defang(ADDRESS)}" in shown
    assert "<script" not in shown[shown.index("<svg class=") : shown.index("</svg>", shown.index('<svg class="gr"'))]


def test_a_crowded_graph_draws_the_rest_as_one(page: Client, told: Case) -> None:
    alert = told.alerts.get()
    for number in range(40):
        file = make_observable(f"file {number}.docx", "file_name")
        AlertObservable.objects.create(alert=alert, observable=file, role=Role.FILE)

    graph = value_of(page, told)["graph"]

    assert len(graph["nodes"]) <= 25
    assert graph["left_out"] == 33
    assert "33 more" in {one["name"] for one in graph["nodes"]}


def test_the_page_says_everything_that_the_json_says(page: Client, told: Case) -> None:
    report, shown = value_of(page, told), text_of(page, told)

    said = [*report["summary"], *(one["text"] for one in report["timeline"]["rows"])]
    said += [fact["value"] for card in report["facts"] for one in card["statements"] for fact in one["facts"]]
    said += [one["headline"] for card in report["facts"] for one in card["statements"]]
    said += [one["why"] for one in report["impact"]] + [one["value"] for one in report["impact"]]
    said += [one["name"] for one in report["devices"]["rows"]] + [one["name"] for one in report["people"]["rows"]]
    said += [one["name"] for one in report["next_techniques"]["rows"]]
    said += [one["text"] for one in report["lessons"]["notes"]["rows"]]
    assert [one for one in said if defang(one) not in shown] == []
    assert all(one["defanged"] in shown for one in report["observables"]["rows"])
    assert ADDRESS not in shown
    assert report["generated"]["timeline"]["head"] in shown


def test_the_contents_lead_to_every_part(page: Client, told: Case) -> None:
    text = page.get(f"/cases/{told.number}/report/").content.decode()
    listed = re.findall(r'<li><a href="#(rp-[a-z-]+)">([^<]+)</a></li>', text)
    assert len(listed) > 10
    assert listed == re.findall(r'<section id="(rp-[a-z-]+)"[^>]*><h2>([^<]+)</h2>', text)


def test_it_can_be_checked_against_the_chain(page: Client, told: Case) -> None:
    head = value_of(page, told)["generated"]["timeline"]
    told.refresh_from_db()

    assert (head["entries"], head["head"]) == (told.chain_seq, told.chain_head)


def test_a_closed_case_says_why(page: Client, told: Case, analyst: User) -> None:
    services.close(told.pk, Disposition.TRUE_POSITIVE, "Reimaged, CHG-1", actor=analyst)

    report = value_of(page, told)

    assert report["lessons"]["close_reason"] == "Reimaged, CHG-1"
    assert report["summary"][-1].endswith("as true positive.")
    assert "Closed because: Reimaged, CHG-1" in text_of(page, told)


def test_the_evidence_is_a_manifest_and_its_chain_one_line_for_each_entry(page: Client, told: Case) -> None:
    item = take(told, b"MZ", title="loader.exe")

    report, shown = value_of(page, told), text_of(page, told)

    (row,) = report["evidence"]["rows"]
    assert (row["id"], row["kind_label"], row["state_label"]) == (item.number, "File", "Not sealed")
    assert [one["what"] for one in report["custody"]["rows"]] == ["Received"]
    assert row["custody"][0]["hash"] not in shown
    for words in ("loader.exe", "File, 2 B", item.sha256, "never sealed", "Chain of custody"):
        assert words in shown
    told_there = shown.partition("<h2>Evidence</h2>")[2].partition("<h2>Lessons</h2>")[0]
    assert [dump for dump in ("hazardous", "{'", "None", "unknown") if dump in told_there] == []


def test_a_hunt_that_a_source_refused_is_not_called_answered(
    page: Client, case: Case, world: World, analyst: User
) -> None:
    settled = "Every source that was asked has answered."
    assert settled in " ".join(value_of(page, case)["summary"])
    run = begin(case, analyst, ISOLATE)
    now = timezone.now()
    hunt = Hunt.objects.create(
        case=case,
        step=step_of(run, "isolate"),
        asked_by=analyst,
        title="one file",
        clauses=[],
        start_at=now,
        end_at=now,
        created_at=now,
    )
    ask = {"hunt": hunt, "source": "EDR", "clause": 0, "about": "programs that ran"}
    HuntAsk.objects.create(**ask, part=0, state=AskState.ANSWERED)
    HuntAsk.objects.create(**ask, part=1, state=AskState.REFUSED, reason="Its quota is used up")

    report = value_of(page, case)

    assert settled not in " ".join(report["summary"])
    assert "Hunt for one file, programs that ran (EDR)" in " ".join(report["summary"])
    assert "Its quota is used up" in text_of(page, case)


def test_an_empty_case_invents_nothing(page: Client, db: None) -> None:
    case = make_case(alert_count=0)

    report, shown = value_of(page, case), text_of(page, case)

    assert report["risk"]["score"] is None
    assert "No device is known." in report["summary"]
    assert "No runbook was started." in report["summary"]
    assert report["next_techniques"]["missing"].startswith("No source named a technique")
    assert "None is kept with this case." in shown


def test_fetching_it_changes_only_the_access_log_and_exporting_it_is_told(
    page: Client, told: Case, unrendered: None
) -> None:
    before = told.timeline.count()

    page.get(f"/cases/{told.number}/report/")
    page.get(f"/cases/{told.number}/report.json")
    page.get(f"/cases/{told.number}/report.pdf")
    assert told.timeline.count() == before
    assert [one.text.partition(" of ")[0] for one in AuditEntry.objects.order_by("seq")][-2:] == [
        "Report fetched: JSON",
        "Report fetched: PDF",
    ]

    exported = page.post(f"/cases/{told.number}/report.pdf", {"pseudonymised": "1"})
    assert exported.headers["Content-Disposition"].endswith(f'{told.number}-report-pseudonymised.pdf"')
    entry = told.timeline.order_by("-seq").first()
    assert entry is not None
    assert entry.text.startswith("Report exported: PDF, TLP:AMBER, people as pseudonyms, up to entry")
    assert entry.refs["report"] in entry.text
    assert (entry.kind, entry.who) == (TimelineEntry.Kind.PERSON, "Ada Lind")
    assert timeline.verify(told) is None


@pytest.mark.parametrize("form", ["report/", "report.pdf", "report.json"])
def test_only_those_who_see_the_case_find_it(
    client: Client, analyst: User, stranger: User, case: Case, unrendered: None, form: str
) -> None:
    path = f"/cases/{case.number}/{form}"
    client.force_login(stranger)
    assert client.get(path).status_code == 404

    client.force_login(analyst)
    assert client.get(path).status_code == 200
    Case.objects.filter(pk=case.pk).update(is_restricted=True, is_covert=True)
    assert client.get(path).status_code == 404
    assert client.post(path).status_code in (404, 405)
    client.force_login(make_user("root", is_superuser=True))
    assert client.get(path).status_code == 404


def test_the_case_page_leads_to_it_also_for_those_who_only_read(client: Client, case: Case, approver: User) -> None:
    client.force_login(approver)

    assert f'href="/cases/{case.number}/report/"' in client.get(f"/cases/{case.number}/").content.decode()


@pytest.mark.slow
def test_long_texts_and_long_lists_are_cut_and_say_so(page: Client, told: Case, analyst: User) -> None:
    Note.objects.create(case=told, author=analyst, text="y" * 20_000)
    for number in range(limits.MOST_ENTRIES):
        timeline.record(told.pk, f"Entry {number}", kind=TimelineEntry.Kind.PERSON, actor=analyst)

    report = value_of(page, told)

    assert report["lessons"]["notes"]["rows"][-1]["text"] == "y" * limits.MOST_TEXT + limits.CUT
    assert len(report["timeline"]["rows"]) == limits.MOST_ENTRIES
    assert report["timeline"]["left_out"] > 0
    assert "later entries stand in the case" in text_of(page, told)


@pytest.mark.parametrize("tlp", list(Tlp))
def test_the_page_bears_its_marking(page: Client, told: Case, tlp: Tlp) -> None:
    Case.objects.filter(pk=told.pk).update(tlp=tlp)

    assert f'<p class="rp-tlp">TLP:{tlp.label}</p>' in page.get(f"/cases/{told.number}/report/").content.decode()


def test_what_an_attacker_did_is_told_with_its_own_time(page: Client, told: Case) -> None:
    then = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    timeline.record(told.pk, "/home/ada/run.sh last changed", kind="attacker", occurred_at=then)

    texts = [one["text"] for one in value_of(page, told)["timeline"]["rows"]]

    assert "Attacker, 2026-09-21T14:13:20Z: /home/ada/run.sh last changed" in texts
