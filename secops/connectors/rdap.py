"""RDAP (RFC 9083): who registered an address range or a domain, and when."""

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, ClassVar
from urllib.parse import quote

from django import forms

from secops.connectors.base import BaseUrlField, Connector, RateLimit, connectors
from secops.connectors.capabilities.places import Registration
from secops.http import Answer, HttpError

ROLES = ("registrant", "administrative", "technical")  # whose name is the owner's, best first
MAX_HOPS = 3  # of a bootstrap service's redirects; each passes the egress guard anew


@connectors.register
class Rdap(Connector):
    """Public registration data. The registry sees what is asked, hence amber."""

    slug = "rdap"
    label = "RDAP registration data"
    doc_url = "https://about.rdap.org/"
    max_tlp = 2
    rate_limit: ClassVar[RateLimit | None] = RateLimit(calls=60, seconds=60)

    class SettingsForm(forms.Form):
        url = BaseUrlField(label="RDAP service", initial="https://rdap.org")

    def registration(self, kind: str, value: str) -> Registration | None:
        """None for a private address, and for what no registry knows."""
        if kind not in {"ip", "domain"} or (kind == "ip" and not _is_registrable(value)):
            return None
        answer = self._ask(f"{kind}/{quote(value, safe=':.')}")
        if answer.status == 404:
            return None
        body = self.checked(answer).json()
        try:
            return _registration(body)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise HttpError(f"{answer.host} sent registration data that cannot be read") from error

    def test(self) -> str:
        answer = self._ask("ip/192.0.2.1")
        if answer.status != 404:  # "unknown" is an answer, too
            self.checked(answer)
        return "The RDAP service answers."

    def _ask(self, path: str) -> Answer:
        url = f"{self.setting('url')}/{path}"
        for _ in range(MAX_HOPS):
            answer = self.http.request("GET", url, headers={"Accept": "application/rdap+json"})
            url = answer.headers.get("Location", "")
            if answer.status not in {301, 302, 303, 307, 308} or not url.startswith("https://"):
                break
        return answer


def _is_registrable(value: str) -> bool:
    """A documentation range may be asked (registries know those), an inside or group address may not."""
    try:
        address = ip_address(value)
    except ValueError:
        return False
    inside = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    documentation = str(address).startswith(("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"))
    return not inside and (not address.is_private or documentation)


def _registration(body: dict[str, Any]) -> Registration:
    entities = list(_entities(body))
    owners = [_card(one) for role in ROLES for one in entities if role in one.get("roles", [])]
    abuse = [_card(one) for one in entities if "abuse" in one.get("roles", [])]
    events = {one["eventAction"]: one["eventDate"] for one in body.get("events", [])}
    owner = next((card for card in owners if card.get("org") or card.get("fn")), {})
    return Registration(
        handle=str(body.get("handle", "")),
        name=str(body.get("name") or body.get("ldhName") or ""),
        owner=owner.get("org") or owner.get("fn", ""),
        country=str(body.get("country") or owner.get("country", "")).upper(),
        registered_at=_time(events.get("registration")),
        abuse_mail=next((card["email"] for card in abuse if card.get("email")), ""),
    )


def _entities(body: dict[str, Any], depth: int = 0) -> Iterator[dict[str, Any]]:
    """Entities and those within them: the abuse contact often stands below the registrant."""
    for entity in body.get("entities", []):
        yield entity
        if depth < 3:
            yield from _entities(entity, depth + 1)


def _card(entity: dict[str, Any]) -> dict[str, str]:
    """jCard (RFC 7095): ["vcard", [[name, parameters, type, value], ...]]."""
    found: dict[str, str] = {}
    for name, parameters, _, value in entity.get("vcardArray", ["vcard", []])[1]:
        if name == "adr" and isinstance(value, list):
            found.setdefault("country", str(parameters.get("cc") or value[-1]))
        elif name in {"fn", "org", "email"}:
            found.setdefault(name, str(value[0] if isinstance(value, list) else value))
    return found


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
