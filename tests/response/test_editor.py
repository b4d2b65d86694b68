"""The editor beside its form: trials of conditions, dry runs, versions, texts, and publishing by a second person."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from cases.choices import Severity
from response.models import Approval, KindRunbook, Run, Runbook
from response.models.runbooks import body_hash
from response.services import drafts, invariants, policy, runbooks, runs, shipped
from response.services.trials import Trials
from secops.models import AuditEntry, User
from tests.factories import make_case, make_kind, make_user
from tests.response.conftest import ASK, CONFIRM, ISOLATE, MAIL, begin, make_runbook, settle_down, step_of
from tests.response.test_admin import form_of, open_form, save


@pytest.fixture
def admin(client, db):
    user = make_user("dee", ["admin"])
    client.force_login(user)
    return user


@pytest.fixture
def other(db):
    return make_user("fay", ["admin"])


def url(name: str, runbook: Runbook, **kwargs: object) -> str:
    return reverse(f"admin:response_runbook_{name}", kwargs={"pk": runbook.pk} | kwargs)


def offered_to_cases(runbook: Runbook, *severities: int) -> list:
    kind = make_kind()
    KindRunbook.objects.create(kind=kind, runbook=runbook)
    return [make_case(kind=kind, severity=severity) for severity in severities]


# --- trials ---------------------------------------------------------------------------------------------------------


def test_a_condition_says_how_often_it_would_have_matched(client, admin):
    runbook = make_runbook(CONFIRM, MAIL).runbook
    offered_to_cases(runbook, Severity.LOW, Severity.HIGH, Severity.CRITICAL)
    make_case(kind=make_kind(), severity=Severity.HIGH)

    def tried(name: str, source: str) -> str:
        return client.get(url("trial", runbook), {name: source}).content.decode()

    assert "Would have matched 2 of 3 cases." in tried("steps-1-when", "case.severity >= 3")
    assert "Would have found 6 items in 3 of 3 cases." in tried("steps-1-for_each", "['a', 'b']")
    assert "unknown word &#x27;cas&#x27; at 1. Did you mean &#x27;case&#x27;?" in tried(
        "steps-1-when", "cas.severity > 1"
    )
    assert "3 could not be evaluated: The answer is int" in tried("steps-1-when", "case.severity")
    assert "it gives bool, not a list" in tried("steps-1-for_each", "true")
    assert tried("steps-1-when", " ").strip() == ""


def test_a_restricted_case_is_counted_only_for_who_may_see_it(client, admin):
    runbook = make_runbook(CONFIRM).runbook
    _, hidden = offered_to_cases(runbook, Severity.HIGH, Severity.HIGH)
    hidden.group = make_user("x", ["team"]).groups.get()
    hidden.is_restricted = True
    hidden.save()

    assert "1 of 1 cases" in Trials(runbook, admin).of("true").text
    admin.groups.add(hidden.group)
    assert "2 of 2 cases" in Trials(runbook, admin).of("true").text


def test_a_condition_on_earlier_steps_counts_only_cases_with_a_run(client, admin, case, analyst, world):
    run = begin(case, analyst, CONFIRM)
    settle_down()
    runbook = run.version.runbook
    offered_to_cases(runbook, Severity.HIGH)
    case.kind = KindRunbook.objects.get().kind
    case.save()

    text = Trials(runbook, admin).of("steps.confirm.state == 'succeeded'").text

    assert text == "Would have matched 1 of 1 cases. 1 not counted, without a run that says what its steps found."


def test_trials_end_when_their_time_is_over_and_say_so(admin):
    runbook = make_runbook(CONFIRM).runbook
    offered_to_cases(runbook, Severity.HIGH, Severity.HIGH)

    assert Trials(runbook, admin, seconds=-1).of("true").text == (
        "Would have matched 0 of 0 cases. 2 not tried, the time was over."
    )


def test_without_a_kind_there_is_nothing_to_try_it_on(admin):
    assert "No case yet of a kind that offers" in Trials(make_runbook(CONFIRM).runbook, admin).of("true").text


def test_conditions_are_tried_without_javascript_by_a_button(client, admin):
    runbook = make_runbook(CONFIRM, MAIL).runbook
    offered_to_cases(runbook, Severity.HIGH, Severity.LOW)

    text = save(client, runbook, **{"steps-1-when": "case.severity >= 3", "_try": "1"}).content.decode()

    assert "Would have matched 1 of 2 cases." in text
    assert runbook.steps.get(key="tell").when == "case.severity >= 3"


# --- order and needs -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_arrow_saves_and_moves_and_has_the_hand_again(client, admin):
    runbook = make_runbook(CONFIRM, ISOLATE, ASK).runbook
    step = runbook.steps.get(key="next")

    answer = save(client, runbook, **{"_move": f"up-{step.pk}", "steps-1-p_comment": "Kept"})

    assert answer.redirect_chain[-1][0].endswith(f"#up-{step.pk}")
    assert list(runbook.steps.values_list("key", "order")) == [("confirm", 1), ("next", 2), ("isolate", 3)]
    assert runbook.steps.get(key="isolate").params["comment"] == "Kept"
    save(client, runbook, _move=f"down-{runbook.steps.get(key='isolate').pk}")
    assert runbook.steps.last().key == "isolate"


@pytest.mark.slow
def test_needs_are_chosen_among_the_steps_before_and_shown_by_number(client, admin):
    runbook = make_runbook(CONFIRM, ISOLATE, MAIL).runbook
    text = open_form(client, runbook)
    assert 'name="steps-2-needs" value="isolate"' in text
    assert 'name="steps-1-needs" value="tell"' not in text

    text = save(client, runbook, **{"steps-2-needs": ["confirm"], "_continue": "1"}).content.decode()

    assert runbook.steps.get(key="tell").needs == ["confirm"]
    assert text.count("side by side with") == 2


def test_a_need_that_is_gone_is_kept_and_named(client, admin):
    runbook = make_runbook(CONFIRM, ISOLATE, MAIL | {"needs": ["isolate"]}).runbook

    text = save(client, runbook, **{"steps-1-key": "cut", "_continue": "1"}).content.decode()

    assert "no step before it is called &#x27;isolate&#x27;" in text
    assert 'value="isolate"' in text


@pytest.mark.slow
def test_a_list_that_was_not_touched_stays_a_list(client, admin):
    shipped.install()
    runbook = Runbook.objects.get(slug="contain-device")

    save(client, runbook, _continue="1")

    assert body_hash(runbooks.frozen(runbook)) == runbook.live.sha256


@pytest.mark.slow
def test_a_page_that_is_older_than_the_draft_saves_nothing_and_keeps_what_was_typed(client, admin, other):
    runbook = make_runbook(CONFIRM, MAIL).runbook
    page = form_of(open_form(client, runbook))
    client.force_login(other)
    save(client, runbook, **{"steps-1-title": "Of the other", "_continue": "1"})
    client.force_login(admin)
    address = reverse("admin:response_runbook_change", args=[runbook.pk])

    answer = client.post(address, page | {"description": "Of mine", "_propose": "1"})

    assert answer.status_code == 409
    assert "Not saved. fay changed the draft since this page was loaded." in answer.content.decode()
    assert "Of mine</textarea>" in answer.content.decode()
    runbook.refresh_from_db()
    assert (runbook.description, runbook.proposed_sha256, runbook.edited_by) == ("", "", other)
    assert runbook.steps.get(key="tell").title == "Of the other"
    assert client.post(address, page | {"seen": ""}).status_code == 409
    runbook.steps.get(key="tell").delete()
    assert client.post(address, page).status_code == 409


def test_a_blank_step_is_no_step_when_another_admin_added_one(client, admin):
    runbook = make_runbook(CONFIRM).runbook
    page = form_of(open_form(client, runbook))
    runbook.steps.create(order=2, **MAIL)

    text = client.post(reverse("admin:response_runbook_change", args=[runbook.pk]), page).content.decode()

    assert "Not saved. Somebody changed the draft" in text
    assert "This field is required" not in text


def test_a_text_does_not_write_back_what_was_asked_for_before(admin, other):
    runbook = make_runbook(CONFIRM, slug="one").runbook
    drafts.take(drafts.text_of(runbook).replace("Contain", "Other"), "text", actor=admin, into=runbook)
    runbooks.propose(runbook, actor=admin)
    before = Runbook.objects.get()
    runbooks.publish(runbook, actor=other)

    drafts.take(drafts.text_of(before).replace("Other", "More"), "text", actor=other, into=before)

    after = Runbook.objects.get()
    assert (after.title, after.proposed_sha256, after.proposed_by) == ("More", "", None)


# --- dry run ---------------------------------------------------------------------------------------------------------


def test_a_dry_run_saves_first_and_sends_nothing(client, admin, case, world, approver):
    runbook = make_runbook(CONFIRM, ISOLATE).runbook

    text = save(client, runbook, **{"_dry": "1", "dry_case": case.number, "steps-1-p_comment": "Try"}).content.decode()

    assert "Confirm FIN-LT-0142 and its owner." in text
    assert "1 approval, of eve, not of who asks." in text
    assert "<dd>Try</dd>" in text
    assert (world.effects, Run.objects.count()) == ([], 0)


def test_a_dry_run_against_a_case_that_may_not_be_seen_is_none(client, admin, case, world):
    runbook = make_runbook(CONFIRM).runbook
    case.is_restricted = True
    case.save()

    text = client.get(f"/admin/response/runbook/{runbook.pk}/change/", {"dry": case.number}).content.decode()

    assert "FIN-LT-0142" not in text
    assert case.number not in text


# --- versions and texts ----------------------------------------------------------------------------------------------


def test_versions_are_compared_restored_and_downloaded(client, admin):
    runbook = make_runbook(CONFIRM, ISOLATE).runbook
    save(client, runbook, **{"steps-1-p_comment": "Now", "_continue": "1"})

    page = client.get(url("versions", runbook)).content.decode()
    assert '<span class="added">+      comment: Now' in page
    assert client.get(url("versions", runbook), {"old": "9", "new": "x"}).status_code == 200

    text = client.get(url("download", runbook)).content.decode()
    assert "comment: Now" in text
    first = client.get(url("download", runbook), {"version": "1"})
    assert "comment" not in first.content.decode()
    assert first["Content-Disposition"] == f'attachment; filename="{runbook.slug}-v1.yaml"'

    client.post(url("restore", runbook, number=1))
    assert drafts.text_of(runbook) == first.content.decode()
    assert AuditEntry.objects.filter(text="Restored Contain v1 into the draft", user=admin).exists()


def test_a_text_becomes_the_draft_or_is_refused_with_its_lines(client, admin):
    runbook = make_runbook(CONFIRM, ISOLATE, slug="one").runbook
    text = drafts.text_of(runbook)
    file = SimpleUploadedFile("one.yaml", text.replace("device.id", "device.idd").encode())

    refused = client.post(url("upload", runbook), {"file": file})
    assert refused.status_code == 422
    assert "one.yaml: line 9, step 1 (confirm), Device: device has no field" in refused.content.decode()
    assert drafts.text_of(runbook) == text

    client.post(
        url("upload", runbook), {"text": text.replace("title: Contain\n", "title: Other\n").replace("\n", "\r\n")}
    )
    runbook.refresh_from_db()
    assert (runbook.title, runbook.edited_by) == ("Other", admin)
    assert client.post(url("upload", runbook), {"text": text.replace("slug: one", "slug: two")}).status_code == 422


@pytest.mark.parametrize("size", [500_000, 3_000_000])
def test_a_file_that_is_too_large_is_refused_in_words(client, admin, size):
    runbook = make_runbook(CONFIRM, slug="one").runbook
    file = SimpleUploadedFile("one.yaml", b"#" * size)

    answer = client.post(url("upload", runbook), {"file": file, "text": drafts.text_of(runbook)})

    assert answer.status_code == 422
    assert "The file is too large: a runbook has at most 100,000 characters." in answer.content.decode()


def test_a_copy_has_a_name_of_its_own_and_is_not_published(client, admin):
    runbook = make_runbook(CONFIRM, slug="one").runbook

    client.post(url("duplicate", runbook))
    client.post(url("duplicate", runbook))

    copies = Runbook.objects.exclude(pk=runbook.pk).order_by("pk")
    assert [(copy.slug, copy.live, copy.steps.count()) for copy in copies] == [
        ("one-copy", None, 1),
        ("one-copy2", None, 1),
    ]


# --- publishing ------------------------------------------------------------------------------------------------------


def test_who_wrote_it_asks_and_another_publishes_what_was_asked_for(client, admin, other):
    runbook = make_runbook(CONFIRM, ISOLATE).runbook
    text = save(
        client, runbook, **{"steps-1-p_comment": "Now", "_propose": "1", "publish_note": "Why"}
    ).content.decode()
    assert "Asked for publication" in text
    assert "You wrote it, so another admin publishes it." in text
    assert "Publish v2</button>" not in text
    runbook.refresh_from_db()
    asked = runbook.proposed_sha256
    client.post(url("publish", runbook), {"sha256": asked})
    assert runbook.versions.count() == 1

    client.force_login(other)
    page = open_form(client, runbook)
    assert "dee asked for it" in page
    assert f'name="sha256" value="{asked}"' in page
    text = client.post(url("publish", runbook), {"sha256": asked, "publish_note": "Why"}, follow=True).content.decode()

    assert "Published Contain v2" in text
    live = runbook.live
    assert (live.author, live.published_by, live.sha256, live.note) == (admin, other, asked, "Why")


@pytest.mark.slow
def test_a_change_after_asking_voids_it_in_words(client, admin, other):
    runbook = make_runbook(CONFIRM, ISOLATE).runbook
    save(client, runbook, **{"steps-1-p_comment": "Now", "_propose": "1"})
    text = save(client, runbook, **{"steps-1-p_comment": "Later", "_continue": "1"}).content.decode()
    assert "The draft was changed after dee asked for it, so it has to be asked for again." in text

    client.force_login(other)
    page = open_form(client, runbook)
    sha256 = page.split('name="sha256" value="')[1][:64]
    text = client.post(url("publish", runbook), {"sha256": sha256}, follow=True).content.decode()

    assert "Not published. The draft was changed after dee asked for it" in text
    assert runbook.versions.count() == 1


@pytest.mark.slow
def test_nobody_who_changed_the_draft_publishes_it_or_approves_its_steps(client, admin, other, case, world, analyst):
    admin.groups.add(Group.objects.get_or_create(name="responder")[0])
    runbook = make_runbook(ISOLATE).runbook
    save(client, runbook, **{"steps-0-p_comment": "All of them", "_continue": "1"})
    client.force_login(other)
    save(client, runbook, description="A comma", _propose="1")
    client.force_login(admin)

    client.post(url("publish", runbook), {"sha256": Runbook.objects.get().proposed_sha256})
    assert runbook.versions.count() == 1
    version = runbooks.publish(runbook, actor=make_user("gus", ["admin"]))

    assert (version.author, version.authors) == (other, sorted([admin.pk, other.pk]))
    assert Runbook.objects.get().draft_authors == []
    run = runs.start(version.pk, case.pk, request_id=uuid4(), actor=analyst)
    step = step_of(run, "isolate")
    user = User.objects.get(pk=admin.pk)
    assert policy.why_not(user, step) == "You wrote this version of the runbook, so another person decides."
    Approval.objects.create(
        **{"step": step, "params_sha256": step.params_sha256, "decision": "approved"},
        **{"requested_by": analyst, "decided_by": user, "decided_at": step.state_at, "expires_at": step.state_at},
    )
    assert "I8" in invariants.broken()


def test_a_text_and_a_restore_have_a_writer_until_the_draft_is_as_the_live_version(client, admin, other):
    runbook = make_runbook(CONFIRM, slug="one").runbook
    text = drafts.text_of(runbook).replace("title: Contain", "title: Other")
    drafts.take(text, "text", actor=admin, into=runbook)
    drafts.take(text.replace("Other", "More"), "text", actor=other, into=runbook)
    drafts.take(text.replace("Other", "Shell"), "text", actor=None, into=runbook)
    assert Runbook.objects.get().draft_authors == sorted([admin.pk, other.pk])
    copy = drafts.duplicate(runbook, actor=make_user("gus", ["admin"]))
    assert len(copy.draft_authors) == 3

    drafts.discard(runbook, actor=admin)

    assert Runbook.objects.get(pk=runbook.pk).draft_authors == []


@pytest.mark.slow
def test_a_save_that_changes_nothing_neither_takes_the_place_of_who_wrote_it_nor_voids_what_was_asked_for(
    client, admin, other
):
    runbook = make_runbook(MAIL | {"help_text": "Go\nthere "}, ASK).runbook
    save(client, runbook, **{"description": "One\r\ntwo", "steps-0-p_message": "a\r\nb", "_propose": "1"})
    runbook.refresh_from_db()
    assert (runbook.description, runbook.steps.get(key="tell").params["message"]) == ("One\ntwo", "a\nb")
    client.force_login(other)

    typed = {"description": "One\r\ntwo", "steps-0-p_message": "a\r\nb", "steps-1-p_choices": "Go\r\nStop"}
    save(client, runbook, **typed, _continue="1")

    runbook.refresh_from_db()
    assert (runbook.edited_by, runbook.draft_authors) == (admin, [admin.pk])
    assert runbooks.why_not_publish(runbook, other, body_hash(runbooks.frozen(runbook))) == ""


@pytest.mark.slow
def test_the_warning_is_ticked_by_who_publishes(client, admin, other):
    runbook = make_runbook(CONFIRM, ISOLATE).runbook
    save(client, runbook, **{"steps-1-approvals": "0", "_propose": "1"})
    client.force_login(other)
    page = open_form(client, runbook)
    sha256 = page.split('name="sha256" value="')[1][:64]
    assert 'name="accept" value="isolate:approvals" form="publish-form"' in page

    refused = client.post(url("publish", runbook), {"sha256": sha256}, follow=True).content.decode()
    assert "Tick that it shall be so: Step 2, Approvals" in refused
    client.post(url("publish", runbook), {"sha256": sha256, "accept": "isolate:approvals"})

    assert runbook.live.number == 2


def test_alone_the_version_says_so(client, admin, settings):
    settings.PUBLISH_ALONE = True
    runbook = make_runbook(CONFIRM, ISOLATE).runbook

    save(client, runbook, **{"steps-1-p_comment": "Now", "_publish": "1"})

    assert "published by one person" in client.get(url("versions", runbook)).content.decode()


@pytest.mark.parametrize("name", ["trial", "versions", "download", "upload", "publish", "duplicate"])
def test_nobody_but_an_admin_reaches_the_editors_pages(client, db, name):
    runbook = make_runbook(CONFIRM).runbook
    client.force_login(make_user("rosa", ["responder"], is_staff=True, is_superuser=True))

    for ask in (client.get, client.post):
        assert ask(url(name, runbook)).status_code in {302, 403}
    assert Runbook.objects.count() == 1
