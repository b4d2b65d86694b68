"""A young domain weighs, a young range does not, an unknown date is said as unknown."""

from datetime import timedelta

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.registration import AddressRegistration, DomainRegistration
from secops.connectors.capabilities.places import Registration
from tests.enrichment.questions.asking import AT, Says, about, ask, fact, points

DOMAIN = about(SubjectKind.DOMAIN, "cdn-metrics.example", "domain")
ADDRESS = about(SubjectKind.ADDRESS, "203.0.113.44", "ip")


def record(days: int | None) -> Registration:
    at = AT - timedelta(days=days) if days is not None else None
    return Registration(owner="Harbour Hosting", country="SC", registered_at=at)


def test_a_young_domain_is_suspicious() -> None:
    judgement = ask(DomainRegistration, DOMAIN, registration=record(3))

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "New")
    assert judgement.headline == "cdn-metrics.example is registered by Harbour Hosting, 3 days before this."
    assert points(judgement) > 0


def test_an_old_domain_is_told_and_acquits_nothing() -> None:
    judgement = ask(DomainRegistration, DOMAIN, registration=record(4000))

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert points(judgement) == 0


def test_a_young_address_range_is_ordinary() -> None:
    assert ask(AddressRegistration, ADDRESS, registration=record(3)).verdict == Verdict.INFORMATIONAL


def test_a_record_without_a_date_is_not_called_old() -> None:
    judgement = ask(DomainRegistration, DOMAIN, registration=record(None))

    assert fact(judgement, "Since") == "unknown"
    assert judgement.data["days_old"] is None


def test_each_registry_is_asked_for_its_own_kind() -> None:
    says = Says(registration=record(3))
    DomainRegistration().ask(says, DOMAIN)
    AddressRegistration().ask(says, ADDRESS)

    assert [call[1] for call in says.calls] == [("domain", "cdn-metrics.example"), ("ip", "203.0.113.44")]


def test_no_record_is_no_answer() -> None:
    assert DomainRegistration().ask(Says(registration=None), DOMAIN) is None
