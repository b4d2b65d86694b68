"""Zeek against the real samples: TSV and JSON, alerts and telemetry."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from cases.intake.base import IgnoredError
from cases.intake.read import read_with
from cases.intake.split import stream
from tests.cases.intake.detectors.common import NOW, SAMPLES, needs_samples

pytestmark = needs_samples


def _sent(path):
    """The rows of a file, by name; unset cells left out."""
    lines = path.read_text().splitlines()
    if path.parent.name == "json":
        return [json.loads(line) for line in lines]
    (fields,) = [line.split("\t")[1:] for line in lines if line.startswith("#fields")]
    cells = [line.split("\t") for line in lines if not line.startswith("#")]
    return [{name: cell for name, cell in zip(fields, row, strict=True) if cell != "-"} for row in cells]


def _read(path):
    with path.open("rb") as file:
        found = [read_with(message, "auto", NOW) for message in stream(file)]
    assert {detector.slug for one in found for detector, _ in one} == {"zeek"}
    return [alert for one in found for _, alert in one]


def _moment(text):
    whole, _, fraction = str(text).partition(".")
    return datetime.fromtimestamp(int(whole), UTC) + timedelta(microseconds=int(fraction.ljust(6, "0")))


def _check(raw, alert, title, rule):
    ends = {name: raw.get(f"id.{name}", raw.get(f"id_{name}")) for name in ("orig_h", "orig_p", "resp_h", "resp_p")}
    assert (alert.title, alert.rule_id) == (title, rule)
    assert alert.detected_at == _moment(raw["ts"])
    assert (alert.severity, alert.is_severity_assumed) == (0, True)
    assert alert.people == ()
    if ends["orig_h"] is None:
        assert (alert.flow, alert.devices) == (None, ())
        assert len(alert.source_ref) == 64
        return
    assert alert.source_ref.startswith(f"{raw['uid']}/{rule}")
    assert [one.address for one in alert.devices] == [ends["orig_h"]]
    assert (alert.flow.src_ip, alert.flow.src_port) == (ends["orig_h"], int(ends["orig_p"]))
    assert (alert.flow.dst_ip, alert.flow.dst_port) == (ends["resp_h"], int(ends["resp_p"]))
    assert {ends["orig_h"], ends["resp_h"]} <= {one.value for one in alert.observables}


@pytest.mark.parametrize(("name", "count"), [("notice.log", 2), ("json/notice-nashua.log", 1)])
def test_each_notice(name, count):
    path = SAMPLES / "zeek" / name
    sent, alerts = _sent(path), _read(path)

    assert len(sent) == len(alerts) == count
    assert len({alert.source_ref for alert in alerts}) == count
    for raw, alert in zip(sent, alerts, strict=True):
        _check(raw, alert, " ".join(raw["msg"].split()), raw["note"])
        assert alert.flow.proto == raw["proto"]
        values = {one.value for one in alert.observables}
        assert set(re.findall(r"\b[0-9a-f]{40}\b", raw["sub"])) <= values
        assert set(re.findall(r"[\w.]+@[\w.]+", raw["sub"])) <= values
        assert any(raw.get("file_desc", "").startswith(value) for value in values if "://" in value) == (
            "file_desc" in raw
        )


def test_each_weird():
    path = SAMPLES / "zeek/weird.log"
    sent, alerts = _sent(path), _read(path)

    assert len(sent) == len(alerts) == 12
    assert len({alert.source_ref for alert in alerts}) == 12
    for raw, alert in zip(sent, alerts, strict=True):
        _check(raw, alert, f"Odd traffic: {raw['name']}", raw["name"])


def test_telemetry_is_ignored():
    counted = 0
    paths = [*SAMPLES.glob("zeek/tsv/*.log"), *SAMPLES.glob("zeek/json/*.log")]
    for path in paths:
        if path.name.startswith("notice"):
            continue
        with path.open("rb") as file:
            for message in stream(file):
                counted += 1
                with pytest.raises(IgnoredError):
                    read_with(message, "auto", NOW)
    assert counted == sum(len(_sent(path)) for path in paths if not path.name.startswith("notice")) > 500
