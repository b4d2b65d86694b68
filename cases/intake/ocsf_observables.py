"""Observables of an OCSF finding: its own list, and what its evidence holds."""

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalFlow, NormalObservable
from cases.intake.flows import add_ends
from cases.intake.harvest import key_words, role_of
from cases.intake.observables import Observables
from cases.intake.ocsf_parts import SYSTEM
from cases.intake.paths import Document

_KINDS = {
    1: ObservableKind.DOMAIN,
    2: ObservableKind.IP,
    3: ObservableKind.MAC,
    4: ObservableKind.USER,
    5: ObservableKind.EMAIL,
    6: ObservableKind.URL,
    7: ObservableKind.FILE_NAME,
    9: ObservableKind.PROCESS,
    11: ObservableKind.PORT,
    12: ObservableKind.SUBNET,
    13: ObservableKind.COMMAND_LINE,
    16: ObservableKind.USER_AGENT,
    18: ObservableKind.CVE,
    21: ObservableKind.USER,
    23: ObservableKind.URL,
    28: ObservableKind.REGISTRY_KEY,
    29: ObservableKind.REGISTRY_VALUE,
    30: ObservableKind.JA3,
    31: ObservableKind.USER,
    45: ObservableKind.FILE_PATH,
}
_HASH = 8
_FIXED_ROLES = {
    ObservableKind.USER: Role.ACCOUNT,
    ObservableKind.FILE_NAME: Role.FILE,
    ObservableKind.FILE_PATH: Role.FILE,
    ObservableKind.PROCESS: Role.PROCESS,
    ObservableKind.COMMAND_LINE: Role.PROCESS,
    ObservableKind.REGISTRY_KEY: Role.REGISTRY,
    ObservableKind.REGISTRY_VALUE: Role.REGISTRY,
    ObservableKind.EMAIL: Role.MAIL,
}


def read_ocsf_observables(event: Document, flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    """Ends first, then the list, the evidence, vulnerabilities and resources."""
    found = Observables()
    add_ends(found, flow)
    for one in event.objects("observables"):
        _add_listed(found, one)
    for one in (*event.objects("evidences"), event):
        _add_evidence(found, one)
    for text in event.texts("vulnerabilities.cve.uid", "vulnerabilities.cves.uid", "malware.cves.uid"):
        found.add(ObservableKind.CVE, text)
    for one in event.objects("resources", "resource"):
        found.add(ObservableKind.OTHER, one.text("uid", "name"), tags=(one.text("type")[:64] or "resource",))
    return found.all()


def _add_listed(found: Observables, one: Document) -> None:
    """`name` is the path of the value in the finding, `src_endpoint.ip`, and so tells its role."""
    value, kind = one.text("value"), _KINDS.get(one.number("type_id") or 0)
    if one.number("type_id") == _HASH:
        found.add_hash(value)
    elif kind:
        found.add(kind, value, _FIXED_ROLES.get(kind) or role_of(key_words(one.text("name"))))


def _add_evidence(found: Observables, one: Document) -> None:
    for end, role in (("src_endpoint", Role.SOURCE), ("dst_endpoint", Role.DESTINATION)):
        found.add(ObservableKind.IP, one.text(f"{end}.ip"), role)
        found.add(ObservableKind.DOMAIN, one.text(f"{end}.hostname", f"{end}.domain"), role)
    found.add(ObservableKind.URL, one.text("url.url_string", "http_request.url.url_string"), Role.DESTINATION)
    found.add(ObservableKind.DOMAIN, one.text("query.hostname", "url.hostname"), Role.DESTINATION)
    found.add(ObservableKind.USER_AGENT, one.text("http_request.user_agent"), Role.SOURCE)
    found.add(ObservableKind.JA3, one.text("tls.ja3_hash.value"), Role.SOURCE)
    _add_file(found, one.part("file"), Role.FILE)
    for process in one.objects("process", "actor.process"):
        found.add(ObservableKind.PROCESS, process.text("file.path", "name"), Role.PROCESS)
        found.add(ObservableKind.COMMAND_LINE, process.text("cmd_line"), Role.PROCESS)
        _add_file(found, process.part("file"), Role.PROCESS)
    found.add(ObservableKind.REGISTRY_KEY, one.text("reg_key.path", "win_reg_key.path"), Role.REGISTRY)
    found.add(ObservableKind.EMAIL, one.text("email.from"), Role.MAIL)
    for user in one.objects("actor.user", "user"):
        if user.text("type_id") != SYSTEM:
            found.add(ObservableKind.USER, user.text("email_addr", "name"), Role.ACCOUNT)


def _add_file(found: Observables, file: Document, role: Role) -> None:
    if role == Role.FILE:
        found.add(ObservableKind.FILE_NAME, file.text("name"), role)
        found.add(ObservableKind.FILE_PATH, file.text("path"), role)
    for digest in file.texts("hashes.value", "fingerprints.value"):
        found.add_hash(digest, role)
