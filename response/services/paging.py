"""Calls to people: rows first, then a mail and every pager; a link to look at, never one that acts."""

import logging
from datetime import datetime
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from cases.models import Case
from response.choices import PageReason, PageState, StepState
from response.models import Page, StepRun
from response.services import clock, outcomes, transitions
from secops import integrations, quotas, taskqueue
from secops.errors import SecopsError
from secops.models import Integration, User
from secops.signin import base_url

logger = logging.getLogger(__name__)
MOST_ATTEMPTS = 3
SHIFT_SECONDS = 5


def call(step: StepRun, person: User, reason: PageReason) -> bool:
    """Write down that this person is to be called about the step; False when they were already."""
    _, is_new = Page.objects.get_or_create(step=step, person=person, reason=reason, defaults={"at": clock.now()})
    if is_new:
        taskqueue.ring("response")
    return is_new


def due() -> int:
    """How many wait to be sent."""
    return Page.objects.filter(state=PageState.DUE).count()


def is_due(at: datetime) -> bool:
    """Has a page been due since then?"""
    return Page.objects.filter(_since(at), state=PageState.DUE, at__lte=at).exists()


def _since(at: datetime) -> Q:
    return Q(not_before__isnull=True) | Q(not_before__lte=at)


def work() -> int:
    """Send what is due, for some seconds: a mail server that hangs holds up no step; the number of pages tried."""
    ends, moved = monotonic() + SHIFT_SECONDS, 0
    while monotonic() < ends and (page := _claimed()) is not None:
        _send(page)
        moved += 1
    return moved


def _claimed() -> Page | None:
    """One page, this worker's for the length of a lease; a page that goes out twice does no harm, a lost one does."""
    at = clock.now()
    found = Page.objects.filter(_since(at), state=PageState.DUE).first()
    if found is None:
        return None
    mine = Page.objects.filter(pk=found.pk, state=PageState.DUE, attempts=found.attempts)
    if not mine.update(attempts=F("attempts") + 1, not_before=clock.after(settings.LEASE_SECONDS)):
        return None
    return Page.objects.select_related("person", "step__run__case").get(pk=found.pk)


def _send(page: Page) -> None:
    who = page.person.display_name
    if why := _why_not_any_more(page):
        _end(page, PageState.FAILED, why, story="")
        return
    sent, troubles = _tried(page)
    if sent:
        _end(page, PageState.SENT, ", ".join(sent), story=f"Called {who} ({', '.join(sent)}): {_what(page)}")
    elif page.attempts >= MOST_ATTEMPTS or not troubles:
        why = "; ".join(troubles) or "no mail address and no pager is set up"
        _end(page, PageState.FAILED, why, story=f"{who} could not be called: {why}")
    else:
        Page.objects.filter(pk=page.pk).update(
            not_before=clock.after(outcomes.backoff(page.attempts)), result="; ".join(troubles)[:300]
        )


def _why_not_any_more(page: Page) -> str:
    """What has changed since the page was written, so that nobody is to be called."""
    if page.reason == PageReason.ASKED and page.step.state != StepState.WAITING:
        return "Decided before it went out"
    if not Case.objects.visible_to(page.person).filter(pk=page.step.run.case_id).exists():
        return "May not see the case any more"
    return "Workers ended over it" if page.attempts > MOST_ATTEMPTS else ""


def _tried(page: Page) -> tuple[list[str], list[str]]:
    """The ways by which it went out, and what was wrong with the others."""
    sent, troubles = [], []
    for source, way in _ways(page.person):
        try:
            if not quotas.take(source, 1, is_effect=True):
                raise SecopsError("no calls are left for now.")
            _tell(source, way, page)
            sent.append(source.name)
        except SecopsError as error:
            troubles.append(f"{source.name}: {error}")
        except Exception:
            logger.exception("The call of page %s crashed", page.pk)
            troubles.append(f"{source.name}: it crashed, see the log")
    return sent, troubles


def _ways(person: User) -> list[tuple[Integration, str]]:
    """Mail to the person's address, and every pager."""
    mail = integrations.with_capability("mail")[:1] if person.email else []
    pagers = integrations.with_capability("page")
    return [*((one, "mail") for one in mail), *((one, "page") for one in pagers)]


def _tell(source: Integration, way: str, page: Page) -> None:
    connector: Any = integrations.connector_of(source)
    case, key = page.step.run.case, f"page-{page.pk}"
    link = f"{base_url()}{reverse('response:approval', args=[page.step_id])}"
    is_secret = case.is_restricted or case.tlp > integrations.max_tlp(source)
    text = f"{case.number}: {'look at a step' if is_secret else _what(page)}"
    if way == "page":
        connector.page(person=page.person.get_username(), text=text, url=link, key=key)
        return
    body = f"{text}\n\n{link}\n\nSign in to read it and to decide. This mail decides nothing.\n"
    subject = f"{settings.PRODUCT_NAME}: {case.number} needs you now"
    connector.send_mail(to=[page.person.email], subject=subject, text=body, key=key)


def _what(page: Page) -> str:
    step = page.step
    if page.reason == PageReason.TOLD:
        return f"{step.title} was let go without an answer, to be reviewed"
    return f"{step.title} waits for approval" + (f" until {step.deadline:%H:%M} UTC" if step.deadline else "")


def _end(page: Page, state: PageState, result: str, *, story: str) -> None:
    with transaction.atomic():
        if not Page.objects.filter(pk=page.pk, state=PageState.DUE).update(
            state=state, result=result[:300], ended_at=clock.now(), not_before=None
        ):
            return  # another worker was faster
        if story:
            transitions.tell(page.step.run, story, step=page.step)
