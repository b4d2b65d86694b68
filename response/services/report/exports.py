"""A report that leaves as a file is written down: fetched ones in the access log, exported ones on the timeline."""

import hashlib
from typing import Any

from cases.models import Case, TimelineEntry
from cases.services import readings, timeline
from cases.services.exports import require_proof
from secops.models import AuditEntry, User

Row = dict[str, Any]


def note_access(case: Case, report: Row, form: str, body: bytes, *, actor: User) -> None:
    """A GET changes nothing of the case: who fetched which file stands in the audit chain, or, of a restricted case,
    in its own access log: every admin reads the audit, also one whom the case is about."""
    require_proof(case, actor)
    text = _text(report, "Report fetched", form, body)
    if case.is_restricted:
        readings.took(case, actor, text)
    else:
        AuditEntry.append(text, actor=actor)


def export(case: Case, report: Row, form: str, body: bytes, *, actor: User) -> None:
    """A person took it out of the house: that belongs to the story of the case."""
    require_proof(case, actor)
    text = _text(report, "Report exported", form, body).replace(f" of {case.number}", "")
    refs = {"report": hashlib.sha256(body).hexdigest()}
    timeline.record(case.pk, text, kind=TimelineEntry.Kind.PERSON, actor=actor, refs=refs)


def _text(report: Row, what: str, form: str, body: bytes) -> str:
    made = report["generated"]
    how = ", people as pseudonyms" if made["pseudonymised"] else ""
    seq = made["timeline"]["entries"]
    sha256 = hashlib.sha256(body).hexdigest()
    return f"{what}: {form} of {report['case']}, TLP:{report['tlp']}{how}, up to entry {seq}, SHA-256 {sha256}"
