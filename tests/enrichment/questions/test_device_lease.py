"""The lease that covers the minute names the device."""

from datetime import timedelta

from enrichment.choices import SubjectKind
from enrichment.questions.device_lease import DeviceLease
from secops.connectors.capabilities.identity import Lease
from tests.enrichment.questions.asking import AT, Says, about, ask, fact

ADDRESS = about(SubjectKind.LEASE, "10.20.14.31", "ip")


def lease(hostname: str, *, is_over: bool = False) -> Lease:
    ends = AT + timedelta(hours=2) if is_over else None
    return Lease(
        address="10.20.14.31",
        mac="02:00:5e:10:20:30",
        hostname=hostname,
        starts_at=AT - timedelta(hours=3),
        ends_at=ends,
    )


def test_the_device_gets_its_short_name_and_goes_into_the_case() -> None:
    says = Says(lease_at=lease("fin-lt-0142.corp.example."))

    judgement = DeviceLease().ask(says, ADDRESS)

    assert judgement is not None
    assert says.calls == [("lease_at", ("10.20.14.31", AT), {})]
    assert judgement.headline == "10.20.14.31 was lent to FIN-LT-0142 when it happened."
    assert [(one.kind, one.value, one.record) for one in judgement.pivots] == [
        ("device", "FIN-LT-0142", {"mac": "02:00:5e:10:20:30"})
    ]


def test_a_lease_without_a_name_is_told_by_its_mac_and_makes_no_device() -> None:
    judgement = ask(DeviceLease, ADDRESS, lease_at=lease("", is_over=True))

    assert judgement.headline == "10.20.14.31 was lent to 02:00:5e:10:20:30 when it happened."
    assert fact(judgement, "Lease") == "10 Mar 11:12 to 10 Mar 16:12 UTC"
    assert judgement.pivots == []


def test_no_lease_at_that_minute_is_no_answer() -> None:
    assert DeviceLease().ask(Says(lease_at=None), ADDRESS) is None
