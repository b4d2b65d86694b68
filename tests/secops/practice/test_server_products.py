"""What each product of the range answers about the company."""

import requests

from tests.secops.practice.conftest import IDS, SHA256, Client

BO = "b.ek@tiny.example"


def test_kea_knows_current_leases_only(shared_practice: Client) -> None:
    (found,) = shared_practice.kea("lease4-get", **{"ip-address": "10.9.0.1"})
    (by_mac,) = shared_practice.kea("lease4-get-by-hw-address", **{"hw-address": "02:42:00:00:00:01"})
    (by_name,) = shared_practice.kea("lease4-get-by-hostname", hostname="lt-1.tiny.example")
    (every,) = shared_practice.kea("lease4-get-all")
    (expired,) = shared_practice.kea("lease4-get", **{"ip-address": "10.9.0.77"})

    assert found["result"] == 0
    assert found["arguments"]["hw-address"] == "02:42:00:00:00:01"
    assert by_mac["arguments"]["leases"] == by_name["arguments"]["leases"] == every["arguments"]["leases"]
    assert every["text"] == "1 IPv4 lease(s) found."
    assert expired == {"result": 3, "text": "Lease not found."}


def test_kea_refuses_what_it_does_not_know(shared_practice: Client) -> None:
    (unknown,) = shared_practice.kea("lease4-del", **{"ip-address": "10.9.0.1"})
    (missing,) = shared_practice.kea("lease4-get-by-hostname")
    (wrong,) = shared_practice.kea("lease4-get", **{"ip-address": "ten"})
    (no_list,) = shared_practice.kea("lease4-get-all", subnets=1)

    assert unknown["result"] == 2
    assert {answer["result"] for answer in (missing, wrong, no_list)} == {1}


def test_graph_shows_usual_properties_unless_others_are_chosen(shared_practice: Client) -> None:
    usual = shared_practice.graph(f"users/{BO}").json()
    chosen = shared_practice.graph(f"users/{BO}?$select=department,employeeLeaveDateTime&$expand=manager").json()
    wrong = shared_practice.graph(f"users/{BO}?$select=shoeSize")

    assert usual["displayName"] == "Bo Ek"
    assert "department" not in usual
    assert chosen["department"] == "Office"
    assert chosen["employeeLeaveDateTime"].endswith("T23:59:59Z")
    assert chosen["manager"]["displayName"] == "Ann Boss"
    assert wrong.status_code == 400


def test_graph_follows_people_to_managers_roles_and_devices(shared_practice: Client) -> None:
    manager = shared_practice.graph(f"users/{BO}/manager").json()
    no_manager = shared_practice.graph("users/a.boss@tiny.example/manager")
    owned = shared_practice.graph(f"users/{BO}/ownedDevices").json()["value"]
    roles = shared_practice.graph("users/a.boss@tiny.example/transitiveMemberOf").json()["value"]
    hours = shared_practice.graph(f"users/{BO}/mailboxSettings").json()["workingHours"]

    assert manager["userPrincipalName"] == "a.boss@tiny.example"
    assert no_manager.status_code == 404
    assert [device["displayName"] for device in owned] == ["LT-1", "LT-2"]
    assert "#microsoft.graph.directoryRole" in [role["@odata.type"] for role in roles]
    assert (hours["startTime"], hours["endTime"]) == ("09:00:00.0000000", "18:00:00.0000000")


def test_graph_filters_and_pages(shared_practice: Client) -> None:
    by_name = shared_practice.graph("devices?$filter=displayName eq 'lt-2'").json()["value"]
    started = shared_practice.graph("devices?$filter=startsWith(displayName,'LT') and isManaged eq true").json()
    first = shared_practice.graph("users?$top=1&$select=displayName").json()
    second = requests.get(first["@odata.nextLink"], headers=shared_practice.bearer("graph"), timeout=10).json()
    unclosed = shared_practice.graph("devices?$filter=displayName eq 'x")
    unknown = shared_practice.graph("users/nobody@tiny.example")

    assert [device["displayName"] for device in by_name] == ["LT-2"]
    assert len(started["value"]) == 2
    assert (first["value"], second["value"]) == ([{"displayName": "Ann Boss"}], [{"displayName": "Bo Ek"}])
    assert "@odata.nextLink" not in second
    assert unclosed.status_code == 400
    assert "position" in unclosed.json()["error"]["message"]
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == "Request_ResourceNotFound"


def test_defender_shows_a_machine_by_id_and_by_filter(shared_practice: Client) -> None:
    number = IDS["LT-1"]
    machine = shared_practice.defender(f"machines/{number}").json()
    found = shared_practice.defender("machines?$filter=lastIpAddress eq '10.9.0.3'").json()["value"]
    unknown = shared_practice.defender("machines/none")
    wrong = shared_practice.defender("machines?$filter=colour eq 'red'")

    assert (machine["osPlatform"], machine["version"]) == ("Windows11", "23H2")
    assert machine["aadDeviceId"] == "20000000-0000-4000-8000-000000000001"
    assert [(m["computerDnsName"], m["deviceValue"]) for m in found] == [("srv-1.tiny.example", "High")]
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "ResourceNotFound")
    assert wrong.json()["error"]["code"] == "ODataError"


def test_defender_knows_missing_updates_software_and_users(shared_practice: Client) -> None:
    number = IDS["LT-1"]
    updates = shared_practice.defender(f"machines/{number}/getmissingkbs").json()["value"]
    software = shared_practice.defender(f"machines/{number}/software").json()["value"]
    users = shared_practice.defender(f"machines/{number}/logonusers").json()["value"]

    assert [update["id"] for update in updates] == ["5900001"]
    assert {s["id"]: s["installedMachines"] for s in software} == {"help-_-help_desk": 1, "post-_-mail": 2}
    signed_in = shared_practice.defender("users/B.Ek/machines").json()["value"]
    nobody = shared_practice.defender("users/nobody/machines")

    assert [machine["id"] for machine in signed_in] == [number]
    assert (nobody.status_code, nobody.json()["value"]) == (200, [])
    by_name = {user["accountName"]: user for user in users}
    assert by_name["b.ek"]["logonTypes"] == "Interactive, Network"
    assert by_name["b.ek"]["firstSeen"] < by_name["b.ek"]["lastSeen"]
    assert by_name["a.boss"]["isOnlyNetworkUser"] is True


def test_virustotal_answers_about_addresses_and_files(practice: Client) -> None:
    address = practice.vt("ip_addresses/203.0.113.9").json()["data"]
    file = practice.vt(f"files/{'CD' * 16}").json()["data"]
    reports = practice.vt(f"files/{SHA256}/behaviours").json()["data"]
    related = practice.vt("ip_addresses/203.0.113.9/communicating_files").json()["data"]

    assert (address["type"], address["id"]) == ("ip_address", "203.0.113.9")
    assert address["attributes"]["last_analysis_stats"]["malicious"] == 9
    assert file["id"] == SHA256
    assert "behaviours" not in file["attributes"]
    assert reports[0]["attributes"]["files_written"] == ["C:\\x"]
    assert related[0]["id"] == SHA256


def test_virustotal_says_what_it_does_not_know(practice: Client) -> None:
    unknown = practice.vt("domains/good.example")
    no_address = practice.vt("ip_addresses/300.1.1.1")
    no_hash = practice.vt("files/zz")

    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "NotFoundError")
    assert (no_address.status_code, no_address.json()["error"]["code"]) == (400, "InvalidArgumentError")
    assert no_hash.status_code == 400


def test_rdap_finds_the_network_around_an_address(shared_practice: Client) -> None:
    network = requests.get(f"{shared_practice.base}/rdap/ip/203.0.113.9", timeout=10)
    domain = requests.get(f"{shared_practice.base}/rdap/domain/BAD.example", timeout=10).json()
    unknown = requests.get(f"{shared_practice.base}/rdap/ip/192.0.2.1", timeout=10)
    wrong = requests.get(f"{shared_practice.base}/rdap/ip/ten", timeout=10)

    assert network.headers["Content-Type"] == "application/rdap+json"
    assert (network.json()["objectClassName"], network.json()["country"]) == ("ip network", "NL")
    assert (domain["ldhName"], domain["events"][0]["eventAction"]) == ("bad.example", "registration")
    assert (unknown.status_code, unknown.json()["errorCode"]) == (404, 404)
    assert wrong.status_code == 400
