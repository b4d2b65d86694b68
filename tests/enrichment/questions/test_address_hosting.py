"""A rented server is told, and convicts nobody."""

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.address_hosting import AddressHosting
from secops.connectors.capabilities.places import Listing
from tests.enrichment.questions.asking import about, ask, points

ADDRESS = about(SubjectKind.ADDRESS, "203.0.113.44", "ip")


def test_a_hosting_address_adds_few_points_and_is_no_conviction() -> None:
    judgement = ask(AddressHosting, ADDRESS, listings=[Listing(name="Big networks", kind="hosting")])

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert judgement.headline == "203.0.113.44 is a hosting or cloud address: Big networks."
    assert 0 < points(judgement) < 10
    assert judgement.data["is_hosting"] is True


def test_a_resolver_is_named_and_weighs_nothing() -> None:
    judgement = ask(AddressHosting, ADDRESS, listings=[Listing(name="Public resolvers", kind="resolver")])

    assert judgement.headline == "203.0.113.44 is on a list: Public resolvers."
    assert points(judgement) == 0


def test_standing_on_no_list_is_not_called_benign() -> None:
    judgement = ask(AddressHosting, ADDRESS, listings=[])

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert "no list" in judgement.headline
    assert points(judgement) == 0
