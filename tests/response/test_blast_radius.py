"""So many isolations an hour; more wait for a person, or for a major incident that two persons signed."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from cases.choices import Stage
from cases.models import CaseDevice, TimelineEntry
from response.choices import StepState
from response.errors import ApprovalError, OwnApprovalError
from response.models import Attempt, MajorIncident, StepRun
from response.services import blast, clock, incidents, invariants, steps
from secops.errors import NotAllowedError
from secops.models import AuditEntry
from tests.factories import make_case, make_device, make_user
from tests.response.conftest import ISOLATE, MAIL, begin, make_due, say_yes, settle_down, step_of

REASON = "Ransomware in the branch offices"


@pytest.fixture
def two_an_hour(settings):
    settings.ISOLATIONS_PER_HOUR = 2


@pytest.fixture
def three(world, two_an_hour, analyst, approver):
    """Three approved isolations, two of them done."""
    runs = []
    for _ in range(3):
        case = make_case(stage=Stage.RESPONSE)
        CaseDevice.objects.create(case=case, device=make_device())
        runs.append(begin(case, analyst, ISOLATE))
        say_yes(step_of(runs[-1], "isolate"), approver)
    for _ in range(6):
        make_due()
        steps.work()
    return runs


def held(runs):
    (found,) = StepRun.objects.filter(run__in=runs, state=StepState.READY)
    return found


def declare(by, other, **terms):
    found = incidents.propose(REASON, **({"cap": 50, "hours": 4} | terms), actor=by)
    return incidents.sign(found.pk, actor=other)


def test_the_third_of_two_an_hour_waits_counts_no_attempt_and_says_why(client, three, world, responder):
    step = held(three)

    assert len(world.effects) == 2
    assert step.attempts == 0
    assert step.reason.startswith("2 isolations within an hour, and 2 is the cap: it waits until ")
    assert step.deadline > timezone.now() + timedelta(minutes=58)
    client.force_login(responder)
    text = client.get(reverse("response:panel", args=[step.run.case_id])).content.decode()
    assert "2 is the cap" in text
    assert "Let it go over the cap" in text
    assert invariants.broken() == {}


@pytest.mark.slow
def test_after_the_hour_it_goes_by_itself(three, world):
    Attempt.objects.update(sent_at=timezone.now() - timedelta(minutes=61))

    settle_down()

    assert len(world.effects) == 3


@pytest.fixture
def later(monkeypatch, db):
    """Moves the database's clock, as all of response reads it, so many minutes on."""
    real = clock.now

    def move(minutes):
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=minutes))
        make_due()
        steps.work()

    return move


@pytest.mark.slow
def test_an_approval_counts_as_long_as_the_cap_holds_its_step(three, world, later):
    step = held(three)

    later(45)  # an approval counts for 30 minutes
    step.refresh_from_db()
    assert step.state == StepState.READY, step.reason
    later(61)

    assert len(world.effects) == 3
    assert invariants.broken() == {}


@pytest.mark.slow
def test_a_step_is_let_go_over_the_cap_also_after_its_approval_would_have_expired(three, world, later, responder):
    step = held(three)
    later(45)

    blast.let_go(step.pk, reason="the file server is next", actor=responder)
    later(46)

    step.refresh_from_db()
    assert len(world.effects) == 3, step.reason


@pytest.mark.slow
def test_an_approval_that_was_kept_over_the_cap_expires_too(three, world, later):
    step = held(three)

    later(92)  # the hour of the cap, and the half hour of an approval

    step.refresh_from_db()
    assert (step.state, len(world.effects)) == (StepState.FAILED, 2)
    assert "does not count any more" in step.reason


@pytest.mark.slow
def test_what_was_refused_or_is_undone_does_not_count(three, world):
    step = held(three)
    Attempt.objects.exclude(step=step).update(outcome="refused")

    assert blast.over(step, steps.actions[step.action]()) is None


@pytest.mark.slow
def test_a_mail_is_no_isolation(three, world, case, analyst):
    run = begin(case, analyst, MAIL)

    settle_down(3)

    assert step_of(run, "tell").state == StepState.SUCCEEDED


@pytest.mark.slow
def test_another_person_lets_one_step_go_over_the_cap(client, three, world, analyst, responder):
    step = held(three)
    with pytest.raises(NotAllowedError):
        blast.let_go(step.pk, reason="surely", actor=analyst)
    analyst.groups.add(*responder.groups.all())
    with pytest.raises(OwnApprovalError, match="You asked for this step"):
        blast.let_go(step.pk, reason="surely", actor=type(analyst).objects.get(pk=analyst.pk))
    client.force_login(responder)

    client.post(reverse("response:over_cap", args=[step.pk]), {"reason": "the file server is next"})
    settle_down()

    assert len(world.effects) == 3
    told = TimelineEntry.objects.filter(case=step.run.case, text__contains="Over the hour's cap, let go")
    assert told.get().user == responder
    assert invariants.broken() == {}


@pytest.mark.slow
def test_a_major_incident_raises_the_cap_once_two_persons_signed(three, world, responder, approver):
    found = incidents.propose(REASON, cap=50, hours=4, actor=responder)
    make_due()
    steps.work()
    assert len(world.effects) == 2  # one signature changes nothing
    with pytest.raises(ApprovalError, match="another person"):
        incidents.sign(found.pk, actor=responder)

    incidents.sign(found.pk, actor=approver)
    steps.work()

    assert len(world.effects) == 3
    lines = [entry.text for entry in AuditEntry.objects.filter(text__contains="major-incident").order_by("seq")]
    assert lines == [
        f"Proposed major-incident mode, 50 isolations per hour for 4 hours: {REASON}",
        f"Signed major-incident mode, 50 isolations per hour for 4 hours: {REASON}",
    ]


def test_it_is_over_after_its_hours_and_when_somebody_ends_it(db, settings, responder, approver):
    found = declare(responder, approver)
    assert incidents.cap() == 50
    MajorIncident.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert incidents.cap() == settings.ISOLATIONS_PER_HOUR
    MajorIncident.objects.update(until=timezone.now() + timedelta(hours=1))

    incidents.end(found.pk, actor=approver)

    assert incidents.cap() == settings.ISOLATIONS_PER_HOUR
    assert AuditEntry.objects.filter(text=f"Ended major-incident mode: {REASON}").exists()


def test_a_signer_who_may_not_approve_any_more_ends_it_too(db, settings, responder, approver):
    declare(responder, approver)

    approver.groups.clear()

    assert incidents.cap() == settings.ISOLATIONS_PER_HOUR


def test_there_is_one_at_a_time_and_an_old_proposal_does_not_count(db, responder, approver):
    found = incidents.propose(REASON, cap=50, hours=4, actor=responder)
    with pytest.raises(ApprovalError, match="already"):
        incidents.propose(REASON, cap=60, hours=4, actor=approver)
    MajorIncident.objects.update(proposed_at=timezone.now() - timedelta(hours=1))

    with pytest.raises(ApprovalError, match="does not count any more"):
        incidents.sign(found.pk, actor=approver)
    assert incidents.propose(REASON, cap=60, hours=4, actor=approver).cap == 60


@pytest.mark.parametrize("terms", [{"cap": 0}, {"cap": 6_000}, {"hours": 0}, {"hours": 25}])
def test_its_terms_have_bounds(db, responder, terms):
    with pytest.raises(ApprovalError, match=f"Not proposed. {next(iter(terms))}: "):
        incidents.propose(REASON, **({"cap": 50, "hours": 4} | terms), actor=responder)


def test_a_list_over_its_cap_needs_no_reader_then(world, case, analyst, responder, approver):
    many = MAIL | {"for_each": "['a', 'b', 'c']", "cap": 2}
    waits = begin(case, analyst, many)
    assert StepRun.objects.get(run=waits, item="").state == StepState.WAITING
    declare(responder, approver)

    goes = begin(case, analyst, many)

    assert StepRun.objects.get(run=goes, item="").state == StepState.READY


def test_it_stands_on_every_page_while_it_is_on(client, db, responder, approver):
    client.force_login(responder)
    pages = ["/queue/", reverse("response:approvals"), reverse("response:major")]
    assert not any("Major incident until" in client.get(url).content.decode() for url in pages)
    client.post(reverse("response:major"), {"reason": REASON, "cap": "50", "hours": "4"})
    client.force_login(approver)
    client.post(reverse("response:major_sign", args=[MajorIncident.objects.get().pk]))

    texts = [client.get(url).content.decode() for url in pages]

    assert all("Major incident until" in text and REASON in text for text in texts)
    client.force_login(make_user("dee", ["admin"]))
    assert "Major incident until" in client.get(reverse("admin:index")).content.decode()
    client.force_login(make_user("cy"))
    assert "Major incident until" not in client.get("/queue/").content.decode()
