"""The report of a case as one plain value: what page, PDF and JSON show, and nothing besides."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from cases.choices import DeviceReason, DeviceState, Disposition, ObservableKind, Role, Severity, Stage, Tlp
from cases.models import Case
from cases.services import whole as record
from cases.services.whole import stamp
from response.services.report import actions, adversary, exhibits, facts, graph, hunting, impact, limits, summary
from response.services.report.pseudonyms import Pseudonyms
from secops import attack
from secops.attack import Attack
from secops.chain import FIRST
from secops.models import User
from secops.wording import defang

Row = dict[str, Any]
SCHEMA = "nightdesk.report/1"
LONG = {"summary": limits.cut, "lessons": limits.cut}  # what people read as sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a report is asked for."""

    by: User
    is_pseudonymised: bool = False
    at: datetime | None = None


def report_of(case: Case, wanted: Wanted, *, known: Attack | None) -> Row:
    """Everything, cut to what a reader can read; `known` is the ATT&CK data, when there is some."""
    whole = record.as_json(case)
    report = _sections(case, whole, known)
    report["summary"] = summary.sentences(whole, report)
    report = _head(case, whole, wanted) | report
    report = limits.every_text(report, lambda text: limits.cut(text, limits.MOST_TEXT + limits.SLACK))
    if wanted.is_pseudonymised:
        report = _pseudonymised(case, whole, report)
    return {key: limits.every_text(part, LONG.get(key, limits.line)) for key, part in report.items()}


def made(case: Case, wanted: Wanted) -> Row:
    """The same with the ATT&CK data of this installation."""
    return report_of(case, wanted, known=attack.known())


def _head(case: Case, whole: Row, wanted: Wanted) -> Row:
    entries = whole["timeline"]
    last = case.timeline.filter(seq=len(entries)).values_list("hash", flat=True).first()
    return {
        "schema": SCHEMA,
        "case": whole["id"],
        "title": whole["title"],
        "kind": case.kind.name if case.kind else None,
        "stage": Stage(case.stage).label,
        "disposition": Disposition(case.disposition).label if case.disposition else None,
        "severity": Severity(case.severity).label,
        "tlp": Tlp(case.tlp).label,
        "restricted": case.is_restricted,
        "covert": case.is_covert,
        "generated": {
            "at": stamp(wanted.at or timezone.now()),
            "by": wanted.by.display_name,
            "product": f"{settings.PRODUCT_NAME} {settings.VERSION}",
            "pseudonymised": wanted.is_pseudonymised,
            "practice": settings.NIGHTDESK_PRACTICE,
            "timeline": {"entries": len(entries), "head": last or FIRST},
        },
        "summary": [],
    }


def _sections(case: Case, whole: Row, known: Attack | None) -> Row:
    return {
        "risk": {"score": whole["risk"]["score"], "reasons": whole["risk"]["reasons"]},
        "facts": facts.cards(whole),
        "not_known": [*facts.not_known(whole), *hunting.not_heard(case)],
        "timeline": limits.rows(
            [{"at": one["at"], "who": one["who"], "text": _told(one)} for one in whole["timeline"]],
            limits.MOST_ENTRIES,
        ),
        "actions": limits.rows(actions.runs(case), limits.MOST_RUNS),
        "devices": limits.rows([_device(one) for one in whole["devices"]]),
        "people": limits.rows([one | {"role_label": _words(one["role"])} for one in whole["people"]]),
        "graph": graph.graph(case, whole),
        "impact": impact.impact(whole),
        "adversary": adversary.adversary(whole, known),
        "next_techniques": adversary.next_techniques(whole, known),
        "observables": limits.rows([_observable(one) for one in whole["observables"]]),
        "evidence": limits.rows(exhibits.manifest(whole)),
        "custody": limits.rows(exhibits.custody(whole), limits.MOST_ENTRIES),
        "lessons": _lessons(case, whole),
    }


def _told(entry: Row) -> str:
    """What an attacker did is learnt later than it happened: such a line says both."""
    return f"Attacker, {entry['occurred_at']}: {entry['text']}" if "occurred_at" in entry else str(entry["text"])


def _device(one: Row) -> Row:
    labels = {"state_label": DeviceState(one["state"]).label, "reason_label": DeviceReason(one["reason"]).label}
    return one | labels


def _observable(one: Row) -> Row:
    labels = {"kind_label": ObservableKind(one["kind"]).label, "role_label": Role(one["role"]).label}
    return one | labels | {"defanged": defang(one["value"], one["kind"])}


def _words(role: str) -> str:
    return role.replace("_", " ").capitalize()


def _lessons(case: Case, whole: Row) -> Row:
    """Why it was closed, and what people wrote down."""
    notes = case.notes.select_related("author").order_by("at")
    said = [{"at": stamp(one.at), "by": one.author.display_name, "text": one.text} for one in notes]
    return {"close_reason": whole["close_reason"], "notes": limits.rows(said)}


def _pseudonymised(case: Case, whole: Row, report: Row) -> Row:
    """Each text without names; of people only what does not tell who they are."""
    names = Pseudonyms(case, whole)
    head = report["generated"]["timeline"]
    people = [_nobody(one, names.text) for one in report["people"]["rows"]]
    changed: Row = limits.every_text(report, names.text)
    changed["people"]["rows"] = people
    changed["generated"]["timeline"] = head
    return changed


def _nobody(one: Row, text: Callable[[str], str]) -> Row:
    name = text(one["login"] or one["upn"] or one["name"] or "unknown")
    hidden = dict.fromkeys(("login", "upn", "title", "manager_name"))
    return one | hidden | {"name": name}
