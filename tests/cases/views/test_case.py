"""The page of a case, its tabs and decisions: with scripts and without."""

import json
import zlib

import pytest
from django.test import Client
from django.utils import timezone

from cases.choices import DeviceState, Disposition, Stage
from cases.models import AlertPayload, Case, CaseDevice, CaseMember, TimelineEntry
from cases.services import cases as services
from cases.services import devices
from cases.views.rows import steps_of
from secops.models import User
from tests.factories import make_alert, make_case, make_device, make_kind, make_user

CARDS = {
    "who": {"verdict": "suspicious", "label": "Off hours", "headline": "Maya Okafor, off hours", "state": "done"},
    "files": {"verdict": "unknown", "label": "", "headline": "", "state": "done", "is_marked": True},
}


@pytest.fixture
def case(db: None) -> Case:
    kind = make_kind("c2", how_we_judge="Look at prevalence first.")
    return make_case(
        title="Beacon to cdn-metrics.example",
        kind=kind,
        cards=CARDS,
        risk_score=52,
        risk={"reasons": [{"points": 30, "text": "beacon"}, {"points": -4, "text": "usual place"}], "missing": []},
        enrichment={"asked": 3, "answered": 2, "no_data": 0, "failed": 1},
    )


@pytest.fixture
def page(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def text_of(page: Client, url: str) -> str:
    response = page.get(url)
    assert response.status_code == 200
    return response.content.decode()


def test_the_case_leads_with_six_questions_and_how_it_is_judged(page: Client, case: Case) -> None:
    html = text_of(page, f"/cases/{case.number}/")

    for words in ("Who?", "Where to?", "What traffic?", "Is the device healthy?", "What changed?"):
        assert words in html
    for words in ("Off hours", "Maya Okafor, off hours", "Look at prevalence first.", "a source failed"):
        assert words in html
    assert "cdn-metrics[.]example" in html


def test_how_it_is_judged_stands_before_the_runbooks_in_triage_and_after_them_later(page: Client, case: Case) -> None:
    for stage, is_before in ((Stage.TRIAGE, True), (Stage.RESPONSE, False)):
        Case.objects.filter(pk=case.pk).update(stage=stage)
        html = text_of(page, f"/cases/{case.number}/")
        assert (html.index("Look at prevalence first.") < html.index('id="runs"')) is is_before


@pytest.mark.parametrize(
    ("enrichment", "words"),
    [
        ({"asked": 20, "answered": 5, "no_data": 5, "pending": 10}, "sources are being asked"),
        ({"asked": 20, "answered": 0, "no_data": 20, "pending": 0}, "no source that was asked knew anything of it"),
        ({"asked": 0, "pending": 0}, "nothing that a source could be asked about"),
    ],
)
def test_a_risk_that_is_not_known_says_why(page: Client, case: Case, enrichment: dict[str, int], words: str) -> None:
    Case.objects.filter(pk=case.pk).update(risk_score=None, risk={}, enrichment=enrichment)

    assert words in text_of(page, f"/cases/{case.number}/")
    assert words in text_of(page, f"/cases/{case.number}/risk/")


def test_a_device_that_was_let_back_is_said_beside_the_stage(page: Client, case: Case) -> None:
    part = CaseDevice.objects.create(case=case, device=make_device("FIN-LT-0142"), state=DeviceState.ISOLATED)
    assert "released again" not in text_of(page, f"/cases/{case.number}/")

    since = timezone.now().isoformat()
    devices.set_state(case.pk, part.device_id, DeviceState.RELEASED)

    assert "FIN-LT-0142 released again" in text_of(page, f"/cases/{case.number}/")
    assert "released again" in page.get(f"/cases/{case.number}/live/", {"since": since}).content.decode()


def test_an_alert_bears_the_name_that_a_source_gave_to_its_address(page: Client, case: Case) -> None:
    make_alert(case, src_ip="10.20.3.14", dst_ip="203.0.113.44")
    CaseDevice.objects.create(case=case, device=make_device("FIN-LT-0142"), address="10.20.3.14")
    assert "FIN-LT-0142" in text_of(page, f"/cases/{case.number}/alerts/")

    CaseDevice.objects.create(case=case, device=make_device("FIN-LT-0199"), address="10.20.3.14")
    assert "FIN-LT-0142" not in text_of(page, f"/cases/{case.number}/alerts/")  # one of two: nobody knows


def test_what_happened_last_comes_by_itself_when_something_did(page: Client, case: Case, analyst: User) -> None:
    url, asks = f"/cases/{case.number}/seen/", {"hx-request": "true", "hx-target": "latest"}
    assert f'hx-get="{url}?after={case.chain_seq}"' in text_of(page, f"/cases/{case.number}/")
    assert page.get(url, {"after": case.chain_seq}, headers=asks).status_code == 204

    services.note(case.pk, "Look here", actor=analyst)

    html = page.get(url, {"after": case.chain_seq}, headers=asks).content.decode()
    assert "Wrote a note: Look here" in html
    assert "Seen before" not in html


@pytest.mark.parametrize("tab", ["", "timeline/", "alerts/", "observables/", "notes/"])
def test_every_tab_opens_for_those_who_may_see_and_for_nobody_else(
    client: Client, analyst: User, stranger: User, case: Case, tab: str
) -> None:
    client.force_login(analyst)
    assert client.get(f"/cases/{case.number}/{tab}").status_code == 200

    client.force_login(stranger)
    assert client.get(f"/cases/{case.number}/{tab}").status_code == 404


def test_a_missing_and_a_hidden_case_look_the_same(page: Client, case: Case) -> None:
    Case.objects.filter(pk=case.pk).update(is_restricted=True)

    hidden, missing = page.get(f"/cases/{case.number}/"), page.get("/cases/CASE-999999/")

    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert case.number not in hidden.content.decode()


def test_opening_a_case_is_reading_it_but_not_for_an_admin(
    client: Client, analyst: User, admin_user: User, case: Case
) -> None:
    client.force_login(admin_user)
    html = text_of(client, f"/cases/{case.number}/")
    assert "Escalate" not in html
    case.refresh_from_db()
    assert case.is_unread

    client.force_login(analyst)
    text_of(client, f"/cases/{case.number}/")
    case.refresh_from_db()
    assert not case.is_unread


def test_closing_without_a_reason_asks_again_and_keeps_the_case_open(page: Client, case: Case) -> None:
    response = page.post(
        f"/cases/{case.number}/close/",
        {"disposition": Disposition.FALSE_POSITIVE, "reason": ""},
        headers={"hx-request": "true"},
    )

    assert response.status_code == 422
    assert response.content.decode().strip().startswith("<form")
    assert "Say in a sentence why" in response.content.decode()
    case.refresh_from_db()
    assert case.is_open


def test_closing_leads_back_to_the_list_with_an_undo(page: Client, case: Case) -> None:
    answer = {"disposition": Disposition.FALSE_POSITIVE, "reason": "Re-image, CHG-8812", "next": "/queue/?sev=3"}

    response = page.post(f"/cases/{case.number}/close/", answer, headers={"hx-request": "true"})

    assert response.headers["HX-Redirect"] == "/queue/?sev=3"
    case.refresh_from_db()
    assert (case.stage, case.disposition) == (Stage.CLOSED, Disposition.FALSE_POSITIVE)
    entry = TimelineEntry.objects.order_by("-seq").first()
    assert entry is not None
    assert f"/cases/{case.number}/undo/{entry.pk}/" in text_of(page, "/queue/")

    page.post(f"/cases/{case.number}/undo/{entry.pk}/")
    case.refresh_from_db()
    assert case.is_open


def test_a_decision_works_as_a_plain_page_too(page: Client, case: Case) -> None:
    html = text_of(page, f"/cases/{case.number}/escalate/")
    assert "<html" in html
    assert "<dialog class" not in html.split('id="keys-help"')[0]

    response = page.post(f"/cases/{case.number}/escalate/", {"title": "C2 beacon from Finance"})

    assert response.status_code == 302
    case.refresh_from_db()
    assert (case.stage, case.title) == (Stage.RESPONSE, "C2 beacon from Finance")


def test_a_decision_never_leads_out_of_the_site(page: Client, case: Case, analyst: User) -> None:
    answer = {"assignee": analyst.pk, "next": "https://evil.example/"}

    response = page.post(f"/cases/{case.number}/assign/", answer)

    assert response.headers["Location"] == f"/cases/{case.number}/"


def test_a_case_goes_only_to_people_who_work_on_cases(page: Client, case: Case) -> None:
    outsider = make_user("out", ["approver"])

    response = page.post(f"/cases/{case.number}/assign/", {"assignee": outsider.pk})

    assert response.status_code == 422
    case.refresh_from_db()
    assert case.assignee is None


@pytest.mark.parametrize("what", ["escalate", "assign", "close", "reopen", "contained", "note"])
def test_a_role_without_the_right_decides_nothing(client: Client, admin_user: User, case: Case, what: str) -> None:
    client.force_login(admin_user)
    answer = {"title": "x", "disposition": "duplicate", "reason": "x", "text": "x"}

    assert client.post(f"/cases/{case.number}/{what}/", answer).status_code == 403
    case.refresh_from_db()
    assert (case.stage, case.assignee, case.notes.count()) == (Stage.NEW, None, 0)


def test_a_note_is_shown_defanged_and_escaped(page: Client, case: Case) -> None:
    page.post(f"/cases/{case.number}/note/", {"text": "<b>see</b> http://cdn-metrics.example"})

    html = text_of(page, f"/cases/{case.number}/notes/")

    assert "&lt;b&gt;see&lt;/b&gt; hxxp://cdn-metrics[.]example" in html


def test_a_member_without_a_role_may_note_and_opens_no_tab(client: Client, stranger: User, case: Case) -> None:
    CaseMember.objects.create(case=case, user=stranger)
    client.force_login(stranger)

    assert client.get(f"/cases/{case.number}/notes/").status_code == 404
    assert client.post(f"/cases/{case.number}/note/", {"text": "Seen by Legal"}).status_code == 302


def test_the_timeline_tells_who_did_what(page: Client, case: Case, analyst: User) -> None:
    services.assign(case.pk, analyst, actor=analyst)

    html = text_of(page, f"/cases/{case.number}/timeline/")

    assert "Assigned to Ada Lind." in html
    assert "Ada Lind" in html


def test_the_header_says_nothing_new_until_something_changed(page: Client, case: Case, analyst: User) -> None:
    url, since = f"/cases/{case.number}/live/", timezone.now().isoformat()
    assert page.get(url, {"since": since}).status_code == 204

    services.assign(case.pk, analyst, actor=analyst)

    html = page.get(url, {"since": since}).content.decode()
    assert 'id="h-who" hx-swap-oob="true"' in html
    assert "Ada Lind" in html


def test_an_alert_is_shown_as_received_with_hidden_characters_visible(page: Client, case: Case) -> None:
    alert = make_alert(case, src_ip="10.20.3.14", dst_ip="203.0.113.44", dst_port=443)
    raw = json.dumps({"file": "invoice\u202efdp.exe", "html": "</pre><script>x</script>"}).encode()
    AlertPayload.objects.create(alert=alert, body=zlib.compress(raw, 1), sha256="0" * 64, size=len(raw))

    html = text_of(page, f"/alerts/{alert.number}/")

    assert "203.0.113[.]44" in html
    assert "invoice⟨U+202E⟩fdp.exe" in html
    assert "<script>x" not in html


def test_an_alert_of_a_hidden_case_is_hidden(page: Client, case: Case) -> None:
    alert = make_alert(case)
    Case.objects.filter(pk=case.pk).update(is_restricted=True)

    assert page.get(f"/alerts/{alert.number}/").status_code == 404


@pytest.mark.parametrize(
    ("stages", "drawn"),
    [
        ([], "now - - - -"),
        (["escalate"], "done done now - -"),
        (["close"], "done - - - now"),
        (["escalate", "close"], "done done done - now"),
        (["escalate", "contained", "close"], "done done done done now"),
        (["close", "reopen"], "done now - - -"),
    ],
    ids=" ".join,
)
def test_the_stepper_ticks_the_stages_that_the_case_went_through(case, analyst, stages, drawn) -> None:
    acts = {
        "escalate": lambda: services.escalate(case.pk, actor=analyst),
        "contained": lambda: services.mark_contained(case.pk, actor=analyst),
        "close": lambda: services.close(case.pk, "false_positive", "A test of ours", actor=analyst),
        "reopen": lambda: services.reopen(case.pk, actor=analyst),
    }
    for one in stages:
        acts[one]()
    case.refresh_from_db()

    assert " ".join(step.state or "-" for step in steps_of(case)) == drawn
