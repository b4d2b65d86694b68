"""TheHive's alerts: both forms, their TLPs, observables of every type, and references that are none."""

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from cases.choices import Tlp
from cases.intake.base import RejectedError
from cases.intake.read import read, read_with

NOW = datetime(2026, 11, 28, tzinfo=UTC)
HEAD = {"type": "external", "source": "edr", "sourceRef": "ref-1", "title": "Malware", "description": "On a laptop"}
V1 = {**HEAD, "severity": 3, "date": 1_795_512_449_000, "tags": ["x"], "tlp": 2, "pap": 2, "observables": []}
V0 = {**HEAD, "severity": 2, "date": 1_795_512_449_000, "tags": [], "tlp": 2, "artifacts": []}
WAZUH = {
    **V0,
    "type": "wazuh_alert",
    "source": "wazuh",
    "sourceRef": "a1b2c3",
    "tags": ["wazuh", "rule=5712", "agent_name=web-1", "agent_id=004", "agent_ip=10.1.2.3"],
}
WHOLE = {
    **V1,
    "status": "New",
    "externalLink": "https://x.example/1",
    "customFields": {"bu": {"order": 0, "string": "fin"}, "score": 7},
    "procedures": [{"patternId": "T1059", "occurDate": 1, "tactic": "execution"}],
    "observables": [
        {"dataType": "ip", "data": ["203.0.113.9"], "tags": ["c2"], "ioc": True, "message": "m", "tlp": 2, "pap": 2},
        {"dataType": "file", "attachment": {"name": "a.exe", "hashes": ["aa" * 32], "size": 1}},
        {"dataType": "hostname", "data": "pc-1"},
        {"dataType": "username", "data": "ada"},
    ],
}
ELASTALERT = {**V0, "source": "elastalert", "sourceRef": "4d119371-2109-42fb-9c51-8e431349c5dc", "status": "New"}


def only(payload, slug="auto"):
    (alert,) = read(payload, slug, NOW)
    return alert


def seen(payload):
    return {(one.kind, one.value) for one in only(payload).observables}


@pytest.mark.parametrize(("payload", "slug"), [(V1, "thehive"), (HEAD, "thehive"), (V0, "thehive-v0")])
def test_auto_tells_the_two_forms_apart(payload, slug):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == slug
    assert (alert.title, alert.source, alert.source_ref) == ("Malware", "edr", "ref-1/external")


def test_the_fields_of_an_alert():
    alert = only(WHOLE)

    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "3", False)
    assert alert.detected_at == datetime(2026, 11, 24, 9, 27, 29, tzinfo=UTC)
    assert (alert.url, alert.status, alert.tags) == ("https://x.example/1", "New", ("x",))
    assert alert.attack == (("T1059", "TA0002"),)
    assert alert.problems == ()


@pytest.mark.parametrize("field", ["type", "source", "sourceRef", "title"])
def test_a_missing_field_is_named(field):
    with pytest.raises(RejectedError) as caught:
        only({name: value for name, value in V1.items() if name != field}, "thehive")

    assert [problem.field for problem in caught.value.problems] == [field]


@pytest.mark.parametrize(
    ("slug", "sent", "meant"),
    [
        ("thehive-v0", 0, Tlp.CLEAR),
        ("thehive-v0", 3, Tlp.RED),
        ("thehive", 3, Tlp.AMBER_STRICT),
        ("thehive", 4, Tlp.RED),
        ("thehive", 9, Tlp.AMBER),
    ],
)
def test_a_tlp_of_3_is_red_before_version_5(slug, sent, meant):
    assert only(V1 | {"tlp": sent}, slug).tlp == meant


def test_the_strictest_mark_of_an_observable_holds_for_the_alert():
    assert only(V0 | {"artifacts": [{"dataType": "ip", "data": "203.0.113.9", "tlp": 3}]}).tlp == Tlp.RED


def test_observables_by_their_types():
    sent = [
        ("ip", "203.0.113.9"),
        ("domain", "Evil[.]example"),
        ("fqdn", "pc-1.corp.example"),
        ("url", "hxxp://evil.example/a"),
        ("mail", "Ada@corp.example"),
        ("hash", "AA" * 16),
        ("filename", "C:\\Temp\\x.exe"),
        ("registry", "HKEY_LOCAL_MACHINE\\Software\\X"),
        ("username", "CORP\\Ada"),
        ("our-own-type", "as it is"),
    ]
    alert = only(V1 | {"observables": [{"dataType": kind, "data": data} for kind, data in sent]})

    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "203.0.113.9"),
        ("domain", "evil.example"),
        ("domain", "pc-1.corp.example"),
        ("url", "http://evil.example/a"),
        ("email", "ada@corp.example"),
        ("hash_md5", "aa" * 16),
        ("file_path", "C:\\Temp\\x.exe"),
        ("registry_key", "HKLM\\Software\\X"),
        ("user", "corp\\ada"),
        ("other", "as it is"),
    ]
    assert alert.observables[-1].note == "our-own-type"
    assert [one.login for one in alert.people] == ["ada"]


def test_one_observable_may_hold_several_values_and_keeps_what_was_said_of_it():
    item = {"dataType": "ip", "data": ["203.0.113.9", "no address"], "tags": ["c2"], "ioc": True, "message": "From VPN"}
    alert = only(V1 | {"observables": [item]})

    (found,) = alert.observables
    assert (found.value, found.tags, found.is_indicator, found.note) == ("203.0.113.9", ("c2",), True, "From VPN")
    assert [problem.field for problem in alert.problems] == ["observables[0]"]


def test_a_bare_host_name_is_a_device_and_no_observable():
    alert = only(V0 | {"artifacts": [{"dataType": "hostname", "data": "FIN-LT-0142"}]})

    assert [one.name for one in alert.devices] == ["FIN-LT-0142"]
    assert alert.observables == ()


def test_a_file_of_version_4_is_read_for_its_hashes():
    body = b"MZ of ours"
    data = f"/tmp/a/dropper.exe;application/octet-stream;{b64encode(body).decode()}"

    found = seen(V0 | {"artifacts": [{"dataType": "file", "data": data}]})

    assert {("file_name", "dropper.exe"), ("hash_sha256", sha256(body).hexdigest())} < found


def test_a_file_that_the_gate_cut_gets_no_hash_and_says_so():
    data = f"a.exe;application/octet-stream;{b64encode(b'MZ of ours').decode()} [cut]"
    alert = only(V0 | {"artifacts": [{"dataType": "file", "data": data}]})

    assert [(one.kind, one.value) for one in alert.observables] == [("file_name", "a.exe")]
    assert [problem.field for problem in alert.problems] == ["artifacts[0]"]


def test_what_only_thehive_does_with_an_alert_is_named():
    alert = only(V1 | {"assignee": "ada@corp.example", "caseTemplate": "Malware", "flag": False})

    assert {problem.field for problem in alert.problems} == {"assignee", "caseTemplate"}


def test_the_type_is_a_part_of_the_reference():
    assert only(V1).source_ref != only(V1 | {"type": "internal"}).source_ref


def test_the_six_digits_of_the_wazuh_script_may_repeat():
    other = WAZUH | {"title": "Another"}

    assert only(WAZUH).source_ref == only(WAZUH | {"status": "Imported", "lastSyncDate": 1}).source_ref
    assert only(WAZUH).source_ref != only(other).source_ref
    assert all(only(one).source_ref.startswith("a1b2c3/wazuh_alert/") for one in (WAZUH, other))


def test_the_wazuh_script_names_rule_and_device_in_its_tags():
    alert = only(WAZUH)

    assert alert.rule_id == "5712"
    assert [(one.name, one.address) for one in alert.devices] == [("web-1", "10.1.2.3")]
    assert only(WAZUH | {"tags": ["agent_id=000", "agent_name=manager"]}).devices == ()


def test_elastalert_never_repeats_its_reference_so_the_same_things_within_the_hour_are_one_alert():
    artifact = {"dataType": "ip", "data": "203.0.113.9", "tags": []}
    first = ELASTALERT | {"artifacts": [artifact]}
    again = first | {"sourceRef": "0a119371-2109-42fb-9c51-8e431349c5dc", "date": first["date"] + 60_000}
    later = again | {"date": first["date"] + 3_600_000}
    elsewhere = again | {"artifacts": [artifact | {"data": "203.0.113.10"}]}

    assert only(first).source_ref == only(again).source_ref
    assert len({only(one).source_ref for one in (first, later, elsewhere, again | {"title": "Another"})}) == 4


def test_without_artifacts_elastalert_speaks_of_what_its_text_says():
    other = ELASTALERT | {"sourceRef": "0a119371-2109-42fb-9c51-8e431349c5dc"}

    assert only(ELASTALERT).source_ref == only(other).source_ref
    assert only(ELASTALERT).source_ref != only(other | {"description": "On another host"}).source_ref


def test_a_reference_that_a_rule_sets_is_kept():
    assert only(ELASTALERT | {"sourceRef": "rule-7"}).source_ref == "rule-7/external"
