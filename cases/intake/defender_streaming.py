"""Microsoft Defender's streaming of its hunting tables: of those, AlertInfo and AlertEvidence are alerts.

One alert is one AlertInfo and any number of AlertEvidence messages, in any order. Each evidence is taken as an alert
of its own with the alert's id as its grouping key: so nothing waits for a message that may never come, and one case
holds them all. Title, rule, tags and techniques are the same for all of them, as the alert's kind is told by those.
"""

from datetime import datetime
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.absent import plain
from cases.intake.attack_names import attack_words
from cases.intake.base import (
    Detector,
    IgnoredError,
    NormalAlert,
    NormalDevice,
    NormalFlow,
    NormalObservable,
    NormalPerson,
    detectors,
)
from cases.intake.files import add_file
from cases.intake.flows import add_ends, read_flow
from cases.intake.harvest import harvest
from cases.intake.identities import add_people, device, distinct, person
from cases.intake.inner_json import inner_document, inner_list
from cases.intake.normalise import Problems, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import of_graph
from cases.intake.texts import one_line, reference, reference_from, tags

PREFIX = "AdvancedHunting-"
_INFO, _EVIDENCE = "alertinfo", "alertevidence"
_NAMED_BY = (  # what tells one evidence of an alert from another
    *("EntityType", "EvidenceRole", "DeviceId", "AccountObjectId", "AccountSid", "AccountUpn", "AccountName"),
    *("SHA256", "SHA1", "FolderPath", "FileName", "RemoteIP", "RemoteUrl", "LocalIP", "ProcessCommandLine"),
    *("RegistryKey", "RegistryValueName", "NetworkMessageId", "OAuthApplicationId"),
)


@detectors.register
class DefenderStreaming(Detector):
    """One message; `records[]` is unwrapped before. Rows of the other tables are telemetry."""

    slug = "defender-streaming"
    label = "Microsoft Defender streaming"
    order = 110

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        category = payload.get("category")
        return isinstance(category, str) and category.startswith(PREFIX)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        message, problems = Document(payload), Problems()
        table = message.text("category").removeprefix(PREFIX)
        if table.casefold() not in {_INFO, _EVIDENCE}:
            raise IgnoredError(f"A row of Defender's table {one_line(table, 60)} is no alert.")
        row = message.part("properties")
        more = inner_document(row.first("AdditionalFields"))
        title = row.text("Title")
        graded = of_graph(row.text("Severity"))
        categories = [plain(word) for word in (*inner_list(row.first("Categories")), *row.values("Category"))]
        flow, people = _flow(row), _people(row)
        return NormalAlert(
            title=required_title(title, "properties.Title"),
            severity=graded.severity,
            severity_raw=one_line(graded.raw, 64),
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(message, received_at, problems, "properties.Timestamp"),
            source_ref=_reference(row, more, is_evidence=table.casefold() == _EVIDENCE),
            rule_id=one_line(":".join(word for word in (row.text("DetectionSource"), title) if word), 255),
            rule_name=one_line(title, 255),
            attack=attack_words([plain(word) for word in inner_list(row.first("AttackTechniques"))], categories),
            grouping_key=row.text("AlertId")[:255],
            flow=flow,
            devices=distinct([_device(row, more)]),
            people=people,
            observables=_observables(row, more, flow, people),
            tags=tags([row.text("ServiceSource"), *categories]),
            problems=problems.all(),
        )


def _reference(row: Document, more: Document, *, is_evidence: bool) -> str:
    alert = row.text("AlertId")
    if alert and not is_evidence:
        return reference(alert)
    # The merge key is the product's own name of an entity, where it sends one.
    entity = reference_from(more.text("MergeByKeyHex", "MergeByKey"), *(row.text(name) for name in _NAMED_BY))
    return reference(f"{alert}/{entity}") if alert else reference_from(row.text("Timestamp"), row.text("Title"), entity)


def _flow(row: Document) -> NormalFlow | None:
    """`EvidenceDirection` says which end of a connection the remote one is."""
    local, remote = ("LocalIP",), ("RemoteIP",)
    if row.text("EvidenceDirection").casefold() == "source":
        return read_flow(row, src_ip=remote, dst_ip=local)
    return read_flow(row, src_ip=local, dst_ip=remote)


def _device(row: Document, more: Document) -> NormalDevice | None:
    """The device of the row, or the virtual machine that is the resource of a cloud."""
    is_machine = more.text("ResourceType").casefold().replace(" ", "") == "virtualmachine"
    name = row.text("DeviceName") or more.text("HostName") or (more.text("ResourceName") if is_machine else "")
    if not name and not row.text("DeviceId"):
        return None
    domain = more.text("DnsDomain")
    return device(name, domain=domain, agent_id=row.text("DeviceId"), ip=row.text("LocalIP"))


def _people(row: Document) -> tuple[NormalPerson, ...]:
    is_of_mail = row.text("EntityType").casefold().startswith("mail")  # then it is who received it
    return distinct(
        [
            person(
                row.text("AccountName"),
                domain=row.text("AccountDomain"),
                sid=row.text("AccountSid"),
                upn=row.text("AccountUpn"),
                directory_id=row.text("AccountObjectId"),
                role="target" if is_of_mail else "actor",
            )
        ]
    )


def _observables(
    row: Document, more: Document, flow: NormalFlow | None, people: tuple[NormalPerson, ...]
) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    link = row.text("RemoteUrl")
    if not found.add(ObservableKind.URL, link, Role.DESTINATION):
        found.add_host(link, Role.DESTINATION)
    digests = row.texts("SHA256", "SHA1", "MD5")
    add_file(found, folder=row.text("FolderPath"), name=row.text("FileName"), digests=digests)
    found.add(ObservableKind.COMMAND_LINE, row.text("ProcessCommandLine"), Role.PROCESS)
    key, name = row.text("RegistryKey"), row.text("RegistryValueName")
    if found.add(ObservableKind.REGISTRY_KEY, key, Role.REGISTRY) and name:
        note = row.text("RegistryValueData")[:300]
        found.add(ObservableKind.REGISTRY_VALUE, f"{key}\\{name}", Role.REGISTRY, note=note)
    harvest(found, more.payload)
    add_people(found, people)
    return found.all()
