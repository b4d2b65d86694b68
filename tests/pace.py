"""How soon a practice range in the tests' own process obeys: the tests see the same turns, and wait less for them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from secops.practice.products import ise, isolation

OBEYS_AFTER = 0.8  # seconds
OBEYED = 0.9  # seconds after which it surely has


@pytest.fixture(scope="session", autouse=True)
def _obeys_sooner() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolation, "SETTLES_AFTER", timedelta(seconds=OBEYS_AFTER))
        patch.setattr(ise, "COA_AFTER", timedelta(seconds=OBEYS_AFTER))
        yield
