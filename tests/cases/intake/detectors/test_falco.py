"""Falco against the real samples: one object, one line."""

import json
from datetime import UTC, datetime

from tests.cases.intake.detectors.common import NOW, SAMPLES, needs_samples, read_folder


@needs_samples
def test_the_object():
    ((detector, alert),) = read_folder("falco")["shell-in-container.json"]
    raw = json.loads((SAMPLES / "falco/shell-in-container.json").read_text())
    fields = raw["output_fields"]
    values = {(one.kind, one.value) for one in alert.observables}

    assert detector.slug == "falco"
    assert (alert.title, alert.rule_id, alert.description) == (raw["rule"], raw["rule"], raw["output"])
    assert alert.detected_at == datetime.fromisoformat(raw["time"][:26] + "+00:00")
    assert (alert.severity, alert.severity_raw) == (4, "Critical")
    assert len(alert.source_ref) == 64
    assert alert.attack == (("", "TA0002"),)
    assert [one.name for one in alert.devices] == [raw["hostname"]]
    assert [one.login for one in alert.people] == [fields["user.name"]]
    assert {
        ("command_line", fields["proc.cmdline"]),
        ("process", fields["proc.name"]),
        ("process", fields["proc.pname"]),
        ("other", fields["container.id"]),
        ("other", fields["container.image.repository"]),
        ("other", f"{fields['k8s.ns.name']}/{fields['k8s.pod.name']}"),
    } <= values
    assert set(raw["tags"]) <= set(alert.tags)


@needs_samples
def test_the_line():
    ((detector, alert),) = read_folder("falco")["syslog-line.txt"]
    line = (SAMPLES / "falco/syslog-line.txt").read_text().strip()
    sentence, _, values = line.removesuffix(")").partition(" (")
    words = dict(word.split("=", 1) for word in values.split() if "=" in word)
    found = {(one.kind, one.value) for one in alert.observables}

    assert detector.slug == "falco"
    assert alert.title == sentence.split(" Notice ", 1)[1]
    assert alert.description == line
    assert (alert.severity, alert.severity_raw) == (1, "Notice")
    assert alert.detected_at.time().isoformat() == line[:15]
    assert NOW > alert.detected_at > datetime(2026, 11, 23, tzinfo=UTC)
    assert [one.login for one in alert.people] == [words["user"]]
    assert {
        ("process", words["proc_exepath"]),
        ("process", words["parent"]),
        ("command_line", "bash -il"),
        ("other", words["container_id"]),
        ("other", f"{words['container_image']}:{words['container_image_tag']}"),
        ("other", f"{words['k8s_ns']}/{words['k8s_pod_name']}"),
    } <= found
