"""What a result of Splunk names in the words of its common model: devices, people, files, links."""

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalDevice, NormalFlow, NormalObservable, NormalPerson
from cases.intake.files import add_file
from cases.intake.flows import add_ends
from cases.intake.harvest import harvest
from cases.intake.identities import add_people, device, distinct, person
from cases.intake.networks import address
from cases.intake.observables import Observables
from cases.intake.paths import Document
from secops.networks import is_internal

MAX_NAMES = 20  # of one field
_NO_OBSERVABLES = ("results_link", "sid", "search_name")
_SIMPLE: tuple[tuple[str, str, Role], ...] = (
    ("url", ObservableKind.URL, Role.DESTINATION),
    ("query", ObservableKind.DOMAIN, Role.DESTINATION),
    ("dest_dns", ObservableKind.DOMAIN, Role.DESTINATION),
    ("url_domain", ObservableKind.DOMAIN, Role.DESTINATION),
    ("http_user_agent", ObservableKind.USER_AGENT, Role.SOURCE),
    ("process", ObservableKind.COMMAND_LINE, Role.PROCESS),
    ("parent_process", ObservableKind.COMMAND_LINE, Role.PROCESS),
    ("process_path", ObservableKind.PROCESS, Role.PROCESS),
    ("parent_process_path", ObservableKind.PROCESS, Role.PROCESS),
    ("registry_path", ObservableKind.REGISTRY_KEY, Role.REGISTRY),
    ("src_mac", ObservableKind.MAC, Role.SOURCE),
    ("dest_mac", ObservableKind.MAC, Role.DESTINATION),
    ("sender", ObservableKind.EMAIL, Role.MAIL),
    ("recipient", ObservableKind.EMAIL, Role.MAIL),
    ("cve", ObservableKind.CVE, Role.OTHER),
)


def read_devices(alert: Document, flow: NormalFlow | None) -> tuple[NormalDevice, ...]:
    """The destination; where that is a mere address outside and the source is inside, the source. Whoever reported
    it comes last."""
    reached, started = _device(alert, "dest"), _device(alert, "src")
    ends = (flow.src_ip, flow.dst_ip) if flow else ("", "")
    is_outward = is_internal(ends[0]) and not is_internal(ends[1])
    is_mere_address = reached is None or not (reached.name or reached.fqdn)
    if is_outward and is_mere_address and started:
        return (started,)
    return distinct([reached or started or _device(alert, "dvc")])


def _device(alert: Document, side: str) -> NormalDevice | None:
    """The device at one side: any of its fields may hold a name or an address."""
    sent = alert.texts(side, f"{side}_nt_host", f"{side}_host", f"{side}_dns", f"{side}_name")
    addresses = [found for text in (*alert.texts(f"{side}_ip"), *sent) if (found := address(text))]
    return device(
        next((text for text in sent if not address(text)), ""),
        ip=next(iter(addresses), ""),
        mac_address=alert.text(f"{side}_mac"),
    )


def read_people(alert: Document) -> tuple[NormalPerson, ...]:
    """`src_user` does it to `user`; `user` alone does it."""
    actors, others = alert.texts("src_user")[:MAX_NAMES], alert.texts("user")[:MAX_NAMES]
    domain = alert.text("user_domain", "src_user_domain", "src_nt_domain")
    sid = alert.text("user_sid", "user_id")
    role = "target" if actors else "actor"
    found = [person(name, domain=alert.text("src_user_domain", "src_nt_domain")) for name in actors]
    if len(others) == 1:
        return distinct([*found, person(others[0], domain=domain, sid=sid, role=role)])
    return distinct([*found, *(person(name, domain=domain, role=role) for name in others)])


def read_observables(
    alert: Document, flow: NormalFlow | None, people: tuple[NormalPerson, ...], *, is_row: bool
) -> tuple[NormalObservable, ...]:
    """The fields of the common model; of a bare row, whose columns its author named, also what values look like."""
    found = Observables()
    add_ends(found, flow)
    for side, role in (("src", Role.SOURCE), ("dest", Role.DESTINATION)):
        for text in alert.texts(side, f"{side}_ip"):
            found.add_host(text, role)
    for path, kind, role in _SIMPLE:
        for text in alert.texts(path):
            found.add(kind, text, role)
    _add_files(found, alert)
    if is_row:
        harvest(found, {key: value for key, value in alert.payload.items() if key not in _NO_OBSERVABLES})
    add_people(found, people)
    return found.all()


def _add_files(found: Observables, alert: Document) -> None:
    """One path and one name belong together; of several nobody knows which do."""
    for digest in alert.texts("file_hash", "process_hash"):
        found.add_hash(digest)
        found.add_hash_list(digest)
    paths, names = alert.texts("file_path"), alert.texts("file_name")
    if len(paths) == len(names) == 1:
        add_file(found, folder=paths[0], name=names[0])
    else:
        for text in (*paths, *names):
            add_file(found, name=text)
