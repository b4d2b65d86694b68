"""Ask for a checked draft to be published, freeze it as a version, and offer it to the cases of its kinds."""

from collections.abc import Container
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cases.models import Case
from response.actions.base import actions
from response.choices import Risk
from response.errors import RunbookError
from response.models import KindRunbook, Runbook, RunbookVersion
from response.models.runbooks import body_hash
from response.services import checks
from response.services.checks import Problem
from secops import stepup
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import AuditEntry, User

PROPOSAL = ["proposed_by", "proposed_at", "proposed_sha256", "proposed_note"]
SELDOM = ("max_attempts", "backoff_seconds", "undo_after")
WRITERS = ["edited_by", "draft_authors", "updated_at"]


def check(runbook: Runbook) -> list[Problem]:
    """Everything that speaks against publishing, and warnings, in the order of the steps."""
    return checks.problems_of(list(runbook.steps.all()))


def propose(runbook: Runbook, *, actor: User, note: str = "") -> Runbook:
    """Ask another admin to publish the draft exactly as it is now; RunbookError names what forbids it."""
    require(actor, May.ADMINISTER)
    with transaction.atomic():
        runbook = Runbook.objects.select_for_update(of=("self",)).select_related("edited_by").get(pk=runbook.pk)
        if runbook.edited_by is not None and runbook.edited_by != actor:
            raise NotAllowedError(f"{runbook.edited_by.display_name} changed the draft last, so they ask for it.")
        sha256 = body_hash(_publishable(runbook))
        runbook.proposed_by, runbook.proposed_at = actor, timezone.now()
        runbook.proposed_sha256, runbook.proposed_note = sha256, note[:300]
        runbook.save(update_fields=PROPOSAL)
        AuditEntry.append(f"Asked to publish {runbook}, sha256 {sha256[:12]}", actor=actor)
    return runbook


def why_not_publish(runbook: Runbook, user: User, sha256: str) -> str:
    """Why this person cannot publish a draft with this hash now; empty when they can."""
    if settings.PUBLISH_ALONE:
        return ""
    if not runbook.proposed_sha256:
        return "Who changed the draft asks for it to be published, and another admin publishes it."
    asked = runbook.proposed_by.display_name if runbook.proposed_by else "somebody"
    if runbook.proposed_sha256 != sha256:
        return f"The draft was changed after {asked} asked for it, so it has to be asked for again."
    if user.pk in {runbook.proposed_by_id, runbook.edited_by_id, *runbook.draft_authors}:
        return "You wrote it, so another admin publishes it."
    return ""


def publish(
    runbook: Runbook, *, actor: User | None, note: str = "", accepts: Container[str] = (), seen: str = ""
) -> RunbookVersion:
    """Freeze the draft as the next version; RunbookError names step and field of each problem.

    `accepts` are the marks of the warnings that a person ticked, `seen` the hash of the draft that they looked at.
    Without an actor it is the machine's own shell, where no second person is asked for.
    """
    how = ""
    if actor is not None:
        require(actor, May.ADMINISTER)
        how = stepup.require(actor).words
    with transaction.atomic():
        runbook = (
            Runbook.objects.select_for_update(of=("self",))
            .select_related("edited_by", "proposed_by")
            .get(pk=runbook.pk)
        )
        body = _publishable(runbook, accepts)
        if seen and seen != body_hash(body):
            raise RunbookError("Not published. The draft was changed since this page was loaded: look at it again.")
        if actor is not None and (text := why_not_publish(runbook, actor, body_hash(body))):
            raise RunbookError(f"Not published. {text}")
        author = runbook.edited_by or runbook.proposed_by or actor
        version = RunbookVersion(
            runbook=runbook,
            number=runbook.live.number + 1 if runbook.live else 1,
            body=body,
            author=author,
            authors=sorted({*runbook.draft_authors, *([author.pk] if author else [])}),
            published_by=actor,
            note=(note or runbook.proposed_note)[:300],
        )
        version.save()
        runbook.proposed_by, runbook.proposed_at, runbook.proposed_sha256, runbook.proposed_note = None, None, "", ""
        runbook.draft_authors = []
        runbook.save(update_fields=[*PROPOSAL, "draft_authors"])
        AuditEntry.append(_audited(runbook, version, how), actor=actor)
    return version


def note_writer(runbook: Runbook, actor: User | None) -> None:
    """They changed the draft, so they do not publish it; a draft that is as the live version has no writers."""
    written = Runbook.objects.select_for_update().get(pk=runbook.pk).draft_authors
    live = runbook.live
    is_as_live = live is not None and live.sha256 == body_hash(frozen(runbook))
    runbook.draft_authors = [] if is_as_live else sorted({*written, *([actor.pk] if actor else [])})
    runbook.edited_by = actor
    runbook.save(update_fields=WRITERS)


def frozen(runbook: Runbook) -> dict[str, Any]:
    """The draft as plain JSON; needs are written out."""
    steps: list[dict[str, Any]] = []
    for step in runbook.steps.all():
        before = [steps[-1]["key"]] if steps else []
        action = actions.get(step.action)
        label = action.label if action else step.action
        steps.append(
            {
                "key": step.key,
                "action": step.action,
                "title": step.title or label,
                "help_text": step.help_text,
                "params": step.params,
                "when": step.when,
                "needs": step.needs or before,
                "approvals": step.approvals,
                "timeout_seconds": step.timeout_seconds,
                "on_failure": str(step.on_failure),
            }
            | ({"for_each": step.for_each, "cap": step.cap} if step.for_each else {})
            | ({"if_unanswered": str(step.if_unanswered)} if step.if_unanswered else {})
            | {name: value for name in SELDOM if (value := getattr(step, name)) is not None}
        )
    return {
        "slug": runbook.slug,
        "title": runbook.title,
        "description": runbook.description,
        "phase": str(runbook.phase),
        "steps": steps,
    }


def offered(case: Case) -> list[RunbookVersion]:
    """The live versions that the case's kind offers, in the order of the kind's page. While the case is covert, none
    that disrupts what the subject could notice: those are for when it is not covert any more, and come first then."""
    links = KindRunbook.objects.filter(
        kind=case.kind_id, runbook__is_enabled=True, runbook__is_internal=False
    ).select_related("runbook")
    found = [live for link in links if (live := link.runbook.live) is not None]
    if case.is_covert:
        return [live for live in found if not _disrupts(live)]
    was_covert = case.kind is not None and case.kind.is_covert
    return sorted(found, key=_disrupts, reverse=True) if was_covert else found


def _disrupts(version: RunbookVersion) -> bool:
    """Has it a disruptive step that the subject could notice?"""
    named = [actions[step["action"]] for step in version.body["steps"] if step["action"] in actions]
    return any(action.is_noticeable and action.risk == Risk.DISRUPTIVE for action in named)


def warnings_of(runbook: Runbook) -> list[str]:
    """The marks of all warnings: what a person ticks to publish in spite of them."""
    return [problem.mark for problem in check(runbook) if problem.is_warning]


def _publishable(runbook: Runbook, accepts: Container[str] | None = None) -> dict[str, Any]:
    """The draft's body, if nothing forbids that it becomes a version; warnings are asked for at publishing only."""
    problems = check(runbook)
    if errors := [problem for problem in problems if not problem.is_warning]:
        raise RunbookError("Not published. " + " ".join(str(problem) for problem in errors))
    if accepts is not None and (left := [one for one in problems if one.is_warning and one.mark not in accepts]):
        raise RunbookError("Not published. Tick that it shall be so: " + " ".join(str(problem) for problem in left))
    live, body = runbook.live, frozen(runbook)
    if live is not None and live.sha256 == body_hash(body):
        raise RunbookError(f"Nothing changed since v{live.number}.")
    return body


def _audited(runbook: Runbook, version: RunbookVersion, how: str) -> str:
    alone = ", by one person" if version.is_by_one_person else ""
    accepted = [str(problem) for problem in check(runbook) if problem.is_warning]
    ticked = f". Accepted: {' '.join(accepted)}" if accepted else ""
    return f"Published {version}, sha256 {version.sha256[:12]}{alone}{how}{ticked}"
