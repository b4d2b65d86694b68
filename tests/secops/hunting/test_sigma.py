"""Sigma rules: what they mean, and that what cannot be asked is refused with the reason."""

import pytest

from secops.hunting import sigma
from secops.hunting.conditions import Both, Kind, Not, Number, Text, holds

RULE = """
title: Updater out of a person's folder
level: high
logsource: {category: process_creation, product: windows}
detection:
  selection:
    Image|endswith: ['\\updater.exe', '\\sync?.exe']
    CommandLine|contains|all: [/background, quiet]
  filter:
    ParentImage: 'C:\\Windows\\System32\\services.exe'
  condition: selection and not filter
"""
EVENT = {"image": "C:\\U\\Updater.exe", "command_line": "updater /background --QUIET", "parent_image": "C:\\x.exe"}


def rule(category: str = "process_creation", condition: str = "s", **fields: object) -> str:
    lines = "".join(f"\n    {name}: {value}" for name, value in fields.items())
    return (
        f"title: T\nlogsource: {{category: {category}}}\ndetection:\n  s:{lines or ' {{}}'}\n  condition: {condition}\n"
    )


def test_a_rule_means_what_it_says() -> None:
    found = sigma.read(RULE)
    (query,) = found.queries

    assert (found.title, found.level, query.kind) == ("Updater out of a person's folder", "high", Kind.PROCESS)
    assert holds(query.condition, EVENT)
    assert holds(query.condition, EVENT | {"image": "D:\\syncX.exe"})
    assert not holds(query.condition, EVENT | {"image": "D:\\sync.exe"})
    assert not holds(query.condition, EVENT | {"command_line": "updater /background"})
    assert not holds(query.condition, EVENT | {"parent_image": "c:\\windows\\system32\\SERVICES.exe"})


def test_hashes_numbers_nothing_and_networks_are_read() -> None:
    hashed = sigma.read(rule(**{"Hashes|contains": f"IMPHASH={'AB' * 16}", "ProcessId|gt": 4, "User": "null"}))
    net = sigma.read(rule("network_connection", **{"DestinationIp|cidr": "203.0.112.0/23", "DestinationPort": 443}))

    condition = hashed.queries[0].condition
    assert holds(condition, {"imphash": "ab" * 16, "pid": 5})
    assert not holds(condition, {"imphash": "ab" * 16, "pid": 5, "user": "x"})
    assert not holds(condition, {"imphash": "ab" * 16, "pid": 4})
    assert holds(net.queries[0].condition, {"peer": "203.0.113.44", "peer_port": 443})
    assert not holds(net.queries[0].condition, {"peer": "203.0.114.4", "peer_port": 443})


def test_the_log_source_is_part_of_the_question() -> None:
    files = sigma.read(rule("file_event", **{"TargetFilename|endswith": ".lnk"})).queries[0].condition
    keys = sigma.read(rule("registry_set", **{"TargetObject|contains": "\\Run\\"})).queries[0].condition
    service = "title: T\nlogsource: {service: system}\ndetection:\n  s: {EventID: 7045}\n  condition: s\n"

    assert isinstance(files, Both)
    assert Not(Text("action", ("deleted",))) in files.parts
    assert not holds(keys, {"key": "HKLM\\X\\Run\\a", "action": "DeleteValue"})
    assert holds(keys, {"key": "HKLM\\X\\Run\\a", "action": "SetValue"})
    condition = sigma.read(service).queries[0].condition
    assert isinstance(condition, Both)
    assert Number("event", "==", 7045) in (*condition.parts, *getattr(condition.parts[1], "parts", ()))
    assert not holds(condition, {"event": 7045, "provider": "Microsoft-Windows-Sysmon"})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no: rule", "no detection"),
        ("{", "not YAML"),
        ("a: &a [1]\nb: *a", "aliases"),
        (rule(Nonsense="x"), "the field Nonsense"),
        (rule("dns_query", QueryName="x"), "dns_query"),
        (rule(Image="x", condition="((((((s))))))"), "brackets"),
        (rule(Image="x", condition="s and missing"), "missing"),
        (rule(**{"Image|re": "'['"}), "invalid"),
        (rule(**{"CommandLine|expand": "'%names%'"}), "placeholders"),
        (rule(Hashes="SHA256=12"), "Hashes"),
        (rule(ProcessId="notanumber"), "number"),
        ("title: T\nlogsource: {category: process_creation}\ndetection: {s: [word], condition: s}", "without a field"),
        ("title: T\nlogsource: {service: system}\ndetection: {s: {Provider_Name: x}, condition: s}", "EventID"),
        ("title: T\nlogsource: {product: linux}\ndetection: {s: {a: b}, condition: s}", "linux"),
        ("x" * 50_000, "larger"),
        ("[" * 20_000, "too deep"),
    ],
)
def test_what_cannot_be_asked_as_it_is_meant_is_refused(text: str, why: str) -> None:
    with pytest.raises(sigma.RuleError, match=why):
        sigma.read(text)
