"""A word that stands only in a restricted case is nowhere for others, and reading changes nothing.

tests/test_access.py looks for the word in each answer that it asks for.
"""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from cases.models import Case
from secops.models import ApiToken
from tests.house import CANARY, ROLES, House
from tests.test_access import DOORS, READ, got

LISTS = [
    "/queue/",
    *(f"/queue/?{query}" for query in ("stage=all", "sort=newest", "sort=risk", "sort=sla", "assignee=none", "sev=1")),
    "/approvals/",
    "/approvals/waiting/",
    "/metrics/?days=90",
    "/metrics.csv?chart=alerts_by_hour",
]


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_the_word_is_there_for_those_who_may_see_it(house: House) -> None:
    client = house.client("member")

    for name in ("cases:case", "cases:timeline", "cases:alerts", "cases:observables", "cases:notes", "cases_api:case"):
        assert CANARY in text_of(client.get(house.restricted.url(DOORS[name].path))), name


@pytest.mark.parametrize("who", ["anonymous", *ROLES, "guest of the case"])
def test_the_word_is_in_no_list_of_anybody_else(house: House, who: str) -> None:
    client = house.client(who)
    number = f"CASE-{house.restricted.case}"

    for path in [*LISTS, house.open.url("/cases/CASE-{case}/"), house.open.url("/cases/CASE-{case}/seen/")]:
        html = text_of(client.get(path))
        assert CANARY not in html, path
        assert number not in html, path


@pytest.mark.parametrize("who", ROLES)
def test_searching_for_it_finds_as_little_as_searching_for_nonsense(house: House, who: str) -> None:
    client = house.client(who)

    for asked in (CANARY, f"CASE-{house.restricted.case}", "nonsense"):
        assert "No case matches these filters" in text_of(client.get("/queue/", {"q": asked, "stage": "all"})), asked


def test_no_count_counts_it(house: House) -> None:
    client = house.client("analyst")
    long_ago = timezone.now().replace(year=2000).isoformat()

    assert 'All open <span class="n">1</span>' in text_of(client.get("/queue/"))
    assert "1 new case" in text_of(client.get("/queue/live/", {"since": long_ago, "loaded": long_ago}))
    assert text_of(house.client("responder").get("/approvals/waiting/")) == "2"  # both of the open case


def test_the_live_cells_of_a_hidden_row_are_not_told(house: House) -> None:
    long_ago = timezone.now().replace(year=2000).isoformat()
    asked = {"since": long_ago, "rows": f"{house.open.case},{house.restricted.case}"}

    html = text_of(house.client("analyst").get("/queue/live/", asked))

    assert f"r-{house.open.case}-sla" in html
    assert f"r-{house.restricted.case}-sla" not in html


@pytest.mark.parametrize("scope", list(ApiToken.Scope))
def test_no_token_reads_it(house: House, scope: ApiToken.Scope) -> None:
    _, secret = ApiToken.issue("acme-ids", scope=scope, user=house.people["admin"] if scope == "read" else None)

    for path in ("/api/v1/cases/CASE-{case}/", "/api/v1/alerts/ALR-{alert}/"):
        response = house.client("anonymous").get(
            house.restricted.url(path), headers={"Authorization": f"Bearer {secret}"}
        )
        assert f"Beacon {CANARY}" not in text_of(response)
        assert f"CASE-{house.restricted.case}" not in text_of(response)


def test_the_administration_shows_no_row_of_it(house: House) -> None:
    client = house.client("admin")

    for model, site in admin.site._registry.items():
        if model._meta.model_name in ("device", "person", "auditentry"):
            continue  # the inventory belongs to the house, not to a case
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert CANARY not in text_of(client.get(reverse(f"{base}_changelist"))), site
        for pk in model._base_manager.values_list("pk", flat=True):
            assert CANARY not in text_of(client.get(reverse(f"{base}_change", args=[pk]))), (site, pk)


@pytest.mark.parametrize("path", ["/admin/", "/no/such/page/"])
@pytest.mark.parametrize("who", ["anonymous", "analyst", "admin"])
def test_what_has_no_line_in_the_table_says_too_what_a_browser_may_do(house: House, who: str, path: str) -> None:
    got(house.client(who), path)


def everything() -> dict[str, Any]:
    """All rows of all tables, without sessions and what marks a case as read."""
    found = {}
    for model in apps.get_models():
        if model._meta.label != "sessions.Session":
            found[model._meta.label] = list(model._base_manager.order_by("pk").values())
    del found["cases.CaseReading"]  # the access log: to look at a restricted case is written down
    for row in found["cases.Case"]:
        del row["is_unread"], row["updated_at"]
    audit = found["secops.AuditEntry"]  # also the access log: who fetched a report is written down
    found["secops.AuditEntry"] = [row for row in audit if not row["text"].startswith("Report fetched")]
    return found


@pytest.mark.parametrize("who", [pytest.param("responder", marks=pytest.mark.slow), "member"])
def test_reading_everything_changes_nothing(house: House, who: str) -> None:
    client = house.client(who)
    things = house.restricted if who == "member" else house.open
    before = everything()

    for name in READ:
        client.get(things.url(DOORS[name].path))
        client.get(things.url(DOORS[name].path), headers={"HX-Request": "true"})

    assert everything() == before


def test_reading_marks_a_case_as_read_only_for_those_who_work_on_it(house: House) -> None:
    path = house.open.url("/cases/CASE-{case}/")

    house.client("approver").get(path)
    assert Case.objects.get(pk=house.open.case).is_unread
    house.client("analyst").get(path)
    assert not Case.objects.get(pk=house.open.case).is_unread
