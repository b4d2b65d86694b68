"""The device's record, and its owner as a person of the case."""

from enrichment.questions.device_owner import DeviceOwner
from secops.connectors.capabilities.identity import DeviceRecord
from tests.enrichment.questions.asking import Says, about, ask, fact


def test_the_owner_comes_before_the_device_so_that_the_device_finds_them() -> None:
    record = DeviceRecord(name="FIN-LT-0142", kind="laptop", os="Windows 11", group="Finance", owner_login="maya.o")

    judgement = ask(DeviceOwner, about(), find_device=record)

    assert judgement.headline == "FIN-LT-0142 belongs to maya.o."
    assert [(one.kind, one.value) for one in judgement.pivots] == [("person", "maya.o"), ("device", "FIN-LT-0142")]
    assert fact(judgement, "Device") == "FIN-LT-0142, laptop, Windows 11"


def test_a_kiosk_has_no_owner_and_that_is_said() -> None:
    judgement = ask(DeviceOwner, about(), find_device=DeviceRecord(name="LOB-KI-0003", kind="kiosk"))

    assert judgement.headline == "LOB-KI-0003 has no registered owner."
    assert [one.kind for one in judgement.pivots] == ["device"]
    assert (fact(judgement, "Owner"), fact(judgement, "Group")) == ("nobody registered", "unknown")


def test_a_device_that_the_directory_does_not_know_is_no_answer() -> None:
    assert DeviceOwner().ask(Says(find_device=None), about()) is None
