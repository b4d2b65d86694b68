"""Run with thehive4py 2.1: create, find and update alerts with it. Arguments: address, token, a file."""

import sys

from thehive4py import TheHiveApi
from thehive4py.errors import TheHiveError
from thehive4py.query.filters import Eq, Gt, Id, In, Like, StartsWith
from thehive4py.query.page import Paginate
from thehive4py.query.sort import Desc

url, token, path = sys.argv[1:]
hive = TheHiveApi(url=url, apikey=token, organisation="soc")


def refused(call, status, words):
    try:
        call()
    except TheHiveError as error:
        answer = error.response.status_code, error.message
    else:
        answer = 200, ""
    assert answer[0] == status, answer
    assert words in answer[1], answer


assert hive.user.get_current()["login"] == "siem"

body = {
    "type": "external",
    "source": "edr",
    "sourceRef": "ref-1",
    "title": "Malware",
    "description": "On a laptop",
    "severity": 3,
    "date": 1_700_000_000_000,
    "tags": ["x"],
    "tlp": 2,
    "pap": 2,
    "externalLink": "https://x.example/1",
    "customFields": {"bu": "fin"},
    "observables": [{"dataType": "ip", "data": "203.0.113.9", "tags": ["c2"], "ioc": True}],
    "procedures": [{"patternId": "T1059", "occurDate": 1_700_000_000_000, "tactic": "execution"}],
}
alert = hive.alert.create(body)
number = alert["_id"]
for name in ("type", "source", "sourceRef", "title", "description", "severity", "date", "tags", "externalLink"):
    assert alert[name] == body[name], name
assert hive.alert.create(body)["_id"] == number

observables = [{"dataType": "file", "attachment": "attachment0"}]
file = hive.alert.create(
    alert=body | {"sourceRef": "ref-2", "title": "A file", "severity": 4, "observables": observables},
    attachment_map={"attachment0": path},
)
assert "sample.exe" in [one["data"] for one in hive.alert.find_observables(file["_id"])]

assert hive.alert.get(number)["title"] == "Malware"
query = Eq("sourceRef", "ref-1") & Eq("source", "edr")
assert [one["_id"] for one in hive.alert.find(filters=query, sortby=Desc("date"), paginate=Paginate(0, 15))] == [number]
assert [one["_id"] for one in hive.alert.find(sortby=Desc("severity"))] == [file["_id"], number]
assert hive.alert.count() == 2
assert hive.alert.count(filters=Gt("severity", 3) | Like("title", "alw")) == 2
assert hive.alert.count(filters=~In("severity", [4]) & StartsWith("title", "Mal") & Id(number)) == 1
refused(lambda: hive.alert.find(filters=Eq("assignee", "ada")), 400, "BadRequest - assignee")

hive.alert.update(number, {"status": "Imported"})
assert hive.alert.get(number)["status"] == "Imported"
refused(lambda: hive.alert.update(number, {"title": "Renamed"}), 501, "NotSupportedError - title")

(added,) = hive.alert.create_observable(number, {"dataType": "domain", "data": "evil.example"})
assert (added["dataType"], added["data"]) == ("domain", "evil.example")
hive.alert.create_observable(number, {"dataType": "file"}, observable_path=path)
assert len(hive.alert.find_observables(number)) > 3

refused(lambda: hive.alert.create({"type": "external", "source": "edr", "title": "t"}), 400, "BadRequest - sourceRef")
refused(lambda: hive.alert.get("~999999"), 404, "NotFoundError")
refused(lambda: hive.alert.delete(number), 501, "NotSupportedError")
refused(lambda: hive.alert.promote_to_case(number), 501, "NotSupportedError")
refused(lambda: hive.alert.follow(number), 501, "NotSupportedError")
refused(lambda: hive.alert.merge_into_case(number, "~1"), 501, "NotSupportedError")
refused(lambda: hive.case.create({"title": "c", "description": "d"}), 501, "NotSupportedError")
stranger = TheHiveApi(url=url, apikey="nd_nobody")
refused(lambda: stranger.alert.create(body), 401, "AuthenticationError")
