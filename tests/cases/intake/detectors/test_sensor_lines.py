"""Lines of Snort and PAN-OS beside the repository, cut at their commas here."""

from datetime import UTC, datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples


def _lines(slug):
    (path,) = (SAMPLES / slug).iterdir()
    return path.name, [line for line in path.read_text().splitlines() if line.strip()]


def test_snort():
    name, lines = _lines("snort")
    pairs = read_folder("snort")[name]

    assert len(lines) == len(pairs) == 3
    for line, (detector, alert) in zip(lines, pairs, strict=True):
        cells = line.split(",")
        assert detector.slug == "snort"
        assert alert.title == cells[4].strip('"')
        assert (alert.rule_id, alert.rule_version) == (f"{cells[1]}:{cells[2]}", cells[3])
        assert alert.detected_at == datetime.strptime(cells[0].strip(), "%m/%d/%y-%H:%M:%S.%f").replace(tzinfo=UTC)
        assert (alert.flow.src_ip, str(alert.flow.src_port)) == (cells[6], cells[7])
        assert (alert.flow.dst_ip, str(alert.flow.dst_port)) == (cells[8], cells[9])
        assert {one.value for one in alert.observables} == {cells[6], cells[8], cells[10].lower(), cells[11].lower()}
        inner = cells[6] if cells[6].startswith("10.") else cells[8]
        assert [one.address for one in alert.devices] == [inner]
    assert len({alert.source_ref for _, alert in pairs}) == 3


def test_paloalto():
    name, (line,) = _lines("paloalto")
    ((detector, alert),) = read_folder("paloalto")[name]
    cells = line.partition(" 1,")[2].split(",")  # without the first, so each place is one less; no comma before a link

    assert detector.slug == "paloalto"
    assert alert.title == f"PAN-OS {cells[3]}: {cells[32]}"
    assert alert.detected_at == datetime.strptime(cells[5], "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    assert alert.source_ref == f"{cells[1]}/{cells[2]}/{cells[35]}"
    assert (alert.severity_raw, alert.action) == (cells[33], "allowed")
    assert (alert.flow.src_ip, alert.flow.dst_ip) == (cells[6], cells[7])
    assert (str(alert.flow.src_port), str(alert.flow.dst_port)) == (cells[23], cells[24])
    link = cells[30].strip('"')
    values = [one.value for one in alert.observables]
    assert {cells[6], cells[7], f"https://{link}", link.partition("/")[0]} <= set(values)
    assert any(value.startswith("Mozilla/5.0") for value in values)
    assert alert.people == ()
