"""Run with thehive4py 1.8: what scripts do with it, the common one of Wazuh among them. Arguments: address, token."""

import sys
import warnings

warnings.simplefilter("ignore")  # the package says of itself that it is old

from thehive4py.api import TheHiveApi  # noqa: E402
from thehive4py.models import Alert, AlertArtifact, Version  # noqa: E402
from thehive4py.query import And, Eq, Gte  # noqa: E402

url, token, path = sys.argv[1:]

# As Wazuh's script does it: the version is not named, the answer is 201 and has an id.
wazuh = TheHiveApi(url, token)
tags = ["wazuh", "rule=5712", "agent_name=web-1", "agent_id=004", "agent_ip=10.1.2.3"]
artifacts = [AlertArtifact(dataType="ip", data="203.0.113.9"), AlertArtifact(dataType="domain", data="evil.example")]
alert = Alert(
    title="sshd: brute force",
    tlp=2,
    tags=tags,
    description="### Rule\n| key | val |\n",
    type="wazuh_alert",
    source="wazuh",
    sourceRef="a1b2c3",
    artifacts=artifacts,
)
response = wazuh.create_alert(alert)
assert response.status_code == 201, response.text
number = response.json()["id"]

api = TheHiveApi(url, token, version=Version.THEHIVE_4.value)
assert api.get_current_user().json()["login"] == "siem"
again = api.create_alert(alert)
assert (again.status_code, again.json()["id"]) == (201, number)

file = Alert(
    title="A file",
    type="external",
    source="edr",
    sourceRef="f1",
    description="d",
    artifacts=[AlertArtifact(dataType="file", data=path)],
)
assert api.create_alert(file).status_code == 201

got = api.get_alert(number)
assert got.status_code == 200
assert got.json()["title"] == "sshd: brute force"
assert sorted(one["data"] for one in got.json()["artifacts"]) == ["203.0.113.9", "evil.example"]

found = api.find_alerts(query=And(Eq("source", "wazuh"), Gte("severity", 2)), sort=["-date"], range="0-5")
assert [one["id"] for one in found.json()] == [number], found.text
assert api.find_alerts(query=Eq("sourceRef", "a1b2c3")).json()[0]["id"] == number
assert len(api.find_alerts().json()) == 2

whole = Alert(json=got.json())
whole.artifacts = []
assert api.update_alert(number, whole).status_code == 200  # nothing of it is another
whole.title = "Renamed"
refused = api.update_alert(number, whole, fields=["title"])
assert (refused.status_code, refused.json()["type"]) == (501, "NotSupportedError")
assert api.do_patch(f"/api/alert/{number}", status="Imported").json()["status"] == "Imported"

assert api.create_alert_artifact(number, AlertArtifact(dataType="hash", data="aa" * 16)).status_code == 201
assert api.create_alert_artifact(number, AlertArtifact(dataType="file", data=path)).status_code == 201

missing = api.get_alert("~999999")
assert (missing.status_code, missing.json()["type"]) == (404, "NotFoundError")
for refused in (api.delete_alert(number), api.promote_alert_to_case(number), api.mark_alert_as_read(number)):
    assert (refused.status_code, refused.json()["type"]) == (501, "NotSupportedError"), refused.text
