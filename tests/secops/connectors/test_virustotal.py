"""VirusTotal: engines, families, techniques; what it does not know; its limit."""

from typing import Any

import pytest

from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.connectors.virustotal import VirusTotal
from secops.http import Answer, HttpError
from tests.secops.connectors.fake_http import FakeHttp, answer, connected

SHA256 = "ab" * 32
FILE = {
    "meaningful_name": "helper.exe",
    "size": 1234,
    "last_analysis_date": 1_793_000_000,
    "first_submission_date": 1_792_000_000,
    "last_analysis_stats": {"malicious": 40, "suspicious": 1, "harmless": 0, "undetected": 28, "failure": 3},
    "popular_threat_classification": {"popular_threat_name": [{"count": 9, "value": "oddfox"}]},
    "signature_info": {"verified": "Signed", "signers": "Some Vendor; Some Root"},
    "tags": ["peexe"],
}
SUMMARY = {
    "mitre_attack_techniques": [{"id": "T1053.005", "signature_description": "Makes a scheduled task"}],
    "ip_traffic": [{"destination_ip": "203.0.113.9", "destination_port": 443}],
    "files_dropped": [{"path": "x.dll", "sha256": "cd" * 32}],
}
DROPPED = [{"type": "file", "id": "cd" * 32}, {"type": "file", "id": "ef" * 32}]
BAD_FILE: list[tuple[str, Answer | HttpError]] = [
    ("/behaviour_summary", answer({"data": SUMMARY})),
    ("/dropped_files", answer({"data": DROPPED})),
    (f"files/{SHA256}", answer({"data": {"type": "file", "id": SHA256, "attributes": FILE}})),
]


def virustotal(answers: list[tuple[str, Answer | HttpError]]) -> tuple[VirusTotal, FakeHttp]:
    return connected(VirusTotal, {"url": "https://vt.test"}, {"api_key": "k3y"}, answers)


def thing(attributes: Any, status: int = 200) -> list[tuple[str, Answer | HttpError]]:
    return [("vt.test", answer({"data": {"attributes": attributes}}, status))]


def test_a_bad_file_comes_with_its_family_behaviour_and_relatives() -> None:
    connector, http = virustotal(
        [one for one in BAD_FILE if "files/" not in one[0]] + [one for one in BAD_FILE if "files/" in one[0]]
    )
    connector.http = Routed(http)  # type: ignore[assignment]

    found = connector.reputation("hash_sha256", SHA256)

    assert found is not None
    assert (found.malicious, found.suspicious, found.checked) == (40, 1, 69)
    assert (found.families, found.techniques) == (["oddfox"], ["T1053.005"])
    assert (found.name, found.size, found.signer) == ("helper.exe", 1234, "Some Vendor")
    assert found.behaviours == ["Makes a scheduled task"]
    assert [(one["kind"], one["value"][:2]) for one in found.related] == [
        ("hash_sha256", "cd"),
        ("hash_sha256", "ef"),
        ("ip", "20"),
    ]
    assert {call.options["headers"]["x-apikey"] for call in http.calls} == {"k3y"}


class Routed:
    """Answers by the end of the URL, so that a file and what belongs to it are told apart."""

    def __init__(self, http: FakeHttp) -> None:
        self.http = http

    def request(self, method: str, url: str, **options: Any) -> Answer:
        self.http.request(method, url, **options)
        part = next((part for part in ("/behaviour_summary", "/dropped_files") if part in url), f"files/{SHA256}")
        found = dict(BAD_FILE)[part]
        assert isinstance(found, Answer)
        return found


def test_a_clean_file_costs_one_call() -> None:
    clean = FILE | {"last_analysis_stats": {"malicious": 0, "harmless": 10, "undetected": 50}}
    connector, http = virustotal(thing(clean))

    found = connector.reputation("hash_sha256", SHA256)

    assert found is not None
    assert (found.malicious, found.checked) == (0, 60)
    assert len(http.calls) == 1


def test_an_address_takes_its_family_from_the_engines_words() -> None:
    connector, http = virustotal(
        thing(
            {
                "last_analysis_stats": {"malicious": 3, "harmless": 60},
                "last_analysis_results": {
                    "A": {"category": "malicious", "result": "malware"},
                    "B": {"category": "malicious", "result": "Oddfox C2"},
                    "C": {"category": "harmless", "result": "clean"},
                },
                "mitre_attack_techniques": [{"id": "T1071.001", "tactic": "Command and Control"}],
            }
        )
    )

    found = connector.reputation("ip", "203.0.113.9")

    assert found is not None
    assert (found.families, found.techniques, found.tactics) == (
        ["Oddfox C2"],
        ["T1071.001"],
        ["Command and Control"],
    )
    assert http.calls[0].url == "https://vt.test/api/v3/ip_addresses/203.0.113.9"


def test_a_url_is_asked_by_its_identifier() -> None:
    connector, http = virustotal(thing({"last_analysis_stats": {}}))

    connector.reputation("url", "http://a.example/?x=1")

    assert http.calls[0].url.endswith("/urls/aHR0cDovL2EuZXhhbXBsZS8_eD0x")


@pytest.mark.parametrize("value", ["../users/me", "a.example/../../x", "a?b", "a#b"])
def test_a_value_cannot_leave_its_place_in_the_path(value: str) -> None:
    connector, http = virustotal(thing({"last_analysis_stats": {}}))

    connector.reputation("domain", value)

    rest = http.calls[0].url.removeprefix("https://vt.test/api/v3/domains/")
    assert not set(rest) & set("/?#")


def test_what_it_does_not_know_is_no_answer_and_no_clean_bill() -> None:
    connector, _ = virustotal([("vt.test", answer({"error": {"code": "NotFoundError"}}, 404))])

    assert connector.reputation("domain", "new.example") is None
    assert connector.reputation("registry_key", "HKLM\\x") is None


def test_the_limit_waits_a_minute_and_the_first_half_is_not_paid_twice() -> None:
    whole = ("vt.test", answer({"data": {"id": SHA256, "attributes": FILE}}))
    connector, http = virustotal([whole, ("vt.test", answer({"error": {}}, 429)), ("vt.test", answer({"data": {}}))])

    with pytest.raises(SourceLimited) as caught:
        connector.reputation("hash_sha256", SHA256)
    assert caught.value.retry_after == 60

    assert connector.reputation("hash_sha256", SHA256) is not None
    assert [call.url.rsplit("/", 1)[-1] for call in http.calls] == [
        SHA256,
        "behaviour_summary",
        "behaviour_summary",
        "dropped_files",
    ]


def test_a_wrong_key_is_refused() -> None:
    connector, _ = virustotal([("vt.test", answer({"error": {"message": "their words"}}, 401))])

    with pytest.raises(SourceRefused):
        connector.test()


@pytest.mark.parametrize("body", [b"<html>", {}, {"data": {}}, {"data": {"attributes": 3}}, [1]])
def test_a_broken_answer_is_an_error(body: Any) -> None:
    connector, _ = virustotal([("vt.test", answer(body))])

    with pytest.raises(HttpError):
        connector.reputation("ip", "203.0.113.9")
