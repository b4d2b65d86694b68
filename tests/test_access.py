"""Every URL times every role: who is let in, who is sent away, and that restriction is asked last, of everybody.

Each answer is also read for a word that stands only in a case restricted to others, and for what it lets a browser do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from cases.choices import Circle
from cases.models import CaseReading
from secops.models import ApiToken
from tests.house import CANARY, ROLES, SEERS, House

ACTORS = ("anonymous", *ROLES, "guest of the case")
WORKERS = frozenset({"analyst", "responder"})
NOTERS = frozenset({"analyst", "responder", "approver", "guest of the case"})
DECIDERS = frozenset({"responder", "approver"})
STEERERS = frozenset({"responder"})
ADMINS = frozenset({"admin"})
INSIDE = SEERS | {"guest of the case"}  # of the open case
OF_READERS = {"case": SEERS, "guests": INSIDE}
OF_ROLES = {"seers": SEERS, "workers": WORKERS}


@dataclass(frozen=True, kw_only=True)
class Door:
    """One URL. `get` is who may read it: everybody, signed in, seers (who may see cases at all), workers, admins, the
    case's readers, guests of the case besides, or nobody (POST only)."""

    path: str
    get: str = "case"
    post: frozenset[str] | None = None  # who may act; None: POST is not taken
    data: dict[str, Any] = field(default_factory=dict)


REASON = "A test of ours"
LONG_REASON = "A test of ours, and nobody picks up"
CLOSE = {"disposition": "false_positive", "reason": REASON}
HUNT = {"kind": "file_name", "values": "updater.dll", "days": "30", "request_id": str(uuid4())}
CASE, RUN, STEP = "/cases/CASE-{case}/", "/runs/{run}/", "/steps/{step}/"
ITEM = CASE + "evidence/E-{item}/"
CIRCLE = CASE + "need-to-know/"
MANDATE = {"legal_basis": "A law", "scope": "A laptop", "days": "14", "states_no_conflict": "on"}
UNFOUNDED = {"reason": REASON, "keep_until": "2999-01-01"}
DOORS: dict[str, Door] = {
    "start": Door(path="/", get="signed in"),
    "login": Door(path="/accounts/login/", get="everybody"),
    "logout": Door(path="/accounts/logout/", get="nobody", post=frozenset(ACTORS)),
    "reauth": Door(path="/accounts/reauth/", get="signed in", post=frozenset(ACTORS)),
    "start_proof": Door(path="/accounts/reauth/passkey/", get="nobody", post=frozenset(ACTORS)),
    "use_link": Door(path="/signin/no-such-secret/", get="everybody"),
    "set_theme": Door(path="/me/theme/", get="nobody", post=frozenset(ACTORS), data={"theme": "dark"}),
    "security": Door(path="/me/security/", get="signed in"),
    "start_app": Door(path="/me/security/app/", get="nobody", post=frozenset(ACTORS)),
    "confirm_app": Door(path="/me/security/app/confirm/", get="nobody", post=frozenset(ACTORS)),
    "start_passkey": Door(path="/me/security/passkey/", get="nobody", post=frozenset(ACTORS)),
    "add_passkey": Door(path="/me/security/passkey/add/", get="nobody", post=frozenset(ACTORS)),
    "remove_factor": Door(path="/me/security/1/remove/", get="nobody", post=frozenset(ACTORS)),
    "health": Door(path="/health/", get="everybody"),
    "cases:queue": Door(path="/queue/", get="signed in"),
    "cases:queue_live": Door(path="/queue/live/", get="signed in"),
    "cases:bulk": Door(path="/queue/bulk/assign/", get="nobody", post=WORKERS),
    "cases:report": Door(path="/cases/new/", get="workers", post=WORKERS, data={"title": "A call"}),
    "cases:case": Door(path=CASE),
    "cases:case_live": Door(path=CASE + "live/"),
    "cases:seen": Door(path=CASE + "seen/"),
    "cases:overview": Door(path=CASE + "overview/"),
    "cases:timeline": Door(path=CASE + "timeline/"),
    "cases:alerts": Door(path=CASE + "alerts/"),
    "cases:observables": Door(path=CASE + "observables/"),
    "cases:notes": Door(path=CASE + "notes/"),
    "cases:escalate": Door(path=CASE + "escalate/", post=WORKERS, data={"title": "Beacon"}),
    "cases:assign": Door(path=CASE + "assign/", post=WORKERS, data={"assignee": ""}),
    "cases:close": Door(path=CASE + "close/", post=WORKERS, data=CLOSE),
    "cases:reopen": Door(path=CASE + "reopen/", post=WORKERS, data={"next": "/queue/"}),
    "cases:contained": Door(path=CASE + "contained/", post=WORKERS, data={"next": "/queue/"}),
    "cases:note": Door(path=CASE + "note/", get="guests", post=NOTERS, data={"text": "Seen"}),
    "cases:undo": Door(path=CASE + "undo/{entry}/", get="nobody", post=WORKERS),
    "cases:alert": Door(path="/alerts/ALR-{alert}/"),
    "cases:sources": Door(path="/sources/", get="seers"),
    "cases:source": Door(path="/sources/1000/", get="admins", post=ADMINS, data={"watch": "hours", "hours": "6"}),
    "cases:rejected": Door(path="/sources/rejected/", get="admins"),
    "cases:replay_all": Door(path="/sources/rejected/replay/", get="nobody", post=ADMINS, data={"source": "acme-ids"}),
    "cases:payload": Door(path="/sources/rejected/1000/", get="admins", post=ADMINS, data={"detector": "auto"}),
    "cases:suppressions": Door(path="/suppressions/", get="seers"),
    "cases:suppression_add": Door(
        path="/suppressions/add/",
        get="seers",
        post=WORKERS,
        data={"title": "Scan", "reason": REASON, "days": "7", "write": "1"},
    ),
    "cases:suppression": Door(path="/suppressions/1000/"),
    "cases:suppression_end": Door(path="/suppressions/1000/end/", get="nobody", post=WORKERS),
    "cases:suppression_let_in": Door(path="/suppressions/1000/let-in/", get="nobody", post=WORKERS),
    "cases:evidence": Door(path=CASE + "evidence/"),
    "cases:evidence_add": Door(
        path=CASE + "evidence/add/",
        post=WORKERS,
        data={"title": "A file", "kind": "file", "file": SimpleUploadedFile("a.bin", b"MZ")},
    ),
    "cases:evidence_exhibit": Door(path=CASE + "evidence/exhibit/", post=WORKERS, data={"title": "A USB stick"}),
    "cases:evidence_export": Door(path=CASE + "evidence/export/", post=WORKERS, data={"reason": REASON}),
    "cases:evidence_bytes": Door(path=CASE + "evidence/bytes/", get="nobody", post=WORKERS, data={"key": "no such"}),
    "cases:evidence_item": Door(path=ITEM),
    "cases:evidence_verify": Door(path=ITEM + "verify/", get="nobody", post=WORKERS),
    "cases:evidence_item_export": Door(path=ITEM + "export/", post=WORKERS, data={"reason": REASON}),
    "cases:evidence_download": Door(path=ITEM + "download/", post=WORKERS, data={"reason": REASON}),
    "cases:evidence_seal": Door(path=ITEM + "seal/", post=WORKERS, data={"next": "/queue/"}),
    "cases:evidence_handover": Door(path=ITEM + "handover/", post=WORKERS, data={"to": "Legal", "reason": REASON}),
    "cases:evidence_copy": Door(path=ITEM + "copy/", post=WORKERS, data={"reason": REASON}),
    "cases:evidence_hold": Door(path=ITEM + "hold/", post=WORKERS, data={"reason": REASON}),
    "cases:evidence_lift": Door(path=ITEM + "lift/", post=DECIDERS, data={"reason": REASON}),
    "cases:evidence_discard": Door(path=ITEM + "discard/", post=WORKERS, data={"reason": REASON}),
    "cases:evidence_destroy": Door(path=ITEM + "destroy/", post=DECIDERS, data={"next": "/queue/"}),
    "cases:evidence_keep": Door(path=ITEM + "keep/", post=WORKERS | DECIDERS, data={"next": "/queue/"}),
    "enrichment:card": Door(path=CASE + "q/who/"),
    "enrichment:risk": Door(path=CASE + "risk/"),
    "enrichment:examinations": Door(path=CASE + "examinations/"),
    "enrichment:tools": Door(path=ITEM + "tools/"),
    "enrichment:examine": Door(path=ITEM + "examine/", get="nobody", post=WORKERS),
    "enrichment:retry": Door(path=CASE + "lookups/{lookup}/retry/", get="nobody", post=WORKERS),
    "response:panel": Door(path=CASE + "runs/panel/"),
    "response:suggest": Door(path=CASE + "runs/suggest/"),
    "response:start": Door(path=CASE + "runs/start/", get="nobody", post=WORKERS),
    "response:collecting": Door(path=CASE + "evidence/collecting/"),
    "response:alone": Door(path=CASE + "runs/action/", post=WORKERS, data={"action": "find_file", "sha256": "a" * 64}),
    "response:overview": Door(path=CASE + "overview/parts/"),
    "response:report": Door(path=CASE + "report/"),
    "response:report_pdf": Door(path=CASE + "report.pdf", post=SEERS),
    "response:report_json": Door(path=CASE + "report.json"),
    "response:circle": Door(path=CIRCLE),
    "response:add_member": Door(path=CIRCLE + "add_member/", get="nobody", post=STEERERS, data={"user": "{guest}"}),
    "response:remove_member": Door(
        path=CIRCLE + "remove_member/", get="nobody", post=STEERERS, data={"user": "{guest}"}
    ),
    "response:ask_mandate": Door(path=CIRCLE + "ask_mandate/", get="nobody", post=WORKERS, data=MANDATE),
    "response:authorise_mandate": Door(
        path=CIRCLE + "authorise_mandate/", get="nobody", post=DECIDERS, data={"states_no_conflict": "on"}
    ),
    "response:revoke_mandate": Door(
        path=CIRCLE + "revoke_mandate/", get="nobody", post=DECIDERS, data={"reason": REASON}
    ),
    "response:release": Door(path=CIRCLE + "release/", get="nobody", post=frozenset(), data={"reason": REASON}),
    "response:uncover": Door(path=CIRCLE + "uncover/", get="nobody", post=DECIDERS, data={"reason": REASON}),
    "response:unfounded": Door(path=CIRCLE + "unfounded/", get="nobody", post=WORKERS, data=UNFOUNDED),
    "response:guest": Door(path="/guest/", get="signed in"),
    "response:guest_case": Door(path="/guest/CASE-{case}/", get="guests"),
    "response:run": Door(path=RUN),
    "response:pause": Door(path=RUN + "pause/", get="nobody", post=STEERERS),
    "response:resume": Door(path=RUN + "resume/", get="nobody", post=STEERERS),
    "response:stop": Door(path=RUN + "stop/", get="nobody", post=STEERERS, data={"reason": REASON}),
    "response:cancel": Door(path=RUN + "cancel/", get="nobody", post=STEERERS),
    "response:approve": Door(path=STEP + "approve/", get="nobody", post=DECIDERS),
    "response:reject": Door(path=STEP + "reject/", get="nobody", post=DECIDERS, data={"reason": REASON}),
    "response:settle": Door(
        path=STEP + "settle/", get="nobody", post=STEERERS, data={"happened": "no", "reason": REASON}
    ),
    "response:answer": Door(path=STEP + "answer/", get="nobody", post=WORKERS, data={"choice": "Go"}),
    "response:undo": Door(path=STEP + "undo/", get="nobody", post=WORKERS),
    "response:undo_all": Door(path=RUN + "undo_all/", get="nobody", post=WORKERS),
    "response:withdraw": Door(path=STEP + "withdraw/", get="nobody", post=DECIDERS),
    "response:extend": Door(path=STEP + "extend/", get="nobody", post=WORKERS, data={"hours": "4"}),
    "response:case_hunts": Door(path=CASE + "hunts/"),
    "response:hunt_start": Door(path=CASE + "hunts/start/", post=WORKERS, data=HUNT),
    "response:hunts": Door(path="/hunts/", get="signed in"),
    "response:hunt": Door(path="/hunts/{hunt}/"),
    "response:hunt_answer": Door(path="/hunts/{hunt}/answer/", get="nobody", post=WORKERS, data=HUNT),
    "response:hunt_stop": Door(path="/hunts/{hunt}/stop/", get="nobody", post=WORKERS),
    "response:hunt_retry": Door(path="/hunts/{hunt}/retry/", get="nobody", post=WORKERS),
    "response:metrics": Door(path="/metrics/", get="seers"),
    "response:metrics_definitions": Door(path="/metrics/definitions/", get="seers"),
    "response:metrics_csv": Door(path="/metrics.csv?chart=alerts_per_day", get="seers"),
    "response:approvals": Door(path="/approvals/", get="signed in"),
    "response:approvals_waiting": Door(path="/approvals/waiting/", get="signed in"),
    "response:approval": Door(path="/approvals/{step}/"),
    "response:break_glass": Door(path=STEP + "break_glass/", get="nobody", post=STEERERS, data={"reason": LONG_REASON}),
    "response:drills": Door(
        path="/approvals/drills/", get="seers", post=STEERERS, data={"action": "isolate_device", "device": "TEST-1"}
    ),
    "response:major": Door(
        path="/approvals/major/", get="seers", post=DECIDERS, data={"reason": REASON, "cap": "50", "hours": "4"}
    ),
    "response:major_sign": Door(path="/approvals/major/1/sign/", get="nobody", post=DECIDERS),
    "response:major_end": Door(path="/approvals/major/1/end/", get="nobody", post=DECIDERS),
    "response:over_cap": Door(path=STEP + "over_cap/", get="nobody", post=DECIDERS, data={"reason": REASON}),
    "response:standing": Door(path="/approvals/standing/", get="seers"),
    "response:sign": Door(path="/approvals/standing/1/sign/", get="nobody", post=DECIDERS),
    "response:revoke": Door(path="/approvals/standing/1/revoke/", get="nobody", post=DECIDERS),
    "response:review": Door(path="/approvals/reviews/{override}/", get="nobody", post=DECIDERS, data={"text": REASON}),
    "cases_api:alerts": Door(path="/api/v1/alerts/", get="nobody", post=frozenset()),
    "cases_api:intake": Door(path="/api/v1/intake/suricata/", get="nobody", post=frozenset()),
    "cases_api:alert": Door(path="/api/v1/alerts/ALR-{alert}/"),
    "cases_api:case": Door(path="/api/v1/cases/CASE-{case}/"),
    "thehive:create": Door(path="/thehive/api/v1/alert", get="nobody", post=frozenset()),
    "thehive:search": Door(path="/thehive/api/alert/_search", get="nobody", post=frozenset()),
    "thehive:query": Door(path="/thehive/api/v1/query", get="nobody", post=frozenset()),
    "thehive:alert": Door(path="/thehive/api/v1/alert/~{alert}", get="nobody"),
    "thehive:observables": Door(path="/thehive/api/v1/alert/~{alert}/observable", get="nobody", post=frozenset()),
    "thehive:user": Door(path="/thehive/api/v1/user/current", get="nobody"),
    "thehive:elsewhere": Door(path="/thehive/api/v1/case", get="nobody", post=frozenset()),
}
POLICY = {
    "default-src 'none'",
    "base-uri 'none'",
    "connect-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "img-src 'self'",
    "object-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
}
READ = [name for name, door in DOORS.items() if door.get != "nobody"]
OF_A_CASE = [name for name, door in DOORS.items() if "{" in door.path]
WRITE = [name for name, door in DOORS.items() if door.post is not None]


def names(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    """Every URL name of the site; the Django admin's own pages have a test of their own."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name}"
        elif pattern.namespace != "admin":
            yield from names(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else space)


def got(client: Client, path: str) -> Any:
    """The answer to a GET: without the word, loading nothing from elsewhere, and not to be kept."""
    response = client.get(path)
    assert CANARY not in response.content.decode(errors="replace"), path
    policy = response.headers.get("Content-Security-Policy", "")
    assert {part.strip() for part in policy.split(";")} == POLICY, path
    assert "no-store" in response.headers["Cache-Control"], path
    assert response.headers["X-Content-Type-Options"] == "nosniff", path
    assert response.headers["X-Frame-Options"] == "DENY", path
    return response


def sent(client: Client, house: House, name: str, *, restricted: bool = False) -> Any:
    """The POST that this door expects."""
    things, door = house.restricted if restricted else house.open, DOORS[name]
    data = {name: value.format(**vars(things)) if value == "{guest}" else value for name, value in door.data.items()}
    if name in ("response:approve", "response:break_glass"):
        data["params_sha256"] = things.sha256
    if name in ("response:drills", "response:alone"):
        data["request_id"] = str(uuid4())
    if name == "response:start":
        data |= {"request_id": str(uuid4()), "runbook": str(house.version)}
    if door.path.startswith("/api/"):
        return client.post(things.url(door.path), data, content_type="application/json")
    return client.post(things.url(door.path), data)


def is_sent_to_sign_in(response: Any) -> bool:
    return bool(response.status_code == 302 and response.headers["Location"].startswith("/accounts/login/"))


def test_every_url_has_its_line_in_the_table() -> None:
    assert set(names(get_resolver().url_patterns)) == set(DOORS)


def test_a_visitor_is_sent_to_sign_in_or_refused_everywhere(house: House) -> None:
    client = house.client("anonymous")

    for name in READ:
        response = got(client, house.open.url(DOORS[name].path))
        is_open = DOORS[name].get == "everybody"
        assert is_open == (response.status_code == 200), name
        assert is_open or is_sent_to_sign_in(response) or response.status_code in (401, 403), name
    for name in WRITE:
        response = sent(client, house, name)
        assert is_sent_to_sign_in(response) or response.status_code in (401, 403), name


# An approver sees what a responder sees; a superuser without a role, or a guest of no case, is nobody: their whole walk
# is the slow one.
AT_LENGTH = ("approver", "superuser", "guest")
EVERYBODY = [
    pytest.param(who, marks=pytest.mark.slow) if who in AT_LENGTH else who for who in (*ROLES, "guest of the case")
]


@pytest.mark.parametrize("who", EVERYBODY)
def test_each_role_reads_what_it_may_and_finds_nothing_else(house: House, who: str) -> None:
    client = house.client(who)

    for name in READ:
        response = got(client, house.open.url(DOORS[name].path))
        if who not in OF_ROLES.get(DOORS[name].get, {who}):
            assert response.status_code == 403, name
        elif DOORS[name].get == "admins" and who not in ADMINS:
            assert response.status_code in (403, 404), name
        elif DOORS[name].get not in OF_READERS or who in OF_READERS[DOORS[name].get]:
            assert response.status_code in (200, 204, 302), name
            assert not is_sent_to_sign_in(response), name
        else:
            assert response.status_code == 404, name


def test_legal_reads_the_report_of_a_case_that_names_them_and_nothing_else_beside_their_own_page(house: House) -> None:
    with transaction.atomic():
        house.people["guest of the case"].groups.add(Group.objects.get_or_create(name=Circle.LEGAL)[0])
        client = house.client("guest of the case")
        got = {name for name in OF_A_CASE if client.get(house.open.url(DOORS[name].path)).status_code == 200}
        hidden = [client.get(house.restricted.url(DOORS[name].path)).status_code for name in sorted(got)]
        transaction.set_rollback(True)

    assert got == {
        "response:report",
        "response:report_json",
        "response:report_pdf",
        "response:guest_case",
        "cases:note",
    }
    assert set(hidden) == {404}


@pytest.mark.parametrize("who", EVERYBODY)
def test_each_role_does_what_it_may_and_nothing_else(house: House, who: str) -> None:
    for name in WRITE:
        allowed = DOORS[name].post or frozenset()
        with transaction.atomic():
            response = sent(house.client(who), house, name)
            transaction.set_rollback(True)
        if who in allowed:
            assert response.status_code in (200, 204, 302, 409, 400, 422), (name, response.status_code)
        else:
            assert response.status_code in (401, 403, 404), (name, response.status_code)
            assert who not in INSIDE or response.status_code != 404, name


@pytest.mark.parametrize("who", EVERYBODY)
def test_a_restricted_case_of_others_is_nowhere_for_nobody(house: House, who: str) -> None:
    client = house.client(who)

    for name in OF_A_CASE:
        if DOORS[name].get in OF_READERS:
            response = client.get(house.restricted.url(DOORS[name].path))
            assert response.status_code == 404, name
            assert CANARY not in response.content.decode(), name
        if DOORS[name].post is not None:
            assert sent(client, house, name, restricted=True).status_code in (403, 404), name


def test_the_members_of_its_team_open_it(house: House) -> None:
    client = house.client("member")

    for name in OF_A_CASE:
        if DOORS[name].get in OF_READERS:
            assert client.get(house.restricted.url(DOORS[name].path)).status_code in (200, 204), name


@pytest.mark.parametrize("name", [name for name in OF_A_CASE if DOORS[name].get in OF_READERS])
def test_every_page_of_a_restricted_case_writes_down_who_looked(house: House, name: str) -> None:
    CaseReading.objects.all().delete()

    house.client("member").get(house.restricted.url(DOORS[name].path))

    reading = CaseReading.objects.get(what="")
    assert (reading.case_id, reading.user) == (house.restricted.case, house.people["member"])


@pytest.mark.parametrize("name", [name for name, door in DOORS.items() if door.get == "nobody"])
def test_what_only_takes_posts_refuses_a_get(house: House, name: str) -> None:
    assert house.client("responder").get(house.open.url(DOORS[name].path)).status_code in (403, 405)


def test_a_post_without_its_token_is_refused(house: House) -> None:
    client = house.client("responder", enforce_csrf_checks=True)

    for name in WRITE:
        assert sent(client, house, name).status_code == 403, name


@pytest.mark.parametrize("name", ["cases:assign", "cases:close", "cases:note", "response:cancel", "cases:bulk"])
def test_no_form_leads_off_the_site(house: House, name: str) -> None:
    door = DOORS[name]

    response = house.client("responder").post(
        house.open.url(door.path), door.data | {"next": "https://elsewhere.example/"}
    )

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/")


def test_a_step_of_another_case_cannot_be_reached_through_ones_own(house: House) -> None:
    client = house.client("responder")
    mixed = f"/cases/CASE-{house.open.case}"

    assert client.post(f"{mixed}/lookups/{house.restricted.lookup}/retry/").status_code == 404
    assert client.post(f"{mixed}/undo/{house.restricted.entry}/").status_code == 404


@pytest.mark.parametrize("who", ["no role", "guest", "analyst", "responder", "approver", "superuser"])
def test_only_the_admin_role_opens_the_administration(house: House, who: str) -> None:
    assert house.client(who).get("/admin/").status_code == 302
    assert house.client("admin").get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("scope", "may_read"), [(ApiToken.Scope.INTAKE, False), (ApiToken.Scope.READ, True)], ids=["intake", "read"]
)
def test_a_token_reads_only_with_the_scope_for_it(house: House, scope: ApiToken.Scope, may_read: bool) -> None:
    _, secret = ApiToken.issue("reader", scope=scope, user=house.people["analyst"])
    headers = {"Authorization": f"Bearer {secret}"}
    client = house.client("anonymous")

    got = {
        name: client.get(house.open.url(DOORS[name].path), headers=headers).status_code
        for name in ("cases_api:alert", "cases_api:case")
    }
    hidden = client.get(house.restricted.url("/api/v1/cases/CASE-{case}/"), headers=headers).status_code

    assert got["cases_api:case"] == (200 if may_read else 403)
    assert got["cases_api:alert"] == (200 if may_read else 404)
    assert hidden == (404 if may_read else 403)


def test_a_disabled_person_is_out_at_once(house: House) -> None:
    client = house.client("analyst")
    assert client.get("/queue/").status_code == 200

    house.people["analyst"].is_active = False
    house.people["analyst"].save()

    assert is_sent_to_sign_in(client.get("/queue/"))
