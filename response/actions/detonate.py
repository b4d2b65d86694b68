"""Run a sample of the evidence in a sandbox of the house: what it did, and what else its kit left."""

import re
from typing import Any

from django import forms
from django.db import transaction

from cases.choices import CustodyAction, ObservableKind, Role, Verdict
from cases.models import Case, CustodyEntry, Evidence, Observable
from cases.services import custody, exports, observables
from cases.services.store import store
from response.actions.base import Action, Call, Done, Plan, Poll, Work, actions
from response.choices import Effect, Phase, Risk
from response.errors import ActionError
from response.models import StepRun
from secops.connectors.capabilities.detonation import Detonation, Dropped
from secops.hunting.clauses import ClauseError, ClauseKind, read
from secops.integrations import is_inside
from secops.models import Integration
from secops.wording import amount

MOST_BYTES = 64_000_000  # of a sample
MALICIOUS_FROM = 7.0  # of 10, as CAPE's own pages colour it
POLL_SECONDS = 5.0
MOST_FILES, MOST_SIMILAR, MOST_PATHS, MOST_NETWORK = 12, 6, 10, 10  # clauses for the hunts that follow
PERSON = re.compile(r"^[A-Za-z]:\\Users\\[^\\]+\\", re.IGNORECASE)  # the sandbox's own person, as nobody is called


@actions.register
class Detonate(Action):
    """The sample goes to an inside sandbox only, and the chain of custody says so. No device is touched; asked again,
    the sandbox finds its analysis by our key."""

    slug = "detonate"
    label = "Run a sample in the sandbox"
    phase = Phase.DETECTION
    risk = Risk.READ
    effect = Effect.READ
    capability = "detonate"
    is_noticeable = False
    traces = "The sample and its analysis in the sandbox; packets to the attacker only if its route lets them out."

    class Params(forms.Form):
        evidence = forms.RegexField(
            r"^E-[1-9]\d{0,8}(\.[1-9]\d{0,8})?$", help_text="The item, such as ${{ steps.fetch.evidence[0] }}."
        )

    def plan(self, call: Call) -> Plan:
        item = _item(call.case, call.params["evidence"])
        return Plan(
            what=f"Run {item.number}, {item.title}, in the sandbox",
            consequence="A copy of it is handed to the sandbox, which is inside.",
            undo="Nothing to undo on any device; the copy stays in the sandbox.",
            if_unanswered="It is not run.",
        )

    def do(self, call: Call) -> Done:
        item = _item(call.case, call.params["evidence"])
        source = _source(call)
        if not is_inside(source):
            raise ActionError(f"{source.name} is outside: samples of cases are never uploaded there.")
        if not item.is_here or not store().has(item.sha256):
            raise ActionError(f"{item.number} has no whole file here.")
        if (item.size or 0) > MOST_BYTES:
            raise ActionError(f"{item.number} is larger than {amount(MOST_BYTES)}, too large for the sandbox.")
        content = b"".join(exports.chunks(item.sha256))
        name = item.file_name or item.number
        handle = call.connector.detonate(name, content, call.key)
        _hand_over(item, source, call)
        return Done(text=f"{item.number} was handed to {source.name}", handle=handle, is_polled=True)

    def poll(self, call: Call) -> Poll:
        found: Detonation = call.connector.detonation(call.handle)
        if found.state == "failed":
            raise ActionError(found.text)
        if found.state != "done":
            return Poll(work=Work.GOING_ON, text=found.text, again_seconds=POLL_SECONDS)
        item = _item(call.case, call.params["evidence"])
        data = _findings(item, found)
        score = "no score" if found.score is None else f"{found.score:g} of 10"
        family = f", {found.family}" if found.family else ""
        seen = f": {'; '.join(found.signatures[:3])}" if found.signatures else ""
        text = f"{item.number}: {score}{family}{seen}. It wrote {len(found.dropped)} file(s)"
        return Poll(work=Work.DONE, text=text, data=data)

    def apply(self, call: Call, done: Done) -> None:
        """What was seen becomes observables of the case; only the sample and its kit are called malicious."""
        if not done.data.get("is_malicious"):
            return
        for clause in (*done.data["files"], *done.data["network"]):
            kind = KINDS.get(clause["kind"])
            if kind is None:
                continue
            role = Role.DESTINATION if clause in done.data["network"] else Role.FILE
            observables.attach(call.case.pk, kind, clause["value"], role)
            if kind == ObservableKind.HASH_SHA256:
                observables.set_verdict(kind, clause["value"], Verdict.MALICIOUS)


KINDS: dict[str, ObservableKind] = {
    ClauseKind.SHA256: ObservableKind.HASH_SHA256,
    ClauseKind.ADDRESS: ObservableKind.IP,
    ClauseKind.DOMAIN: ObservableKind.DOMAIN,
}


def _item(case: Case, number: str) -> Evidence:
    found = next((one for one in Evidence.objects.filter(case=case) if one.number == number), None)
    if found is None:
        raise ActionError(f"{case.number} has no item {number}.")
    return found


def _source(call: Call) -> Integration:
    name = StepRun.objects.values_list("connector", flat=True).get(pk=call.step_id)
    found = Integration.objects.filter(name=name).first()
    if found is None:
        raise ActionError("The sandbox is not set up any more.")
    return found


def _hand_over(item: Evidence, source: Integration, call: Call) -> None:
    """One entry of the chain per step: a copy went to the sandbox."""
    with transaction.atomic():
        item = custody.locked(item.pk)
        if CustodyEntry.objects.filter(
            evidence=item, action=CustodyAction.EXPORTED, details__step=call.step_id
        ).exists():
            return
        custody.append(
            item,
            CustodyAction.EXPORTED,
            actor=None,
            to=source.name,
            reason="To be run in the sandbox",
            step=call.step_id,
        )
        custody.say(item, f"{item.number} handed to {source.name}, to be run there", None)


def _findings(item: Evidence, found: Detonation) -> dict[str, Any]:
    """What other steps read. `files`, `similar` and `network` are clauses of a hunt: the kit, what is much like it, and
    whom it called. `kit` is what belongs to it alone, by content; `traces` may be anybody's, so that only people judge
    them. Paths are traces: a sample may write where every device has a file."""
    kit = [one for one in found.dropped if not _is_benign(one.sha256)]
    hashes = [{"kind": "sha256", "value": one} for one in (item.sha256, *(one.sha256 for one in kit)) if one]
    paths = [{"kind": "path", "value": _anywhere(one)} for one in kit]
    network = [{"kind": "address", "value": one} for one in found.addresses]
    network += [{"kind": "domain", "value": one} for one in found.domains]
    near = dict.fromkeys(one for one in (found.tlsh, *(one.tlsh for one in kit)) if one)
    files = _good(hashes)[:MOST_FILES]
    similar = _good([{"kind": "similar", "value": one} for one in near])[:MOST_SIMILAR]
    called = _good(network)[:MOST_NETWORK]
    keys = _good([{"kind": "registry_key", "value": one} for one in found.keys])[:MOST_NETWORK]
    written = _good(paths)[:MOST_PATHS]
    return {
        "score": found.score,
        "family": found.family,
        "is_malicious": bool(found.family) or (found.score or 0.0) >= MALICIOUS_FROM,
        "signatures": list(found.signatures),
        "techniques": list(found.techniques),
        "commands": list(found.commands[:MOST_NETWORK]),
        "keys": list(found.keys[:MOST_NETWORK]),
        "files": files,
        "similar": similar,
        "kit": [*files, *similar],
        "network": called,
        "traces": [*keys, *written, *called],
    }


def _anywhere(one: Dropped) -> str:
    """The path on devices of ours, where people are called otherwise."""
    return PERSON.sub(r"*\\Users\\*\\", one.path)


def _is_benign(sha256: str) -> bool:
    """Does a source call the file good? Installers bring good files, too, that everybody has."""
    known = Observable.objects.filter(kind=ObservableKind.HASH_SHA256, value=sha256, verdict=Verdict.BENIGN)
    return bool(sha256) and known.exists()


def _good(clauses: list[dict[str, str]]) -> list[dict[str, str]]:
    """Those that can be hunted for; a sandbox writes whatever the sample made it write."""
    found = []
    for clause in clauses:
        try:
            found += [one.plain for one in read([clause])]
        except ClauseError:
            continue
    return found
