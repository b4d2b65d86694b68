"""Standing approvals: what two persons allowed ahead of time, within bounds that are asked again before a send."""

from datetime import datetime, timedelta

from django.db import transaction

from response.actions.targets import case_device
from response.errors import ApprovalError
from response.models import Override, Signature, StandingApproval, StepRun
from response.services import clock, policy
from secops import stepup
from secops.access import May, require
from secops.models import AuditEntry, User

SIGNATURES = 2
DAY = timedelta(hours=24)


def sign(pk: int, *, bounds_sha256: str, actor: User) -> StandingApproval:
    """One person stands for the bounds as shown; ApprovalError when they are others by now."""
    require(actor, May.APPROVE)
    with transaction.atomic():
        standing = StandingApproval.objects.select_for_update().get(pk=pk)
        if standing.bounds_sha256 != bounds_sha256:
            raise ApprovalError("Its bounds were changed meanwhile. Read them again, then sign.")
        if standing.revoked_at is not None or standing.expires_at <= clock.now():
            raise ApprovalError("It is over. Write a new one.")
        proved = stepup.require(actor)
        Signature.objects.filter(standing=standing, person=actor).exclude(bounds_sha256=bounds_sha256).delete()
        _, is_new = Signature.objects.get_or_create(
            standing=standing, person=actor, defaults={"bounds_sha256": bounds_sha256, "signed_at": clock.now()}
        )
        if not is_new:
            raise ApprovalError("You have signed it already; another person must too.")
        AuditEntry.append(
            f"Signed standing approval {standing}, bounds {bounds_sha256[:12]}{proved.words}", actor=actor
        )
    return standing


def revoke(pk: int, *, actor: User) -> StandingApproval:
    """It lets nothing go any more, also what was let go and not sent yet; whoever may approve may do it."""
    require(actor, May.APPROVE)
    with transaction.atomic():
        standing = StandingApproval.objects.select_for_update().get(pk=pk)
        if standing.revoked_at is None:
            standing.revoked_at, standing.revoked_by = clock.now(), actor
            standing.save(update_fields=["revoked_at", "revoked_by"])
            AuditEntry.append(f"Revoked standing approval {standing}", actor=actor)
    return standing


def signers(standing: StandingApproval) -> list[User]:
    """Who stands for the bounds as they are now and may still approve."""
    signed = standing.signatures.filter(bounds_sha256=standing.bounds_sha256).select_related("person")
    return [one.person for one in signed if one.person.is_active and one.person.may(May.APPROVE)]


def state_of(standing: StandingApproval, at: datetime) -> str:
    """Why it lets nothing go at all, or nothing."""
    if standing.revoked_at is not None:
        return "it was revoked"
    if standing.expires_at <= at:
        return f"it expired on {standing.expires_at:%d %b %Y}"
    missing = SIGNATURES - len(signers(standing))
    return f"{missing} of {SIGNATURES} signatures are missing" if missing > 0 else ""


def why_not(standing: StandingApproval, step: StepRun, at: datetime) -> str:
    """Why it does not cover the step as it would be sent at that time; nothing when it does. The cap is asked by
    `covering`."""
    if standing.action != step.action or step.undoes_id is not None:
        return "it is for another action"
    if over := state_of(standing, at):
        return over
    if not standing.covers(at):
        return f"it holds {standing.hours_text}"
    if text := _why_not_device(standing, step):
        return text
    risk = step.run.case.risk_score
    if risk is None or risk < standing.min_risk:
        return f"the risk is {'not known' if risk is None else risk}, and it wants {standing.min_risk}"
    signed = signers(standing)
    barred = [one for one in signed if policy.why_not(one, step)]
    if len(signed) - len(barred) < SIGNATURES:
        return f"{barred[0].display_name}, who signed it, may not decide on this step"
    return ""


def covering(step: StepRun, *, is_after_rota: bool) -> tuple[StandingApproval | None, str]:
    """The first that lets the step go now, its row locked; else why the last one of this action does not."""
    at, why = clock.now(), ""
    found = StandingApproval.objects.select_for_update().filter(action=step.action, revoked_at__isnull=True)
    for standing in found.filter(is_after_rota=is_after_rota).order_by("pk"):
        text = why_not(standing, step, at)
        uses = Override.objects.filter(standing=standing, at__gt=at - DAY).count()
        if not text and uses >= standing.cap:
            text = f"it was used {uses} times in 24 hours, and {standing.cap} is its cap"
        if not text:
            return standing, ""
        why = f"“{standing}” does not cover it: {text}"
    return None, why


def _why_not_device(standing: StandingApproval, step: StepRun) -> str:
    part = case_device(step.run.case, step.params.get("device"))
    if part is None:
        return "it is for devices"
    if part.device.group != standing.device_group:
        group = f"of the group {part.device.group}" if part.device.group else "of no known group"
        return f"{part.device.name} is {group}, and it is for {standing.device_group}"
    return f"{part.device.name} is critical, which people decide" if part.device.is_critical else ""
