"""Place and owner of an address, with the age of the data."""

from datetime import UTC, datetime

import pytest

from enrichment.choices import SubjectKind
from enrichment.questions.address_place import AddressPlace
from secops.connectors.capabilities.places import Place
from tests.enrichment.questions.asking import Says, about, ask, fact

ADDRESS = about(SubjectKind.ADDRESS, "203.0.113.44", "ip")
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def test_country_city_and_owner_are_said_with_the_age_of_the_data() -> None:
    place = Place(country="SC", city="Victoria", asn=64_500, owner="Harbour Hosting", as_of=MARCH)

    judgement = ask(AddressPlace, ADDRESS, locate=place)

    assert judgement.headline == "203.0.113.44 leads to Victoria, SC, AS64500 Harbour Hosting."
    assert judgement.data["country"] == "SC"
    assert judgement.as_of == MARCH


def test_a_source_that_knows_only_the_owner_does_not_invent_a_country() -> None:
    judgement = ask(AddressPlace, ADDRESS, locate=Place(owner="Harbour Hosting"))

    assert fact(judgement, "Country") == "unknown"
    assert judgement.headline == "203.0.113.44 leads to an unknown place, Harbour Hosting."


@pytest.mark.parametrize("place", [None, Place()])
def test_nothing_known_is_no_answer(place: Place | None) -> None:
    assert AddressPlace().ask(Says(locate=place), ADDRESS) is None
