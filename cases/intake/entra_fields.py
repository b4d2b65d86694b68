"""The fields of an Entra row, wherever they stand, and what they say of risk."""

from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalFlow, NormalObservable
from cases.intake.inner_json import opened
from cases.intake.normalise import attack
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import HIGH, INFO, LOW, MEDIUM, Graded, of_word

_SCALE = {"none": INFO, "low": LOW, "medium": MEDIUM, "high": HIGH}
_LEVELS = ("riskLevelDuringSignIn", "riskLevelAggregated", "riskLevel", "riskLevelState")


class Row:
    """A row of the diagnostic export, where `properties` holds most, or of Graph, where nothing is wrapped.

    `fields` are both in one, the inner ones before the outer ones of the same name.
    """

    def __init__(self, payload: dict[str, Any]) -> None:
        self._outer = Document(payload)
        inner = opened(self._outer.first("properties"))
        known = {key.casefold() for key in inner} if isinstance(inner, dict) else set()
        others = {key: value for key, value in payload.items() if key.casefold() not in known}
        self.fields = Document({**others, **(inner if isinstance(inner, dict) else {})})

    def outer(self, path: str) -> str:
        """A field of the envelope, which the inner row may name, too."""
        return self._outer.text(path)

    def text(self, *paths: str) -> str:
        return self.fields.text(*paths)


def risk_events(row: Row) -> list[str]:
    """The names of the risks, sent as a list, as one word, or as JSON in a text."""
    for path in ("riskEventTypes_v2", "riskEventTypes", "riskEventType"):
        names = [opened(value) for value in row.fields.values(path)]
        if found := [word for word in Document({"names": names}).texts("names") if word.casefold() != "none"]:
            return found
    return []


def read_signin_severity(row: Row) -> Graded:
    """The worst level that is said; `hidden` means that a licence is missing."""
    words = row.fields.texts(*_LEVELS)
    if not words:
        return Graded(MEDIUM, is_assumed=True)
    graded = [of_word(word, _SCALE) for word in words]
    known = [one for one in graded if not one.is_assumed and one.severity > INFO]
    return max(known or graded, key=lambda one: one.severity)


def attack_of(row: Row) -> tuple[tuple[str, str], ...]:
    """`additionalInfo` of a risk: pairs of Key and Value as JSON in a text, one of them the techniques."""
    pairs = Document({"pairs": opened(row.fields.first("additionalInfo"))})
    sent = [pair.text("Value") for pair in pairs.objects("pairs") if pair.text("Key") == "mitreTechniques"]
    return attack([word.strip() for text in sent for word in text[:2000].split(",")], [])


def read_signin_observables(row: Row, flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    """Addresses, the accounts and what signed in with what."""
    found = Observables()
    found.add(ObservableKind.IP, flow.src_ip if flow else "", Role.SOURCE, note=_place(row))
    found.add(ObservableKind.IP, row.outer("callerIpAddress"), Role.SOURCE)
    found.add(ObservableKind.IP, row.text("ipAddressFromResourceProvider"), Role.SOURCE)
    found.add(ObservableKind.ASN, row.text("autonomousSystemNumber"), Role.SOURCE)
    found.add(ObservableKind.USER_AGENT, row.text("userAgent"), Role.SOURCE)
    found.add(ObservableKind.USER, row.text("userPrincipalName"), Role.ACCOUNT)
    if name := row.text("servicePrincipalName"):
        note = row.text("servicePrincipalId")[:64]
        found.add(ObservableKind.OTHER, name, Role.ACCOUNT, tags=("service-principal",), note=note)
    return found.all()


def _place(row: Row) -> str:
    """Where the address is said to be: an object of city, state and country, or only the country."""
    place = row.fields.part("location")
    parts = [place.text(name) for name in ("city", "state", "countryOrRegion")]
    return (", ".join(part for part in parts if part) or row.text("location"))[:300]
