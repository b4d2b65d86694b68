"""TheHive's door over HTTP: the calls of its clients, in their words; the recorded ones too where they are there."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils import timezone

from cases.models import (
    Alert,
    AlertPayload,
    AlertRevision,
    Case,
    CaseObservable,
    Evidence,
    RejectedPayload,
    TimelineEntry,
)
from cases.services import replay, suppressions
from secops.models import ApiToken, User
from tests.cases.intake.test_thehive import WAZUH, WHOLE
from tests.cases.intake.test_wrong_types import WRONG, places, replaced
from tests.factories import make_alert, make_case, make_kind

pytestmark = pytest.mark.django_db

V0, V1 = "/thehive/api/alert", "/thehive/api/v1/alert"
QUERY, SEARCH = "/thehive/api/v1/query", "/thehive/api/alert/_search"
RECORDED = Path(__file__).parents[3] / "../shared/data/alerts/thehive"
IP = {"dataType": "ip", "data": "203.0.113.9", "tags": ["c2"], "ioc": True}


def alert_of(**fields: Any) -> dict[str, Any]:
    """As thehive4py 2 sends it."""
    return {
        "type": "external",
        "source": "edr",
        "sourceRef": "ref-1",
        "title": "Malware",
        "description": "On a laptop",
        "severity": 3,
        "date": 1_795_512_449_000,
        "tags": ["x"],
        "tlp": 2,
        "pap": 2,
        "customFields": {"bu": "fin"},
        "observables": [IP],
    } | fields


def old(**fields: Any) -> dict[str, Any]:
    """As thehive4py 1.8 sends it."""
    found = alert_of(artifacts=[{**IP, "message": None, "tlp": 2, "sighted": False}], customFields={}, **fields)
    del found["observables"]
    return found


class Hive:
    """A client with the token of a sender or a reader."""

    def __init__(self, client: Client, secret: str) -> None:
        self.client, self.headers = client, {"Authorization": f"Bearer {secret}"}

    def call(self, method: str, url: str, body: Any = None) -> Any:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(method, url, data, content_type="application/json", headers=self.headers)

    def create(self, url: str = V1, **fields: Any) -> dict[str, Any]:
        answer = self.call("POST", url, (old if url == V0 else alert_of)(**fields))
        assert answer.status_code == 201, answer.content
        found: dict[str, Any] = answer.json()
        return found

    def find(self, *steps: dict[str, Any]) -> Any:
        answer = self.call("POST", f"{QUERY}?name=alerts", {"query": [{"_name": "listAlert"}, *steps]})
        assert answer.status_code == 200, answer.content
        return answer.json()

    def titles(self, **filters: Any) -> list[str]:
        return [one["title"] for one in self.find({"_name": "filter", **filters})]


@pytest.fixture
def hive(client: Client) -> Hive:
    return Hive(client, ApiToken.issue("siem", sources=["edr", "wazuh", "elastalert"])[1])


@pytest.fixture
def reader(client: Client, analyst: User) -> Hive:
    return Hive(client, ApiToken.issue("reader", scope=ApiToken.Scope.READ, user=analyst)[1])


def test_an_alert_of_version_5_is_answered_as_thehive_does(hive: Hive) -> None:
    answer = hive.create()

    alert = Alert.objects.get()
    assert (alert.detector, alert.source, alert.source_ref) == ("thehive", "edr", "ref-1/external")
    assert alert.case is not None
    expected = {"_id": f"~{alert.pk}", "_type": "Alert", "_createdBy": "edr", "type": "external", "source": "edr"}
    expected |= {"sourceRef": "ref-1", "title": "Malware", "description": "On a laptop", "severity": 3, "tags": ["x"]}
    expected |= {"severityLabel": "HIGH", "date": 1_795_512_449_000, "tlp": 2, "tlpLabel": "AMBER", "pap": 2}
    expected |= {"papLabel": "AMBER", "follow": True, "observableCount": 1, "status": "New", "stage": "New"}
    assert expected.items() <= {name: value for name, value in answer.items() if name != "customFields"}.items()
    assert [(one["name"], one["value"]) for one in answer["customFields"]] == [("bu", "fin")]
    assert {"_createdAt", "newDate", "timeToDetect", "extraData"} <= answer.keys()


def test_an_alert_of_version_4_is_201_with_an_id(hive: Hive) -> None:
    answer = hive.create(V0, tlp=3)

    alert = Alert.objects.get()
    assert (alert.detector, alert.tlp) == ("thehive-v0", 4)
    assert (answer["id"], answer["tlp"]) == (f"~{alert.pk}", 3)
    assert [(one["dataType"], one["data"], one["ioc"]) for one in answer["artifacts"]] == [("ip", "203.0.113.9", True)]


@pytest.mark.parametrize("url", [V0, V1])
def test_an_alert_sent_again_is_201_with_the_one_that_stands(hive: Hive, url: str) -> None:
    assert hive.create(url)["_id"] == hive.create(url, title="Said anew")["_id"]
    assert Alert.objects.get().title == "Malware"


def test_a_missing_field_is_400_and_named_and_the_bytes_are_kept_for_replay(hive: Hive, admin_user: User) -> None:
    answer = hive.call("POST", V1, {name: value for name, value in alert_of().items() if name != "sourceRef"})

    assert answer.status_code == 400
    assert answer.json() == {"type": "BadRequest", "message": "sourceRef: is required and missing"}
    rejected = RejectedPayload.objects.get()
    assert (rejected.detector, rejected.source) == ("thehive", "siem")
    assert not replay.again(rejected, actor=admin_user).is_read


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"7", b'{"a": '])
def test_what_is_no_alert_is_refused_in_words(hive: Hive, body: bytes) -> None:
    answer = hive.call("POST", V1, body)

    assert answer.status_code == 400
    assert answer.json()["type"] == "BadRequest"
    assert not Alert.objects.exists()


def test_a_list_of_alerts_is_refused_and_nothing_of_it_taken(hive: Hive) -> None:
    assert hive.call("POST", V1, [alert_of(), alert_of(sourceRef="2")]).status_code == 413
    assert not Alert.objects.exists()


def test_nobody_speaks_for_the_source_of_another_sender(hive: Hive, client: Client) -> None:
    hive.create()
    other = Hive(client, ApiToken.issue("other")[1])

    answer = other.call("POST", V1, alert_of(sourceRef="mine", title="Taken over"))

    assert (answer.status_code, answer.json()["message"]) == (400, "source: another sender speaks for this source")
    assert Alert.objects.count() == 1


def test_a_token_is_needed_and_the_errors_are_thehives(hive: Hive, reader: Hive, client: Client) -> None:
    unknown = Hive(client, "nd_nobody").call("POST", V1, alert_of())
    basic = client.post(V1, {}, headers={"Authorization": "Basic dTpw"})
    reading = reader.call("POST", V1, alert_of())

    assert (unknown.status_code, unknown.json()["type"]) == (401, "AuthenticationError")
    assert (basic.status_code, basic.json()["type"]) == (401, "AuthenticationError")
    assert (reading.status_code, reading.json()["type"]) == (403, "AuthorizationError")
    assert not Alert.objects.exists()


def test_a_session_has_pages_and_no_door(client: Client, analyst: User) -> None:
    client.force_login(analyst)

    assert client.get("/thehive/api/v1/user/current").status_code == 403


def test_an_alert_is_read_back_by_who_sent_it_and_by_nobody_else_who_sends(hive: Hive, client: Client) -> None:
    number = hive.create()["_id"]
    stranger = Hive(client, ApiToken.issue("stranger")[1])

    assert hive.call("GET", f"{V1}/{number}").json()["title"] == "Malware"
    for answer in (stranger.call("GET", f"{V1}/{number}"), hive.call("GET", f"{V1}/~{10**17}")):
        assert (answer.status_code, answer.json()["type"]) == (404, "NotFoundError")
    assert stranger.find() == []
    assert stranger.call("PATCH", f"{V1}/{number}", {"status": "Imported"}).status_code == 404


@pytest.mark.parametrize("number", ["~0", "4120", "~x", "ALR-1", "~" + "9" * 30, "%00"])
def test_a_number_that_is_none_is_not_found(hive: Hive, number: str) -> None:
    assert hive.call("GET", f"{V1}/{number}").status_code == 404


def test_a_reader_sees_what_its_user_may_see_and_the_number_of_the_case(hive: Hive, reader: Hive) -> None:
    number = hive.create()["_id"]

    assert reader.call("GET", f"{V1}/{number}").json()["caseId"] == f"~{Case.objects.get().pk}"
    assert "caseId" not in hive.call("GET", f"{V1}/{number}").json()


def test_restricted_cases_are_not_at_this_door(hive: Hive, reader: Hive, analyst: User) -> None:
    group = Group.objects.create(name="insider team")
    analyst.groups.add(group)
    make_kind(detectors=["thehive"], is_restricted=True, group=group)
    hidden = hive.create()
    plain = hive.create(V0, sourceRef="2")

    assert Case.objects.filter(is_restricted=True).count() == 1
    assert reader.call("GET", f"{V1}/{hidden['_id']}").status_code == 404
    assert [one["_id"] for one in reader.find()] == [plain["_id"]]
    assert reader.find({"_name": "count"}) == 1
    assert hidden.keys() - plain.keys() == set()  # whoever sent it cannot tell the one from the other


def test_a_guest_reads_nothing(client: Client, hive: Hive, stranger: User) -> None:
    hive.create()

    assert Hive(client, ApiToken.issue("g", scope=ApiToken.Scope.READ, user=stranger)[1]).find() == []


def test_a_status_follows_an_update_and_the_message_is_kept(hive: Hive) -> None:
    number = hive.create()["_id"]

    assert hive.call("PATCH", f"{V1}/{number}", {"status": "Imported"}).status_code == 204
    assert hive.call("GET", f"{V1}/{number}").json()["status"] == "Imported"
    assert hive.call("PATCH", f"{V1}/{number}", {"status": "New"}).status_code == 204
    assert hive.call("GET", f"{V1}/{number}").json()["stage"] == "New"
    assert (Alert.objects.count(), AlertRevision.objects.count()) == (1, 2)


def test_what_does_not_change_here_is_501_and_named_and_nothing_is_done(hive: Hive) -> None:
    number = hive.create()["_id"]

    answer = hive.call("PATCH", f"{V1}/{number}", {"status": "Imported", "title": "New words", "addTags": ["y"]})

    assert (answer.status_code, answer.json()["type"]) == (501, "NotSupportedError")
    assert answer.json()["message"].startswith("title, addTags: An alert stays as it was first sent")
    assert hive.call("GET", f"{V1}/{number}").json()["status"] == "New"


def test_an_update_of_version_4_sends_everything_and_more_artifacts_are_added(hive: Hive) -> None:
    first = hive.create(V0)
    names = ("tlp", "severity", "tags", "title", "description", "customFields", "follow")
    more = {"dataType": "domain", "data": "x.example", "message": None, "tlp": 2, "tags": []}
    whole = {name: first[name] for name in names} | {"caseTemplate": None, "artifacts": [*first["artifacts"], more]}

    answer = hive.call("PATCH", f"{V0}/{first['_id']}", whole)

    assert answer.status_code == 200
    assert [one["data"] for one in answer.json()["artifacts"]] == ["203.0.113.9", "x.example"]
    assert CaseObservable.objects.filter(observable__value="x.example").exists()


INLINE = {"dataType": "file", "data": "a.exe;application/octet-stream;TVo="}
MORE = {"dataType": "domain", "data": "x.example"}


@pytest.mark.parametrize(
    ("artifacts", "word"),
    [
        ([MORE, {"dataType": "ip", "data": "nowhere"}], "artifacts[1]"),
        ([MORE, "x"], "artifacts[1]"),
        ([MORE, {"dataType": "hostname", "data": "fin-1"}], "artifacts[1]"),
        ({"dataType": "ip"}, "artifacts"),
        ([MORE, INLINE], "artifacts[1].data: a file"),
    ],
)
def test_an_update_of_which_something_cannot_be_read_is_400_and_nothing_of_it_is_kept(
    hive: Hive, artifacts: Any, word: str
) -> None:
    number = hive.create(V0)["_id"]

    answer = hive.call("PATCH", f"{V0}/{number}", {"status": "Imported", "artifacts": artifacts})

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(word)
    alert = Alert.objects.get()
    assert (alert.status, alert.sightings.count(), AlertRevision.objects.count()) == ("", 1, 0)


def test_a_status_stays_where_the_artifacts_are_too_many(hive: Hive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cases.services.later.MAX_OBSERVABLES", 1)
    number = hive.create(V0)["_id"]

    answer = hive.call("PATCH", f"{V0}/{number}", {"status": "Imported", "artifacts": [MORE]})

    assert (answer.status_code, Alert.objects.get().status) == (400, "")


def test_the_bytes_of_a_file_in_the_json_are_hashed_in_a_new_alert_and_refused_in_an_added_one(hive: Hive) -> None:
    number = hive.create()["_id"]
    added = hive.call("POST", f"{V1}/{number}/observable", INLINE)
    assert added.status_code == 400
    assert added.json()["message"].startswith("data: a file does not go into the JSON. Send it to")
    assert Alert.objects.get().sightings.count() == 1

    assert hive.call("POST", V0, old(sourceRef="2") | {"artifacts": [IP, INLINE]}).status_code == 201
    kinds = Alert.objects.latest("pk").sightings.values_list("observable__kind", flat=True)
    assert "hash_sha256" in kinds


def test_a_file_beside_an_update_is_refused(hive: Hive) -> None:
    url = f"{V1}/{hive.create()['_id']}"
    body = encode_multipart(BOUNDARY, {"_json": "{}", "attachment": SimpleUploadedFile("a.bin", b"MZ")})

    answer = hive.client.generic("PATCH", url, body, content_type=MULTIPART_CONTENT, headers=hive.headers)

    assert (answer.status_code, answer.json()["message"].split(":")[0]) == (400, "attachment")


@pytest.mark.parametrize("url", [f"{V1}/{{}}/observable", f"{V0}/{{}}/artifact"])
def test_an_observable_is_added_to_alert_and_case_once(hive: Hive, url: str) -> None:
    number = hive.create()["_id"]
    Case.objects.update(is_planning_due=False)

    for _ in range(2):
        answer = hive.call("POST", url.format(number), {"dataType": "domain", "data": "X.example"})
        assert answer.status_code == 201
        assert [(one["dataType"], one["data"]) for one in answer.json()] == [("domain", "x.example")]

    assert Case.objects.get().is_planning_due
    assert CaseObservable.objects.filter(observable__value="x.example").count() == 1
    assert TimelineEntry.objects.filter(text__contains="adds to").count() == 1


@pytest.mark.parametrize("item", [{}, {"dataType": "ip", "data": "nowhere"}, {"dataType": "file"}, {"data": "x"}])
def test_an_observable_that_cannot_be_read_is_400(hive: Hive, item: dict[str, Any]) -> None:
    number = hive.create()["_id"]

    assert hive.call("POST", f"{V1}/{number}/observable", item).status_code == 400


def test_an_alert_has_no_more_observables_than_one_that_is_sent_at_once(
    hive: Hive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cases.services.later.MAX_OBSERVABLES", 2)
    url = f"{V1}/{hive.create()['_id']}/observable"

    answer = hive.call("POST", url, {"dataType": "ip", "data": ["203.0.113.10", "203.0.113.11"]})

    assert (answer.status_code, answer.json()["type"]) == (400, "BadRequest")
    assert Alert.objects.get().sightings.count() == 1


@pytest.mark.parametrize(
    "body", [b"", b"--x\r\n", b"no parts", b"--x\r\nContent-Disposition: form-data\r\n\r\n{}\r\n--x--"]
)
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "multipart/form-data", "multipart/other"])
def test_parts_that_are_none_are_refused(hive: Hive, kind: str, body: bytes) -> None:
    answer = hive.client.generic("POST", V1, body, content_type=kind, headers=hive.headers)

    assert (answer.status_code, answer.json()["type"]) == (400, "BadRequest")


def multipart(hive: Hive, url: str, **parts: Any) -> Any:
    return hive.client.post(url, parts, headers=hive.headers)


def test_a_file_that_comes_along_is_named_by_its_hashes_and_kept_as_evidence(hive: Hive) -> None:
    body, item = b"MZ of ours", {"dataType": "file", "attachment": "attachment0"}
    for _ in range(2):
        # the client gives the part with the JSON a file name, so that it arrives as a file
        part = SimpleUploadedFile("_json", json.dumps(alert_of(observables=[IP, item])).encode())
        answer = multipart(hive, V1, _json=part, attachment0=SimpleUploadedFile("drop.exe", body, "text/plain"))
        assert answer.status_code == 201, answer.content

    kept = Evidence.objects.get()
    digest = sha256(body).hexdigest()
    assert (kept.case, kept.file_name, kept.sha256) == (Case.objects.get(), "drop.exe", digest)
    assert kept.is_hazardous
    values = Alert.objects.get().sightings.values_list("observable__kind", "observable__value")
    assert {("file_name", "drop.exe"), ("hash_sha256", digest), ("ip", "203.0.113.9")} <= set(values)


def test_a_file_is_added_to_an_alert(hive: Hive) -> None:
    number = hive.create()["_id"]
    file = SimpleUploadedFile("sample.txt", b"hello\n", "text/plain")

    answer = multipart(hive, f"{V1}/{number}/observable", _json='{"dataType": "file"}', attachment=file)

    assert answer.status_code == 201
    assert "sample.txt" in [one["data"] for one in answer.json()]
    assert Evidence.objects.get().sha256 == sha256(b"hello\n").hexdigest()


def suppressed(owner: User) -> None:
    suppressions.write({"source": "edr"}, "Our own", timezone.now() + timedelta(days=1), actor=owner)


def with_file(hive: Hive) -> Any:
    item = {"dataType": "file", "attachment": "attachment0"}
    part = SimpleUploadedFile("_json", json.dumps(alert_of(observables=[item])).encode())
    return multipart(hive, V1, _json=part, attachment0=SimpleUploadedFile("drop.exe", b"MZ"))


def test_an_alert_that_brings_files_is_not_suppressed(hive: Hive, analyst: User) -> None:
    suppressed(analyst)

    assert with_file(hive).status_code == 201
    assert Evidence.objects.get().case == Alert.objects.get().case


def test_a_file_added_to_an_alert_without_a_case_is_refused_and_one_that_comes_with_it_again_brings_it_in(
    hive: Hive, analyst: User
) -> None:
    suppressed(analyst)
    number = hive.create()["_id"]
    file = SimpleUploadedFile("sample.txt", b"hello\n", "text/plain")

    added = multipart(hive, f"{V1}/{number}/observable", _json='{"dataType": "file"}', attachment=file)

    assert (added.status_code, added.json()["type"]) == (409, "ConflictError")
    assert "has no case" in added.json()["message"]
    assert not Evidence.objects.exists()
    assert Alert.objects.get().sightings.count() == 1

    assert with_file(hive).status_code == 201
    assert Alert.objects.get().case == Evidence.objects.get().case


def test_a_file_that_did_not_come_along_is_said(hive: Hive) -> None:
    item = {"dataType": "file", "attachment": "attachment1"}
    part = SimpleUploadedFile("_json", json.dumps(alert_of(observables=[item])).encode())

    answer = multipart(hive, V1, _json=part, attachment0=SimpleUploadedFile("a.exe", b"MZ"))

    assert (answer.status_code, Alert.objects.count()) == (400, 0)
    assert "attachment1" in answer.json()["message"]


def test_files_that_memory_may_not_hold_are_413(hive: Hive) -> None:
    part = SimpleUploadedFile("_json", json.dumps(alert_of()).encode())

    answer = multipart(hive, V1, _json=part, attachment0=SimpleUploadedFile("a.bin", b"\0" * 2_700_000))

    assert (answer.status_code, answer.json()["type"], Alert.objects.count()) == (413, "RequestTooLarge", 0)


@pytest.fixture
def several(hive: Hive) -> Hive:
    for number, severity in enumerate((1, 3, 4), start=1):
        hive.create(sourceRef=f"ref-{number}", title=f"Alert {number}", severity=severity, type=f"t{number % 2}")
    return hive


FIELD = [
    ({"_eq": {"_field": "sourceRef", "_value": "ref-2"}}, [2]),
    ({"_eq": {"_field": "sourceRef", "_value": "ref-"}}, []),
    ({"_eq": {"_field": "sourceRef", "_value": "ref.2"}}, []),
    ({"_eq": {"_field": "type", "_value": "t1"}}, [3, 1]),
    ({"_ne": {"_field": "type", "_value": "t1"}}, [2]),
    ({"_eq": {"_field": "source", "_value": "edr"}}, [3, 2, 1]),
    ({"_gte": {"_field": "severity", "_value": 3}}, [3, 2]),
    ({"_not": {"_gte": {"_field": "severity", "_value": 3}}}, [1]),
    ({"_in": {"_field": "severity", "_values": [1, 4]}}, [3, 1]),
    ({"_between": {"_field": "severity", "_from": 1, "_to": 3}}, [1]),
    ({"_like": {"_field": "title", "_value": "*ALERT 3*"}}, [3]),
    ({"_eq": {"_field": "status", "_value": "New"}}, [3, 2, 1]),
    ({"_gt": {"_field": "date", "_value": 1_795_512_449_000}}, []),
    ({"_or": [{"_id": "~0"}, {"_eq": {"_field": "title", "_value": "Alert 1"}}]}, [1]),
    ({"_and": [{"_any": None}, {"_gt": {"severity": 3}}]}, [3]),
    ({"_field": "title", "_value": "Alert 2"}, [2]),
    ({}, [3, 2, 1]),
]


@pytest.mark.parametrize(("filters", "numbers"), FIELD, ids=lambda one: json.dumps(one)[:60])
def test_alerts_are_found_by_their_fields(several: Hive, filters: dict[str, Any], numbers: list[int]) -> None:
    expected = [f"Alert {number}" for number in numbers]

    assert several.titles(**filters) == expected
    answer = several.call("POST", f"{SEARCH}?range=all", {"query": filters})
    assert [one["title"] for one in answer.json()] == expected
    assert answer.headers["X-Total"] == str(len(numbers))


@pytest.mark.parametrize(
    ("step", "word"),
    [
        ({"_name": "filter", "_eq": {"_field": "tags", "_value": "x"}}, "tags"),
        ({"_name": "filter", "_string": "x"}, "_string"),
        ({"_name": "filter", "_gt": {"_field": "date", "_value": "soon"}}, "date"),
        ({"_name": "filter", "_like": {"_field": "severity", "_value": 3}}, "severity"),
        ({"_name": "filter", "_eq": {}}, "_eq"),
        ({"_name": "filter", "_and": {}}, "_and"),
        ({"_name": "filter", "_eq": {"_field": [], "_value": 1}}, "field"),
        ({"_name": "filter", "_id": "~1", "_any": 1, "_eq": 2}, "side by side"),
        ({"_name": "page", "from": 10**30, "to": 10**30 + 1}, "page"),
        ({"_name": "sort", "_fields": [{"tags": "asc"}]}, "tags"),
        ({"_name": "page", "from": 0, "to": 5_000}, "1000"),
    ],
)
def test_what_of_a_query_is_not_understood_is_named(several: Hive, step: dict[str, Any], word: str) -> None:
    answer = several.call("POST", QUERY, {"query": [{"_name": "listAlert"}, step]})

    assert (answer.status_code, answer.json()["type"]) == (400, "BadRequest")
    assert word in answer.json()["message"]


def test_alerts_are_sorted_paged_and_counted(several: Hive) -> None:
    sort, page = {"_name": "sort", "_fields": [{"severity": "asc"}]}, {"_name": "page", "from": 1, "to": 3}

    assert [one["severity"] for one in several.find(sort, page)] == [3, 4]
    assert several.find({"_name": "filter", "_gt": {"_field": "severity", "_value": 1}}, {"_name": "count"}) == 2
    answer = several.call("POST", f"{SEARCH}?range=0-2&sort=%2Bseverity", {"query": {}})
    assert [one["severity"] for one in answer.json()] == [1, 3]


ONE = {"_field": "severity", "_value": 3}
DEEP: dict[str, Any] = ONE
for _ in range(10):
    DEEP = {"_not": DEEP}


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        ([{"_name": "filter", **ONE}] * 51, "at most 20 steps"),
        ([{"_name": "filter", "_or": [ONE] * 26}] * 2, "more than 50 comparisons"),
        ([{"_name": "filter", "_and": [{"_in": {"_field": "severity", "_values": [1] * 26}}] * 2}], "more than 50"),
        ([{"_name": "filter", "_and": [{"_between": {"_field": "severity", "_from": 1, "_to": 3}}] * 26}], "50 comp"),
        ([{"_name": "filter", "_and": [{"_any": None}] * 50}, {"_name": "filter", "_id": "~1"}], "50 comparisons"),
        ([{"_name": "filter", **DEEP}], "more than 10 deep"),
        ([{"_name": "filter", "_like": {"_field": "title", "_value": "x" * 256}}], "title: compared with at most 255"),
        ([{"_name": "filter", "_eq": {"_field": "type", "_value": "x" * 256}}], "type: compared with at most 255"),
        ([{"_name": "filter", "_eq": {"_field": "sourceRef", "_value": {}}}], "sourceRef"),
        ([{"_name": "sort", "_fields": ["-date"] * 11}], "sort: by at most 10"),
    ],
)
def test_a_query_that_asks_too_much_is_refused_in_words(hive: Hive, steps: list[Any], word: str) -> None:
    answer = hive.call("POST", QUERY, {"query": [{"_name": "listAlert"}, *steps]})

    assert (answer.status_code, word in answer.json()["message"]) == (400, True), answer.json()


def test_a_query_that_is_just_within_its_bounds_is_answered(several: Hive) -> None:
    within = DEEP["_not"]
    several.find(*[{"_name": "filter", **within}] * 18, {"_name": "count"})
    several.find({"_name": "filter", "_or": [ONE] * 50})
    several.find({"_name": "filter", "_eq": {"_field": "sourceRef", "_value": "x" * 255}})


@pytest.mark.parametrize("text", ["\0", "\ud800", "(", "%_\\", "[" * 255])
def test_no_text_that_is_compared_breaks_the_answer(several: Hive, text: str) -> None:
    for field in ("title", "type", "sourceRef", "_id", "source"):
        answer = several.call("POST", SEARCH, {"query": {"_eq": {"_field": field, "_value": text}}})
        assert answer.status_code in (200, 400)


@pytest.mark.parametrize("size", [40, 5_000, 200_000])
def test_a_filter_of_any_depth_is_400(hive: Hive, size: int) -> None:
    answer = hive.call("POST", SEARCH, b'{"query": ' + b'{"_not": ' * size + b"{}" + b"}" * size + b"}")

    assert (answer.status_code, answer.json()["type"]) == (400, "BadRequest")


@pytest.mark.parametrize(("limit", "most", "number"), [("MAX_UNPAGED", 2, 2), ("MAX_BYTES", 1, 1)])
def test_more_alerts_than_one_answer_holds_are_cut_at_whole_rows_and_counted(
    several: Hive, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, number: int
) -> None:
    monkeypatch.setattr(f"cases.api.thehive_queries.{limit}", most)

    for answer in (
        several.call("POST", QUERY, {"query": [{"_name": "listAlert"}]}),
        several.call("POST", f"{SEARCH}?range=all", {}),
    ):
        titles = [one["title"] for one in answer.json()]
        assert titles == ["Alert 3", "Alert 2"][:number]
        assert answer.headers["X-Total"] == "3"


@pytest.mark.parametrize("url", [QUERY, f"{SEARCH}?range=all"])
def test_the_bytes_of_each_alert_are_read_once(several: Hive, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    read, raw = [], AlertPayload.raw
    monkeypatch.setattr(AlertPayload, "raw", lambda payload: read.append(payload.pk) or raw(payload))

    query = [{"_name": "listAlert"}] if url == QUERY else {}
    assert len(several.call("POST", url, {"query": query}).json()) == 3
    assert len(read) == len(set(read)) == 3


def test_the_observables_of_an_alert_are_found(hive: Hive) -> None:
    number = hive.create()["_id"]

    steps = [{"_name": "getAlert", "idOrName": number}, {"_name": "observables"}]
    (found,) = hive.call("POST", QUERY, {"query": steps}).json()

    assert (found["dataType"], found["data"], found["tags"], found["ioc"]) == ("ip", "203.0.113.9", ["c2"], True)


def test_an_alert_of_another_detector_is_read_and_not_updated(reader: Hive, hive: Hive) -> None:
    number = f"~{make_alert(make_case(), detector='suricata', source='edr', source_ref='s1', severity=0).pk}"

    found = reader.call("GET", f"{V1}/{number}").json()

    assert (found["type"], found["sourceRef"], found["severity"]) == ("suricata", "s1", 1)
    assert reader.titles(_eq={"_field": "type", "_value": "suricata"}) == [found["title"]]
    assert reader.titles(_eq={"_field": "sourceRef", "_value": "s1"}) == [found["title"]]
    assert hive.call("PATCH", f"{V1}/{number}", {"status": "Imported"}).status_code == 501


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "v1/alert/~1"),
        ("POST", "v1/alert/~1/case"),
        ("POST", "v1/alert/~1/follow"),
        ("POST", "v1/alert/~1/merge/~1"),
        ("PATCH", "v1/alert/_bulk"),
        ("POST", "alert/~1/createCase"),
        ("POST", "v1/case"),
        ("GET", "status"),
    ],
)
def test_what_has_no_meaning_here_says_so(hive: Hive, method: str, path: str) -> None:
    answer = hive.call(method, f"/thehive/api/{path}", {})

    assert answer.status_code in (404, 501)
    assert answer.json().keys() == {"type", "message"}


def test_a_client_learns_who_it_is(hive: Hive, reader: Hive) -> None:
    for path in ("v1/user/current", "user/current"):
        assert hive.call("GET", f"/thehive/api/{path}").json()["login"] == "siem"
        assert reader.call("GET", f"/thehive/api/{path}").json()["login"] == "ada"


@pytest.mark.slow
@pytest.mark.parametrize(("url", "payload"), [(V1, WHOLE), (V0, WAZUH)], ids=["v1", "v0"])
def test_a_value_of_another_type_breaks_neither_the_answer_nor_the_search(
    reader: Hive, hive: Hive, url: str, payload: dict[str, Any]
) -> None:
    statuses = set()
    for number, place in enumerate(places(payload)):
        for wrong in WRONG:
            answer = hive.call("POST", url, {"sourceRef": f"r{number}"} | replaced(payload, place, wrong))
            statuses.add(answer.status_code)
            if answer.status_code == 201:
                assert hive.call("PATCH", f"{url}/{answer.json()['_id']}", {"status": "x"}).status_code in (200, 204)

    assert statuses == {201, 400}
    for who in (hive, reader):
        assert who.find({"_name": "page", "from": 0, "to": 1_000})
        assert who.call("POST", f"{SEARCH}?range=0-1000", {}).status_code == 200


def recorded() -> Iterator[Any]:
    for path in sorted(RECORDED.glob("*")):
        lines = path.read_text().splitlines() if path.suffix == ".ndjson" else [path.read_text()]
        yield from (pytest.param(json.loads(line), id=f"{path.stem}-{number}") for number, line in enumerate(lines))


@pytest.mark.skipif(not RECORDED.exists(), reason="no samples beside the repository")
@pytest.mark.parametrize("request_", list(recorded()))
def test_a_recorded_request_gets_its_answer(hive: Hive, request_: dict[str, Any]) -> None:
    method, path, sent = request_["method"], request_["path"], request_["headers"]
    number = hive.create(sourceRef="beside it")["_id"]
    path = re.sub("/alert/~[0-9]+", f"/alert/{number}", path)

    answer = hive.client.generic(
        method,
        f"/thehive{path}",
        request_["body"].encode(),
        content_type=sent.get("Content-Type", "application/json"),
        headers=hive.headers if sent["Authorization"].startswith("Bearer") else {"Authorization": "Basic dTpw"},
    )

    if sent["Authorization"].startswith("Basic"):
        assert answer.status_code == 401
    elif path.endswith("/alert"):
        assert (answer.status_code, Alert.objects.count()) == (201, 2)
        assert answer.json()["id"] == answer.json()["_id"]
    elif path.endswith("/case") or "/merge/" in path or path.endswith("/follow") or method == "DELETE":
        assert (answer.status_code, answer.json()["type"]) == (501, "NotSupportedError")
    else:
        assert answer.status_code in (200, 201, 204), answer.content
