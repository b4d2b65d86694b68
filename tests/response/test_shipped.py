"""The runbooks that come with the product."""

from pathlib import Path

import pytest

from cases.models import AlertKind
from cases.services import shipped as kinds
from response.models import KindRunbook, Runbook
from response.services import drafts, runbooks, shipped
from response.services.checks import Problem
from tests.factories import make_case

FILES = sorted(shipped.FOLDER.glob("*.yaml"))


def test_every_file_is_installed_and_every_one_installed_is_a_file(db: None) -> None:
    kinds.install()
    shipped.install()
    assert {path.stem for path in FILES} == set(shipped.SLUGS) == set(Runbook.objects.values_list("slug", flat=True))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_speaks_against_a_shipped_runbook(db: None, path: Path) -> None:
    text = path.read_text()
    runbook = drafts.take(text, "shipped", actor=None)
    found: list[Problem] = runbooks.check(runbook)
    assert [str(one) for one in found] == []
    assert drafts.text_of(runbook) == text  # as export writes it: a change is one line in a diff


def test_kinds_offer_them_in_their_order_and_people_s_changes_stay(db: None) -> None:
    kinds.install()
    shipped.install()
    for kind, slugs in shipped.OFFERED.items():
        links = KindRunbook.objects.filter(kind__slug=kind).select_related("runbook")
        assert tuple(link.runbook.slug for link in links) == slugs
    Runbook.objects.filter(slug="contain-device").update(title="Our own")
    KindRunbook.objects.filter(kind__slug="default").delete()
    assert "Runbook Our own is there" in shipped.install()
    assert not KindRunbook.objects.filter(kind__slug="default").exists()


def test_a_covert_case_is_offered_nothing_that_could_be_noticed_until_it_is_uncovered(db: None) -> None:
    kinds.install()
    shipped.install()
    case = make_case(kind=AlertKind.objects.get(slug="removable-media"), is_covert=True, is_restricted=True)
    assert [version.runbook.slug for version in runbooks.offered(case)] == ["suspected-insider"]
    case.is_covert = False
    assert [version.runbook.slug for version in runbooks.offered(case)] == ["contain-device", "suspected-insider"]
