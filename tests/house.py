"""A house with one open and one restricted case, everything in both, and one person of every role outside of it."""

import json
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from cases.choices import Role, Stage
from cases.models import (
    AlertPayload,
    Case,
    CaseDevice,
    CaseMember,
    CaseObservable,
    CaseReading,
    Note,
    Observable,
    RejectedPayload,
    Source,
    Suppression,
    TimelineEntry,
)
from cases.services import evidence, timeline
from enrichment.choices import ExaminationState, LookupState
from enrichment.models import CaseLookup, Examination, Lookup
from response.choices import Consent, HuntState
from response.models import (
    Hunt,
    HuntAsk,
    HuntHit,
    LegalRelease,
    MajorIncident,
    Mandate,
    Override,
    StandingApproval,
    StepRun,
)
from response.services import runs
from secops import integrations
from secops.models import User
from tests.factories import make_alert, make_case, make_device, make_observable, make_user
from tests.response.conftest import ISOLATE, drilled, make_runbook

TEAM = "insider team"
CANARY = "quetzalplume"  # stands in every text of the restricted case and nowhere else
ROLES = ("no role", "guest", "analyst", "responder", "approver", "admin", "superuser")
SEERS = frozenset({"analyst", "responder", "approver", "admin"})


@dataclass
class Things:
    """The ids of one case and of what belongs to it, as URLs name them."""

    case: int
    alert: int
    entry: int
    lookup: int
    run: int
    step: int
    item: str
    sha256: str
    override: int
    hunt: int
    guest: int

    def url(self, template: str) -> str:
        return template.format(**vars(self))


@dataclass
class House:
    """`restricted` is the open case too, until it is added."""

    open: Things
    restricted: Things
    version: int
    shared: Observable
    people: dict[str, User] = field(default_factory=dict)

    def client(self, who: str, **options: Any) -> Client:
        """Signed in as that person, or nobody."""
        client = Client(**options)
        if who != "anonymous":
            client.force_login(self.people[who])
        return client

    def add_restricted(self) -> None:
        """The case that only the team of `member` may see."""
        member = self.people["member"]
        team = member.groups.get(name=TEAM)
        self.restricted = _fill(CANARY, self, is_restricted=True, group=team)


def build(*, only_open: bool = False) -> House:
    drilled(integrations.add("test_edr", "Test EDR", {}))
    member = make_user("member", ["analyst"])
    member.groups.add(Group.objects.create(name=TEAM))
    version = make_runbook(ISOLATE).pk
    in_a_week = timezone.now() + timedelta(days=7)
    StandingApproval.objects.create(
        pk=1, title="Night", action="isolate_device", device_group="Laptops", expires_at=in_a_week
    )
    Suppression.objects.create(
        pk=1_000, title="Scan", reason="A test", owner=member, written_at=timezone.now(), expires_at=in_a_week
    )
    MajorIncident.objects.create(
        pk=1, reason="Ransomware", cap=50, hours=1, proposed_by=member, proposed_at=timezone.now()
    )
    now = timezone.now()
    Source.objects.create(pk=1_000, name="acme-ids", detector="suricata", first_at=now, heard_at=now)
    RejectedPayload.objects.create(
        pk=1_000, received_at=now, source="acme-ids", detector="suricata", body=zlib.compress(b"{"), size=1
    )
    nothing = Things(**dict.fromkeys(Things.__dataclass_fields__, 0))  # type: ignore[arg-type]
    people = {"member": member, "new guest": make_user("newcomer", ["guest"])}
    house = House(nothing, nothing, version, make_observable("203.0.113.44"), people)
    house.open = house.restricted = _fill("plain", house)
    if not only_open:
        house.add_restricted()
    for role in ROLES:
        fields = {"is_superuser": True, "is_staff": True} if role == "superuser" else {}
        house.people[role] = make_user(
            role.replace(" ", "-"), [] if role in ("no role", "superuser") else [role], **fields
        )
    house.people["guest of the case"] = make_user("invited", ["guest"])
    CaseMember.objects.create(case_id=house.open.case, user=house.people["guest of the case"])
    return house


def _fill(word: str, house: House, **fields: Any) -> Things:
    version, shared, member = house.version, house.shared, house.people["member"]
    case = make_case(
        title=f"Beacon {word}", stage=Stage.RESPONSE, person_name=word, device_name=word, target=word, **fields
    )
    CaseDevice.objects.create(case=case, device=make_device(f"DEV-{word}"))
    alert = make_alert(case, title=f"Alert {word}", source_ref=word)
    body = json.dumps({"title": word}).encode()
    AlertPayload.objects.create(alert=alert, body=zlib.compress(body), sha256=f"{case.pk:064}", size=len(body))
    for observable in (shared, make_observable(f"{word}.example", "domain")):
        CaseObservable.objects.create(
            case=case, observable=observable, role=Role.DESTINATION, first_seen_at=timezone.now()
        )
    Note.objects.create(case=case, author=member, text=f"Note {word}")
    entry = timeline.record(case.pk, f"Entry {word}", kind=TimelineEntry.Kind.PERSON, actor=member)
    lookup = _lookup(case, word)
    run = runs.start(version, case.pk, request_id=uuid4(), actor=member)
    step = StepRun.objects.get(run=run)
    item = evidence.receive(
        case.pk, [word.encode()], kind="file", title=word, file_name=word, is_hazardous=False, actor=member
    )
    Examination.objects.create(
        evidence=item,
        tool="package",
        state=ExaminationState.FAILED,
        asked_at=timezone.now(),
        asked_by=word,
        reason=f"No report of {word}",
    )
    timeline.record(case.pk, f"Loader {word}", kind=TimelineEntry.Kind.ATTACKER, occurred_at=timezone.now())
    alone = runs.start(version, case.pk, request_id=uuid4(), actor=member)
    override = Override.objects.create(
        step=StepRun.objects.get(run=alone),
        kind=Consent.BREAK_GLASS,
        by=member,
        reason=f"Nobody picks up, {word}",
        params_sha256=step.params_sha256,
        at=timezone.now(),
    )
    hunt = _hunt(case, step, word, member)
    _circle(case, word, member)
    return Things(
        *(
            case.pk,
            alert.pk,
            entry.pk,
            lookup.pk,
            run.pk,
            step.pk,
            item.label,
            step.params_sha256,
            override.pk,
            hunt.pk,
        ),
        guest=house.people["new guest"].pk,
    )


def _hunt(case: Case, step: StepRun, word: str, member: User) -> Hunt:
    at = timezone.now()
    hunt = Hunt.objects.create(
        case=case,
        step=step,
        asked_by=member,
        title=f"File name {word}.dll",
        clauses=[{"kind": "file_name", "value": f"{word}.dll"}],
        start_at=at - timedelta(days=30),
        end_at=at,
        state=HuntState.DONE,
        created_at=at,
        ended_at=at,
    )
    HuntAsk.objects.create(hunt=hunt, source="EDR", clause=0, part=0, about="files", state="failed", reason=word)
    HuntHit.objects.create(hunt=hunt, source="EDR", clause=0, name=word, what=f"C:\\{word}.dll", key=word)
    return hunt


def _circle(case: Case, word: str, member: User) -> None:
    """A mandate that is asked for, a decision of Legal, somebody who looked."""
    now = timezone.now()
    Mandate.objects.create(
        case=case,
        legal_basis=f"Basis {word}",
        scope=f"Scope {word}",
        valid_until=now + timedelta(days=7),
        requested_by=member,
        requested_at=now,
        requester_states=f"None, {word}",
    )
    LegalRelease.objects.create(case=case, is_released=False, reason=f"Not yet, {word}", by=member, at=now)
    CaseReading.objects.create(case=case, user=member, first_at=now, last_at=now)


def _lookup(case: Case, word: str) -> Lookup:
    subject = {"kind": "domain", "at": timezone.now().isoformat(), "value": word, "value_kind": "domain", "host": {}}
    lookup = Lookup.objects.create(
        question="domain_reputation",
        connector_name="Source",
        subject_kind="domain",
        subject=subject,
        subject_key=f"{case.pk:064}",
        bucket=word,
        tlp=case.tlp,
        state=LookupState.FAILED,
        created_at=timezone.now(),
        ended_at=timezone.now(),
        reason=f"Failed on {word}",
    )
    CaseLookup.objects.create(case=case, lookup=lookup)
    return lookup
