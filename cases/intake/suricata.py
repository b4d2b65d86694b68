"""Suricata EVE: alerts with their flow, protocol details and files."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction, ObservableKind, Role
from cases.intake.base import Detector, IgnoredError, NormalAlert, NormalFlow, NormalObservable, detectors
from cases.intake.flows import add_ends, flow_device, read_flow
from cases.intake.identities import distinct
from cases.intake.normalise import Problems, attack, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import of_suricata
from cases.intake.texts import one_line, reference_from, tags

_ACTIONS = {"allowed": AlertAction.ALLOWED, "blocked": AlertAction.BLOCKED}


@detectors.register
class Suricata(Detector):
    """One line of eve.json; only `event_type` alert is an alert."""

    slug = "suricata"
    label = "Suricata"
    order = 20

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return isinstance(payload.get("event_type"), str) and ("flow_id" in payload or "src_ip" in payload)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        event, problems = Document(payload), Problems()
        kind = event.text("event_type")
        if kind and kind != "alert":
            raise IgnoredError(f"A Suricata {one_line(kind, 40)} record is no alert.")
        graded = of_suricata(event.first("alert.severity"), event.text("alert.metadata.signature_severity"))
        flow = _flow(event)
        rule_id = _rule_id(event)
        return NormalAlert(
            title=required_title(
                event.text("alert.signature") or (rule_id and f"Suricata rule {rule_id}"), "alert.signature"
            ),
            description=event.text("alert.category"),
            severity=graded.severity,
            severity_raw=graded.raw,
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(event, received_at, problems, "timestamp"),
            source_ref=reference_from(
                *(event.text(path) for path in ("timestamp", "flow_id", "alert.signature_id", "tx_id"))
            ),
            rule_id=rule_id,
            rule_name=one_line(event.text("alert.signature")),
            rule_version=event.text("alert.rev")[:64],
            action=str(_ACTIONS.get(event.text("alert.action"), AlertAction.UNKNOWN)),
            attack=attack(
                event.texts("alert.metadata.mitre_technique_id"), event.texts("alert.metadata.mitre_tactic_id")
            ),
            flow=flow,
            devices=distinct([flow_device(flow)]),  # `host` and `in_iface` name the sensor
            observables=read_observables(event, flow),
            tags=tags(event.values("alert.metadata.tag")),
            problems=problems.all(),
        )


def _rule_id(event: Document) -> str:
    signature = event.text("alert.signature_id")
    return f"{event.text('alert.gid') or '1'}:{signature}"[:64] if signature else ""


def _flow(event: Document) -> NormalFlow | None:
    # The packet that raised the alert may come from the server; the flow's own source tells who sent which bytes.
    is_reply = event.text("flow.src_ip") != "" and event.text("flow.src_ip") == event.text("dest_ip")
    to_server, to_client = ("flow.bytes_toserver",), ("flow.bytes_toclient",)
    return read_flow(
        event,
        src_ip=("src_ip",),
        src_port=("src_port",),
        dst_ip=("dest_ip",),
        dst_port=("dest_port",),
        proto=("proto",),
        direction=("direction",),
        bytes_out=to_client if is_reply else to_server,
        bytes_in=to_server if is_reply else to_client,
    )


def read_observables(event: Document, flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    """Addresses, names, links, files and fingerprints of an EVE record."""
    found = Observables()
    add_ends(found, flow)
    for name in event.texts("http.hostname", "tls.sni", "dns.query.rrname", "dns.queries.rrname", "dns.rrname"):
        found.add_host(name, Role.DESTINATION)
    _add_link(found, event)
    found.add(ObservableKind.USER_AGENT, event.text("http.http_user_agent"), Role.SOURCE)
    found.add(ObservableKind.JA3, event.text("tls.ja3.hash"), Role.SOURCE)
    found.add(ObservableKind.JA4, event.text("tls.ja4"), Role.SOURCE)
    for file in event.objects("files", "fileinfo"):
        found.add(ObservableKind.FILE_NAME, file.text("filename"), Role.FILE)
        for digest in file.texts("sha256", "sha1", "md5"):
            found.add_hash(digest)
    for sender in event.texts("email.from", "email.to", "smtp.mail_from", "smtp.rcpt_to"):
        found.add(ObservableKind.EMAIL, sender.rpartition("<")[2].strip("<> "), Role.MAIL)
    for cve in event.texts("alert.metadata.cve"):
        found.add(ObservableKind.CVE, cve.replace("_", "-"))
    return found.all()


def _add_link(found: Observables, event: Document) -> None:
    host, path, port = event.text("http.hostname"), event.text("http.url"), event.text("http.http_port")
    if path.startswith(("http://", "https://")):
        found.add(ObservableKind.URL, path, Role.DESTINATION)
    elif host and path.startswith("/"):
        place = f"{host}:{port}" if port and ":" not in host else host
        found.add(ObservableKind.URL, f"http://{place}{path}", Role.DESTINATION)
