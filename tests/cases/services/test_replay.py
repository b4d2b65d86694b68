"""Rejected payloads are read again as they came, as another detector's or as repaired, with their sender's rights."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group

from cases.intake.split import split
from cases.models import Alert, AlertPayload, RejectedPayload, Source
from cases.services import alerts, replay
from secops.errors import ConflictError, NotAllowedError
from secops.models import ApiToken, AuditEntry, User
from tests.cases.messages import own
from tests.factories import make_kind

pytestmark = pytest.mark.django_db


def reject(payload: Any, *, detector: str = "nightdesk", source: str = "sensor", token: Any = None) -> RejectedPayload:
    """What the door kept of it."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    batch = split(body, max_alerts=1, max_bytes=10_000_000, may_unwrap=False)
    receipt = alerts.receive(batch.messages, detector=detector, source=source, token=token)
    assert receipt.number("rejected") == 1
    return RejectedPayload.objects.latest("pk")


def without_title(**fields: Any) -> dict[str, Any]:
    payload = own(**fields)
    del payload["title"]
    return payload


def test_a_repaired_text_is_read_and_kept_beside_the_original(admin_user: User) -> None:
    payload = without_title()
    rejected, text = reject(payload), json.dumps(payload | {"title": "Mended"})
    original = rejected.raw()

    outcome = replay.again(rejected, actor=admin_user, text=text)

    rejected.refresh_from_db()
    alert = Alert.objects.get()
    assert outcome.is_read
    assert (alert.title, list(rejected.alerts.all())) == ("Mended", [alert])
    assert (rejected.raw(), rejected.latest()) == (original, text.encode())
    assert AlertPayload.objects.get().raw() == text.encode()
    assert (rejected.repaired_by, rejected.replayed_at is None) == (admin_user, False)
    assert not RejectedPayload.objects.waiting().exists()
    said = AuditEntry.objects.latest("seq")
    assert (said.who, said.text) == (
        "dee",
        f"Replayed rejected payload {rejected.pk} of sensor (nightdesk), repaired by hand: 1 created",
    )
    assert alert.case is not None
    assert alert.case.timeline.latest("seq").text == (
        f"{alert.number} could not be read as it came: dee repaired its text by hand."
    )


def test_a_repair_that_does_not_help_is_kept_and_says_what_is_wrong(admin_user: User) -> None:
    rejected = reject(b'{"title": ')

    outcome = replay.again(rejected, actor=admin_user, text='{"title": "Half')

    rejected.refresh_from_db()
    assert not outcome.is_read
    assert [problem.field for problem in outcome.problems] == ["line 1 column 11"]
    assert rejected.latest() == b'{"title": "Half'
    assert (rejected.replayed_at, RejectedPayload.objects.count()) == (None, 1)
    assert AuditEntry.objects.latest("seq").text.endswith("1 rejected")


def test_another_detector_reads_it_unchanged(admin_user: User) -> None:
    rejected = reject({"name": "Odd thing", "id": 7})

    assert not replay.again(rejected, actor=admin_user).is_read
    assert replay.again(rejected, actor=admin_user, detector="auto").is_read
    assert Alert.objects.get().detector == "generic"
    assert rejected.repaired is None


def test_a_detector_that_is_gone_is_found_out_anew(admin_user: User) -> None:
    rejected = reject({"name": "Odd thing", "id": 7})
    RejectedPayload.objects.update(detector="long-gone")
    rejected.refresh_from_db()

    assert replay.again(rejected, actor=admin_user).is_read


def test_a_replay_does_not_let_a_token_speak_for_another_ones_source(admin_user: User) -> None:
    mine, _ = ApiToken.issue("mine", sources=["mine"])
    ApiToken.issue("yours")
    rejected = reject(own(source="yours"), source="mine", token=mine)

    outcome = replay.again(rejected, actor=admin_user)

    assert [problem.field for problem in outcome.problems] == ["source"]
    assert not Alert.objects.exists()
    mine.revoked_at = mine.created_at
    mine.save()
    assert not replay.again(rejected, actor=admin_user).is_read

    mine.sources = ["mine", "yours"]
    mine.save()
    assert replay.again(rejected, actor=admin_user).is_read


def test_a_replay_is_no_sign_of_life(admin_user: User) -> None:
    rejected = reject(without_title(source="other"))
    Source.objects.all().delete()

    replay.again(rejected, actor=admin_user, text=json.dumps(own(source="other")))

    assert Alert.objects.exists()
    assert not Source.objects.exists()


def test_all_of_a_source_are_read_at_once_and_others_wait(admin_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        reject(without_title())
    bad, other = reject(b"{", source="sensor"), reject(without_title(), source="other")
    for one in RejectedPayload.objects.exclude(pk=bad.pk):
        replay._keep(one, json.dumps(own()), admin_user)
    monkeypatch.setattr(replay, "MOST_AT_ONCE", 2)

    first = replay.all_of("sensor", "nightdesk", actor=admin_user)
    second = replay.all_of("sensor", "nightdesk", actor=admin_user)

    assert (first.read, first.failed, first.left) == (2, 0, 2)
    assert (second.read, second.failed, second.left) == (1, 1, 0)
    assert set(RejectedPayload.objects.waiting()) == {bad, other}


def test_what_was_read_is_not_read_again_and_only_admins_read_at_all(admin_user: User, responder: User) -> None:
    rejected = reject({"name": "Odd thing", "id": 7})

    for act in (replay.again, lambda _, actor: replay.all_of("sensor", "nightdesk", actor=actor)):
        with pytest.raises(NotAllowedError):
            act(rejected, actor=responder)
    assert not RejectedPayload.objects.visible_to(responder).exists()
    replay.again(rejected, actor=admin_user, detector="auto")
    with pytest.raises(ConflictError):  # by somebody who still has the page open
        replay.again(rejected, actor=admin_user, text="{}")
    rejected.refresh_from_db()
    with pytest.raises(ConflictError):
        replay.again(rejected, actor=admin_user)
    assert rejected.repaired is None


def test_once_it_became_a_restricted_alert_its_text_is_restricted_too(admin_user: User) -> None:
    team = Group.objects.create(name="insiders")
    make_kind("insider", is_restricted=True, group=team)
    rejected = reject(without_title(kind="insider"))

    replay.again(rejected, actor=admin_user, text=json.dumps(own(kind="insider")))

    assert not RejectedPayload.objects.visible_to(admin_user).exists()
    admin_user.groups.add(team)
    assert RejectedPayload.objects.visible_to(User.objects.get(pk=admin_user.pk)).get() == rejected
