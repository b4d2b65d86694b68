"""The queue: who sees what, filters in the address, keyset pages, masks, and a fixed number of questions."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases.choices import Disposition, Severity, Stage
from cases.models import Case, CaseMember
from secops.models import User
from tests.factories import make_case, make_user

MOST_QUERIES = 6


@pytest.fixture
def client_of_analyst(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def body(client: Client, url: str, **headers: str) -> str:
    response = client.get(url, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_a_visitor_is_sent_to_the_sign_in_page(client: Client, db: None) -> None:
    response = client.get("/queue/")

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


def test_a_person_without_a_role_sees_no_case(client: Client, stranger: User) -> None:
    make_case(title="Secret beacon")
    client.force_login(stranger)

    assert "Secret beacon" not in body(client, "/queue/")


def test_an_empty_queue_says_so_and_filters_offer_to_be_cleared(client_of_analyst: Client) -> None:
    assert "Nothing waits for you" in body(client_of_analyst, "/queue/")
    assert "No case matches these filters" in body(client_of_analyst, "/queue/?stage=contained")


def test_a_page_with_preview_costs_at_most_six_questions(client_of_analyst: Client) -> None:
    for number in range(60):
        make_case(title=f"Case {number}", severity=number % 5, assignee=make_user() if number % 3 else None)
    case = make_case(
        title="Closed one", stage=Stage.CLOSED, closed_at=timezone.now(), disposition="benign_true_positive"
    )

    client_of_analyst.get("/cases/1/")  # what stands on every page is kept for some seconds
    for url in ("/queue/", f"/queue/?peek={case.number}"):
        with CaptureQueriesContext(connection) as asked:
            assert client_of_analyst.get(url).status_code == 200
        assert len(asked) <= MOST_QUERIES, [query["sql"][:120] for query in asked]


def test_a_row_defangs_its_target_and_escapes_its_title(client_of_analyst: Client) -> None:
    make_case(title='<img src=x> "quoted"', target="cdn-metrics.example", device_name="FIN-LT-0142")

    html = body(client_of_analyst, "/queue/")

    assert "cdn-metrics[.]example" in html
    assert "<img src=x>" not in html
    assert "&lt;img src=x&gt;" in html


def test_a_restricted_case_is_masked_in_the_list_even_for_its_members(client: Client, analyst: User) -> None:
    case = make_case(title="Leaver copies files", is_restricted=True, device_name="SAL-LT-0077", person_name="Ines")
    CaseMember.objects.create(case=case, user=analyst)
    client.force_login(analyst)

    html = body(client, "/queue/")

    assert case.number in html
    assert "Restricted case" in html
    for secret in ("Leaver copies files", "SAL-LT-0077", "Ines"):
        assert secret not in html


def test_a_restricted_case_of_others_leaves_no_trace(client_of_analyst: Client) -> None:
    group = Group.objects.create(name="insider team")
    case = make_case(title="Leaver copies files", is_restricted=True, group=group)

    assert case.number not in body(client_of_analyst, "/queue/?q=Leaver")
    assert client_of_analyst.get(f"/queue/?peek={case.number}").status_code == 404


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", {"new low", "triage high"}),
        ("?stage=triage", {"triage high"}),
        ("?stage=closed", {"closed high"}),
        ("?stage=all", {"new low", "triage high", "closed high"}),
        ("?sev=3", {"triage high"}),
        ("?assignee=me", {"triage high"}),
        ("?assignee=none", {"new low"}),
        ("?q=fin-lt", {"triage high"}),
        ("?q=hxxp://cdn[.]bad.example", {"new low"}),
        ("?stage=nonsense&sev=99&assignee=x&sort=y&peek=7&after=!!", {"new low", "triage high"}),
    ],
)
def test_the_address_decides_what_is_listed(client: Client, analyst: User, query: str, wanted: set[str]) -> None:
    make_case(title="new low", severity=Severity.LOW, target="http://cdn.bad.example")
    make_case(title="triage high", stage=Stage.TRIAGE, assignee=analyst, device_name="FIN-LT-0142")
    make_case(
        title="closed high",
        stage=Stage.CLOSED,
        assignee=analyst,
        closed_at=timezone.now(),
        disposition=Disposition.FALSE_POSITIVE,
    )
    client.force_login(analyst)

    html = body(client, f"/queue/{query}")

    assert {title for title in ("new low", "triage high", "closed high") if title in html} == wanted


def test_a_case_is_found_by_its_number(client_of_analyst: Client) -> None:
    case, other = make_case(title="the wanted"), make_case(title="the other")

    html = body(client_of_analyst, f"/queue/?q={case.number}")

    assert "the wanted" in html
    assert other.number not in html


@pytest.mark.parametrize("sort", ["", "risk", "sla", "newest", "oldest"])
def test_pages_follow_each_other_without_gap_or_repetition(client_of_analyst: Client, sort: str) -> None:
    now = timezone.now()
    for number in range(120):
        make_case(
            severity=number % 5,
            risk_score=number % 7 if number % 2 else None,
            sla_due_at=now + timedelta(minutes=number % 11) if number % 3 else None,
            last_alert_at=now - timedelta(minutes=number % 13),
        )
    url, seen = f"/queue/?sort={sort}", []

    while url:
        context = client_of_analyst.get(url).context
        seen += [row.case.pk for row in context["rows"]]
        url = context["next_url"]

    assert len(seen) == 120
    assert sorted(seen) == sorted(Case.objects.values_list("pk", flat=True))


def test_the_preview_comes_alone_for_htmx(client_of_analyst: Client) -> None:
    case = make_case(
        title="Beacon",
        cards={"who": {"verdict": "suspicious", "headline": "Maya, off hours", "state": "done"}},
        risk_score=87,
    )

    html = body(client_of_analyst, f"/queue/?peek={case.number}", hx_request="true")

    assert html.strip().startswith('<aside id="peek"')
    assert "Maya, off hours" in html
    assert "<html" not in html


def test_live_cells_come_only_when_something_changed(client_of_analyst: Client) -> None:
    case = make_case(title="Beacon")
    since = timezone.now().isoformat()
    asked = {"rows": str(case.pk), "since": since, "loaded": since}

    assert client_of_analyst.get("/queue/live/", asked).status_code == 204

    Case.objects.filter(pk=case.pk).update(stage=Stage.TRIAGE, updated_at=timezone.now())
    html = client_of_analyst.get("/queue/live/", asked).content.decode()

    assert f'id="r-{case.pk}-stage" hx-swap-oob="true"' in html
    assert "Triage" in html
    for field in ("<a ", "<button", "<textarea", 'type="checkbox"'):
        assert field not in html


def test_new_cases_wait_behind_a_pill(client_of_analyst: Client) -> None:
    since = (timezone.now() - timedelta(hours=1)).isoformat()
    make_case(title="Fresh", severity=Severity.CRITICAL)
    make_case(title="Fresh too", severity=Severity.LOW)

    html = client_of_analyst.get("/queue/live/", {"rows": "", "since": since, "loaded": since}).content.decode()

    assert "2 new cases, 1 critical. Show them" in html
    assert "Fresh" not in html
    again = {"rows": "", "since": since, "loaded": since, "pill": "2"}
    assert client_of_analyst.get("/queue/live/", again).status_code == 204


@pytest.mark.parametrize("since", ["", "yesterday", "2026-13-45T00:00:00Z", "2026-01-01"])
def test_live_cells_take_any_nonsense(client_of_analyst: Client, since: str) -> None:
    assert client_of_analyst.get("/queue/live/", {"rows": "1,x,²,", "since": since}).status_code == 204


def test_ticked_cases_are_assigned_together(client: Client, analyst: User) -> None:
    cases = [make_case(), make_case()]
    client.force_login(analyst)

    response = client.post("/queue/bulk/assign/", {"case": [case.pk for case in cases], "next": "/queue/?sev=3"})

    assert response.headers["Location"] == "/queue/?sev=3"
    assert set(Case.objects.values_list("assignee", flat=True)) == {analyst.pk}


def test_ticked_cases_are_closed_with_one_reason_after_being_named(client_of_analyst: Client) -> None:
    cases = [make_case(title="first"), make_case(title="second")]
    ticked = {"case": [case.pk for case in cases]}

    asked = client_of_analyst.post("/queue/bulk/close/", ticked)
    assert "first" in asked.content.decode()
    assert Case.objects.open().count() == 2

    answer = {**ticked, "confirmed": "1", "disposition": Disposition.FALSE_POSITIVE, "reason": "Kiosk re-image"}
    client_of_analyst.post("/queue/bulk/close/", answer)
    assert Case.objects.open().count() == 0


def test_only_workers_decide_about_ticked_cases(client: Client, admin_user: User) -> None:
    case = make_case()
    client.force_login(admin_user)

    assert client.post("/queue/bulk/assign/", {"case": [case.pk]}).status_code == 403
    assert Case.objects.get().assignee is None


def test_no_page_carries_inline_code(client_of_analyst: Client) -> None:
    case = make_case(cards={"who": {"verdict": "malicious", "state": "done"}})

    for url in ("/queue/", f"/queue/?peek={case.number}", f"/cases/{case.number}/", f"/cases/{case.number}/notes/"):
        html = body(client_of_analyst, url)
        for forbidden in (" style=", " onclick=", "hx-on", "javascript:", "<style"):
            assert forbidden not in html, (url, forbidden)


def test_counts_over_a_flood_are_said_to_be_lower_bounds(
    client: Client, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cases.views.queue.COUNT_TO", 3)
    client.force_login(analyst)
    for _ in range(3):
        make_case()
    counts = [tab["count"] for tab in client.get("/queue/").context["views"]]
    assert counts == ["3", "0", "3", "3", ""]

    make_case()
    counts = [tab["count"] for tab in client.get("/queue/").context["views"]]
    assert counts == ["3+", "0+", "3+", "3+", ""]
