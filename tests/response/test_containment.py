"""Quarantine, accounts and blocking: what is closed, what only seems so, and what is never touched."""

from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from cases.choices import DeviceState
from cases.models import Case, CaseDevice, CaseObservable, CasePerson, Device, TimelineEntry
from response.actions.base import Held, actions
from response.actions.isolation import judged
from response.choices import StepState
from response.models import Capture, StepRun
from response.services import decisions, invariants
from response.services.progress import call_of
from secops import integrations
from secops.connectors.capabilities.effects import IsolationState, NetworkPath
from secops.connectors.capabilities.identity import DeviceRecord
from tests.factories import make_device, make_observable, make_person
from tests.response.conftest import ISOLATE, age_sends, begin, say_yes, settle_down, step_of
from tests.response.network import MAC, NETWORK, OWN, Network, add_network, lease

QUARANTINE = {"key": "quarantine", "action": "quarantine_device", "params": {"device": "${{ device.id }}"}}
LIFT = {"key": "lift", "action": "lift_quarantine", "params": {"device": "${{ device.id }}"}}
CAPTURE = {"key": "capture", "action": "capture_packets", "params": {"device": "${{ device.id }}"}}
DISABLE = {"key": "disable", "action": "disable_account", "params": {"person": "${{ person.id }}"}}
REVOKE = {"key": "revoke", "action": "revoke_sessions", "params": {"person": "${{ person.id }}"}}
BLOCK = {
    "key": "block",
    "action": "block_indicator",
    "for_each": "case.indicators",
    "params": {"observable": "${{ item.id }}"},
}
IPV4, IPV6 = NetworkPath(name="Wi-Fi IPv4", is_open=False), NetworkPath(name="Wi-Fi IPv6", is_open=True)
MANAGEMENT = NetworkPath(name="EDR", is_open=True, is_management=True)


@pytest.fixture
def network(world: Any) -> Network:
    NETWORK.__init__()  # type: ignore[misc]
    add_network()
    integrations.add("test_dhcp", "DHCP", {})
    return NETWORK


@pytest.fixture
def connected(case: Case, device: Device) -> CaseDevice:
    """The case's device with its address at the alert's time, and a MAC that the directory told."""
    Device.objects.filter(pk=device.pk).update(mac=MAC)
    CaseDevice.objects.filter(case=case).update(address=OWN)
    return CaseDevice.objects.get(case=case)


@pytest.fixture(autouse=True)
def nothing_is_broken(db: None) -> Any:
    yield
    assert invariants.broken() == {}


def plan_of(step: StepRun) -> Any:
    return actions[step.action]().plan(call_of(step))


# --- the network's door ------------------------------------------------------------------------------------------


def test_a_quarantine_counts_when_every_path_is_closed_and_is_lifted(network, connected, case, analyst, responder):
    network.paths = (IPV4,)

    run = begin(case, analyst, QUARANTINE)
    say_yes(step_of(run, "quarantine"), responder)
    settle_down()
    step = step_of(run, "quarantine")
    state = CaseDevice.objects.get(case=case).state
    undo = decisions.undo(step.pk, actor=analyst)
    say_yes(undo, responder)
    settle_down()

    assert (step.state, state) == (StepState.SUCCEEDED, DeviceState.ISOLATED)
    assert step.result == "FIN-LT-0142: isolated, verified on Wi-Fi IPv4"
    assert network.effects == [("quarantine", MAC), ("lift", MAC)]
    assert CaseDevice.objects.get(case=case).state == DeviceState.RELEASED


def test_one_open_ipv6_path_is_partly_isolated_and_never_contained(network, connected, case, analyst, responder):
    network.paths = (IPV4, IPV6, MANAGEMENT)

    run = begin(case, analyst, QUARANTINE)
    say_yes(step_of(run, "quarantine"), responder)
    settle_down()

    step = step_of(run, "quarantine")
    assert step.state == StepState.UNKNOWN
    assert step.result == "FIN-LT-0142: partly isolated, not contained. Still gets out: Wi-Fi IPv6."
    assert CaseDevice.objects.get(case=case).state == DeviceState.PARTLY_ISOLATED
    assert TimelineEntry.objects.filter(case=case, text__startswith="FIN-LT-0142: partly isolated").count() == 1


@pytest.mark.parametrize(
    ("state", "paths", "held", "said"),
    [
        ("isolated", (IPV4,), Held.DONE, "verified on Wi-Fi IPv4"),
        ("isolated", (), Held.DONE, "isolated, verified"),
        ("isolated", (IPV6,), Held.PARTLY, "Still gets out: Wi-Fi IPv6"),
        ("partly", (), Held.PARTLY, "not contained"),
        ("isolated", (IPV4, NetworkPath(name="EDR", is_open=False, is_management=True)), Held.DONE, "by hand"),
        ("pending_isolate", (IPV6,), Held.NOT_YET, "still at it"),
        ("released", (IPV6,), Held.NOT_DONE, "on the network"),
    ],
)
def test_every_path_counts_and_a_lost_management_path_is_said(state, paths, held, said):
    check = judged(
        "PC", IsolationState(state=state, text="", paths=paths), wanted="isolated", pending="pending_isolate"
    )

    assert check.held == held
    assert said in check.text


def test_the_mac_is_learnt_from_the_lease_that_names_the_device(network, connected, case, device, analyst, responder):
    Device.objects.update(mac="")
    network.lease = lease("fin-lt-0142.corp.example")

    run = begin(case, analyst, QUARANTINE)
    say_yes(step_of(run, "quarantine"), responder)
    settle_down()

    assert step_of(run, "quarantine").state == StepState.SUCCEEDED
    assert network.effects == [("quarantine", MAC)]
    assert Device.objects.get(pk=device.pk).mac == MAC


def test_an_address_that_another_device_has_by_now_closes_no_port(network, connected, case, analyst, responder):
    Device.objects.update(mac="")
    network.lease = lease("fin-lt-0999.corp.example")

    run = begin(case, analyst, QUARANTINE | {"on_failure": "continue"}, CAPTURE)
    say_yes(step_of(run, "quarantine"), responder)
    settle_down()

    assert step_of(run, "quarantine").state == StepState.FAILED
    assert "neither an address nor a MAC" in step_of(run, "capture").reason
    assert network.effects == []


@pytest.mark.parametrize("agent_id", ["agent-FIN-LT-0142", "agent-of-another"])
def test_a_hunted_device_is_captured_by_the_mac_that_is_known_of_its_id(network, case, device, analyst, agent_id):
    integrations.add("test_macs", "Directory", {})
    network.record = DeviceRecord(name=device.name, agent_id=agent_id, mac=MAC.upper())
    network.lease = lease("fin-lt-0142")

    run = begin(case, analyst, CAPTURE)
    settle_down()

    step = step_of(run, "capture")
    if agent_id == device.agent_id:
        assert (step.state, network.effects) == (StepState.SUCCEEDED, [("capture", MAC)])
        assert (Capture.objects.get().mac, Capture.objects.get().address) == (MAC, OWN)
    else:
        assert "An EDR or directory that knows its MAC address would help." in step.reason
        assert network.effects == []


@pytest.mark.slow
def test_releasing_one_door_leaves_the_device_isolated_while_the_other_is_closed(
    network, world, connected, case, analyst, responder
):
    run = begin(case, analyst, ISOLATE, QUARANTINE, LIFT)
    for key in ("isolate", "quarantine", "lift"):
        say_yes(step_of(run, key), responder)
        settle_down()

    assert step_of(run, "lift").state == StepState.SUCCEEDED
    assert CaseDevice.objects.get(case=case).state == DeviceState.ISOLATED


# --- no capture possible ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["198.51.100.9", "10.20.19.21"])
def test_who_approves_a_quarantine_reads_that_nothing_can_be_captured(network, connected, case, analyst, address):
    CaseDevice.objects.update(address=address)
    network.watches = False

    run = begin(case, analyst, QUARANTINE)

    assert "No packet capture is possible there" in plan_of(step_of(run, "quarantine")).warning
    assert address in plan_of(step_of(run, "quarantine")).warning


def test_the_warning_stands_in_the_box_and_on_the_page(client, network, connected, case, analyst, responder):
    network.watches = False
    step = step_of(begin(case, analyst, QUARANTINE), "quarantine")
    client.force_login(responder)

    panel = client.get(reverse("response:panel", args=[case.pk])).content.decode()
    page = client.get(reverse("response:approval", args=[step.pk])).content.decode()

    assert "No packet capture is possible there: no sensor sees" in panel
    assert "No packet capture is possible there: no sensor sees" in page


def test_a_capture_that_was_refused_is_read_before_the_approval(network, connected, case, analyst):
    network.sees = False

    run = begin(case, analyst, CAPTURE | {"on_failure": "continue"}, QUARANTINE)
    settle_down()

    assert step_of(run, "capture").state == StepState.FAILED
    assert "no sensor has seen it" in plan_of(step_of(run, "quarantine")).warning


def test_a_device_in_the_full_tunnel_vpn_is_warned_about(network, connected, case, analyst, settings):
    settings.NIGHTDESK_VPN_NETWORKS = ["10.20.3.0/24"]

    run = begin(case, analyst, ISOLATE)

    assert "full-tunnel VPN" in plan_of(step_of(run, "isolate")).warning


# --- accounts -----------------------------------------------------------------------------------------------------


def person_of(case: Case, **fields: Any) -> Any:
    person = make_person(**({"login": "m.okafor", "upn": "m.okafor@corp.example", "name": "Maya Okafor"} | fields))
    CasePerson.objects.create(case=case, person=person, role="owner")
    return person


def test_an_account_is_disabled_and_enabled_again(network, case, analyst, responder):
    person_of(case)

    run = begin(case, analyst, DISABLE)
    say_yes(step_of(run, "disable"), responder)
    settle_down()
    undo = decisions.undo(step_of(run, "disable").pk, actor=analyst)
    say_yes(undo, responder)
    settle_down()

    assert step_of(run, "disable").title == "Disable account: Maya Okafor"
    assert step_of(run, "disable").result == "Account of Maya Okafor: disabled, verified"
    assert network.effects == [("disable", "m.okafor@corp.example"), ("enable", "m.okafor@corp.example")]


def test_sessions_are_revoked_and_older_revocations_do_not_count(network, case, analyst, responder):
    person_of(case)
    network.revoked["m.okafor@corp.example"] = "2026-01-01T00:00:00Z"
    run = begin(case, analyst, REVOKE)
    step = say_yes(step_of(run, "revoke"), responder)
    call = call_of(step_of(run, "revoke"), integrations.connector_of(integrations.with_capability("account")[0]))

    before = actions["revoke_sessions"]().verify(call).held
    settle_down()

    assert before == Held.NOT_DONE
    assert StepRun.objects.get(pk=step.pk).state == StepState.SUCCEEDED
    assert network.effects == [("revoke", "m.okafor@corp.example")]


@pytest.mark.parametrize("login", ["svc-backup", "svc_sql", "service.print", "HOST7$"])
@pytest.mark.parametrize("step", [DISABLE, REVOKE])
def test_a_service_account_is_never_closed_by_machine(network, case, analyst, step, login):
    person_of(case, login=login, upn="", name="Backup")

    run = begin(case, analyst, step)
    settle_down()

    assert step_of(run, step["key"]).state == StepState.FAILED
    assert "service account" in step_of(run, step["key"]).reason
    assert network.effects == []


def test_a_person_with_a_name_like_a_service_is_a_person(network, case, analyst):
    person_of(case, login="savina.bot", upn="savina.bot@corp.example")

    assert step_of(begin(case, analyst, DISABLE), "disable").state == StepState.WAITING


def test_only_the_cases_own_people_and_observables_are_targets(network, case, analyst):
    stranger, other = make_person("stranger"), make_observable("203.0.113.99")

    run = begin(
        case,
        analyst,
        {
            "key": "disable",
            "action": "disable_account",
            "params": {"person": str(stranger.pk)},
            "on_failure": "continue",
        },
        {"key": "block", "action": "block_indicator", "params": {"observable": str(other.pk)}},
    )

    assert "not part of" in step_of(run, "disable").reason
    assert "not part of" in step_of(run, "block").reason


# --- blocking -----------------------------------------------------------------------------------------------------


def name(case: Case, value: str, kind: str = "ip", verdict: str = "malicious", **fields: Any) -> Any:
    found = make_observable(value, kind, verdict=verdict, **fields)
    CaseObservable.objects.create(case=case, observable=found, role="destination", first_seen_at=case.opened_at)
    return found


@pytest.mark.slow
def test_the_cases_malicious_values_are_blocked_and_one_is_unblocked(network, case, analyst, responder):
    name(case, "203.0.113.44")
    name(case, "cdn-metrics.example", "domain")
    name(case, "198.51.100.2", verdict="benign")
    run = begin(case, analyst, BLOCK)
    settle_down()

    for step in StepRun.objects.filter(run=run).exclude(item=""):
        say_yes(step, responder)
    settle_down()
    last = StepRun.objects.filter(run=run).exclude(item="").last()
    say_yes(decisions.undo(last.pk, actor=analyst), responder)
    settle_down()

    assert [what for what, _ in network.effects] == ["block", "block", "unblock"]
    assert len(network.blocked) == 1
    assert "198.51.100.2" not in str(network.effects)


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("10.20.0.10", "ip", "an address of the house"),
        ("corp.example", "domain", "the house's own"),
        ("mail.corp.example", "domain", "the house's own"),
        ("https://portal.corp.example/login", "url", "the house's own"),
        ("HKLM\\Run", "registry_key", "cannot be blocked"),
    ],
)
def test_what_the_house_needs_is_refused_before_anybody_is_asked(network, case, analyst, value, kind, said):
    make_device("FIN-LT-0151", fqdn="fin-lt-0151.corp.example", directory_id="d1")
    observable = name(case, value, kind)

    run = begin(case, analyst, {"key": "b", "action": "block_indicator", "params": {"observable": str(observable.pk)}})

    assert step_of(run, "b").state == StepState.FAILED
    assert said in step_of(run, "b").reason


def test_a_public_resolver_on_a_warning_list_is_shown_and_refused(network, case, analyst, responder, tmp_path):
    folder = tmp_path / "lists" / "public-dns-v4"
    folder.mkdir(parents=True)
    (folder / "list.json").write_text('{"name": "Public DNS", "type": "cidr", "list": ["198.51.100.53"]}')
    integrations.add("warninglists", "Lists", {"path": str(tmp_path / "lists")})
    observable = name(case, "198.51.100.53")

    run = begin(case, analyst, {"key": "b", "action": "block_indicator", "params": {"observable": str(observable.pk)}})
    plan = plan_of(step_of(run, "b"))
    say_yes(step_of(run, "b"), responder)
    settle_down()

    assert "Public DNS" in plan.warning
    assert step_of(run, "b").state == StepState.FAILED
    assert network.effects == []


def test_a_value_or_a_person_of_the_case_is_chosen_when_an_action_runs_alone(network, client, case, analyst):
    bad, person = name(case, "203.0.113.44"), person_of(case)
    name(case, "HKLM\\Run", "registry_key")
    url = reverse("response:alone", args=[case.pk])
    client.force_login(analyst)

    block = client.get(url, {"action": "block_indicator"}).content.decode()
    disable = client.get(url, {"action": "disable_account"}).content.decode()
    form = {"action": "block_indicator", "observable": str(bad.pk), "reason": "Beacons to it"}
    form |= {"request_id": str(uuid4())}
    sent = client.post(url, form)
    wrong = client.post(url, form | {"observable": "999", "request_id": str(uuid4())})

    assert f'<option value="{bad.pk}">203.0.113[.]44 (IP address)</option>' in block
    assert "HKLM" not in block
    assert f'<option value="{person.pk}">Maya Okafor</option>' in disable
    assert (sent.status_code, wrong.status_code) == (302, 422)
    assert StepRun.objects.get().title == "Block for all devices: 203.0.113.44"


# --- covert -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["quarantine_device", "disable_account", "revoke_sessions", "block_indicator"])
def test_a_covert_case_refuses_what_its_subject_could_notice(slug):
    assert actions[slug].is_noticeable
    assert not actions["capture_packets"].is_noticeable


@pytest.mark.slow
def test_a_lie_about_an_account_is_found_after_the_settling_time(network, case, analyst, responder, monkeypatch):
    person_of(case)
    monkeypatch.setattr(
        type(integrations.connector_of(integrations.with_capability("account")[0])), "disable_account", _lie
    )

    run = begin(case, analyst, DISABLE)
    say_yes(step_of(run, "disable"), responder)
    for _ in range(8):
        settle_down(3)
        age_sends(40)
    settle_down()

    assert step_of(run, "disable").state in {StepState.FAILED, StepState.UNKNOWN}
    assert step_of(run, "disable").state != StepState.SUCCEEDED


def _lie(self: Any, account: str) -> None:
    """Says yes, does nothing."""


def test_the_plan_of_a_person_says_what_hangs_on_the_account(network, case, analyst, device):
    person = person_of(case, title="Accounts payable", department="Finance", is_privileged=True)
    Device.objects.filter(pk=device.pk).update(owner=person)

    plan = plan_of(step_of(begin(case, analyst, DISABLE), "disable"))

    assert "Maya Okafor, Accounts payable, Finance" in plan.who
    assert "Devices: FIN-LT-0142" in plan.who
    assert "administrator" in plan.who
