"""Letting a step go without an answer of that moment: told to people at once, and looked at by one of them later."""

from django.db import transaction

from cases.models import Case
from response.actions.base import actions
from response.choices import Consent, PageReason, StepState
from response.errors import ApprovalError
from response.models import Override, Page, StandingApproval, StepRun
from response.services import clock, paging, policy, progress, rota, standing, transitions
from response.services.approvals import checked_reason, decided_text
from secops import stepup
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import User

LONG_ENOUGH = 15  # characters of a reason that somebody can judge later


def use(step: StepRun, found: StandingApproval) -> None:
    """The standing approval speaks for the people; its row and the run's are locked."""
    names = " and ".join(one.display_name for one in standing.signers(found)[:2])
    reason = f"{names} allowed it ahead"
    is_asked = Page.objects.filter(step=step, reason=PageReason.ASKED).exists()
    silence = "" if not found.is_after_rota else "Nobody answered. " if is_asked else "Nobody is on call. "
    story = f"{silence}Standing approval “{found}”, signed by {names}, lets it go: {step.title}. To be reviewed"
    _let_go(step, Override(kind=Consent.STANDING, standing=found, reason=reason), story=story)
    _tell(step, standing.signers(found))


def break_glass(step_id: int, *, reason: str, params_sha256: str, actor: User) -> StepRun:
    """A responder lets a step go alone, also one that they asked for; everybody who could have decided is told."""
    require(actor, May.STEER)
    reason = checked_reason(reason)
    if len(reason) < LONG_ENOUGH:
        raise ApprovalError("Say why nobody else could be asked, so that it can be judged later.")
    with transaction.atomic():
        step = transitions.locked(step_id)
        if not Case.objects.visible_to(actor).filter(pk=step.run.case_id).exists():
            raise NotAllowedError("You cannot see this case.")
        if step.state != StepState.WAITING or actions[step.action].waits_for_person:
            raise ApprovalError(decided_text(step))
        if step.deadline is not None and step.deadline <= clock.now():
            raise ApprovalError("The time for this decision is over. Nothing was sent.")
        if params_sha256 != step.params_sha256:
            raise ApprovalError(f"{policy.CHANGED}. Read it again, then decide.")
        proved = stepup.require(actor)
        story = f"Break-glass: {step.title}. “{reason}”{proved.words}. To be reviewed"
        _let_go(step, Override(kind=Consent.BREAK_GLASS, by=actor, reason=reason), story=story, actor=actor)
        _tell(step, [one for one in policy.deciders(step) if one.pk != actor.pk])
    return step


def review(pk: int, *, text: str, actor: User) -> Override:
    """Another person has looked at it; what they say stands on the case."""
    require(actor, May.APPROVE)
    text = checked_reason(text)
    with transaction.atomic():
        found = Override.objects.select_for_update(of=("self",)).select_related("step__run", "standing").get(pk=pk)
        if not Case.objects.visible_to(actor).filter(pk=found.step.run.case_id).exists():
            raise NotAllowedError("You cannot see this case.")
        if actor.pk in concerned(found):
            raise NotAllowedError("You asked for it, allowed it or did it, so another person reviews it.")
        if found.reviewed_at is not None:
            raise ApprovalError(f"It was reviewed at {found.reviewed_at:%H:%M} UTC.")
        found.reviewed_at, found.reviewed_by, found.review = clock.now(), actor, text
        found.save(update_fields=["reviewed_at", "reviewed_by", "review"])
        story = f"Reviewed: {found.title} for {found.step.title}. “{text}”"
        transitions.tell(found.step.run, story, actor=actor, step=found.step)
    return found


def concerned(found: Override) -> set[int]:
    """Ids of those who asked for it, did it or signed for it: they do not review it."""
    ids = {found.step.requested_by_id, *([found.by_id] if found.by_id else [])}
    if found.standing is not None:
        ids |= {one.person_id for one in found.standing.signatures.all()}
    return ids


def _let_go(step: StepRun, override: Override, *, story: str, actor: User | None = None) -> None:
    override.step, override.params_sha256, override.at = step, step.params_sha256, clock.now()
    override.save(force_insert=True)
    transitions.change(
        step,
        StepState.READY,
        frm=[StepState.WAITING],
        actor=actor,
        text=f"{override.title}: {override.reason}",
        story=story,
        deadline=clock.after(step.timeout_seconds),
        not_before=None,
    )
    progress.advance(step.run)


def _tell(step: StepRun, people: list[User]) -> None:
    """Those named, and who is on call and may see the case; each once."""
    on_call = [one for one in rota.on_call(clock.now()) if not policy.why_not(one, step)]
    for person in {one.pk: one for one in (*people, *on_call)}.values():
        paging.call(step, person, PageReason.TOLD)
