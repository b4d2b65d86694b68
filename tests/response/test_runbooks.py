"""Writing runbooks: the check names step and field, a version freezes the draft, shipped content installs once."""

import pytest

from cases.models import AlertKind
from response.errors import RunbookError
from response.models import KindRunbook, Runbook
from response.models.runbooks import Step
from response.services import runbooks, shipped
from secops.errors import NotAllowedError
from secops.models import AuditEntry
from tests.factories import make_case, make_kind, make_user
from tests.response.conftest import CONFIRM, ISOLATE, MAIL, make_runbook


def draft(*written: dict) -> Runbook:
    runbook = Runbook.objects.create(slug="draft", title="Draft")
    for order, fields in enumerate(written, start=1):
        Step.objects.create(runbook=runbook, order=order, **fields)
    return runbook


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"action": "format_disk"}, "Step 2, Action: there is no action 'format_disk'."),
        ({"params": {}}, "Step 2, Device: This field is required."),
        ({"params": {"device": "laptop"}}, "Step 2, Device: Enter a whole number."),
        ({"params": {"device": "${{ device.serial }}"}}, "Step 2, Device: device has no field 'serial'"),
        ({"params": {"device": "${{ devise.id }}"}}, "Step 2, Device:"),
        ({"params": {"device": "${{ device.id"}}, "Step 2, Device: ${{ is not closed by }}."),
        ({"params": {"device": "${{ steps.later.id }}"}}, "Step 2, Device: no step before it is called 'later'."),
        ({"params": {"device": 1, "force": "yes"}}, "Step 2, force: Isolate device has no such parameter."),
        ({"when": "device.os ="}, "Step 2, When:"),
        ({"needs": ["nothing"]}, "Step 2, Needs: no step before it is called 'nothing'."),
    ],
)
def test_a_broken_step_is_refused_naming_step_and_field(db, fields, said):
    runbook = draft(CONFIRM, ISOLATE | fields)

    with pytest.raises(RunbookError) as caught:
        runbooks.publish(runbook, actor=None)

    assert said in str(caught.value)
    assert runbook.versions.count() == 0


def test_a_runbook_without_steps_is_refused(db):
    with pytest.raises(RunbookError, match="Steps: there are none"):
        runbooks.publish(draft(), actor=None)


def test_a_disruptive_step_that_asks_nobody_is_a_warning(db):
    runbook = draft(ISOLATE | {"approvals": 0})

    assert [(problem.field, problem.is_warning) for problem in runbooks.check(runbook)] == [("Approvals", True)]
    with pytest.raises(RunbookError, match="Tick that it shall be so: Step 1, Approvals"):
        runbooks.publish(runbook, actor=None)
    assert runbooks.publish(runbook, actor=None, accepts=["isolate:approvals"]).number == 1
    assert AuditEntry.objects.filter(text__contains="Accepted: Step 1, Approvals").exists()


def test_needs_default_to_the_step_before(db):
    version = runbooks.publish(draft(CONFIRM, ISOLATE, MAIL | {"needs": ["confirm"]}), actor=None)

    assert [step["needs"] for step in version.body["steps"]] == [[], ["confirm"], ["confirm"]]


def test_publishing_freezes_the_draft_and_is_audited(db, settings):
    settings.PUBLISH_ALONE = True
    admin = make_user("dee", ["admin"])
    runbook = draft(CONFIRM)
    first = runbooks.publish(runbook, actor=admin)
    with pytest.raises(RunbookError, match="Nothing changed since v1"):
        runbooks.publish(runbook, actor=admin)

    runbook.steps.update(title="Other")
    second = runbooks.publish(runbook, actor=admin)

    first.refresh_from_db()
    assert (first.body["steps"][0]["title"], second.number) == ("Confirm device and owner", 2)
    assert AuditEntry.objects.filter(text__startswith="Published Draft v2", user=admin).exists()


def test_the_author_asks_and_another_admin_publishes_exactly_that(db):
    dee, fay = make_user("dee", ["admin"]), make_user("fay", ["admin"])
    runbook = draft(CONFIRM)
    runbook.edited_by = dee
    runbook.save()
    with pytest.raises(RunbookError, match="Who changed the draft asks for it"):
        runbooks.publish(runbook, actor=fay)
    with pytest.raises(NotAllowedError, match="dee changed the draft last, so they ask for it"):
        runbooks.propose(runbook, actor=fay)

    runbook = runbooks.propose(runbook, actor=dee, note="Why")
    with pytest.raises(RunbookError, match="You wrote it, so another admin publishes it"):
        runbooks.publish(runbook, actor=dee)
    with pytest.raises(NotAllowedError):
        runbooks.publish(runbook, actor=make_user("ada", ["approver"]))
    with pytest.raises(RunbookError, match="changed since this page was loaded"):
        runbooks.publish(runbook, actor=fay, seen="0" * 64)
    version = runbooks.publish(runbook, actor=fay, seen=runbook.proposed_sha256)

    assert (version.author, version.published_by, version.note) == (dee, fay, "Why")
    assert (version.is_by_one_person, version.sha256) == (False, runbook.proposed_sha256)
    runbook.refresh_from_db()
    assert (runbook.proposed_by, runbook.proposed_sha256) == (None, "")


def test_a_draft_that_changed_after_it_was_asked_for_has_to_be_asked_for_again(db):
    dee, fay = make_user("dee", ["admin"]), make_user("fay", ["admin"])
    runbook = runbooks.propose(draft(CONFIRM), actor=dee)
    runbook.steps.update(title="Other")

    with pytest.raises(RunbookError, match="The draft was changed after dee asked for it"):
        runbooks.publish(runbook, actor=fay)
    assert runbook.versions.count() == 0

    runbooks.propose(runbook, actor=dee)
    assert runbooks.publish(runbook, actor=fay).body["steps"][0]["title"] == "Other"


def test_an_installation_with_one_admin_may_publish_alone_and_the_version_says_so(db, settings):
    settings.PUBLISH_ALONE = True

    version = runbooks.publish(draft(CONFIRM), actor=make_user("dee", ["admin"]))

    assert version.is_by_one_person
    assert AuditEntry.objects.filter(text__endswith=", by one person").exists()


@pytest.mark.parametrize(
    ("fields", "mend"),
    [
        ({"action": "isolate_devise"}, "there is no action 'isolate_devise'. Did you mean 'isolate_device'?"),
        ({"params": {"device": 1, "coment": "x"}}, "no such parameter. Did you mean 'comment'?"),
        ({"params": {"device": "${{ device.idd }}"}}, "acquired. Did you mean 'id'?"),
        ({"params": {"device": "${{ devise.id }}"}}, "unknown word 'devise' at 1. Did you mean 'device'?"),
        ({"params": {"device": "${{ steps.confrm.id }}"}}, "is called 'confrm'. Did you mean 'confirm'?"),
        ({"when": "steps.tell.state == 'x'"}, "It comes later: move it up."),
        ({"needs": ["confrim"]}, "is called 'confrim'. Did you mean 'confirm'?"),
        ({"when": "device.os = 'x'"}, "Two things are compared by ==."),
        ({"when": "device.is_critical and device.is_protected"}, "Write && for and."),
        ({"when": "(device.is_critical"}, "Syntax error: missing ')' at the end."),
    ],
)
def test_the_check_says_what_would_mend_it(db, fields, mend):
    runbook = draft(CONFIRM, ISOLATE | fields, MAIL)

    assert mend in " | ".join(map(str, runbooks.check(runbook)))


def test_only_an_admin_publishes(db):
    with pytest.raises(NotAllowedError):
        runbooks.publish(draft(CONFIRM), actor=make_user("ada", ["analyst"]))


def test_the_shipped_runbooks_pass_their_check_and_are_offered_where_they_fit(db):
    AlertKind.objects.all().delete()
    group = make_user("x", ["team"]).groups.first()
    kinds = {slug: make_kind(slug) for slug in shipped.OFFERED}
    of_people = AlertKind.objects.filter(slug="removable-media")
    of_people.update(is_restricted=True, is_covert=True, group=group)
    covert = make_case(kind=of_people.get(), is_restricted=True, is_covert=True)

    assert {line.rpartition(" ")[2] for line in shipped.install().splitlines()} == {"installed"}
    assert {line.rpartition(" ")[2] for line in shipped.install().splitlines()} == {"there"}

    for slug in set(kinds) - {"removable-media"}:
        offered = runbooks.offered(make_case(kind=kinds[slug]))
        assert tuple(one.runbook.slug for one in offered) == shipped.OFFERED[slug]
    assert [str(one) for one in runbooks.offered(covert)] == ["Suspected insider v1"]


def test_a_runbook_that_is_switched_off_is_not_offered(db):
    version = make_runbook(CONFIRM)
    kind = make_kind()
    KindRunbook.objects.create(kind=kind, runbook=version.runbook)
    assert len(runbooks.offered(make_case(kind=kind))) == 1

    Runbook.objects.update(is_enabled=False)

    assert runbooks.offered(make_case(kind=kind)) == []
