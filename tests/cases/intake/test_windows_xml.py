"""Windows events in XML: whole ones, ones that were cut on their way, and failed sign-ins of a known name."""

from datetime import UTC, datetime
from io import BytesIO

import pytest

from cases.intake.read import read, read_with
from cases.intake.split import stream
from cases.intake.xml_events import read_event

NOW = datetime(2026, 11, 2, tzinfo=UTC)
SYSTEM = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{provider}'/>"
    "<EventID Qualifiers='16384'>{number}</EventID><TimeCreated SystemTime='2026-11-01T10:00:00.1234567Z'/>"
    "<EventRecordID>5</EventRecordID><Channel>System</Channel><Computer>pc-1.corp.example</Computer></System>"
)
SERVICE = SYSTEM.format(provider="Service Control Manager", number=7045) + (
    "<EventData><Data Name='ServiceName'>Odd</Data><Data Name='ImagePath'>C:\\Temp\\run.exe</Data></EventData></Event>"
)


def _one(text):
    (message,) = stream(BytesIO(text.encode()))
    ((detector, alert),) = read_with(message, "auto", NOW)
    return detector.slug, alert


@pytest.mark.parametrize("begin", ["", "<?xml version='1.0'?>\n", "\ufeff"])
def test_an_event_in_xml_reads_as_one_in_json(begin):
    slug, alert = _one(begin + SERVICE)

    assert slug == "windows-events"
    assert (alert.title, alert.source_ref) == ("Service installed: Odd", "pc-1.corp.example/System/5")
    assert alert.rule_id == "Service Control Manager:7045"
    assert [(one.kind, one.value) for one in alert.observables] == [("file_path", "C:\\Temp\\run.exe")]


def test_several_events_in_one_file_are_several_alerts():
    messages = list(stream(BytesIO(f"<Events>{SERVICE}\n{SERVICE.replace('>5<', '>6<')}</Events>".encode())))

    assert [read(message, "auto", NOW)[0].source_ref[-1] for message in messages] == ["5", "6"]


def test_an_event_that_was_cut_costs_the_next_one_nothing():
    cut = SERVICE[: SERVICE.index("<Data Name='ImagePath'")]
    messages = list(stream(BytesIO(f"{cut}\n{SERVICE.replace('>5<', '>6<')}\n{cut.replace('>5<', '>7<')}".encode())))

    assert [read(message, "auto", NOW)[0].source_ref[-1] for message in messages] == ["5", "6", "7"]


@pytest.mark.parametrize(
    "end", ["C:\\Te", "Odd</Data><Data Name='Imag", "</EventData", "</System><EventData", "</System>"]
)
def test_an_event_that_was_cut_after_its_head_keeps_what_is_whole(end):
    slug, alert = _one(SERVICE[: SERVICE.index(end) + len(end)])

    assert slug == "windows-events"
    assert alert.title in {"Service installed: Odd", "Service installed"}
    assert (alert.source_ref, alert.detected_at.hour) == ("pc-1.corp.example/System/5", 10)
    assert "C:\\Te" not in [one.value for one in alert.observables]
    assert [problem.field for problem in alert.problems] == ["Event.EventData"]


@pytest.mark.parametrize(
    "text",
    [
        "<Event",
        "<Event><System><EventID>1",
        "<Events>",
        "<Event>& <System></System>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><Event><System></System>",
    ],
)
def test_what_has_no_whole_head_is_no_event(text):
    assert read_event(text) is None


def test_a_failed_sign_in_names_its_target_though_its_sid_is_nobodys():
    data = (
        "<EventData><Data Name='SubjectUserSid'>S-1-5-18</Data><Data Name='SubjectUserName'>PC-1$</Data>"
        "<Data Name='TargetUserSid'>S-1-0-0</Data><Data Name='TargetUserName'>Ada</Data>"
        "<Data Name='TargetDomainName'>CORP</Data></EventData></Event>"
    )
    _, alert = _one(SYSTEM.format(provider="Microsoft-Windows-Security-Auditing", number=4625) + data)

    assert alert.title == "Failed sign-in: Ada"
    assert [(one.domain, one.login, one.sid, one.role) for one in alert.people] == [("CORP", "ada", "", "target")]


@pytest.mark.parametrize(("number", "action"), [(1121, "blocked"), (1122, "detected")])
def test_defender_says_what_its_rule_stopped(number, action):
    data = (
        "<EventData><Data Name='User'>CORP\\Ada</Data><Data Name='Path'>C:\\Temp\\x.vbs</Data>"
        "<Data Name='Process Name'>C:\\Office\\word.exe</Data><Data Name='Parent Commandline'>word /n</Data>"
        "</EventData></Event>"
    )
    _, alert = _one(SYSTEM.format(provider="Microsoft-Windows-Windows Defender", number=number) + data)

    assert alert.action == action
    assert alert.title.endswith("by an attack surface reduction rule: word.exe")
    assert {("file_path", "C:\\Temp\\x.vbs"), ("command_line", "word /n")} <= {
        (one.kind, one.value) for one in alert.observables
    }
