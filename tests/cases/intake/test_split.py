"""Bodies and files as messages."""

import gzip
import io
import json

import pytest

from cases.intake.split import is_single, split, stream

LIMITS = {"max_alerts": 1000, "max_bytes": 10_000_000}


@pytest.mark.parametrize(
    ("body", "count", "is_list"),
    [
        (b'{"a": 1}', 1, False),
        (b' {\n "a": [1, {"b": "}"}]\n}\n', 1, False),
        (b'[{"a": 1}]', 1, True),
        (b"[]", 0, True),
        (b'{"a": 1}\n{"a": 2}\n', 2, True),
        (b'{"a": 1}{"a": 2}', 2, True),
        (b'{"value": [{"a": 1}, {"a": 2}]}', 2, True),
        (b'{"value": [{"a": 1}]}', 1, False),
        (b'{"detail-type": "x", "detail": {"findings": [{"a": 1}, {"a": 2}]}}', 2, True),
    ],
)
def test_one_object_is_told_from_a_list(body, count, is_list):
    batch = split(body, **LIMITS)

    assert [message.problems for message in batch.messages] == [()] * count
    assert batch.is_list is is_list
    assert is_single(body) is not is_list


def test_a_broken_line_costs_itself_only():
    batch = split(b'{"a": 1}\n{"a": "x\n{"a": 3}\n', **LIMITS)

    assert [message.payload for message in batch.messages] == [{"a": 1}, None, {"a": 3}]
    assert "not JSON" in batch.messages[1].problems[0].message


def test_a_broken_object_in_a_list_costs_itself_only():
    batch = split(b'[{"a": 1}, {"a": tru}, 7, {"a": 3}]', **LIMITS)

    assert [message.payload for message in batch.messages] == [{"a": 1}, None, None, {"a": 3}]


def test_each_alert_of_an_envelope_keeps_its_envelope_and_no_neighbour():
    batch = split(b'{"@odata.context": "c", "value": [{"a": 1}, {"a": 2}]}', **LIMITS)

    assert batch.messages[1].body == b'{"@odata.context": "c", "value": [{"a": 2}]}'
    assert batch.messages[1].payload == {"a": 2}


FILES = {
    "list": (b'[{"a": 1},\n {"a": 2}]', [{"a": 1}, {"a": 2}]),
    "gzip": (gzip.compress(b'{"a": 1}\n{"a": 2}\n'), [{"a": 1}, {"a": 2}]),
    "utf-16": ('{"a": "ü"}'.encode("utf-16"), [{"a": "ü"}]),
    "csv": (b'name,src\n"Scan, slow",10.0.0.1\n', [{"name": "Scan, slow", "src": "10.0.0.1"}]),
    "zeek": (
        b"#separator \\x09\n#path\tnotice\n#fields\tts\tp\tsub\n#types\ttime\tport\tstring\n1379288691.4\t80\t-\n",
        [{"_path": "notice", "ts": "1379288691.4", "p": 80}],
    ),
}


@pytest.mark.parametrize(("body", "payloads"), FILES.values(), ids=FILES.keys())
def test_a_file_of_any_format_becomes_objects(body, payloads):
    assert [message.payload for message in stream(io.BytesIO(body))] == payloads


def test_log_lines_keep_their_text_and_cef_its_fields():
    lines = b"<14>CEF:0|Acme|Wall|1|7|Bad \\| word|8|src=10.0.0.1 msg=two words\nMar  1 10:00:00 gate sshd[7]: hi\n"

    cef, syslog = (message.payload for message in stream(io.BytesIO(lines)))

    assert cef["name"] == "Bad | word"
    assert cef["msg"] == "two words"
    assert syslog["syslog_host"] == "gate"
    assert syslog["message"].endswith("hi")


def test_xml_with_a_declaration_is_not_expanded():
    text = b'<Event><!DOCTYPE x [<!ENTITY a "b">]><System/></Event>'

    (message,) = stream(io.BytesIO(text))

    assert "Event" not in message.payload


def test_chunks_may_end_anywhere():
    class Drip(io.RawIOBase):
        def __init__(self, body):
            self.body = io.BytesIO(body)

        def read(self, size=-1):
            return self.body.read(3)

    alerts = [{"a": 'x"}{\\', "b": [[[[[[[{}]]]]]]]}, {"c": 2}]

    assert [message.payload for message in stream(Drip(json.dumps(alerts).encode()))] == alerts
