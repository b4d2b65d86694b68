"""A patch or an installation close by explains a registry change; one of hours before is named and does not."""

from datetime import timedelta

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.change_explained import ChangeExplained
from secops.connectors.capabilities.devices import Change
from tests.enrichment.questions.asking import AT, Says, about, ask, points

KEY = about(SubjectKind.REGISTRY, "HKLM\\Software\\Run", "registry_key")


def change(minutes_before: float, kind: str = "install", signer: str = "") -> Change:
    at = AT - timedelta(minutes=minutes_before)
    return Change(at=at, kind=kind, text=f"{kind} of Ledgerline 4.2", signer=signer)


def test_an_installation_whose_signer_nobody_knows_acquits_nothing() -> None:
    judgement = ask(ChangeExplained, KEY, changes=[change(4)])

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert judgement.points == []
    assert judgement.data["is_explained"] is False


def test_a_signed_installation_minutes_before_explains_it_and_takes_risk_away() -> None:
    judgement = ask(ChangeExplained, KEY, changes=[change(4, signer="Ledgerline")])

    assert (judgement.verdict, judgement.label) == (Verdict.BENIGN, "Explained")
    assert judgement.headline == "Explained: install of Ledgerline 4.2, 4 min apart."
    assert points(judgement) < 0
    assert judgement.data["is_explained"] is True


def test_an_installation_hours_before_is_named_and_explains_nothing() -> None:
    judgement = ask(ChangeExplained, KEY, changes=[change(300)])

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Not explained")
    assert judgement.headline == (
        "Nothing explains it: the last installation or patch, install of Ledgerline 4.2, was 5 h before."
    )
    assert judgement.data["last_before_hours"] == 5.0


def test_what_is_neither_patch_nor_installation_explains_nothing() -> None:
    judgement = ask(ChangeExplained, KEY, changes=[change(2, "task"), change(3, "account")])

    assert judgement.headline == "No patch and no installation in 72 hours explains it."
    assert points(judgement) > 0


def test_an_installation_well_after_the_change_does_not_explain_it() -> None:
    judgement = ask(ChangeExplained, KEY, changes=[change(-8)])

    assert judgement.verdict == Verdict.SUSPICIOUS
    assert judgement.headline == "No patch and no installation in 72 hours explains it."


def test_a_source_without_any_change_says_nothing_about_it() -> None:
    assert ChangeExplained().ask(Says(changes=[]), KEY) is None
