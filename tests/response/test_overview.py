"""The overview of a case: the story in short, the damage, who touched what, and what happened last."""

from django.test import Client
from django.urls import reverse

from cases.models import Case
from cases.services import timeline
from response.services import decisions
from secops.models import User
from tests.response.conftest import ISOLATE, World, begin, say_yes, settle_down, step_of


def test_it_says_what_the_report_says(world: World, case: Case, analyst: User, responder: User, client: Client) -> None:
    run = begin(case, analyst, ISOLATE)
    say_yes(step_of(run, "isolate"), responder)
    settle_down()
    client.force_login(analyst)

    parts = client.get(reverse("response:overview", args=[case.pk])).content.decode()

    assert "1, of which 0 critical and 0 not contained" in parts
    assert "No source that counts traffic answered." in parts
    assert "<svg" in parts
    assert "FIN-LT-0142: isolated, verified" in parts
    report = client.get(reverse("response:report", args=[case.pk])).content.decode()
    for what in ("rp-sum", "rp-draw"):
        begin_at = parts.index(what)
        assert parts[begin_at : begin_at + 200] in report

    decisions.undo(step_of(run, "isolate").pk, actor=analyst)
    assert "Asked: " in client.get(reverse("response:overview", args=[case.pk])).content.decode()


def test_the_tab_fetches_it_and_leads_to_the_report_without_scripts(case: Case, analyst: User, client: Client) -> None:
    client.force_login(analyst)
    page = client.get(f"/cases/{case.number}/overview/").content.decode()
    assert f'hx-get="/cases/{case.number}/overview/parts/"' in page
    assert f'href="/cases/{case.number}/report/">Story, damage and graph stand in the report' in page
    assert 'aria-current="page">Overview' in page


def test_only_the_latest_entries_stand_there(case: Case, analyst: User, client: Client) -> None:
    for number in range(20):
        timeline.record(case.pk, f"Entry {number}.", kind="person", actor=analyst)
    client.force_login(analyst)
    parts = client.get(reverse("response:overview", args=[case.pk])).content.decode()
    assert "Entry 19." in parts
    assert "Entry 7." not in parts


def test_a_very_large_case_is_told_by_its_report(case: Case, analyst: User, client: Client) -> None:
    Case.objects.filter(pk=case.pk).update(alert_count=1_001)
    client.force_login(analyst)
    parts = client.get(reverse("response:overview", args=[case.pk])).content.decode()
    assert "1 001 alerts are too many" in parts.replace("\u202f", " ").replace("\u00a0", " ").replace(",", " ")
    assert f'href="/cases/{case.number}/report/"' in parts
