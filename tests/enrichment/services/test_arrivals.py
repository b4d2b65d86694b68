"""What of an item joins the case: the new, within a cap, and what is left out is counted in words."""

from typing import Any

import pytest

from cases.models import Case, CaseObservable, Evidence
from cases.services import observables
from enrichment.forensics.report import Seen
from enrichment.services import arrivals
from tests.cases.evidence.conftest import take
from tests.factories import make_case, make_device

AT = "2026-11-28T14:00:00Z"


@pytest.fixture
def case(db: None, settings: Any, tmp_path: Any) -> Case:
    settings.DATA_DIR = tmp_path / "data"
    make_device("FIN-LT-0142", fqdn="fin-lt-0142.corp.example", directory_id="d1")
    return make_case()


@pytest.fixture
def item(case: Case) -> Evidence:
    return take(case, b"packets", kind="capture", title="Packets")


def domain(name: str) -> Seen:
    return Seen("domain", name, "destination", AT, "DNS")


def test_what_is_known_usual_the_houses_or_everybodys_is_left_out_and_counted(case: Case, item: Evidence) -> None:
    observables.attach(case.pk, "domain", "known.example", "other")
    seen = [
        domain("known.example"),
        domain("files.corp.example"),
        Seen("ip", "198.51.100.1", "destination", AT, "tcp/443"),
        Seen("ip", "8.8.8.8", "destination", AT, "udp/53"),
        Seen("ip", "no address", "destination"),
        Seen("domain", "<script>", "destination"),
        Seen("ip", "203.0.113.9", "owner"),
        domain("c2.evil.example"),
    ]

    found = arrivals.sift(item, seen, ["198.51.100.1"])

    assert found.said() == (
        "New destinations: c2.evil.example (DNS, since 14:00:00); 1 the house's own; 1 usual for the device; "
        "1 everybody's by the warning lists"
    )
    arrivals.attach(item, found)
    arrivals.attach(item, found)
    (link,) = CaseObservable.objects.filter(case=case, found_in=item)
    assert (link.observable.value, f"{link.first_seen_at:%H:%M:%S}") == ("c2.evil.example", "14:00:00")


def test_only_so_many_join_and_the_rest_is_said(item: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MOST", 3)
    found = arrivals.sift(item, [domain(f"n{number}.example") for number in range(8)], [])

    assert len(found.fresh) == 3
    assert found.said().endswith("n2.example (DNS, since 14:00:00); 5 more than the 3 that one item adds")
