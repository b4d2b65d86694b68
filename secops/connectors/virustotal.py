"""VirusTotal v3: what its engines and sandboxes say of an address, a domain, a URL or a file hash."""

import base64
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from django import forms

from secops.connectors.base import BaseUrlField, Connector, RateLimit, Settings, connectors
from secops.connectors.capabilities.places import Reputation
from secops.http import HttpError

PATHS = {
    "ip": "ip_addresses",
    "domain": "domains",
    "url": "urls",
    "hash_md5": "files",
    "hash_sha1": "files",
    "hash_sha256": "files",
}
KEEP, MOST_KEPT = 300.0, 100  # seconds and answers
MOST = 20  # behaviours and related things kept


@connectors.register
class VirusTotal(Connector):
    """Asks by hash or name only and uploads nothing; what is asked is seen by others, so amber is its limit."""

    slug = "virustotal"
    label = "VirusTotal"
    doc_url = "https://docs.virustotal.com/reference/overview"
    max_tlp = 2
    rate_limit: ClassVar[RateLimit | None] = RateLimit(calls=4, seconds=60)  # the public key's
    concurrency = 4
    secret_fields: ClassVar[tuple[str, ...]] = ("api_key",)

    class SettingsForm(forms.Form):
        url = BaseUrlField(label="API", initial="https://www.virustotal.com")
        calls_per_minute = forms.IntegerField(
            required=False, min_value=1, max_value=10_000, help_text="Of your licence. Empty: 4, as a public key has."
        )

    @classmethod
    def limit_of(cls, values: Mapping[str, Any]) -> RateLimit | None:
        calls = values.get("calls_per_minute")
        return RateLimit(calls=int(calls), seconds=60) if calls else cls.rate_limit

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._kept: dict[str, tuple[float, Any]] = {}

    def reputation(self, kind: str, value: str) -> Reputation | None:
        """One call, and for a file that engines call bad two more: what it did in sandboxes, what it dropped."""
        if kind not in PATHS:
            return None
        path = f"{PATHS[kind]}/{_identifier(kind, value)}"
        found = self._ask(path)
        if not isinstance(found, dict):
            return None
        try:
            is_bad = bool((found["attributes"].get("last_analysis_stats") or {}).get("malicious"))
            sandbox: Any = {}
            dropped: Any = []
            if is_bad and PATHS[kind] == "files":
                sandbox = self._ask(f"{path}/behaviour_summary") or {}
                dropped = self._ask(f"{path}/dropped_files") or []
            return _reputation(found, sandbox, dropped)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise HttpError("VirusTotal sent an answer that cannot be read") from error

    def test(self) -> str:
        self._ask("ip_addresses/8.8.8.8")
        return "VirusTotal accepts the key."

    def _ask(self, path: str) -> Any:
        """The `data` of an answer; None when VirusTotal does not know it. An answer is kept for some minutes, so
        that a question which met the rate limit half-way does not pay for its first half again."""
        kept = self._kept.get(path)
        if kept and time.monotonic() - kept[0] < KEEP:
            return kept[1]
        answer = self.http.request(
            "GET", f"{self.setting('url')}/api/v3/{path}", headers={"x-apikey": self.secret("api_key")}
        )
        if answer.status == 404:
            return None
        body = self.checked(answer).json()
        if not isinstance(body, dict) or "data" not in body:
            raise HttpError("VirusTotal sent an answer that cannot be read", status=answer.status)
        if len(self._kept) > MOST_KEPT:
            self._kept.clear()
        self._kept[path] = time.monotonic(), body["data"]
        return body["data"]


def _identifier(kind: str, value: str) -> str:
    if kind == "url":
        return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
    return quote(value, safe=":")


def _reputation(found: dict[str, Any], sandbox: dict[str, Any], dropped: list[dict[str, Any]]) -> Reputation:
    known = found["attributes"]
    stats = known.get("last_analysis_stats") or {}
    votes = {name: int(stats.get(name, 0)) for name in ("malicious", "suspicious", "harmless", "undetected")}
    techniques = [*(known.get("mitre_attack_techniques") or []), *(sandbox.get("mitre_attack_techniques") or [])]
    matches = sandbox.get("signature_matches") or []
    said = [one.get("signature_description") for one in techniques] + [one.get("description") for one in matches]
    return Reputation(
        malicious=votes["malicious"],
        suspicious=votes["suspicious"],
        harmless=votes["harmless"],
        checked=sum(votes.values()),
        families=_families(known),
        tags=_unique(known.get("tags") or []),
        techniques=_unique([one.get("id") for one in techniques]),
        tactics=_unique([one.get("tactic") for one in techniques]),
        first_seen_at=_time(known, "first_submission_date", "creation_date"),
        as_of=_time(known, "last_analysis_date", "last_modification_date"),
        name=str(known.get("meaningful_name") or ""),
        size=known.get("size"),
        signer=_signer(known.get("signature_info") or {}),
        behaviours=_unique(said),
        related=_related(sandbox, dropped),
    )


def _families(known: dict[str, Any]) -> list[str]:
    """Names from the threat classification of a file, else from the verdicts of the engines that call it bad."""
    threat = known.get("popular_threat_classification") or {}
    names = [str(one["value"]) for one in threat.get("popular_threat_name", []) if one.get("value")]
    if not names:
        generic = {"", "malware", "malicious", "phishing", "clean", "unrated", "suspicious"}
        verdicts = (known.get("last_analysis_results") or {}).values()
        said = [str(one.get("result") or "") for one in verdicts if one.get("category") == "malicious"]
        names = [one for one in said if one.lower() not in generic]
    return _unique(names)


def _related(sandbox: dict[str, Any], dropped: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Files that it dropped, and where it spoke to in the sandboxes."""
    found = [("hash_sha256", one.get("id"), "dropped") for one in dropped]
    found += [("hash_sha256", one.get("sha256"), "dropped") for one in sandbox.get("files_dropped") or []]
    found += [("ip", one.get("destination_ip"), "contacted") for one in sandbox.get("ip_traffic") or []]
    found += [("domain", one.get("hostname"), "contacted") for one in sandbox.get("dns_lookups") or []]
    unique = [one for one in dict.fromkeys(found) if one[1]][:MOST]
    return [{"kind": kind, "value": str(value), "relation": relation} for kind, value, relation in unique]


def _signer(signature: dict[str, Any]) -> str:
    """The first of the chain, and only when the signature holds."""
    return str(signature.get("signers", "")).split(";")[0].strip() if signature.get("verified") == "Signed" else ""


def _unique(texts: list[Any]) -> list[str]:
    return [str(text) for text in dict.fromkeys(texts) if text][:MOST]


def _time(known: dict[str, Any], *names: str) -> datetime | None:
    seconds = next((known[name] for name in names if known.get(name)), None)
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
