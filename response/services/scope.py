"""What expressions of a runbook may read: plain copies of the case, its alert, device, person and earlier steps."""

import re
from collections.abc import Callable
from typing import Any

from cases.choices import ObservableKind, Role, Verdict
from cases.models import Alert, Case, CaseDevice, CasePerson, Observable
from cases.services import shipped
from response.actions import blocking
from response.actions.ask_person import MAX_CHOICES
from response.models import Run, StepRun
from response.services import acquired, outflow
from secops import expressions
from secops.hunting.clauses import ClauseKind
from secops.hunting.places import is_writable

FIELDS = {
    "case": (
        *("id", "number", "title", "kind", "stage", "severity", "risk_score", "is_restricted", "is_covert"),
        *("data_flows_out", "indicators", "files", "changes"),
    ),
    "alert": ("id", "title", "severity", "rule_id", "rule_name", "src_ip", "dst_ip", "dst_port", "proto", "detector"),
    "device": (
        "id",
        "name",
        "agent_id",
        "ip",
        "os",
        "kind",
        "group",
        "site",
        "is_critical",
        "is_protected",
        "acquired",
    ),
    "person": ("id", "login", "upn", "name", "department", "site", "is_privileged"),
}

DERIVED = {"kind", "number", "ip", "data_flows_out", "indicators", "files", "changes", "acquired"}
MOST_INDICATORS = 50
SYSTEM = re.compile(shipped.SYSTEM_PATHS)
EVALUATED = ("when", "for_each", "params")  # of a step
WHOLE_CASE = re.compile(r"\bcase\b(?!\s*\.\s*[a-z])")  # not one of its fields by name


def of_run(run: Run, written: dict[str, Any], item: Any = None) -> expressions.Scope:
    """The scope of the expressions of one step of the run, as things stand now; `item` is that of a list's step."""
    read_by = str([written.get(name) for name in EVALUATED])
    return of_case(run.case, steps_of(run), item, run.device_id, read_by=read_by, run=run)


def of_case(
    case: Case,
    steps: dict[str, Any],
    item: Any = None,
    device_id: int | None = None,
    *,
    read_by: str = "case",
    run: Run | None = None,
) -> expressions.Scope:
    """The same before there is a run: `steps` is what its steps would have said.

    `read_by` holds every expression that will be evaluated: what of the case has to be looked for, and none of them
    names, is left out.
    """
    return expressions.scope(
        case=_case(case, device_id, read_by),
        alert=_alert(case),
        device=_device(case, device_id, run if "acquired" in read_by else None),
        person=_person(case),
        steps=steps,
        vars={},
        item=item,
    )


def needs_device(steps: list[dict[str, Any]]) -> bool:
    """Does any step of a version speak of the case's device?"""
    return any("device." in str([step["params"], step["when"], step.get("for_each", "")]) for step in steps)


def has_device(case: Case) -> bool:
    return CaseDevice.objects.filter(case=case).exists()


def _case(case: Case, device_id: int | None, read_by: str) -> dict[str, Any]:
    kind = case.kind.slug if case.kind else ""
    found: dict[str, Callable[[], Any]] = {
        "data_flows_out": lambda: outflow.of(case, device_id).is_on,
        "indicators": lambda: _indicators(case),
        "files": lambda: _files(case),
        "changes": lambda: _changes(case),
    }
    is_whole = bool(WHOLE_CASE.search(read_by))
    derived = {name: find() for name, find in found.items() if is_whole or name in read_by}
    return _picked(case, "case") | derived | {"kind": kind, "number": case.number}


def _indicators(case: Case) -> list[dict[str, Any]]:
    """The case's malicious addresses, domains, URLs and files, for a step that blocks each of them."""
    bad = Observable.objects.filter(
        links__case=case, verdict=Verdict.MALICIOUS, is_noise=False, kind__in=blocking.KINDS
    ).distinct()
    return [{"id": one.pk, "kind": one.kind, "name": one.value} for one in bad.order_by("pk")[:MOST_INDICATORS]]


def _files(case: Case) -> list[dict[str, Any]]:
    """The paths that the case's alerts name, those of the system first, else in their order, as many as one question
    may offer: text of a source, for a person to read before its use."""
    links = case.links.filter(observable__kind=ObservableKind.FILE_PATH, role=Role.FILE).select_related("observable")
    found: list[dict[str, Any]] = [
        {"id": one.observable_id, "path": one.observable.value} for one in links.order_by("pk")[:MOST_INDICATORS]
    ]
    return sorted(found, key=lambda one: not SYSTEM.match(one["path"]))[:MAX_CHOICES]


def _changes(case: Case) -> list[dict[str, str]]:
    """What the alerts say was changed and by what program, as clauses of a hunt: for a person who calls it malicious.

    A program counts only where anybody may write: Windows' own, as which a change can be made too, is everywhere.
    """
    named = Observable.objects.filter(links__case=case, links__role__in=(Role.REGISTRY, Role.PROCESS), is_noise=False)
    found = list(named.distinct().order_by("pk")[:MOST_INDICATORS])
    programs = [one.value for one in found if one.kind == ObservableKind.PROCESS]
    kinds: dict[str, ClauseKind] = {ObservableKind.REGISTRY_VALUE: ClauseKind.REGISTRY_KEY}
    if programs and all(is_writable(one) for one in programs):
        kinds[ObservableKind.HASH_SHA256] = ClauseKind.SHA256
    return [{"kind": str(kinds[one.kind]), "value": one.value} for one in found if one.kind in kinds]


def _alert(case: Case) -> dict[str, Any]:
    alert = Alert.objects.filter(case=case).order_by("pk").first()
    return _picked(alert, "alert") if alert else {}


def _device(case: Case, device_id: int | None, run: Run | None) -> dict[str, Any]:
    """The device that the run acts on; the case is about the first one that came in with an alert."""
    parts = CaseDevice.objects.select_related("device").filter(case=case).order_by("pk")
    part = (parts.filter(device=device_id) if device_id else parts).first()
    if part is None:
        return {}
    taken = list(acquired.of(run, part.device_id)) if run else []
    return _picked(part.device, "device") | {"ip": part.address, "acquired": taken}


def _person(case: Case) -> dict[str, Any]:
    part = CasePerson.objects.select_related("person").filter(case=case).order_by("pk").first()
    return _picked(part.person, "person") if part else {}


def steps_of(run: Run) -> dict[str, Any]:
    """What the steps of a run have said, by key; of a list also `items`, what became of each."""
    found: dict[str, Any] = {}
    for step in StepRun.objects.filter(run=run, undoes__isnull=True):
        said = {"state": step.state, "result": step.result, "target": step.target} | step.data
        if step.item:
            found[step.key].setdefault("items", []).append(said)
        else:
            found[step.key] = said
    return found


def _picked(thing: Any, name: str) -> dict[str, Any]:
    return {field: getattr(thing, field) for field in FIELDS[name] if field not in DERIVED} | (
        {"kind": thing.kind} if name == "device" else {}
    )
